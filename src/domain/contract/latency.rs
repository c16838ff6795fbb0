//! How long things took for all who ran a contract, beside what they were allowed: kept with the judgement, so that a
//! report can tell latencies without having been there.

use serde::{Deserialize, Serialize};

use super::{ContractSpec, Ledger};
use crate::domain::{Moment, Span};

/// What is timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Timed {
    /// From the beginning of the connection until it is ready.
    Ready,
    /// A ping and its answer; of one user, the median.
    RoundTrip,
    /// From the message that was sent to the first agent event.
    FirstEvent,
    /// The longest silence within a run.
    Silence,
    /// From the message that was sent to the end of the run.
    Total,
}

impl Timed {
    const ALL: [Self; 5] = [Self::Ready, Self::RoundTrip, Self::FirstEvent, Self::Silence, Self::Total];

    /// What is timed, for people.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::RoundTrip => "round trip",
            Self::FirstEvent => "first event",
            Self::Silence => "longest silence",
            Self::Total => "whole run",
        }
    }

    fn budget(self, spec: &ContractSpec) -> Option<Span> {
        let budgets = &spec.budgets;
        match self {
            Self::Ready => Some(budgets.ready),
            Self::RoundTrip => Some(budgets.round_trip),
            Self::FirstEvent => Some(budgets.first_event),
            Self::Silence => budgets.silence,
            Self::Total => budgets.total,
        }
    }

    /// How long it took for one user; nothing where it never came to that.
    fn of(self, ledger: &Ledger) -> Option<Span> {
        match self {
            Self::Ready => Some(ledger.ready_at()?.since(ledger.began)),
            Self::RoundTrip => ledger.median_round_trip(),
            Self::FirstEvent => Some(ledger.first_event_after()?.1),
            Self::Silence => ledger.longest_silence(),
            Self::Total => {
                let (sent, (_, end)) = (ledger.sent.as_ref()?.at, ledger.end()?);
                (end.at >= sent).then(|| end.at.since(sent))
            }
        }
    }
}

/// How long something took for all who ran a contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    /// What was timed.
    pub what: Timed,
    /// What is allowed; nothing: any time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Span>,
    /// For how many users it could be timed.
    pub users: u32,
    /// Half of them took no longer.
    pub p50: Span,
    /// Of a hundred, 95 took no longer.
    pub p95: Span,
    /// Of a hundred, 99 took no longer; the longest one where there are fewer.
    pub p99: Span,
}

impl Latency {
    /// Whether everybody stayed within what is allowed, as far as that is told.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.budget.is_none_or(|budget| self.p99 <= budget)
    }

    /// `first event p50 0.4 ms, p95 14 ms, p99 14 ms`
    pub(super) fn told(&self) -> String {
        format!("{} p50 {}, p95 {}, p99 {}", self.what.word(), self.p50, self.p95, self.p99)
    }
}

/// Everything that could be timed.
pub(super) fn latencies(ledgers: &[Ledger], spec: &ContractSpec) -> Vec<Latency> {
    let timed = Timed::ALL.into_iter().filter_map(|what| {
        let mut spans: Vec<Span> = ledgers.iter().filter_map(|ledger| what.of(ledger)).collect();
        spans.sort_unstable();
        let at = |percent: usize| spans[(spans.len() * percent).div_ceil(100).clamp(1, spans.len()) - 1];
        (!spans.is_empty()).then(|| Latency {
            what,
            budget: what.budget(spec),
            users: spans.len() as u32,
            p50: at(50),
            p95: at(95),
            p99: at(99),
        })
    });
    timed.collect()
}

impl Ledger {
    /// The longest time between two agent events.
    fn longest_silence(&self) -> Option<Span> {
        let moments: Vec<Moment> = self.agent_events().map(|(_, event)| event.at).collect();
        moments.windows(2).map(|pair| pair[1].since(pair[0])).max()
    }
}
