//! How long everything took, and whether that is within what is allowed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ledger::Ledger;
use super::spec::{Allowed, ContractSpec, Timed};
use super::{Fault, Finding, Weight};
use crate::domain::{AgentEvent, AgentKind, Moment, Span};

/// Of so many in a hundred it is asked that they are within the budget.
const WITHIN: usize = 90;

/// Into how many parts a spread of times is divided.
const PARTS: usize = 8;

/// What one thing that is timed took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    /// What is timed.
    pub measure: Timed,
    /// How often.
    pub samples: u32,
    /// Half of them took no longer.
    pub p50: Span,
    /// Of a hundred, ninety-five took no longer.
    pub p95: Span,
    /// Of a hundred, ninety-nine took no longer.
    pub p99: Span,
    /// The longest.
    pub most: Span,
    /// How many took how long: equal parts of the time from nothing to the longest.
    #[serde(default)]
    pub spread: [u32; PARTS],
    /// What nine of ten may take.
    pub budget: Option<Span>,
    /// What none may exceed.
    pub limit: Option<Span>,
    /// Whether either is exceeded.
    pub late: bool,
}

/// How long one thing took, and by which event that is known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    took: Span,
    event: Option<u32>,
    user: u32,
}

/// Everything that was timed, of one connection or of many.
#[derive(Debug, Clone, Default)]
pub(super) struct Timing(BTreeMap<Timed, Vec<Sample>>);

impl Timing {
    /// Of one connection, the one of that user.
    pub(super) fn of(ledger: &Ledger, user: u32) -> Self {
        let mut timing = Self::default();
        let mut add = |measure, took, event| timing.0.entry(measure).or_default().push(Sample { took, event, user });
        ledger.api.iter().for_each(|took| add(Timed::Api, *took, None));
        if let Some(opened) = ledger.opened {
            add(Timed::Connect, opened.since(ledger.began), None);
        }
        if let Some(ready) = ledger.ready_at() {
            let by = ledger.numbered().find(|(_, event)| event.kind == AgentKind::Ready).map(|(number, _)| number);
            add(Timed::Ready, ready.since(ledger.began), by);
        }
        ledger.round_trips.iter().for_each(|took| add(Timed::RoundTrip, *took, None));
        if let Some((number, took)) = ledger.first_event_after() {
            add(Timed::FirstEvent, took, Some(number));
        }
        if let Some((number, took)) = ledger.longest_silence() {
            add(Timed::Silence, took, Some(number));
        }
        ledger.tool_times().into_iter().for_each(|(number, took)| add(Timed::Tool, took, Some(number)));
        if let (Some(sent), Some((number, end))) = (&ledger.sent, ledger.end()) {
            add(Timed::Total, end.at.since(sent.at), Some(number));
        }
        timing
    }

    /// Both together.
    pub(super) fn and(mut self, other: Self) -> Self {
        for (measure, samples) in other.0 {
            self.0.entry(measure).or_default().extend(samples);
        }
        self
    }

    /// A row for everything that was timed.
    pub(super) fn latencies(&self, spec: &ContractSpec) -> Vec<Latency> {
        let row = |(&measure, samples): (&Timed, &Vec<Sample>)| {
            let sorted = sorted(samples);
            let at = |percent| percentile(&sorted, percent).map_or(Span::ZERO, |sample| sample.took);
            let (budget, limit) = (spec.budgets.get(&measure).copied(), spec.limits.get(&measure).copied());
            Latency {
                measure,
                samples: samples.len() as u32,
                p50: at(50),
                p95: at(95),
                p99: at(99),
                most: at(100),
                spread: spread(samples),
                budget,
                limit,
                late: budget.is_some_and(|budget| at(WITHIN) > budget) || limit.is_some_and(|limit| at(100) > limit),
            }
        };
        self.0.iter().map(row).collect()
    }

    /// What took longer than is allowed at all; otherwise what nine of ten did not keep.
    pub(super) fn within(&self, spec: &ContractSpec) -> Finding {
        if let Some(fault) = self.beyond(&spec.limits, 100) {
            return Err(Fault { weight: Weight::Grave, ..fault });
        }
        if let Some(fault) = self.beyond(&spec.budgets, WITHIN) {
            return Err(fault);
        }
        let told: Vec<String> = [Timed::Api, Timed::RoundTrip, Timed::FirstEvent]
            .into_iter()
            .filter_map(|measure| {
                let typical = percentile(&sorted(self.0.get(&measure)?), 50)?.took;
                Some(format!("{} {typical}", measure.word()))
            })
            .collect();
        Ok(if told.is_empty() { "nothing to measure".to_owned() } else { told.join(", ") })
    }

    fn beyond(&self, allowed: &Allowed, percent: usize) -> Option<Fault> {
        let mut fault: Option<Fault> = None;
        for (measure, most) in allowed {
            let Some(samples) = self.0.get(measure) else { continue };
            let sorted = sorted(samples);
            let Some(late) = percentile(&sorted, percent).filter(|sample| sample.took > *most) else { continue };
            let of = match sorted.len() {
                1 => String::new(),
                n if percent == 100 => format!(" at most, of {n}"),
                n => format!(" at p{percent} of {n}"),
            };
            let detail = format!("{} took {}{of}, {most} are allowed", called(*measure), late.took);
            match &mut fault {
                Some(fault) => fault.detail += &format!("; {detail}"),
                None => fault = Some(Fault { event: late.event, user: Some(late.user), ..Fault::whole(detail) }),
            }
        }
        fault
    }
}

/// Which of the sorted samples so many in a hundred do not exceed.
fn percentile(sorted: &[Sample], percent: usize) -> Option<Sample> {
    sorted.get((sorted.len() * percent).div_ceil(100).clamp(1, sorted.len().max(1)) - 1).copied()
}

/// How the times lie between nothing and the longest.
fn spread(samples: &[Sample]) -> [u32; PARTS] {
    let most = samples.iter().map(|sample| sample.took.0).max().unwrap_or(0).max(1);
    let mut parts = [0; PARTS];
    for sample in samples {
        parts[(sample.took.0.saturating_mul(PARTS as u64) / most).min(PARTS as u64 - 1) as usize] += 1;
    }
    parts
}

fn sorted(samples: &[Sample]) -> Vec<Sample> {
    let mut sorted = samples.to_vec();
    sorted.sort_by_key(|sample| sample.took);
    sorted
}

fn called(measure: Timed) -> &'static str {
    match measure {
        Timed::Api => "an API answer",
        Timed::Connect => "connecting",
        Timed::Ready => "getting ready",
        Timed::RoundTrip => "a round trip",
        Timed::FirstEvent => "the first agent event",
        Timed::Silence => "a silence",
        Timed::Tool => "a tool",
        Timed::Total => "the whole run",
    }
}

impl Ledger {
    /// From our message to the first agent event after it.
    #[must_use]
    pub fn first_event_after(&self) -> Option<(u32, Span)> {
        let sent = self.sent.as_ref()?.at;
        self.agent_events().find(|(_, event)| event.at >= sent).map(|(number, event)| (number, event.at.since(sent)))
    }

    /// The longest time between two events of agents, and the event that ended it.
    fn longest_silence(&self) -> Option<(u32, Span)> {
        let events: Vec<(u32, Moment)> = self.agent_events().map(|(number, event)| (number, event.at)).collect();
        let silences = events.windows(2).map(|pair| (pair[1].0, pair[1].1.since(pair[0].1)));
        silences.max_by_key(|(number, took)| (*took, u32::MAX - number))
    }

    /// How long each tool took that came back.
    fn tool_times(&self) -> Vec<(u32, Span)> {
        let mut open: Vec<&AgentEvent> = Vec::new();
        let mut times = Vec::new();
        for (number, event) in self.agent_events() {
            match event.kind {
                AgentKind::ToolExecuting => open.push(event),
                AgentKind::ToolCompleted => {
                    if let Some(place) = open.iter().rposition(|begun| super::pairing::belongs(event, begun)) {
                        times.push((number, event.at.since(open.remove(place).at)));
                    }
                }
                _ => {}
            }
        }
        times
    }
}
