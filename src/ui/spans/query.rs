//! What narrows the timeline: words, some of which say where they are looked for.
//!
//! `type:tool_call`, `run:8f21`, `agent:supervisor`, `tool:search` look at that field, `/payload/status` asks for a
//! place in the frame and `/payload/status=ok` for what stands there. Everything else is looked for anywhere.

use serde_json::Value;

use crate::domain::{AgentKind, Agents, Seen};
use crate::ui::text::find_ignoring_case;

/// A word of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Term {
    Type(String),
    Run(String),
    Agent(String),
    Tool(String),
    Pointer(String, Option<String>),
    Anywhere(String),
}

/// What was typed, understood.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Query {
    terms: Vec<Term>,
}

impl Query {
    /// Reads what was typed. Whatever it is, it means something.
    pub(crate) fn read(typed: &str) -> Self {
        let term = |word: &str| match word.split_once(':') {
            Some(("type", rest)) => Term::Type(rest.to_owned()),
            Some(("run", rest)) => Term::Run(rest.to_owned()),
            Some(("agent", rest)) => Term::Agent(rest.to_owned()),
            Some(("tool", rest)) => Term::Tool(rest.to_owned()),
            _ if word.len() > 1 && word.starts_with('/') => match word.split_once('=') {
                Some((pointer, value)) => Term::Pointer(pointer.to_owned(), Some(value.to_owned())),
                None => Term::Pointer(word.to_owned(), None),
            },
            _ => Term::Anywhere(word.to_owned()),
        };
        Self { terms: typed.split_whitespace().map(term).collect() }
    }

    /// Whether an event is shown.
    pub(crate) fn admits(&self, agents: &Agents, ordinal: u64, seen: &Seen) -> bool {
        self.terms.iter().all(|term| term.admits(agents, ordinal, seen))
    }
}

impl Term {
    fn admits(&self, agents: &Agents, ordinal: u64, seen: &Seen) -> bool {
        let has = |text: &str, word: &str| word.is_empty() || find_ignoring_case(text, word).is_some();
        let run = || seen.run.and_then(|id| agents.run(id));
        let is_tool = matches!(seen.kind, AgentKind::ToolExecuting | AgentKind::ToolCompleted);
        match self {
            Self::Type(word) => has(agents.name(seen), word) || has(seen.kind.word(), word),
            Self::Run(word) => run().is_some_and(|run| has(&run.key, word)),
            Self::Agent(word) => {
                let own = run().and_then(|run| run.agent.as_deref()).unwrap_or_default();
                (!is_tool && has(agents.subject(seen), word)) || has(own, word)
            }
            Self::Tool(word) => is_tool && has(agents.subject(seen), word),
            Self::Pointer(pointer, value) => {
                agents.raw(ordinal).is_some_and(|raw| points(raw, pointer, value.as_deref()))
            }
            Self::Anywhere(word) => {
                let told = [&*seen.text, agents.name(seen), agents.subject(seen)];
                told.into_iter().any(|text| has(text, word))
                    || agents.raw(ordinal).is_some_and(|raw| has(raw, word))
                    || run().is_some_and(|run| has(&run.key, word))
            }
        }
    }
}

/// Whether a frame has something at that place, and the value that is asked for.
fn points(raw: &str, pointer: &str, value: Option<&str>) -> bool {
    // Most frames have no such key at all, and are not read for it.
    let last = pointer.rsplit('/').next().unwrap_or_default();
    let is_name = !last.is_empty() && last.bytes().all(|b| b.is_ascii_alphabetic() || b == b'_');
    if is_name && !raw.contains(last) {
        return false;
    }
    let Ok(frame) = serde_json::from_str::<Value>(raw) else { return false };
    match (frame.pointer(pointer), value) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(Value::String(text)), Some(value)) => find_ignoring_case(text, value).is_some() || value.is_empty(),
        (Some(found), Some(value)) => serde_json::to_string(found).is_ok_and(|text| text == value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_a_frame_is_asked_for_by_its_pointer() {
        let raw = r#"{"payload":{"answer":{"status":"Completed","rows":12}}}"#;
        assert!(points(raw, "/payload/answer/status", Some("completed")));
        assert!(points(raw, "/payload/answer/rows", Some("12")) && points(raw, "/payload/answer", None));
        assert!(!points(raw, "/payload/answer/rows", Some("1")));
        assert!(!points(raw, "/answer/status", None) && !points("cut {", "/payload", None));
    }

    #[test]
    fn whatever_is_typed_means_something() {
        let terms = Query::read("type:tool run:r1 /a/b=c / plain a:b").terms;
        assert_eq!(terms[0], Term::Type("tool".into()));
        assert_eq!(terms[2], Term::Pointer("/a/b".into(), Some("c".into())));
        assert_eq!(terms[3..], ["/", "plain", "a:b"].map(|word| Term::Anywhere(word.into())));
    }
}
