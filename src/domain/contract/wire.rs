//! What is told of the messages themselves: their fields, the sender's clock, types that nobody knows, sizes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ledger::{Ledger, is_agents};
use super::spec::{ANY_TYPE, ContractSpec, is_called};
use super::{Fault, Finding, Weight};
use crate::domain::{AgentEvent, AgentKind, Moment, Span, Text};

/// How many types outside of the vocabulary are named.
const NAMED: usize = 6;
/// A clock that is off by less is on time.
const SKEW: Span = Span::seconds(2);

/// What a message carries beside what it means. Events of a batch share one, and the first of them has its size.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Wire {
    /// Its own id, where it has one.
    pub id: Option<Text>,
    /// When it was sent, by its sender's clock.
    pub sent: Option<Moment>,
    /// How large it is.
    pub bytes: u32,
    /// Which of the fields that it must carry are missing or null.
    pub missing: Vec<Text>,
    /// Where it does not fit the schemas that its event has, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unfit: Vec<Text>,
}

impl ContractSpec {
    /// The fields that an event must carry.
    pub fn fields_of<'a>(&'a self, event: &'a AgentEvent) -> impl Iterator<Item = &'a Text> {
        self.fields.iter().filter(move |(name, _)| concerns(event, name)).flat_map(|(_, fields)| fields)
    }
}

/// Whether an event is one of those that are called so, `*` meaning all that agents send.
#[must_use]
pub fn concerns(event: &AgentEvent, name: &str) -> bool {
    is_called(event, name) || (name == ANY_TYPE && is_agents(event.kind))
}

impl Ledger {
    fn wired(&self) -> impl Iterator<Item = (u32, &AgentEvent, &Wire)> {
        self.numbered().zip(&self.wire).map(|((number, event), wire)| (number, event, wire))
    }

    /// Nothing to look at where neither a field nor a schema is asked for.
    pub(super) fn has_fields(&self, spec: &ContractSpec) -> Option<Finding> {
        if let Some(why) = &self.no_schema {
            return Some(Err(Fault { weight: Weight::Grave, ..Fault::whole(why.to_string()) }));
        }
        if spec.fields.is_empty() && spec.schemas.is_empty() {
            return None;
        }
        let mut of_types: BTreeMap<&str, (u32, &Wire)> = BTreeMap::new();
        let is_faulty = |wire: &Wire| !wire.missing.is_empty() || !wire.unfit.is_empty();
        for (number, event, wire) in self.wired().filter(|(_, _, wire)| is_faulty(wire)) {
            of_types.entry(&event.type_name).or_insert((number, wire));
        }
        let Some(first) = of_types.values().map(|(number, _)| *number).min() else {
            let told = if spec.schemas.is_empty() { "every field is there" } else { "every message fits its schema" };
            return Some(Ok(told.to_owned()));
        };
        let told = of_types.iter().flat_map(|(name, (_, wire))| {
            let missing = (!wire.missing.is_empty()).then(|| format!("{name} has no {}", wire.missing.join(", ")));
            let unfit = (!wire.unfit.is_empty()).then(|| format!("{name} does not fit: {}", wire.unfit.join(", ")));
            missing.into_iter().chain(unfit)
        });
        Some(Err(Fault::at(first, told.collect::<Vec<_>>().join("; "))))
    }

    /// The same message twice, by its own id.
    pub(super) fn repeated_id(&self) -> Option<Fault> {
        let mut known: BTreeMap<&str, u32> = BTreeMap::new();
        // All events of a batch bear the id of the batch; only the first of them has its size.
        for (number, event, wire) in self.wired().filter(|(_, _, wire)| wire.bytes > 0) {
            let Some(id) = &wire.id else { continue };
            if let Some(first) = known.insert(id, number) {
                let name = &event.type_name;
                return Some(Fault::at(number, format!("{name} has the id {id} of event {first}")));
            }
        }
        None
    }

    /// Nothing to look at where the sender gives no times.
    pub(super) fn is_on_time(&self) -> Option<Finding> {
        let times: Vec<(u32, &AgentEvent, Moment)> =
            self.wired().filter_map(|(number, event, wire)| Some((number, event, wire.sent?))).collect();
        let back = times.windows(2).find(|pair| pair[1].2 < pair[0].2);
        if let Some([(before, ..), (number, event, _)]) = back {
            let name = &event.type_name;
            return Some(Err(Fault::at(*number, format!("{name} bears an earlier time than event {before}"))));
        }
        // What was under way the shortest tells the clock best.
        let off = |event: &AgentEvent, sent: Moment| (event.at.since(sent), sent.since(event.at));
        let (number, (behind, ahead)) = times
            .iter()
            .map(|(number, event, sent)| (*number, off(event, *sent)))
            .min_by_key(|(_, (behind, ahead))| behind.max(ahead).0)?;
        Some(match () {
            () if behind > SKEW => Err(Fault::at(number, format!("the sender's clock is {behind} behind ours"))),
            () if ahead > SKEW => Err(Fault::at(number, format!("the sender's clock is {ahead} ahead of ours"))),
            () => Ok("its times run forward".to_owned()),
        })
    }

    pub(super) fn is_known(&self) -> Finding {
        let mut unknown: BTreeMap<&str, u32> = BTreeMap::new();
        for (number, event) in self.numbered().filter(|(_, event)| event.kind == AgentKind::Unknown) {
            unknown.entry(&event.type_name).or_insert(number);
        }
        let Some(first) = unknown.values().min() else { return Ok("every type is known".to_owned()) };
        let mut named: Vec<String> =
            unknown.iter().take(NAMED).map(|(name, number)| format!("{name} (event {number})")).collect();
        if unknown.len() > NAMED {
            named.push(format!("and {} more", unknown.len() - NAMED));
        }
        Err(Fault::at(*first, format!("outside of the vocabulary: {}", named.join(", "))))
    }

    pub(super) fn is_moderate(&self, spec: &ContractSpec) -> Finding {
        let (large, many) = (spec.sizes.message, spec.sizes.per_second as usize);
        if let Some((number, event, wire)) = self.wired().find(|(_, _, wire)| wire.bytes > large) {
            let (name, bytes) = (&event.type_name, wire.bytes);
            return Err(Fault::at(number, format!("{name} has {bytes} bytes, more than {large}")));
        }
        // Of a stretch of one more message than a second may hold, the last came too soon.
        let soon = self.events.windows(many + 1).position(|all| all[many].at.since(all[0].at) < Span::seconds(1));
        match soon {
            Some(place) => {
                Err(Fault::at((place + many) as u32 + 1, format!("more than {many} messages within a second")))
            }
            None => Ok(format!(
                "the largest message has {} bytes",
                self.wire.iter().map(|wire| wire.bytes).max().unwrap_or(0)
            )),
        }
    }
}
