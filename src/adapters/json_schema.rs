//! JSON Schemas that the messages of a contract have to fit. References to other documents lead nowhere: nothing is
//! fetched.

use std::fmt;
use std::sync::Arc;

use jsonschema::Validator;
use serde_json::Value;

use super::sanitize;
use crate::domain::Text;

/// How many faults of one message are told.
const TOLD: usize = 3;
/// How long one of them may be, in characters.
const LONGEST: usize = 160;

/// Schemas by the events whose messages have to fit them; clones share them.
#[derive(Clone, Default)]
pub struct Schemas(Arc<Vec<(Text, Validator)>>);

impl fmt::Debug for Schemas {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(event, _)| event)).finish()
    }
}

impl Schemas {
    /// Reads schemas, each with the event that it is for.
    ///
    /// # Errors
    /// When one is no JSON, or no schema: which, and why.
    pub fn new<'a>(texts: impl Iterator<Item = (&'a Text, &'a str)>) -> Result<Self, String> {
        let read = |(event, text): (&Text, &str)| {
            let schema: Value =
                serde_json::from_str(text).map_err(|why| format!("the schema of {event} is no JSON: {why}"))?;
            let made = jsonschema::validator_for(&schema);
            let validator =
                made.map_err(|why| format!("the schema of {event} is none: {}", shown(&why.to_string())))?;
            Ok((event.clone(), validator))
        };
        Ok(Self(Arc::new(texts.map(read).collect::<Result<_, String>>()?)))
    }

    /// What of a message does not fit the schemas of the events that `concerns` accepts: the place, and why.
    pub(super) fn faults(&self, message: &Value, concerns: impl Fn(&str) -> bool) -> Vec<Text> {
        let concerned = self.0.iter().filter(|(event, _)| concerns(event));
        let errors = concerned.flat_map(|(_, validator)| validator.iter_errors(message));
        let told = errors.take(TOLD).map(|error| {
            let place = error.instance_path().to_string();
            let why = error.to_string();
            shown(&if place.is_empty() { why } else { format!("{place}: {why}") }).into()
        });
        told.collect()
    }
}

/// Safe to show, and no longer than a line.
fn shown(text: &str) -> String {
    let text = sanitize::text(text);
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schemas(text: &str) -> Result<Schemas, String> {
        Schemas::new([(&Text::from("agent_completed"), text)].into_iter())
    }

    #[test]
    fn what_does_not_fit_is_told_with_its_place() {
        let of =
            schemas(r#"{"required":["run_id"],"properties":{"payload":{"properties":{"cost":{"type":"number"}}}}}"#)
                .expect("a schema");
        let faults = |text: &str, name: &str| {
            let message = serde_json::from_str(text).expect("JSON");
            of.faults(&message, |event| event == name).iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let bad = r#"{"payload":{"cost":"\u001b[31mmuch"}}"#;
        assert_eq!(
            faults(bad, "agent_completed"),
            [r#""run_id" is a required property"#, r#"/payload/cost: "\u001b[31mmuch" is not of type "number""#]
        );
        assert!(faults(bad, "agent_started").is_empty());
        assert!(faults(r#"{"run_id":"r","payload":{"cost":1.5},"more":1}"#, "agent_completed").is_empty());
    }

    #[test]
    fn what_is_no_schema_is_named() {
        assert!(schemas("{").expect_err("no JSON").starts_with("the schema of agent_completed is no JSON"));
        assert!(schemas(r#"{"type":7}"#).expect_err("no schema").starts_with("the schema of agent_completed is none"));
        let far = schemas(r#"{"$ref":"https://example.com/schema.json"}"#);
        assert!(far.expect_err("nothing is fetched").starts_with("the schema of agent_completed is none"));
    }
}
