//! From settings to the project: variables are put in, and what cannot work is said where it was written.
//!
//! A pure function of the settings and a way to look up the environment. It never stops at the first thing that is
//! wrong; a text that could not be made stays empty, and the remark about it keeps the project from being used.

mod autopilot;
mod compose;
mod contract;
mod deploy;
mod health;
mod http;
mod http_health;
mod logs;
mod mapping;
mod notice;
mod proof;
mod report;
mod restart;
mod runner;
mod service;
mod stream;
mod triage;
mod url;
mod variables;
mod watch;
mod webhook;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::complaint::suggestion;
use super::project::{CommandSpec, EnvironmentSpec, HeaderSpec, Masked, Project, RunSpec, Secret};
use super::settings::{BaselineKind, Placed, Settings, ValueSettings};
use super::template::{Place, Template};
use super::timespan::Timespan;
use crate::domain::Baseline;
use variables::Variables;

/// Looks up a variable of the environment.
pub type Environment<'e> = &'e dyn Fn(&str) -> Option<String>;

/// Shorter secrets are not masked: they would turn every output into stars.
const SHORTEST_SECRET: usize = 6;

/// What there is to say about one setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// The exact text it is about, where there is one.
    pub place: Option<Place>,
    /// The dotted path of the setting, as in `service.backend.url`.
    pub path: String,
    /// What is the matter.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The path of another setting that it misses.
    pub misses: Option<String>,
    /// Whether the project can be used all the same.
    pub is_notice: bool,
}

/// The project, and what there is to say about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolution {
    /// Only to be used when all remarks are notices.
    pub project: Project,
    /// Everything that was noticed, in the order of the settings.
    pub remarks: Vec<Remark>,
}

/// Puts the variables in and checks what the types cannot.
pub fn resolve(settings: &Settings, env: Environment<'_>) -> Resolution {
    let mut resolver = Resolver::new(settings, env);
    let environment = EnvironmentSpec { name: resolver.badge(), kind: settings.environment.kind };
    let runners = in_order(&settings.runner, |name, runner| resolver.runner(name, runner));
    let services = in_order(&settings.service, |name, service| resolver.service(name, service));
    let streams = in_order(&settings.stream, |name, stream| resolver.stream(name, stream));
    let (tiers, known, dependents) = (resolver.tiers(), resolver.known(), resolver.dependents());
    let contracts = in_order(&settings.contract, |name, contract| resolver.contract(name, contract, &streams));
    let contracts = contracts.into_iter().flatten().collect();
    let run = resolver.run();
    let autopilot = resolver.autopilot();
    let watch = resolver.watch();
    let reports = resolver.reports();
    let (baseline, baseline_file) = resolver.baseline();
    let hook = resolver.hook();
    let http = resolver.http();
    resolver.check_ranges();
    let secrets = resolver.secrets();
    Resolution {
        project: Project {
            environment,
            runners,
            services,
            streams,
            tiers,
            known,
            dependents,
            contracts,
            run,
            autopilot,
            watch,
            reports,
            baseline,
            baseline_file,
            http,
            limits: settings.limits.clone(),
            journal: settings.journal.clone(),
            history: settings.history.clone(),
            hook,
            variables: resolver.variables.known(),
            secrets,
        },
        remarks: resolver.remarks,
    }
}

/// Named tables in the order in which they were written.
fn in_order<T, S>(tables: &BTreeMap<String, Placed<T>>, mut make: impl FnMut(&str, &T) -> S) -> Vec<S> {
    let mut tables: Vec<_> = tables.iter().collect();
    tables.sort_by_key(|(_, table)| table.place);
    tables.into_iter().map(|(name, table)| make(name, &table.value)).collect()
}

struct Resolver<'s> {
    settings: &'s Settings,
    env: Environment<'s>,
    variables: Variables,
    secrets: Vec<(String, Secret)>,
    remarks: Vec<Remark>,
}

impl<'s> Resolver<'s> {
    fn new(settings: &'s Settings, env: Environment<'s>) -> Self {
        let (variables, remarks) = Variables::of(settings, env);
        let secrets = variables.secrets();
        Self { settings, env, variables, secrets, remarks }
    }

    /// A text with its variables put in.
    fn text(&mut self, path: &str, template: &Template) -> String {
        self.expand(path, template).map(|(text, _)| text).unwrap_or_default()
    }

    fn texts(&mut self, path: &str, templates: &[Template]) -> Vec<String> {
        templates.iter().map(|template| self.text(path, template)).collect()
    }

    /// A text that is handed over to one party, and masked everywhere else where it holds a secret.
    fn masked(&mut self, path: &str, template: &Template) -> Masked {
        let (text, is_secret) = self.expand(path, template).unwrap_or_default();
        Masked::new(text, is_secret)
    }

    /// A text where other people can read it, so that a secret is refused. None where it could not be made.
    fn public(&mut self, path: &str, template: &Template) -> Option<String> {
        let (text, has_secret) = self.expand(path, template)?;
        if has_secret {
            self.mistake(path, "a secret cannot stand here, where it would be shown")
                .at(template)
                .hint("let the program read the environment variable itself");
            return None;
        }
        Some(text)
    }

    fn public_text(&mut self, path: &str, template: &Template) -> String {
        self.public(path, template).unwrap_or_default()
    }

    fn public_texts(&mut self, path: &str, templates: &[Template]) -> Vec<String> {
        templates.iter().map(|template| self.public_text(path, template)).collect()
    }

    fn expand(&mut self, path: &str, template: &Template) -> Option<(String, bool)> {
        match self.variables.expand(template) {
            Ok(expanded) => Some(expanded),
            Err(Some(trouble)) => {
                let remark = self.mistake(path, trouble.message).at(template);
                remark.hint = trouble.hint;
                remark.misses = trouble.misses;
                None
            }
            // What is wrong with the variable was said where it is defined.
            Err(None) => None,
        }
    }

    fn env(&mut self, path: &str, env: &BTreeMap<String, Template>) -> Vec<(String, Masked)> {
        env.iter()
            .map(|(name, value)| {
                let path = format!("{path}.{name}");
                if name.is_empty() || name.contains(['=', '\0']) {
                    self.mistake(&path, format!("`{name}` cannot be the name of an environment variable"));
                }
                (name.clone(), self.masked(&path, value))
            })
            .collect()
    }

    /// A command of a table that may also say its `env` and `directory`.
    fn command(
        &mut self,
        path: &str,
        key: &str,
        command: &[Template],
        env: &BTreeMap<String, Template>,
        directory: Option<&Template>,
    ) -> CommandSpec {
        let of_command = format!("{path}.{key}");
        if command.first().is_none_or(|program| program.text.is_empty()) {
            self.mistake(&of_command, "names no program").hint("a command is a list: the program, then its arguments");
        }
        let argv = self.public_texts(&of_command, command);
        CommandSpec {
            argv,
            env: self.env(&format!("{path}.env"), env),
            directory: directory.map(|directory| self.text(&format!("{path}.directory"), directory)),
        }
    }

    fn headers(&mut self, path: &str, headers: &BTreeMap<String, ValueSettings>) -> Vec<HeaderSpec> {
        headers.iter().filter_map(|(name, value)| self.header(&format!("{path}.headers.{name}"), name, value)).collect()
    }

    /// A value that is written out or comes from the environment; `without` says what is the case when it is not set.
    fn value(&mut self, path: &str, value: &ValueSettings, without: &str) -> Option<Masked> {
        match (&value.value, &value.env) {
            (Some(text), None) => Some(self.masked(path, text)),
            (None, Some(variable)) => match (self.environment_variable(variable), &value.default) {
                (Some(found), _) => {
                    self.secrets.push((path.to_owned(), Secret::new(&found)));
                    Some(Masked::new(found, true))
                }
                (None, Some(default)) => Some(self.masked(path, default)),
                (None, None) => {
                    self.notice(path, format!("{variable} is not set: {without}"));
                    None
                }
            },
            (Some(_), Some(_)) => {
                self.mistake(path, "has both `value` and `env`: keep one");
                None
            }
            (None, None) => {
                self.mistake(path, "has no value").hint("write value = \"…\", or env = \"NAME\" for a secret");
                None
            }
        }
    }

    fn header(&mut self, path: &str, name: &str, value: &ValueSettings) -> Option<HeaderSpec> {
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)) {
            self.mistake(path, format!("`{name}` cannot be the name of a header"));
        }
        let value = self.value(path, value, "this header is left out")?;
        if value.reveal().chars().any(char::is_control) {
            self.mistake(path, "a header's value cannot hold line breaks or other control characters");
        }
        Some(HeaderSpec { name: name.to_owned(), value })
    }

    /// A variable of the environment; set but empty is as good as unset.
    fn environment_variable(&self, name: &str) -> Option<String> {
        (self.env)(name).filter(|value| !value.is_empty())
    }

    /// A place in a JSON document (RFC 6901).
    fn pointer(&mut self, path: &str, template: &Template) -> String {
        let pointer = self.text(path, template);
        if !pointer.is_empty() && !pointer.starts_with('/') {
            self.mistake(path, format!("`{pointer}` is not a JSON pointer"))
                .at(template)
                .hint(format!("write \"/{}\"", pointer.replace('.', "/")));
        }
        pointer
    }

    /// A time to wait, which cannot be none at all.
    fn wait(&mut self, path: &str, span: Timespan) -> Duration {
        if span.0.is_zero() {
            self.mistake(path, "must be longer than nothing");
        }
        span.0
    }

    /// The name that stands on every screen.
    fn badge(&mut self) -> String {
        let path = "environment.name";
        let name = self.public(path, &self.settings.environment.name);
        if name.as_ref().is_some_and(|name| name.trim().is_empty()) {
            self.mistake(path, "cannot be empty: nobody could tell where they are");
        }
        name.unwrap_or_default()
    }

    /// A name that is shown, typed and filtered by.
    fn name(&mut self, path: &str, name: &str) -> String {
        if name.is_empty() || !name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-') {
            self.mistake(path, format!("`{name}` cannot be a name")).hint("use letters, digits, `-` and `_`");
        }
        name.to_owned()
    }

    fn run(&mut self) -> RunSpec {
        let run = &self.settings.run;
        RunSpec {
            interrupt_grace: run.interrupt_grace.0,
            terminate_grace: run.terminate_grace.0,
            hold_on_unhealthy: run.hold_on_unhealthy,
            hold_limit: run.hold_limit.0,
            batch: run.batch.0,
        }
    }

    fn baseline(&mut self) -> (Baseline, Option<String>) {
        let baseline = &self.settings.baseline;
        let file = baseline.file.as_ref().and_then(|file| self.public("baseline.file", file));
        let against = match (baseline.against, &file) {
            (BaselineKind::Previous, _) => Baseline::Previous,
            (BaselineKind::Green, _) => Baseline::Green,
            (BaselineKind::File, Some(file)) => Baseline::File(file.as_str().into()),
            (BaselineKind::File, None) => {
                if baseline.file.is_none() {
                    self.mistake("baseline.against", "needs to know which file")
                        .hint("write file = \"results.xml\" beside it");
                }
                Baseline::Previous
            }
        };
        (against, file)
    }

    fn check_ranges(&mut self) {
        let (limits, journal) = (&self.settings.limits, &self.settings.journal);
        self.range("limits.deploy_lines", limits.deploy_lines, 10..=1_000_000);
        self.range("limits.agent_events", limits.agent_events, 100..=10_000_000);
        self.range("limits.log_lines", limits.log_lines, 100..=1_000_000);
        self.range("limits.message_bytes", limits.message_bytes, 1_024..=1 << 30);
        self.range("journal.bytes", journal.bytes, 1 << 20..=1 << 50);
    }

    fn range<N: PartialOrd + Display>(&mut self, path: &str, number: N, range: RangeInclusive<N>) {
        if !range.contains(&number) {
            self.mistake(path, format!("must be from {} to {}", range.start(), range.end()));
        }
    }

    /// What to mask, longest first, so that a secret inside another one does not leave a rest of it.
    fn secrets(&mut self) -> Vec<Secret> {
        let (long, short): (Vec<_>, Vec<_>) = std::mem::take(&mut self.secrets)
            .into_iter()
            .partition(|(_, secret)| secret.reveal().len() >= SHORTEST_SECRET);
        for (path, _) in short {
            self.notice(&path, format!("a secret of fewer than {SHORTEST_SECRET} characters is not masked"));
        }
        let mut secrets: Vec<_> = long.into_iter().map(|(_, secret)| secret).collect();
        secrets.sort_by(|a, b| b.reveal().len().cmp(&a.reveal().len()).then_with(|| a.cmp(b)));
        secrets.dedup();
        secrets
    }

    fn mistake(&mut self, path: &str, message: impl Into<String>) -> &mut Remark {
        self.remark(path, message.into(), false)
    }

    fn notice(&mut self, path: &str, message: impl Into<String>) -> &mut Remark {
        self.remark(path, message.into(), true)
    }

    fn remark(&mut self, path: &str, message: String, is_notice: bool) -> &mut Remark {
        let at = self.remarks.len();
        self.remarks.push(Remark { place: None, path: path.to_owned(), message, hint: None, misses: None, is_notice });
        &mut self.remarks[at]
    }
}

impl Remark {
    /// Points at the exact text.
    fn at(&mut self, template: &Template) -> &mut Self {
        self.place = Some(template.place);
        self
    }

    /// Says what to do.
    fn hint(&mut self, hint: impl Into<String>) -> &mut Self {
        self.hint = Some(hint.into());
        self
    }

    /// Says which other setting is missing, which may be so because it was mistyped.
    fn misses(&mut self, path: String) -> &mut Self {
        self.misses = Some(path);
        self
    }

    /// Says which of the known names may have been meant.
    fn suggest<'k>(&mut self, name: &str, known: impl IntoIterator<Item = &'k String>) -> &mut Self {
        self.hint = suggestion(name, known.into_iter().map(String::as_str));
        self
    }
}
