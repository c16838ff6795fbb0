//! Changed files start what they concern: at once, or after what is under way.

use crate::domain::command::Selection;
use crate::domain::effect::{Effect, Effects};
use crate::domain::repeat::Repeat;
use crate::domain::watch::{MOST_FOLLOWING, alters_listing};
use crate::domain::{Autopilot, CycleWhy, Span, State, Text, Tone, ViewerId, Watch};

/// How long after the end of a run a change still counts as one that the run made.
const MOMENT_AFTER: Span = Span::seconds(3);

impl State {
    /// Begins to watch where the project says so.
    pub(super) fn begin_watch(&mut self, effects: &mut Effects) {
        let on = self.session.project.watch.enabled;
        self.watch = Watch { on, ..Watch::default() };
        if on {
            effects.push(Effect::WatchFiles);
        }
    }

    pub(super) fn request_watch(&mut self, by: ViewerId, on: bool, effects: &mut Effects) {
        if self.watch.on == on {
            let text = if on { "changed files start tests already" } else { "changed files start nothing already" };
            return self.say(Tone::Warning, text);
        }
        self.watch = Watch { on, by: Some(by), ..Watch::default() };
        let name = self.viewer_name(Some(by)).to_owned();
        let (effect, text) = match on {
            true => {
                (Effect::WatchFiles, format!("{name} watches the files: what changes starts the tests it concerns"))
            }
            false => (Effect::EndWatch, format!("{name} no longer watches the files")),
        };
        effects.push(effect);
        self.say(Tone::Person, text);
    }

    /// The files cannot be watched, or no longer.
    pub(super) fn lose_watch(&mut self, why: &Text) {
        if self.watch.on {
            self.watch = Watch::default();
            self.say(Tone::Bad, format!("changed files start nothing: {why}"));
        }
    }

    pub(super) fn see_change(&mut self, paths: &[Text], more: u64, gone: &[Text]) {
        // The autopilot looks at the files itself, after each fix.
        if !self.watch.on || self.autopilot.as_ref().is_some_and(Autopilot::is_active) {
            return;
        }
        let was_idle = !self.is_busy_for_watch();
        // What a run wrote with its last breath is told a moment after its end.
        let ended = self.runs.newest().and_then(|(_, run)| run.ended);
        if was_idle && ended.is_none_or(|ended| ended.after(MOMENT_AFTER) < self.at) {
            self.watch.following = 0;
        }
        let is_first = self.watch.waiting.is_empty();
        self.watch.waiting.add(paths, more);
        let root = &self.session.project.root;
        self.watch.waiting.unlisted |= alters_listing(paths, gone, root, &self.inventory, &self.runs);
        if !was_idle && is_first && !self.watch.waiting.is_empty() {
            let title = self.watch.waiting.title();
            self.say(Tone::Plain, format!("{title} changed: its tests run after what is under way"));
        }
    }

    /// Runs what waits, once nothing is in its way.
    pub(super) fn review_watch(&mut self, effects: &mut Effects) {
        if self.watch.waiting.is_empty() || self.is_busy_for_watch() {
            return;
        }
        let by = self.watch.by.or_else(|| self.session.viewers.first().map(|viewer| viewer.id));
        if std::mem::take(&mut self.watch.waiting.unlisted) {
            let title = self.watch.waiting.title();
            self.request_collection(by, effects);
            return self.say(Tone::Plain, format!("{title} changed: which tests there are is asked first"));
        }
        let changed = std::mem::take(&mut self.watch.waiting);
        let title = changed.title();
        if self.watch.following > MOST_FOLLOWING {
            let runs = self.watch.following;
            let text = format!("{title} changed during each of {runs} runs in a row: let git ignore what tests write");
            return self.say(Tone::Warning, text);
        }
        let project = &self.session.project;
        let tests = changed.concerned(&project.watch.rules, &project.root, &self.inventory, &self.runs);
        let (selection, what) = match tests.len() {
            0 => (
                Selection::Failures,
                counted(self.inventory.unproved().count(), ", as it failed last", ", as they failed last"),
            ),
            count => (Selection::Tests(tests), counted(count, "", "")),
        };
        let Some(what) = what else {
            let text = format!("{title} changed: nothing fails, and no [[watch.rule]] names its tests");
            return self.say(Tone::Plain, text);
        };
        self.watch.following += 1;
        // Said last, since it is why the run is there.
        if self.begin_cycle(by.unwrap_or(ViewerId(0)), &selection, effects) {
            self.cycle_why = CycleWhy::Watch;
            self.say(Tone::Plain, format!("{title} changed: {what}"));
        }
    }

    /// Whether something is under way that a new run would disturb, or that would refuse it.
    fn is_busy_for_watch(&self) -> bool {
        self.runs.active().next().is_some()
            || self.proving().is_some()
            || self.repeat.as_ref().is_some_and(Repeat::is_active)
            || self.autopilot.as_ref().is_some_and(Autopilot::is_active)
    }
}

/// `3 tests run`, `1 test runs, as it failed last`; nothing for none.
fn counted(count: usize, why_one: &str, why_many: &str) -> Option<String> {
    match count {
        0 => None,
        1 => Some(format!("1 test runs{why_one}")),
        count => Some(format!("{count} tests run{why_many}")),
    }
}
