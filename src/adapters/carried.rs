//! What a message carries beside what it means: its own id, its sender's time, its size, fields that it must have.
//!
//! Vocabularies differ in where they put a field, so a field that is asked for by name may stand at the top or in one of
//! the bodies that senders wrap theirs in. One that begins with a slash is a JSON pointer and is taken at its word.

use serde_json::Value;

use super::json_schema::Schemas;
use super::{sanitize, time};
use crate::domain::{AgentEvent, ContractSpec, Moment, Text, Wire, concerns};

/// Where the fields of a message may stand.
const BODIES: [&str; 4] = ["", "/payload", "/data", "/data/data"];
/// What senders call a message's own id.
const IDS: [&str; 3] = ["event_id", "message_id", "id"];
/// What they call its time.
const TIMES: [&str; 2] = ["timestamp", "time"];

/// What one message carries, handed to each of the events that it holds.
#[derive(Debug)]
pub struct Carried {
    value: Value,
    bytes: u32,
    id: Option<Text>,
    sent: Option<Moment>,
}

impl Carried {
    /// Looks at a message of that size; bytes that are no text carry nothing else.
    #[must_use]
    pub fn new(text: Option<&str>, bytes: usize) -> Self {
        let value: Value = text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let id = IDS.into_iter().find_map(|name| value.get(name)?.as_str()).map(|id| sanitize::text(id).into());
        let sent = TIMES.into_iter().find_map(|name| moment(value.get(name)?));
        Self { value, bytes: bytes.try_into().unwrap_or(u32::MAX), id, sent }
    }

    /// What stands beside the next event of the message, which must carry these fields and fit its schemas.
    pub fn beside(&mut self, event: &AgentEvent, spec: &ContractSpec, schemas: &Schemas) -> Wire {
        let missing = spec.fields_of(event).filter(|field| !self.has(field)).cloned().collect();
        let unfit = schemas.faults(&self.value, |name| concerns(event, name));
        // The size is that of the message, and counts once.
        Wire { id: self.id.clone(), sent: self.sent, bytes: std::mem::take(&mut self.bytes), missing, unfit }
    }

    fn has(&self, field: &str) -> bool {
        if field.starts_with('/') {
            return self.value.pointer(field).is_some_and(|value| !value.is_null());
        }
        let bodies = BODIES.into_iter().filter_map(|body| self.value.pointer(body));
        bodies.filter_map(|body| body.get(field)).any(|value| !value.is_null())
    }
}

fn moment(value: &Value) -> Option<Moment> {
    let micros = match value {
        Value::Number(number) => time::from_number(number.as_f64()?)?,
        Value::String(text) => time::from_iso(text)?,
        _ => return None,
    };
    u64::try_from(micros).ok().map(Moment)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::protocol::Reader;
    use crate::config::mapping::Language;

    fn wire(text: &str, fields: &[&str]) -> Wire {
        let fields = fields.iter().map(|&field| field.into()).collect();
        let fields = [("agent_completed".into(), fields)].into();
        let spec = ContractSpec { fields, ..ContractSpec::five_events("agents", "agents") };
        Carried::new(Some(text), text.len()).beside(&event(), &spec, &Schemas::default())
    }

    fn event() -> AgentEvent {
        let mut events = Vec::new();
        let text = r#"{"type":"agent_completed"}"#;
        Reader::new(Language::default()).receive_text(None, text, Moment(0), &mut events);
        events.remove(0)
    }

    #[test]
    fn fields_are_found_in_every_body_and_null_is_missing() {
        let text = r#"{"run_id":"r","payload":{"result":null},"data":{"summary":"x"}}"#;
        let missing =
            wire(text, &["run_id", "summary", "result", "/payload/result", "/data/summary", "/summary"]).missing;
        assert_eq!(missing.iter().map(|name| &**name).collect::<Vec<_>>(), ["result", "/payload/result", "/summary"]);
    }

    #[test]
    fn times_come_as_numbers_and_as_words() {
        let of = |time: &str| wire(&format!(r#"{{"timestamp":{time}}}"#), &[]).sent;
        assert_eq!(of("1757373852.5"), Some(Moment(1_757_373_852_500_000)));
        assert_eq!(of("1757373852500"), of("1757373852.5"));
        assert_eq!(of(r#""2025-09-08T23:24:12.5""#), of("1757373852.5"));
        assert_eq!(of(r#""soon""#), None);
    }

    #[test]
    fn a_batch_has_one_size_and_what_is_no_json_carries_nothing() {
        let mut batch = Carried::new(Some(r#"{"event_id":"b1"}"#), 17);
        let (event, spec, none) = (event(), ContractSpec::five_events("agents", "agents"), Schemas::default());
        let beside = |carried: &mut Carried| carried.beside(&event, &spec, &none);
        let sizes =
            [beside(&mut batch), beside(&mut batch)].map(|wire| (wire.bytes, wire.id.as_deref().map(str::to_owned)));
        assert_eq!(sizes, [(17, Some("b1".to_owned())), (0, Some("b1".to_owned()))]);
        assert_eq!(beside(&mut Carried::new(Some("nonsense"), 8)), Wire { bytes: 8, ..Wire::default() });
        assert_eq!(beside(&mut Carried::new(None, 9)), Wire { bytes: 9, ..Wire::default() });
    }
}
