//! Deployers: what a deploy's command prints, and what each platform says of it. One file a platform.
//!
//! A deployer is a question-and-answer machine without any I/O: it says what to ask next, and reads the reply into the
//! words of the domain. The engine asks, waits, and keeps the time.

pub mod cloud_run;
pub mod command;
pub mod compose;
pub mod github;
pub mod kubernetes;
pub mod webhook;

use std::fmt::{self, Debug};
use std::time::Duration;

use crate::config::platform::PlatformSpec;
use crate::config::project::DeploySpec;
use crate::domain::{PlatformVerdict, StepState, Text, revision};

/// Something to ask of the world outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// By HTTP.
    Http(Request),
    /// By a command of the project.
    Run(Vec<String>),
}

/// An HTTP request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `POST`, `PATCH`.
    pub method: &'static str,
    /// The whole URL.
    pub url: String,
    /// Headers beside the access token.
    pub headers: Vec<(&'static str, String)>,
    /// A JSON body.
    pub body: Option<String>,
    /// Whether it asks for a log by an address that was given away for it: without our token, and of a long one the end.
    pub is_log: bool,
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.url)?;
        self.body.as_ref().map_or(Ok(()), |body| write!(f, "\n{body}"))
    }
}

impl Request {
    /// A question that changes nothing.
    #[must_use]
    pub fn get(url: impl Into<String>) -> Self {
        Self { method: "GET", url: url.into(), headers: Vec::new(), body: None, is_log: false }
    }
}

/// What came back: an HTTP answer, or the output of a command.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reply {
    /// The HTTP status, or the exit code of a command.
    pub status: u16,
    /// Headers of interest, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, or what the command printed.
    pub body: String,
}

impl Reply {
    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// How long the other side asks to be left alone.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.header("retry-after")?.trim().parse().ok().map(Duration::from_secs)
    }

    /// What is wrong with an HTTP answer that is no success, in the other side's own words where it has some.
    #[must_use]
    pub fn complaint(&self) -> Text {
        #[derive(serde::Deserialize)]
        #[serde(untagged)]
        enum Said {
            Wrapped { error: Error },
            Plain(Error),
        }
        #[derive(serde::Deserialize)]
        struct Error {
            message: String,
        }
        let said = serde_json::from_str::<Said>(&self.body).map(|said| match said {
            Said::Wrapped { error } | Said::Plain(error) => error.message,
        });
        let hint = match self.status {
            401 => ": see to the access token",
            403 => ": the access token may not do that",
            _ => "",
        };
        match said {
            Ok(message) => format!("it answered {}, {}{hint}", self.status, super::sanitize::text(&message)).into(),
            Err(_) => format!("it answered {}{hint}", self.status).into(),
        }
    }
}

/// What a reply says.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// A step began or ended.
    Step(Text, StepState),
    /// Which revision is put in place.
    Target(Text),
    /// How the platform sees it, with its message word for word.
    Verdict(PlatformVerdict, Option<Text>),
    /// A line for people.
    Line(Text),
}

/// What a deploy is after, as far as that is known when it begins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Aim {
    /// A word that no other deploy has.
    pub id: String,
    /// The name, or the end of the name, that the new revision will have: expected identity comes from the deploy.
    pub suffix: Option<String>,
    /// The earlier revision to which the traffic is to go back.
    pub back_to: Option<String>,
    /// Whether the platform is asked to act, as no command does.
    pub by_request: bool,
}

/// A platform that knows how a deploy goes. Errors say what was wrong with the reply; the question is then asked again.
pub trait Deployer: Debug + Send + Sync {
    /// What to ask before anything is started; nothing is started while there is no good reply.
    fn before(&self) -> Option<Ask>;

    /// Reads how things stood before.
    ///
    /// # Errors
    /// When the reply is none that can be gone by.
    fn remember(&mut self, reply: &Reply) -> Result<(), Text>;

    /// The request that brings the earlier revision back which is aimed for, where no command does.
    fn back(&self) -> Option<Ask> {
        None
    }

    /// The request that starts the deploy, where no command does.
    fn start(&self) -> Option<Ask> {
        None
    }

    /// Reads what came of that request.
    ///
    /// # Errors
    /// When it was refused.
    fn started(&mut self, _reply: &Reply) -> Result<Vec<Told>, Text> {
        Ok(Vec::new())
    }

    /// The reply to that request was lost. It is never sent twice; whether it can be found out what came of it.
    fn lost(&self) -> bool {
        false
    }

    /// The command named the revision that it puts in place.
    fn aim(&mut self, revision: &str);

    /// The command ended well: from now on what the platform says is the truth.
    fn acted(&mut self);

    /// What to ask next; `None` where nobody can be asked, so that the proof alone tells what came of it.
    fn next(&self) -> Option<Ask>;

    /// Reads a reply.
    ///
    /// # Errors
    /// When the reply is none that can be gone by.
    fn hear(&mut self, reply: &Reply) -> Result<Vec<Told>, Text>;

    /// No answer came to the question. What can be said without it, where it is one to go on without.
    fn missed(&mut self, _why: &Text) -> Option<Vec<Told>> {
        None
    }

    /// What stops the deploy, where the platform can.
    fn cancel(&self) -> Option<Ask> {
        None
    }

    /// How long to wait between questions.
    fn pace(&self) -> Duration;
}

/// What starts a deploy, word by word: its command, or the request in its place.
#[must_use]
pub fn words(spec: &DeploySpec) -> Vec<String> {
    let asked = || spec.platform.as_ref().and_then(|platform| of(platform, Aim::default()).start());
    match (&spec.command, asked()) {
        (Some(command), _) => command.argv.clone(),
        (None, Some(Ask::Http(request))) => vec![request.method.to_owned(), request.url],
        (None, Some(Ask::Run(argv))) => argv,
        (None, None) => Vec::new(),
    }
}

/// The request that starts a deploy, as a person may read it.
#[must_use]
pub fn request(spec: &DeploySpec) -> String {
    match spec.platform.as_ref().and_then(|platform| of(platform, Aim::default()).start()) {
        Some(Ask::Http(request)) => request.to_string(),
        Some(Ask::Run(argv)) => argv.join(" "),
        None => String::new(),
    }
}

/// What brings an earlier revision back, word by word, `{revision}` still to be put in; empty where nothing does.
#[must_use]
pub fn words_back(spec: &DeploySpec) -> Vec<String> {
    match (&spec.rollback, request_back(spec, "{revision}")) {
        (Some(command), _) => command.argv.clone(),
        (None, Some(request)) => vec![request.method.to_owned(), request.url],
        (None, None) => Vec::new(),
    }
}

/// The request by which a platform itself brings an earlier revision back.
#[must_use]
pub fn request_back(spec: &DeploySpec, to: &str) -> Option<Request> {
    let aim = Aim { back_to: Some(to.to_owned()), ..Aim::default() };
    match of(spec.platform.as_ref()?, aim).back()? {
        Ask::Http(request) => Some(request),
        Ask::Run(_) => None,
    }
}

/// A word of a rollback's command, with the revision put in: its name, and the number at the end of the name.
#[must_use]
pub fn put_in(word: &str, to: &str) -> String {
    word.replace("{revision}", to).replace("{number}", revision::number(to).unwrap_or(to))
}

/// The deployer of a platform.
#[must_use]
pub fn of(platform: &PlatformSpec, aim: Aim) -> Box<dyn Deployer> {
    match platform {
        PlatformSpec::CloudRun(spec) => Box::new(cloud_run::CloudRun::new(spec.clone(), aim)),
        PlatformSpec::Compose(spec) => Box::new(compose::Compose::new(spec.clone())),
        PlatformSpec::Github(spec) => Box::new(github::Github::new(spec.clone(), aim)),
        PlatformSpec::Kubernetes(spec) => Box::new(kubernetes::Kubernetes::new(spec.clone())),
        PlatformSpec::Webhook(spec) => Box::new(webhook::Webhook::new(spec.clone(), aim)),
    }
}
