//! The autopilot's flight: what it decided when, what was mended for it, and how it ended.

use serde::Serialize;

use crate::domain::{Autopilot, AutopilotEnd, Decision, Fix, FixEnd, FixId, Moment, Span, State};
use crate::report::time::stamp;

/// How many files of a fix are told.
const FILES: usize = 50;

/// A flight of the autopilot.
#[derive(Debug, Clone, Serialize)]
pub struct FlightFact {
    /// Who asked for it.
    pub by: String,
    /// When it began.
    pub began: String,
    /// How long it took, in seconds.
    pub took: Option<f64>,
    /// How it ended: `green`, `spent`, `no_progress`, `gave_up`, `cancelled`, or `under_way`; `no_failures` where it ended
    /// as green and words of success are refused.
    pub end: &'static str,
    /// Why it ended so.
    pub why: Option<String>,
    /// How many cycles it began.
    pub cycles: u32,
    /// How many fixes it called for.
    pub fixes: u32,
    /// How many deploys it asked for.
    pub deploys: u32,
    /// How many seconds of it earlier sessions flew, from which this one went on. What they spent is counted, and told in
    /// their own reports.
    pub earlier: Option<f64>,
    /// How many older decisions are no longer known.
    pub older_decisions: u64,
    /// What it decided, oldest first.
    pub decisions: Vec<DecisionFact>,
    /// What the fix hook did for it, oldest first.
    pub mended: Vec<FixFact>,
}

/// A decision.
#[derive(Debug, Clone, Serialize)]
pub struct DecisionFact {
    /// When.
    pub at: String,
    /// The cycle of that moment, where that is known.
    pub cycle: Option<u32>,
    /// What was done, and why.
    pub text: String,
}

/// A call of the fix hook.
#[derive(Debug, Clone, Serialize)]
pub struct FixFact {
    /// Its number in this session, counted from 1.
    pub number: u32,
    /// When it was called.
    pub began: String,
    /// How long it took, in seconds.
    pub took: Option<f64>,
    /// What came of it: `changed`, `nothing_to_do`, `gave_up`, or `under_way`.
    pub end: &'static str,
    /// Why it gave up.
    pub why: Option<String>,
    /// The last line that it printed.
    pub said: Option<String>,
    /// The files that differ from before.
    pub changed: Vec<String>,
    /// How many more do.
    pub more_changed: usize,
}

/// The newest flight, where there was one.
pub(super) fn newest(state: &State, success: bool) -> Option<FlightFact> {
    state.autopilot.as_ref().map(|flight| of(state, flight, success))
}

fn of(state: &State, flight: &Autopilot, success: bool) -> FlightFact {
    let (end, why) = match &flight.end {
        None => ("under_way", None),
        Some(AutopilotEnd::Green) if success => ("green", None),
        Some(AutopilotEnd::Green) => ("no_failures", None),
        Some(AutopilotEnd::Spent(why)) => ("spent", Some(why)),
        Some(AutopilotEnd::NoProgress(why)) => ("no_progress", Some(why)),
        Some(AutopilotEnd::GaveUp(why)) => ("gave_up", Some(why)),
        Some(AutopilotEnd::Cancelled) => ("cancelled", None),
    };
    let cycle = |at: Moment| state.records.iter().rev().find(|record| record.began <= at).map(|record| record.number);
    let decision = |decision: &Decision| DecisionFact {
        at: stamp(decision.at),
        cycle: cycle(decision.at),
        // The flight's own rule is milder than a report's.
        text: match decision.text.strip_prefix("green: ").filter(|_| !success) {
            Some(rest) => format!("ended: {rest}"),
            None => decision.text.to_string(),
        },
    };
    let ended = flight.ended.unwrap_or(state.at);
    let of_flight = |fix: &Fix| fix.started >= flight.began && fix.started <= ended;
    FlightFact {
        by: state.viewer_name(Some(flight.by)).to_owned(),
        began: stamp(flight.began),
        took: flight.ended.map(|ended| flight.took(ended).as_secs_f64()),
        end,
        why: why.map(|why| why.to_string()),
        cycles: flight.flown.cycles,
        fixes: flight.flown.fixes,
        deploys: flight.flown.deploys,
        earlier: (flight.flown.before > Span::ZERO).then(|| flight.flown.before.as_secs_f64()),
        older_decisions: flight.trail.dropped(),
        decisions: flight.trail.iter().map(decision).collect(),
        mended: state.fixes.iter().filter(|(_, fix)| of_flight(fix)).map(|(id, fix)| mended(id, fix)).collect(),
    }
}

fn mended(id: FixId, fix: &Fix) -> FixFact {
    let (end, why) = match &fix.end {
        None => ("under_way", None),
        Some(FixEnd::Changed) => ("changed", None),
        Some(FixEnd::NothingToDo) => ("nothing_to_do", None),
        Some(FixEnd::GaveUp(why)) => ("gave_up", Some(why)),
    };
    let said = fix.output.iter().rev().find(|line| !line.trim().is_empty());
    FixFact {
        number: id.0 + 1,
        began: stamp(fix.started),
        took: fix.ended.map(|ended| ended.since(fix.started).as_secs_f64()),
        end,
        why: why.map(|why| why.to_string()),
        said: said.map(|line| line.trim().to_owned()),
        changed: fix.changed.iter().take(FILES).map(|file| file.to_string()).collect(),
        more_changed: fix.changed.len().saturating_sub(FILES),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::{AutopilotPlan, Command, Exit, FixEvent, Outcome, ProjectSpec};
    use crate::report::{About, Facts, Form, render};
    use crate::ui::fixture::{self, Story};

    #[test]
    fn a_flight_is_told_with_its_decisions_and_fixes() {
        let mut story = Story::of(ProjectSpec { fix: Some(vec!["./fix.sh".into()]), ..fixture::staging() });
        story.tell(crate::domain::SessionEvent::Recalled(Arc::default())).healthy().connect();
        assert!(newest(&story.state, false).is_none());
        let plan = AutopilotPlan { patience: 1, ..AutopilotPlan::default() };
        story.ask(Command::Autopilot { plan: Arc::new(plan), resume: false });
        let run = story.run();
        story.tell(crate::domain::RunEvent::Started { run, pid: 1 }).collect(&[("cart", 2)]);
        story.tell(crate::domain::RunEvent::CollectionEnded { run });
        story.end(0, Outcome::Passed, 300, None).end(1, Outcome::Failed, 300, Some("assert 1 == 2"));
        story.exit(1, "tests failed");
        let (fix, _) = story.state.fixes.iter().next_back().expect("it called for a fix");
        story.tell(FixEvent::Printed { fix, lines: vec!["looking".into(), "no idea | at all".into(), " ".into()] });
        story.wait(2_000).tell(FixEvent::Ended { fix, exit: Exit::Code(7), changed: vec!["a|b.py".into()] });
        let flight = newest(&story.state, false).expect("it flew");
        assert_eq!((flight.end, flight.fixes, flight.cycles), ("gave_up", 1, 1), "{flight:?}");
        let fix = &flight.mended[0];
        assert_eq!((fix.end, fix.said.as_deref(), fix.took), ("gave_up", Some("no idea | at all"), Some(2.0)));
        assert!(flight.decisions[0].text.starts_with("cycle 1 runs everything"), "{:?}", flight.decisions);
        let facts = Facts::of(&story.state, &About::default());
        let page = render(&facts, Form::Markdown, None).expect("a page");
        assert!(page.contains("## The autopilot's flight") && page.contains("**gave up**"), "{page}");
        assert!(page.contains("no idea \\| at all"), "{page}");
        let page = render(&facts, Form::Html, None).expect("a page");
        assert!(page.contains(">no idea | at all</td>"), "{page}");
        assert_eq!(flight.earlier, None);
        let mut resumed = story.state.clone();
        resumed.autopilot.as_mut().expect("it flew").flown.before = Span::seconds(75);
        let told = newest(&resumed, false).expect("it flew");
        assert_eq!((told.earlier, told.took), (Some(75.0), flight.took.map(|took| took + 75.0)));
        let page = render(&Facts::of(&resumed, &About::default()), Form::Markdown, None).expect("a page");
        assert!(page.contains("a flight of earlier sessions, whose 1:15 min, cycles, fixes and deploys"), "{page}");
    }
}
