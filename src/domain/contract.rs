//! Contracts: which agent events must come, in which order, within which time. What was heard goes in, a verdict with
//! the event that decided it comes out.

mod checks;
mod crowd;
mod heard;
mod held;
mod ledger;
mod pairing;
mod spec;
mod synthetic;
mod timing;
mod why;
mod wire;

use serde::{Deserialize, Serialize};

use self::timing::Timing;
use super::{AgentKind, Span, Text, revision};

pub use crowd::judge_crowd;
pub use heard::{Heard, HeardBy};
pub use held::{Held, HeldBefore};
pub(super) use ledger::is_agents;
pub use ledger::{Ending, Ledger, Sent};
pub use spec::{
    ANY_TYPE, Allowed, Check, ContractSpec, Expected, Severity, Sizes, SyntheticRules, TOOLS, Timed, usual_budgets,
};
pub(crate) use synthetic::Signs;
pub use timing::Latency;
pub use wire::{Wire, concerns};

/// What a contract comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContractVerdict {
    /// Every check that counts holds.
    Pass,
    /// A check that counts does not hold.
    Fail,
    /// The connection never became ready, so nothing could be asked.
    Blocked,
    /// Another revision answered than was expected.
    Stale,
    /// The revision changed while it ran.
    Straddled,
    /// The connection was lost before the run ended, and nothing had gone wrong until then.
    Inconclusive,
    /// Events came in perfect order, but no agent ran.
    Synthetic,
}

impl ContractVerdict {
    /// The verdict as people and reports say it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Blocked => "blocked",
            Self::Stale => "stale",
            Self::Straddled => "straddled",
            Self::Inconclusive => "inconclusive",
            Self::Synthetic => "synthetic",
        }
    }
}

/// How one check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckVerdict {
    /// It holds.
    Pass,
    /// It does not hold, and is only worth a warning.
    Warn,
    /// It does not hold, and is only mentioned.
    Info,
    /// It does not hold.
    Fail,
    /// It could not be looked at.
    Blocked,
}

impl CheckVerdict {
    /// The verdict as people and reports say it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Fail => "fail",
            Self::Blocked => "blocked",
        }
    }
}

/// One check and what it found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckResult {
    /// Which check.
    pub check: Check,
    /// How it ended.
    pub verdict: CheckVerdict,
    /// What was found, in a sentence.
    pub detail: Text,
    /// The event that decided it, counted from 1 in the order of arrival.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<u32>,
    /// Whose event that is, counted from 1; nothing where one user ran it alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<u32>,
}

/// What a contract came to, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    /// What it came to.
    pub verdict: ContractVerdict,
    /// Why, in a sentence.
    pub why: Text,
    /// Every check that was asked for, in the order of [`Check::ALL`].
    pub checks: Vec<CheckResult>,
    /// The event that decided it, and whose it is where several ran it; nothing where nothing came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<u32>,
    /// Whose event that is, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<u32>,
    /// How long things took, of all users together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub latencies: Vec<Latency>,
    /// Each user's, where several ran it at once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<UserResult>,
    /// What came, by user: of as many users as there is room for, those first whose events are named above.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub heard: Vec<HeardBy>,
}

impl Judgement {
    /// A verdict with its checks, and nothing else known.
    #[must_use]
    pub fn bare(verdict: ContractVerdict, why: &str, checks: Vec<CheckResult>) -> Self {
        Self {
            verdict,
            why: why.into(),
            checks,
            event: None,
            user: None,
            latencies: Vec::new(),
            users: Vec::new(),
            heard: Vec::new(),
        }
    }
}

/// What a contract came to for one of several users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserResult {
    /// Who.
    pub user: Text,
    /// What it came to.
    pub verdict: ContractVerdict,
    /// Why, in a sentence.
    pub why: Text,
    /// From the message to the first agent event.
    pub first_event: Option<Span>,
    /// The event that decided it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<u32>,
}

/// How much a fault counts, beside what its check does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weight {
    /// As its check.
    Usual,
    /// It decides, however little its check counts.
    Grave,
    /// It may be a false alarm, and is worth a warning at most, unless somebody said otherwise.
    Mild,
}

/// What a check found wrong.
struct Fault {
    detail: String,
    event: Option<u32>,
    user: Option<u32>,
    weight: Weight,
}

impl Fault {
    fn at(event: u32, detail: impl Into<String>) -> Self {
        Self { event: Some(event), ..Self::whole(detail) }
    }

    fn whole(detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), event: None, user: None, weight: Weight::Usual }
    }
}

/// What a check found: a sentence for what holds, or what does not.
type Finding = Result<String, Fault>;

impl Ledger {
    /// Holds what was heard against a contract.
    #[must_use]
    pub fn judge(&self, spec: &ContractSpec) -> Judgement {
        let ready = self.ready_at().is_some();
        let checks: Vec<CheckResult> = Check::ALL
            .into_iter()
            .filter(|check| spec.severity(*check) != Severity::Off)
            .filter_map(|check| self.look_at(check, spec, ready))
            .collect();
        let (verdict, why, event) = self.conclude(spec, ready, &checks);
        let latencies = Timing::of(self, 1).latencies(spec);
        Judgement { event, latencies, ..Judgement::bare(verdict, &why, checks) }
    }

    fn look_at(&self, check: Check, spec: &ContractSpec, ready: bool) -> Option<CheckResult> {
        if !ready && !check.needs_no_connection() {
            return Some(CheckResult {
                check,
                verdict: CheckVerdict::Blocked,
                detail: "the connection never became ready".into(),
                event: None,
                user: None,
            });
        }
        Some(result(check, self.find(check, spec)?, spec))
    }

    /// What a check finds; nothing where there is nothing to look at.
    fn find(&self, check: Check, spec: &ContractSpec) -> Option<Finding> {
        match check {
            Check::Ready => Some(self.became_ready(spec)),
            Check::Required => (!spec.required.is_empty()).then(|| self.has_required(spec)),
            Check::Terminal => Some(self.is_terminated()),
            Check::Order => Some(self.is_in_order(spec)),
            Check::Pairing => self.pairs(),
            Check::NothingAfterEnd => self.is_silent_after_end(spec),
            Check::Uniqueness => Some(self.is_unique()),
            Check::Correlation => Some(self.is_correlated(spec)),
            Check::Sequence => self.is_gapless(),
            Check::Payload => Some(self.has_payloads(spec)),
            Check::Latency => Some(Timing::of(self, 1).within(spec).map_err(|fault| Fault { user: None, ..fault })),
            Check::ErrorEvents => Some(self.has_no_errors()),
            Check::Revision => self.is_expected_revision(spec),
            Check::Synthetic => Some(self.is_genuine(spec)),
            Check::Schema => self.has_fields(spec),
            Check::Clock => self.is_on_time(),
            Check::UnknownTypes => Some(self.is_known()),
            Check::Size => Some(self.is_moderate(spec)),
        }
    }

    /// The verdict, why, and the event that decided it.
    fn conclude(
        &self,
        spec: &ContractSpec,
        ready: bool,
        checks: &[CheckResult],
    ) -> (ContractVerdict, String, Option<u32>) {
        let failed = |check: Check| checks.iter().find(|one| one.check == check && one.verdict == CheckVerdict::Fail);
        let first = checks.iter().find(|one| one.verdict == CheckVerdict::Fail);
        let last = self.events.len().try_into().ok().filter(|last| *last > 0);
        if let Some((before, after)) = self.straddles() {
            return (ContractVerdict::Straddled, format!("{before} answered first, {after} at the end"), last);
        }
        if let Some(stale) = failed(Check::Revision) {
            let known = self.wanted(spec).zip(self.answered(spec));
            let is_another = known.is_some_and(|(wanted, answered)| revision::is_comparable(wanted, answered));
            let verdict = if is_another { ContractVerdict::Stale } else { ContractVerdict::Inconclusive };
            return (verdict, stale.detail.to_string(), stale.event.or(last));
        }
        if !ready {
            let error = self.numbered().find(|(_, event)| event.kind == AgentKind::Error).map(|(number, _)| number);
            return (ContractVerdict::Blocked, self.why_blocked(), error.or(last));
        }
        if let Some(synthetic) = failed(Check::Synthetic) {
            return (ContractVerdict::Synthetic, synthetic.detail.to_string(), synthetic.event);
        }
        let only_cut_short = checks
            .iter()
            .filter(|one| one.verdict == CheckVerdict::Fail)
            .all(|one| matches!(one.check, Check::Required | Check::Terminal | Check::Pairing));
        if let Some(why) = self.ending.cut()
            && !self.has_ended()
            && only_cut_short
        {
            let why = format!("the connection was lost before the run ended: {why}");
            return (ContractVerdict::Inconclusive, why, last);
        }
        match first {
            Some(_) if !self.has_agent_events() => {
                let (why, event) = self.why_none(spec);
                (ContractVerdict::Fail, why, event.or(last))
            }
            Some(first) => (ContractVerdict::Fail, first.detail.to_string(), first.event.or(last)),
            None => (ContractVerdict::Pass, self.told(), self.end().map(|(number, _)| number).or(last)),
        }
    }
}

/// What a finding comes to, as much as its check counts.
fn result(check: Check, finding: Finding, spec: &ContractSpec) -> CheckResult {
    match finding {
        Ok(detail) => {
            CheckResult { check, verdict: CheckVerdict::Pass, detail: detail.into(), event: None, user: None }
        }
        Err(fault) => {
            let is_usual = !spec.severities.contains_key(&check);
            let verdict = match (fault.weight, spec.severity(check)) {
                (Weight::Grave, _) => CheckVerdict::Fail,
                (Weight::Mild, Severity::Error) if is_usual => CheckVerdict::Warn,
                (_, Severity::Error) => CheckVerdict::Fail,
                (_, Severity::Warning) => CheckVerdict::Warn,
                (_, Severity::Info | Severity::Off) => CheckVerdict::Info,
            };
            CheckResult { check, verdict, detail: fault.detail.into(), event: fault.event, user: fault.user }
        }
    }
}

#[cfg(test)]
mod tests;
