//! A vocabulary of one's own: ordered pointers, envelopes, and rules, all from the configuration.

use std::collections::BTreeMap;

use serde_json::Value;

use super::draft::{Draft, Field, Frame, worth};
use crate::config::mapping::{Mapping, Rule};
use crate::domain::AgentKind;

/// Reads one message by the mapping's rules.
pub(super) fn read<'v>(frame: Frame<'v>, mapping: &Mapping) -> Draft<'v> {
    let (type_name, at) = type_name(frame, mapping).unwrap_or_else(|| ("no-type".to_owned(), String::new()));
    let found = mapping.rules.iter().position(|rule| applies(frame, mapping, rule, &type_name));
    let is_ignored = mapping.ignore.contains(&type_name);
    let rule = found.map(|place| &mapping.rules[place]);
    let kind = match rule {
        Some(rule) => rule.emit,
        None if is_ignored => AgentKind::System,
        None => AgentKind::Unknown,
    };
    let mut draft = Draft::new(frame, kind, &type_name, "");
    draft.set(Field::Type, type_name.as_str(), at);
    draft.rule = match (found, is_ignored) {
        (Some(place), _) => format!("rule {} → {}", place + 1, kind.word()).into(),
        (None, true) => "ignore".into(),
        (None, false) => "no rule".into(),
    };
    let shared = [
        (Field::Run, &mapping.run),
        (Field::Thread, &mapping.thread),
        (Field::User, &mapping.user),
        (Field::Sequence, &mapping.sequence),
        (Field::Time, &mapping.time),
    ];
    let own = rule.map(|rule| {
        [(Field::Agent, &rule.agent), (Field::Tool, &rule.tool), (Field::Call, &rule.call), (Field::Text, &rule.text)]
    });
    for (field, pointers) in shared.into_iter().chain(own.into_iter().flatten()) {
        if let Some((text, pointer)) = pointers.iter().find_map(|pointer| find(frame, mapping, field, pointer)) {
            draft.set(field, text, pointer);
        }
    }
    if let Some(rule) = rule.filter(|rule| !rule.failed_if.is_empty()) {
        draft.went(!rule.failed_if.iter().any(|(pointer, values)| is(frame, mapping, pointer, values)));
    }
    if matches!(kind, AgentKind::AgentFailed | AgentKind::Error) {
        draft.went(false);
    }
    draft
}

/// The first name that is no envelope's; where there are only those, the first of them.
fn type_name(frame: Frame, mapping: &Mapping) -> Option<(String, String)> {
    let names = || {
        let at = |pointer: &String| Some((worth(Field::Type, frame.value.pointer(pointer)?)?, pointer.clone()));
        mapping.type_at.iter().filter_map(at)
    };
    names().find(|(name, _)| !mapping.type_skip.contains(name)).or_else(|| names().next())
}

fn applies(frame: Frame, mapping: &Mapping, rule: &Rule, type_name: &str) -> bool {
    rule.type_name.as_ref().is_none_or(|wanted| wanted == type_name) && all(frame, mapping, &rule.is)
}

fn all(frame: Frame, mapping: &Mapping, wanted: &BTreeMap<String, Vec<String>>) -> bool {
    wanted.iter().all(|(pointer, values)| is(frame, mapping, pointer, values))
}

fn is(frame: Frame, mapping: &Mapping, pointer: &str, values: &[String]) -> bool {
    find(frame, mapping, Field::Text, pointer).is_some_and(|(found, _)| values.contains(&found))
}

/// What a field's pointer leads to: in the innermost envelope that has it, at last in the message itself.
fn find(frame: Frame, mapping: &Mapping, field: Field, pointer: &str) -> Option<(String, String)> {
    let look = |base: &str, value: &Value| Some((worth(field, value.pointer(pointer)?)?, format!("{base}{pointer}")));
    let enveloped = mapping.unwrap.iter().rev().find_map(|base| look(base, frame.value.pointer(base)?));
    enveloped.or_else(|| look("", frame.value))
}
