//! Tiers, known failures and what they are bound to.

use super::Resolver;
use crate::config::date::end_of_day;
use crate::config::settings::{KnownSettings, TierSettings};
use crate::config::template::Template;
use crate::domain::{DependentSpec, KnownSpec, Pattern, Text, TierSpec};

/// How many tiers there can be, and how many known failures.
const MOST: usize = 500;

impl Resolver<'_> {
    pub(super) fn tiers(&mut self) -> Vec<TierSpec> {
        let settings = self.settings;
        self.check_count("tier", settings.tier.len());
        let mut tiers: Vec<TierSpec> = Vec::new();
        for (n, tier) in settings.tier.iter().take(MOST).enumerate() {
            let tier = self.tier(&format!("tier.{n}"), tier, &tiers);
            tiers.push(tier);
        }
        tiers
    }

    fn tier(&mut self, path: &str, tier: &TierSettings, others: &[TierSpec]) -> TierSpec {
        let TierSettings { name, title, tests, at_risk } = tier;
        let of_name = format!("{path}.name");
        let text = self.public_text(&of_name, name);
        if text.is_empty() || text.chars().any(|c| c.is_whitespace() || c == ',') {
            self.mistake(&of_name, format!("`{text}` cannot be the name of a tier"))
                .at(name)
                .hint("it is written in --gate P1,P2: no spaces, no commas");
        }
        if others.iter().any(|other| other.name.eq_ignore_ascii_case(&text)) {
            self.mistake(&of_name, format!("there is a tier `{text}` already")).at(name);
        }
        if tests.is_empty() {
            self.mistake(&format!("{path}.tests"), "names no tests").hint(PATTERN_HINT);
        }
        TierSpec {
            title: self.some(&format!("{path}.title"), title.as_ref()).unwrap_or_else(|| text.as_str().into()),
            name: text.into(),
            tests: self.patterns(&format!("{path}.tests"), tests),
            at_risk: self.some(&format!("{path}.at_risk"), at_risk.as_ref()),
        }
    }

    pub(super) fn known(&mut self) -> Vec<KnownSpec> {
        let settings = self.settings;
        self.check_count("known", settings.known.len());
        let known = settings.known.iter().take(MOST).enumerate();
        known.map(|(n, known)| self.known_failure(&format!("known.{n}"), known)).collect()
    }

    fn known_failure(&mut self, path: &str, known: &KnownSettings) -> KnownSpec {
        let KnownSettings { tests, signature, message, reason, owner, issue, expires } = known;
        let of_reason = format!("{path}.reason");
        let text = self.public_text(&of_reason, reason);
        if text.trim().is_empty() {
            self.mistake(&of_reason, "is empty").at(reason).hint("say why this failure is accepted");
        }
        if signature.is_none() && message.is_none() {
            self.mistake(path, "is bound to no failure: it would hide whatever goes wrong next")
                .hint("write the signature that an opened cause shows, or a message pattern");
        }
        let expires = expires.as_ref().and_then(|template| {
            let of_expires = format!("{path}.expires");
            let day = self.public(&of_expires, template)?;
            match end_of_day(&day) {
                Ok(end) => Some(end),
                Err(trouble) => {
                    self.mistake(&of_expires, trouble).at(template);
                    None
                }
            }
        });
        KnownSpec {
            tests: self.patterns(&format!("{path}.tests"), tests),
            signature: signature.as_ref().and_then(|template| self.signature(&format!("{path}.signature"), template)),
            message: self.some(&format!("{path}.message"), message.as_ref()).map(Pattern),
            reason: text.into(),
            owner: self.some(&format!("{path}.owner"), owner.as_ref()),
            issue: self.some(&format!("{path}.issue"), issue.as_ref()),
            expires,
        }
    }

    pub(super) fn dependents(&mut self) -> Vec<DependentSpec> {
        let settings = self.settings;
        self.check_count("dependent", settings.dependent.len());
        let mut dependents = Vec::new();
        for (n, dependent) in settings.dependent.iter().take(MOST).enumerate() {
            let mut patterns = |key: &str, templates: &[Template]| {
                let path = format!("dependent.{n}.{key}");
                if templates.is_empty() {
                    self.mistake(&path, "names no tests").hint(PATTERN_HINT);
                }
                self.patterns(&path, templates)
            };
            dependents
                .push(DependentSpec { tests: patterns("tests", &dependent.tests), on: patterns("on", &dependent.on) });
        }
        dependents
    }

    /// `assertion:3f9a12c0`, as an opened cause shows it.
    fn signature(&mut self, path: &str, template: &Template) -> Option<Text> {
        let key = self.public(path, template)?;
        let is_hash = |hash: &str| hash.len() == 8 && hash.chars().all(|c| c.is_ascii_hexdigit());
        if !key.split_once(':').is_some_and(|(class, hash)| !class.is_empty() && is_hash(hash)) {
            self.mistake(path, format!("`{key}` is not the key of a signature"))
                .at(template)
                .hint("copy it from an opened cause: it looks like \"assertion:3f9a12c0\"");
        }
        Some(key.to_ascii_lowercase().into())
    }

    pub(super) fn patterns(&mut self, path: &str, templates: &[Template]) -> Vec<Pattern> {
        let mut patterns = Vec::with_capacity(templates.len());
        for template in templates {
            let Some(text) = self.public(path, template) else { continue };
            if text.is_empty() {
                self.mistake(path, "an empty pattern fits no test").at(template).hint(PATTERN_HINT);
            }
            patterns.push(Pattern(text.into()));
        }
        patterns
    }

    fn some(&mut self, path: &str, template: Option<&Template>) -> Option<Text> {
        self.public(path, template?).filter(|text| !text.trim().is_empty()).map(Text::from)
    }

    pub(super) fn check_count(&mut self, path: &str, count: usize) {
        if count > MOST {
            self.mistake(path, format!("there are {count}, and {MOST} are the most there can be"));
        }
    }
}

const PATTERN_HINT: &str = "patterns, like [\"*/test_critical.py\", \"*::test_login*\"]";
