//! The autopilot: the loop without a person. Run, find out what is red and why, have it mended, deploy, prove, again,
//! until everything is green on what serves, or until it is plain that it will not be.
//!
//! What it does next follows from the state alone ([`Autopilot`] keeps what it has spent); what moves it on is in
//! `cycle/autopilot.rs`.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::run::Exit;
use super::service::Epoch;
use super::{DeployId, FixId, Moment, ProveId, Ring, ServiceId, Span, State, Text, ViewerId};

/// How many of its decisions are kept.
const TRAIL: usize = 200;

/// What the autopilot may spend, and what it acts with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AutopilotPlan {
    /// The most cycles that it begins.
    pub cycles: u32,
    /// The longest time that it takes.
    pub time: Span,
    /// The most deploys that it asks for.
    pub deploys: u32,
    /// How often in a row a fix may leave the same failures before it counts as no progress.
    pub patience: u32,
    /// How often a test that is known to be flaky is run again before its failure counts.
    pub retries: u32,
    /// The services that are deployed after every fix, by name; those whose files changed come on top.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deploy: Vec<Text>,
}

impl Default for AutopilotPlan {
    fn default() -> Self {
        Self { cycles: 10, time: Span::seconds(8 * 3_600), deploys: 20, patience: 3, retries: 2, deploy: Vec::new() }
    }
}

/// What it does at present.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AutopilotPhase {
    /// Nothing yet: it decides with the next entry.
    Deciding,
    /// Tests run.
    Running {
        /// In which cycle.
        cycle: u32,
    },
    /// The fix hook works.
    Fixing {
        /// Which call of it.
        fix: FixId,
    },
    /// A service is deployed, others after it.
    Deploying {
        /// The deploy.
        deploy: DeployId,
        /// What is deployed after it; the last one is proved.
        rest: Vec<ServiceId>,
    },
    /// A service is deployed and what was red is proved.
    Proving {
        /// The chain.
        prove: ProveId,
    },
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AutopilotEnd {
    /// A whole run is green on what serves.
    Green,
    /// It spent what it may; says what.
    Spent(Text),
    /// Fixes changed nothing; says how often.
    NoProgress(Text),
    /// There is nothing that it could do; says why.
    GaveUp(Text),
    /// A person ended it.
    Cancelled,
}

impl fmt::Display for AutopilotEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Green => f.write_str("green: a whole run passed on what serves"),
            Self::Spent(why) => write!(f, "not green: {why}"),
            Self::NoProgress(why) => write!(f, "not green, and no progress: {why}"),
            Self::GaveUp(why) => write!(f, "not green: {why}"),
            Self::Cancelled => f.write_str("cancelled"),
        }
    }
}

/// How it goes from one decision to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlightPace {
    /// By itself.
    #[default]
    Free,
    /// It takes one more decision, then it waits.
    OneStep,
    /// It waits for a person. What is under way goes on.
    Paused,
}

/// A decision, for whoever reads in the morning what happened in the night.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// When.
    pub at: Moment,
    /// What was done and why, in a sentence.
    pub text: Text,
}

/// One flight.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Autopilot {
    /// Who asked for it.
    pub by: ViewerId,
    /// What it may spend.
    pub plan: AutopilotPlan,
    /// When it began, in this session.
    pub began: Moment,
    /// What it has spent so far, in this session and in those that it was begun in.
    pub flown: Flown,
    /// What it does at present.
    pub phase: AutopilotPhase,
    /// How it goes on.
    pub pace: FlightPace,
    /// Its newest decisions.
    pub trail: Ring<Decision>,
    /// How it ended, once it did.
    pub end: Option<AutopilotEnd>,
    /// When it ended.
    pub ended: Option<Moment>,
    /// Where a cycle of an earlier session is gone on with before anything else.
    pub(super) resumes: bool,
    /// The revisions on which everything ran as a whole.
    pub(super) whole: Option<Epoch>,
    /// The cycle in which it ended: from the next one on, it is no news.
    pub(super) last_cycle: Option<u32>,
}

/// What a flight has spent and what its patience rests on. A session that goes on with a flight which did not end is
/// handed it, so that neither budgets nor patience begin anew.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Flown {
    /// How many cycles it has begun.
    pub cycles: u32,
    /// How many deploys it has asked for.
    pub deploys: u32,
    /// How many fixes it has called for.
    pub fixes: u32,
    /// How long it flew in earlier sessions.
    pub before: Span,
    /// What failed when a fix was last called for, with the keys of the causes, and how often in a row it was the same.
    pub(super) last_red: Vec<(Text, Option<Text>)>,
    pub(super) same: u32,
    /// How often what the environment spoilt was run again in a row.
    pub(super) disturbed: u32,
    /// How often flaky tests were run again since the last fix.
    pub(super) retried: BTreeMap<Text, u32>,
    /// Why the last deploy did not come about, for the fix hook.
    pub(super) deploy_failed: Option<Text>,
}

impl Autopilot {
    pub(super) fn new(by: ViewerId, plan: AutopilotPlan, resumes: bool, flown: Flown, at: Moment) -> Self {
        Self {
            by,
            plan,
            began: at,
            flown,
            phase: AutopilotPhase::Deciding,
            pace: FlightPace::Free,
            trail: Ring::new(TRAIL),
            end: None,
            ended: None,
            resumes,
            whole: None,
            last_cycle: None,
        }
    }

    /// Whether it flies.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.end.is_none()
    }

    /// How long it has flown until `now`, or did until it ended, in all its sessions.
    #[must_use]
    pub fn took(&self, now: Moment) -> Span {
        Span(self.flown.before.0 + self.ended.unwrap_or(now).since(self.began).0)
    }

    /// What of it a later session goes on with at `now`: nothing where it came to an end of its own.
    pub(super) fn left(&self, now: Moment) -> Option<Flown> {
        let goes_on = matches!(self.end, None | Some(AutopilotEnd::Cancelled | AutopilotEnd::Spent(_)));
        goes_on.then(|| Flown { before: self.took(now), ..self.flown.clone() })
    }

    /// What of its budgets is spent, where one is.
    #[must_use]
    pub fn spent(&self, now: Moment) -> Option<Text> {
        let plan = &self.plan;
        if self.took(now) >= plan.time {
            return Some(self.time_is_over());
        }
        (self.flown.cycles >= plan.cycles).then(|| format!("its {} cycles are used up", plan.cycles).into())
    }

    pub(super) fn time_is_over(&self) -> Text {
        format!("its time of {} is over", words_of(self.plan.time)).into()
    }

    /// Whether it may not deploy once more, and why.
    pub(super) fn has_no_deploy_left(&self) -> Option<Text> {
        let allowed = self.plan.deploys;
        let are = if allowed == 1 { " is" } else { "s are" };
        (self.flown.deploys >= allowed).then(|| format!("its {allowed} deploy{are} used up").into())
    }

    /// Why the last deploy did not come about, where that is what is to be mended.
    #[must_use]
    pub fn deploy_failed(&self) -> Option<&Text> {
        self.flown.deploy_failed.as_ref()
    }
}

impl State {
    /// The flight that is to be shown: one that goes on, or that ended and nothing was run since.
    #[must_use]
    pub fn flight_to_show(&self) -> Option<&Autopilot> {
        self.autopilot.as_ref().filter(|flight| flight.is_active() || flight.last_cycle == Some(self.cycle))
    }

    /// Whether the autopilot waits for a person before it goes on.
    #[must_use]
    pub fn autopilot_waits(&self) -> bool {
        let paused = self.autopilot.as_ref().filter(|flight| flight.is_active() && flight.pace == FlightPace::Paused);
        paused.is_some_and(|flight| match &flight.phase {
            AutopilotPhase::Deciding => true,
            AutopilotPhase::Fixing { fix } => self.fixes.get(*fix).is_some_and(|fix| fix.end.is_some()),
            AutopilotPhase::Deploying { deploy, .. } => {
                self.deploys.get(*deploy).is_some_and(|deploy| !deploy.is_active())
            }
            AutopilotPhase::Running { .. } | AutopilotPhase::Proving { .. } => false,
        })
    }

    /// The newest call of the fix hook, under way or over, of the flight that is to be shown.
    #[must_use]
    pub fn fix_to_show(&self) -> Option<(FixId, &Fix)> {
        let flight = self.flight_to_show()?;
        self.fixes.iter().next_back().filter(|(_, fix)| fix.started >= flight.began)
    }
}

/// `90 s`, `45 min`, `8 h`.
fn words_of(span: Span) -> String {
    let seconds = span.0 / 1_000_000;
    match seconds {
        _ if seconds.is_multiple_of(3_600) => format!("{} h", seconds / 3_600),
        _ if seconds.is_multiple_of(60) => format!("{} min", seconds / 60),
        _ => format!("{seconds} s"),
    }
}

/// One call of the fix hook.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fix {
    /// When it was called.
    pub started: Moment,
    /// When it ended.
    pub ended: Option<Moment>,
    /// What it printed lately.
    pub output: Ring<Text>,
    /// The files that differ from before.
    pub changed: Vec<Text>,
    /// What came of it.
    pub end: Option<FixEnd>,
}

/// What came of a call of the fix hook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FixEnd {
    /// It changed something: exit code 0.
    Changed,
    /// It found nothing to do: exit code 10.
    NothingToDo,
    /// It gave up, was stopped, or could not be started; says how.
    GaveUp(Text),
}

impl Fix {
    /// The last line with words that it printed.
    #[must_use]
    pub fn last_words(&self) -> Option<&Text> {
        self.output.iter().rev().find(|line| !line.trim().is_empty())
    }
}

impl FixEnd {
    /// What an exit means.
    #[must_use]
    pub fn of(exit: Exit) -> Self {
        match exit {
            Exit::Code(0) => Self::Changed,
            Exit::Code(10) => Self::NothingToDo,
            Exit::Code(code) => Self::GaveUp(format!("the fix hook ended with {code}").into()),
            Exit::Signal(signal) => Self::GaveUp(format!("the fix hook was stopped by signal {signal}").into()),
        }
    }
}

/// How many lines of a fix hook's output are kept.
const FIX_LINES: usize = 1_000;

/// All calls of the fix hook in this session.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Fixes(Vec<Fix>);

impl Fixes {
    /// All calls, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (FixId, &Fix)> + ExactSizeIterator {
        self.0.iter().enumerate().map(|(n, fix)| (FixId(n as u32), fix))
    }

    /// One call.
    #[must_use]
    pub fn get(&self, id: FixId) -> Option<&Fix> {
        self.0.get(id.index())
    }

    pub(super) fn open(&mut self, at: Moment) -> FixId {
        self.0.push(Fix { started: at, ended: None, output: Ring::new(FIX_LINES), changed: Vec::new(), end: None });
        FixId(self.0.len() as u32 - 1)
    }

    pub(super) fn print(&mut self, id: FixId, lines: &[Text]) {
        if let Some(fix) = self.0.get_mut(id.index()).filter(|fix| fix.end.is_none()) {
            lines.iter().for_each(|line| fix.output.push(line.clone()));
        }
    }

    pub(super) fn close(&mut self, id: FixId, end: FixEnd, changed: &[Text], at: Moment) {
        if let Some(fix) = self.0.get_mut(id.index()).filter(|fix| fix.end.is_none()) {
            (fix.end, fix.ended) = (Some(end), Some(at));
            fix.changed = changed.to_vec();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_spent_when_it_is_used_up() {
        let plan = AutopilotPlan { cycles: 2, time: Span::seconds(90), ..AutopilotPlan::default() };
        let mut flight = Autopilot::new(ViewerId(0), plan.clone(), false, Flown::default(), Moment(0));
        assert_eq!(flight.spent(Moment(89_000_000)), None);
        assert_eq!(flight.spent(Moment(90_000_000)).as_deref(), Some("its time of 90 s is over"));
        flight.flown.cycles = 2;
        assert_eq!(flight.spent(Moment(1)).as_deref(), Some("its 2 cycles are used up"));
        // Whoever goes on with it has what is left of its time, unless it had come to an end of its own.
        let left = flight.left(Moment(60_000_000)).expect("it flies");
        let later = Autopilot::new(ViewerId(1), plan, true, Flown { cycles: 1, ..left }, Moment(500_000_000));
        assert_eq!(later.spent(Moment(529_000_000)), None);
        assert_eq!(later.spent(Moment(530_000_000)).as_deref(), Some("its time of 90 s is over"));
        flight.end = Some(AutopilotEnd::Green);
        assert_eq!(flight.left(Moment(60_000_000)), None);
    }

    #[test]
    fn an_exit_code_says_what_a_fix_did() {
        assert_eq!(FixEnd::of(Exit::Code(0)), FixEnd::Changed);
        assert_eq!(FixEnd::of(Exit::Code(10)), FixEnd::NothingToDo);
        assert_eq!(FixEnd::of(Exit::Code(1)), FixEnd::GaveUp("the fix hook ended with 1".into()));
    }
}
