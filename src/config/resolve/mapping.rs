//! Vocabularies of one's own: pointers are checked here, so that a typing mistake is no silence later.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Resolver;
use crate::config::mapping::{Language, Mapping, Protocol, Rule};
use crate::config::settings::{MappingSettings, RuleSettings, StreamSettings};
use crate::config::template::Template;

impl Resolver<'_> {
    /// In which words a stream speaks.
    pub(super) fn language(&mut self, path: &str, stream: &StreamSettings) -> Language {
        let Some(mapping) = &stream.mapping else { return Language::Known(stream.protocol) };
        if stream.protocol != Protocol::Auto {
            self.mistake(&format!("{path}.protocol"), "a stream speaks a known protocol or has a mapping, not both")
                .hint("remove one of the two");
        }
        Language::Own(Arc::new(self.mapping(&format!("{path}.mapping"), mapping)))
    }

    fn mapping(&mut self, path: &str, mapping: &MappingSettings) -> Mapping {
        if mapping.r#type.is_empty() {
            self.mistake(path, "a mapping has to say where the type's name is").hint("write type = [\"/type\"]");
        }
        if mapping.map.is_empty() {
            self.mistake(path, "a mapping without a rule knows no message").hint("add [[…mapping.map]] tables");
        }
        let mut pointers = |name: &str, list: &[Template]| self.pointers(&format!("{path}.{name}"), list);
        let (unwrap, type_at) = (pointers("unwrap", &mapping.unwrap), pointers("type", &mapping.r#type));
        let (run, thread) = (pointers("run", &mapping.run), pointers("thread", &mapping.thread));
        let (user, sequence) = (pointers("user", &mapping.user), pointers("sequence", &mapping.sequence));
        let time = pointers("time", &mapping.time);
        Mapping {
            unwrap,
            type_at,
            type_skip: self.texts(&format!("{path}.type_skip"), &mapping.type_skip),
            ignore: self.texts(&format!("{path}.ignore"), &mapping.ignore),
            run,
            thread,
            user,
            sequence,
            time,
            rules: mapping.map.iter().map(|rule| self.rule(&format!("{path}.map"), rule)).collect(),
        }
    }

    fn rule(&mut self, path: &str, rule: &RuleSettings) -> Rule {
        if rule.when.r#type.is_none() && rule.when.is.is_empty() {
            self.mistake(path, "a rule without a condition would take every message")
                .hint("write when = { type = \"NAME\" }");
        }
        Rule {
            type_name: rule.when.r#type.as_ref().map(|name| self.text(path, name)),
            is: self.values(path, &rule.when.is),
            emit: rule.emit,
            agent: self.pointers(path, &rule.agent),
            tool: self.pointers(path, &rule.tool),
            call: self.pointers(path, &rule.call),
            text: self.pointers(path, &rule.text),
            failed_if: self.values(path, &rule.failed_if),
        }
    }

    fn pointers(&mut self, path: &str, list: &[Template]) -> Vec<String> {
        list.iter().map(|pointer| self.pointer(path, pointer)).collect()
    }

    fn values(&mut self, path: &str, values: &BTreeMap<String, Vec<String>>) -> BTreeMap<String, Vec<String>> {
        for pointer in values.keys().filter(|pointer| !pointer.starts_with('/')) {
            self.mistake(path, format!("`{pointer}` is not a JSON pointer"))
                .hint(format!("write \"/{}\"", pointer.replace('.', "/")));
        }
        values.clone()
    }
}
