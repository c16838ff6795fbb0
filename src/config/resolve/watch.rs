//! The watch: which tests changed files concern.

use std::time::Duration;

use super::Resolver;
use crate::config::project::WatchPlan;
use crate::config::settings::WatchRuleSettings;
use crate::domain::{Pattern, Text, WatchRule, WatchSpec};

/// The longest time for which files have to be at rest.
const LONGEST: Duration = Duration::from_secs(60);

impl Resolver<'_> {
    pub(super) fn watch(&mut self) -> WatchPlan {
        let settings = &self.settings.watch;
        self.check_count("watch.rule", settings.rule.len());
        let debounce = self.wait("watch.debounce", settings.debounce);
        if debounce > LONGEST {
            self.mistake("watch.debounce", "must be at most a minute");
        }
        let rules = settings.rule.iter().enumerate();
        let rules = rules.map(|(n, rule)| self.watch_rule(&format!("watch.rule.{n}"), rule)).collect();
        WatchPlan { spec: WatchSpec { enabled: settings.enabled, rules }, debounce }
    }

    fn watch_rule(&mut self, path: &str, rule: &WatchRuleSettings) -> WatchRule {
        let (of_paths, of_tests) = (format!("{path}.paths"), format!("{path}.tests"));
        if rule.paths.is_empty() {
            self.mistake(&of_paths, "names no files").hint("patterns from the project's folder, like [\"backend/**\"]");
        }
        if rule.tests.is_empty() {
            self.mistake(&of_tests, "names no tests").hint("words of their full names, like [\"test_login\"]");
        }
        let mut paths: Vec<Pattern> = Vec::new();
        for template in &rule.paths {
            let Some(text) = self.public(&of_paths, template) else { continue };
            if text.is_empty() || text.starts_with('/') || text.split('/').any(|part| part == "..") {
                self.mistake(&of_paths, format!("`{text}` names no files of the project"))
                    .at(template)
                    .hint("patterns from the project's folder, like [\"backend/**\"]");
            }
            paths.push(Pattern(text.trim_start_matches("./").into()));
        }
        let mut tests: Vec<Text> = Vec::new();
        for template in &rule.tests {
            let Some(text) = self.public(&of_tests, template) else { continue };
            if text.trim().is_empty() {
                self.mistake(&of_tests, "an empty word is in every name").at(template);
            }
            tests.push(text.into());
        }
        WatchRule { paths, tests }
    }
}
