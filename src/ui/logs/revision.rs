//! The log of a deploy: the lines that its new revision wrote.

use super::{About, LogView, Pane, ViewState, Wish};
use crate::domain::{Deploy, Logged, Moment, State, Text, Tone};

/// The lines of one revision, as far as lines tell which one wrote them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevisionLines {
    /// The revision that served before the deploy: its lines are left out.
    before: Option<Text>,
    /// The new revision, where it is known.
    pub revision: Option<Text>,
    /// When the deploy began: of lines that do not tell their revision, those that came since are shown.
    since: Moment,
}

impl RevisionLines {
    fn of(deploy: &Deploy) -> Self {
        Self { before: deploy.from.clone(), revision: deploy.to.clone(), since: deploy.started }
    }

    /// Whether the new revision wrote a line, as far as is known.
    #[must_use]
    pub fn admits(&self, logged: &Logged) -> bool {
        match (&logged.line.revision, &self.revision) {
            (Some(wrote), Some(revision)) => wrote == revision,
            (Some(wrote), None) => Some(wrote) != self.before.as_ref() && logged.came >= self.since,
            (None, _) => logged.came >= self.since,
        }
    }
}

/// Whether the service of the newest deploy has a log.
#[must_use]
pub fn has_revision_log(state: &State) -> bool {
    newest(state).is_some_and(|deploy| state.logs.of(deploy.service).is_some())
}

fn newest(state: &State) -> Option<&Deploy> {
    state.deploys.newest().and_then(|id| state.deploys.get(id))
}

/// Goes to the log of what was deployed last, and shows the lines of the new revision alone.
pub(in crate::ui) fn only_revision(view: &mut ViewState, about: &About) -> Vec<Wish> {
    let Some(deploy) = newest(about.state) else {
        view.note(Tone::Warning, "nothing was deployed in this session", about.now);
        return Vec::new();
    };
    if !has_revision_log(about.state) {
        let name = about.state.services.get(deploy.service).map_or("it", |service| &service.spec.name);
        let why = format!("no log of {name} is configured: add [service.{name}.logs.command] or .http");
        view.note(Tone::Warning, why, about.now);
        return Vec::new();
    }
    view.focus = Pane::Logs;
    let lines = Some(RevisionLines::of(deploy));
    view.logs = LogView { service: Some(deploy.service), lines, ..LogView::default() };
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Level, LogLine, ServiceId};

    fn line(revision: Option<&str>, came: u64) -> Logged {
        let line = LogLine {
            level: Level::Info,
            written: None,
            text: "ready".into(),
            whole: None,
            revision: revision.map(Into::into),
            run: None,
        };
        Logged { number: 0, came: Moment(came), service: ServiceId(0), line }
    }

    #[test]
    fn a_line_is_of_the_revision_that_it_names_else_of_the_time_since_the_deploy() {
        let mut lines = RevisionLines { before: Some("b1".into()), revision: Some("b2".into()), since: Moment(10) };
        assert!(lines.admits(&line(Some("b2"), 9)) && !lines.admits(&line(Some("b1"), 11)));
        assert!(lines.admits(&line(None, 11)) && !lines.admits(&line(None, 9)));
        lines.revision = None;
        assert!(lines.admits(&line(Some("b2"), 11)) && !lines.admits(&line(Some("b1"), 11)));
    }
}
