//! Contracts: which agent events must come, in which order, within which time. What was heard goes in, a verdict with
//! the event that decided it comes out.

mod checks;
mod crowd;
mod ledger;
mod pairing;
mod spec;
mod synthetic;
mod timing;
mod why;

use serde::{Deserialize, Serialize};

use super::{Span, Text, revision};

pub use crowd::judge_crowd;
pub(super) use ledger::is_agents;
pub use ledger::{Ending, Ledger, Sent};
pub use spec::{Budgets, Check, ContractSpec, Expected, Severity, SyntheticRules};
pub(crate) use synthetic::Signs;

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
    /// Each user's, where several ran it at once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<UserResult>,
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
}

/// What a check found wrong.
struct Fault {
    detail: String,
    event: Option<u32>,
}

impl Fault {
    fn at(event: u32, detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), event: Some(event) }
    }

    fn whole(detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), event: None }
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
        let (verdict, why) = self.conclude(spec, ready, &checks);
        Judgement { verdict, why: why.into(), checks, users: Vec::new() }
    }

    fn look_at(&self, check: Check, spec: &ContractSpec, ready: bool) -> Option<CheckResult> {
        if !ready && !check.needs_no_connection() {
            return Some(CheckResult {
                check,
                verdict: CheckVerdict::Blocked,
                detail: "the connection never became ready".into(),
                event: None,
            });
        }
        let finding = self.find(check, spec)?;
        Some(match finding {
            Ok(detail) => CheckResult { check, verdict: CheckVerdict::Pass, detail: detail.into(), event: None },
            Err(fault) => {
                let verdict = match spec.severity(check) {
                    Severity::Error => CheckVerdict::Fail,
                    Severity::Warning | Severity::Off => CheckVerdict::Warn,
                };
                CheckResult { check, verdict, detail: fault.detail.into(), event: fault.event }
            }
        })
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
            Check::Latency => Some(self.is_in_time(spec)),
            Check::ErrorEvents => Some(self.has_no_errors()),
            Check::Revision => self.is_expected_revision(spec),
            Check::Synthetic => Some(self.is_genuine(spec)),
        }
    }

    fn conclude(&self, spec: &ContractSpec, ready: bool, checks: &[CheckResult]) -> (ContractVerdict, String) {
        let failed = |check: Check| checks.iter().find(|one| one.check == check && one.verdict == CheckVerdict::Fail);
        let first = checks.iter().find(|one| one.verdict == CheckVerdict::Fail);
        if let Some((before, after)) = self.straddles() {
            return (ContractVerdict::Straddled, format!("{before} answered first, {after} at the end"));
        }
        if let Some(stale) = failed(Check::Revision) {
            let known = self.wanted(spec).zip(self.answered(spec));
            let is_another = known.is_some_and(|(wanted, answered)| revision::is_comparable(wanted, answered));
            let verdict = if is_another { ContractVerdict::Stale } else { ContractVerdict::Inconclusive };
            return (verdict, stale.detail.to_string());
        }
        if !ready {
            return (ContractVerdict::Blocked, self.why_blocked());
        }
        if let Some(synthetic) = failed(Check::Synthetic) {
            return (ContractVerdict::Synthetic, synthetic.detail.to_string());
        }
        let only_cut_short = checks
            .iter()
            .filter(|one| one.verdict == CheckVerdict::Fail)
            .all(|one| matches!(one.check, Check::Required | Check::Terminal | Check::Pairing));
        if let Ending::Lost { why } = &self.ending
            && !self.has_ended()
            && only_cut_short
        {
            return (ContractVerdict::Inconclusive, format!("the connection was lost before the run ended: {why}"));
        }
        match first {
            Some(_) if !self.has_agent_events() => (ContractVerdict::Fail, self.why_none(spec)),
            Some(first) => (ContractVerdict::Fail, first.detail.to_string()),
            None => (ContractVerdict::Pass, self.told()),
        }
    }
}

#[cfg(test)]
mod tests;
