//! Contracts: a stream, what is said to it, and what has to come.

use std::collections::BTreeMap;

use super::Resolver;
use crate::config::project::{ContractPlan, StreamSpec, Transport};
use crate::config::settings::{ContractSettings, ReadySettings};
use crate::config::template::Template;
use crate::config::timespan::Timespan;
use crate::domain::{Allowed, ContractSpec, Expected, Sizes, Span, SyntheticRules, Text, Timed, usual_budgets};

/// More users than that are a load test, which is another matter.
const MOST_USERS: u32 = 200;

/// Stands for the revision that serves.
const CURRENT: &str = "current";

impl Resolver<'_> {
    /// A contract on one of `streams`; none where it names another, which is said.
    pub(super) fn contract(
        &mut self,
        name: &str,
        settings: &ContractSettings,
        streams: &[StreamSpec],
    ) -> Option<ContractPlan> {
        let path = format!("contract.{name}");
        let name = self.name(&path, name);
        self.range(&format!("{path}.users"), settings.users, 1..=MOST_USERS);
        let Some(stream) = streams.iter().find(|stream| stream.name == settings.stream).cloned() else {
            let known = &self.settings.stream;
            self.mistake(&format!("{path}.stream"), format!("there is no stream `{}`", settings.stream))
                .suggest(&settings.stream, known.keys())
                .misses(format!("stream.{}", settings.stream));
            return None;
        };
        if stream.transport != Transport::Websocket {
            self.mistake(&format!("{path}.stream"), "a contract needs a stream over WebSocket")
                .hint("name another stream: this one is an answer over HTTP");
            return None;
        }
        let message = settings.message.as_ref().map(|message| self.public_text(&format!("{path}.message"), message));
        let five = ContractSpec::five_events(&name, &stream.name);
        let only_if = self.only_if(&path, settings, &five.required);
        let spec = ContractSpec {
            only_if,
            required: self.names(&format!("{path}.required"), settings.required.as_deref(), five.required),
            order: self.names(&format!("{path}.order"), settings.order.as_deref(), five.order),
            shared: self.names(&format!("{path}.shared"), Some(&settings.shared), Vec::new()),
            placeholders: self.names(&format!("{path}.placeholders"), Some(&settings.placeholders), Vec::new()),
            fields: self.fields(&path, settings),
            schemas: self.schemas(&path, settings),
            budgets: allowed(&settings.budgets, usual_budgets()),
            limits: allowed(&settings.limits, Allowed::new()),
            sizes: Sizes {
                message: settings.large.unwrap_or(Sizes::default().message),
                per_second: settings.many.unwrap_or(Sizes::default().per_second),
            },
            synthetic: self.synthetic(&path, settings),
            severities: settings.checks.clone(),
            name: five.name,
            stream: five.stream,
            revision: settings.revision.as_ref().and_then(|revision| self.expected(&path, revision, &stream)),
        };
        Some(ContractPlan {
            message: message.or_else(|| stream.start.clone()),
            announces_ready: settings.ready == ReadySettings::Event,
            timeout: self.wait(&format!("{path}.timeout"), settings.timeout),
            settle: settings.settle.0,
            users: settings.users,
            user: settings.user.as_ref().map(|user| self.public_text(&format!("{path}.user"), user)),
            stream,
            spec,
        })
    }

    /// Which revision has to answer. Where nothing ever says which one did, that is a mistake here and now.
    fn expected(&mut self, path: &str, given: &Template, stream: &StreamSpec) -> Option<Expected> {
        let path = format!("{path}.revision");
        let name = self.public_text(&path, given);
        let service = stream.service.as_ref().and_then(|service| self.settings.service.get(service));
        let serves = service.is_some_and(|service| service.value.revision.is_some());
        let says = stream.revision.is_some();
        let stream = &stream.name;
        if name.trim().is_empty() {
            self.mistake(&path, "must not be empty").at(given).hint("name a revision, or write \"current\"");
            return None;
        }
        if name == CURRENT && !(serves && says) {
            let lacking = if says { "its service does not" } else { "the stream does not" };
            self.mistake(&path, format!("needs both sides to say their revision, and {lacking}")).at(given).hint(
                format!("add [stream.{stream}.revision], and a service with a revision as [stream.{stream}] service"),
            );
            return None;
        }
        if !serves && !says {
            self.mistake(&path, "nothing says which revision answers")
                .at(given)
                .hint(format!("add [stream.{stream}.revision] header = \"x-revision\", or a service with a revision"));
            return None;
        }
        Some(if name == CURRENT { Expected::Current } else { Expected::Named(name.into()) })
    }

    /// Conditions, each on an event that is required.
    fn only_if(&mut self, path: &str, settings: &ContractSettings, five: &[Text]) -> BTreeMap<Text, Vec<Text>> {
        let required: Vec<String> = match &settings.required {
            Some(required) => self.public_texts(&format!("{path}.required"), required),
            None => five.iter().map(ToString::to_string).collect(),
        };
        let mut conditions = BTreeMap::new();
        for (event, others) in &settings.only_if {
            let at = format!("{path}.if.{event}");
            if !required.contains(event) {
                self.mistake(&at, format!("`{event}` is not required, so there is nothing to spare"))
                    .suggest(event, required.iter());
            }
            conditions.insert(event.as_str().into(), self.names(&at, Some(others), Vec::new()));
        }
        conditions
    }

    fn fields(&mut self, path: &str, settings: &ContractSettings) -> BTreeMap<Text, Vec<Text>> {
        let of = |(event, fields): (&String, &Vec<Template>)| {
            (event.as_str().into(), self.names(&format!("{path}.fields.{event}"), Some(fields), Vec::new()))
        };
        settings.fields.iter().map(of).collect()
    }

    fn schemas(&mut self, path: &str, settings: &ContractSettings) -> BTreeMap<Text, Text> {
        let of = |(event, file): (&String, &Template)| {
            let file = self.public_text(&format!("{path}.schemas.{event}"), file);
            (event.as_str().into(), file.into())
        };
        settings.schemas.iter().map(of).collect()
    }

    fn synthetic(&mut self, path: &str, settings: &ContractSettings) -> SyntheticRules {
        let (rules, usual) = (&settings.synthetic, SyntheticRules::default());
        let path = format!("{path}.synthetic");
        SyntheticRules {
            agents: self.names(&format!("{path}.agents"), rules.agents.as_deref(), usual.agents),
            tools: self.names(&format!("{path}.tools"), rules.tools.as_deref(), usual.tools),
            announced_by: self.names(
                &format!("{path}.announced_by"),
                rules.announced_by.as_deref(),
                usual.announced_by,
            ),
            signs: rules.signs.unwrap_or(usual.signs),
        }
    }

    fn names(&mut self, path: &str, given: Option<&[Template]>, usual: Vec<Text>) -> Vec<Text> {
        given.map_or(usual, |given| self.public_texts(path, given).into_iter().map(Text::from).collect())
    }
}

/// What is allowed: what was given, over what is usual.
fn allowed(given: &BTreeMap<Timed, Timespan>, mut usual: Allowed) -> Allowed {
    usual.extend(given.iter().map(|(measure, most)| (*measure, Span::from(most.0))));
    usual
}
