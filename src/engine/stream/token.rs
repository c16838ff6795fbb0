//! Where the token of a stream comes from, how long it lives, and how it is offered.
//!
//! Configuration never holds a token: it names a variable, a file, a command or an HTTP call. What comes back is wrapped
//! at once in a [`Secret`] and learned by the [`Secrets`], so that it cannot turn up in an event or on a screen.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{fmt, fs};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use rustix::process::{Pid, Signal, kill_process_group};
use serde::Deserialize;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;
use tokio::time::timeout;

use super::secret::Secrets;
use crate::config::project::{OfferSpec, Secret, TokenEncoding};
use crate::engine::http::chain;

/// How long a token command or call may take, unless configuration says otherwise.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// How much a file, a command or a call may give.
const LONGEST: u64 = 64 * 1024;

/// Where the token comes from.
#[derive(Clone, Debug)]
pub enum TokenSource {
    /// An environment variable.
    Variable(String),
    /// A file that holds nothing else.
    File(PathBuf),
    /// A command that prints it.
    Command {
        /// The program and its arguments; no shell.
        argv: Vec<String>,
        /// How long it may take.
        deadline: Duration,
    },
    /// An HTTP call whose JSON answer holds it.
    Http(TokenCall),
}

/// An HTTP call that issues tokens.
#[derive(Clone, Debug)]
pub struct TokenCall {
    /// `POST`, mostly.
    pub method: String,
    /// The address.
    pub url: String,
    /// Headers by name.
    pub headers: Vec<(String, HeaderSource)>,
    /// The body, sent as JSON unless a header says otherwise.
    pub body: Option<String>,
    /// Where the token is in the answer, as a JSON pointer: `/access_token`.
    pub pointer: String,
    /// How long it may take.
    pub deadline: Duration,
}

/// Where the value of a header comes from.
#[derive(Clone, Debug)]
pub enum HeaderSource {
    /// From the configuration.
    Text(String),
    /// From an environment variable; it is a secret.
    Variable(String),
}

/// How the token is shown to the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenOffer {
    /// `Authorization: Bearer …`
    Bearer,
    /// A query parameter of this name.
    Query(String),
    /// A subprotocol `jwt.<base64url>`, as browsers have to do it.
    Subprotocol,
    /// As `Bearer`, in another header or behind another word; the token alone where the word is empty.
    Header {
        /// The header's name.
        name: String,
        /// The word before the token.
        scheme: String,
    },
    /// As `Subprotocol`, behind another prefix or unencoded.
    Prefixed {
        /// What stands before the token.
        prefix: String,
        /// How the token is written.
        encoding: TokenEncoding,
    },
}

impl From<&OfferSpec> for TokenOffer {
    fn from(spec: &OfferSpec) -> Self {
        match spec.clone() {
            OfferSpec::Header { name, scheme } => Self::Header { name, scheme },
            OfferSpec::Query { parameter } => Self::Query(parameter),
            OfferSpec::Subprotocol { prefix, encoding } => Self::Prefixed { prefix, encoding },
        }
    }
}

/// A token, and how long it is good for.
#[derive(Clone, Debug)]
pub struct Token {
    /// The token.
    pub secret: Secret,
    /// When it was handed out.
    pub obtained: SystemTime,
    /// When it ends, where it is a JWT that says so.
    pub expires: Option<SystemTime>,
}

/// No token could be had. Reads as sentences for a person.
#[derive(Clone, Debug)]
pub struct TokenTrouble {
    /// What happened.
    pub what: String,
    /// What to do about it.
    pub what_to_do: String,
    /// Whether the same thing may work later without anybody doing anything.
    pub may_pass: bool,
}

impl fmt::Display for TokenTrouble {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.what)
    }
}

/// Looks up an environment variable.
pub type Variables = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// The variables of this process.
pub fn process_variables() -> Variables {
    Arc::new(|name| std::env::var(name).ok())
}

/// What token providers work with.
#[derive(Clone)]
pub struct Means {
    /// The HTTP client.
    pub client: reqwest::Client,
    /// The environment.
    pub variables: Variables,
    /// Where secrets are remembered.
    pub secrets: Secrets,
}

impl Token {
    /// Wraps a token and learns every form in which it will travel.
    pub fn new(value: &str, obtained: SystemTime, secrets: &Secrets) -> Self {
        secrets.learn(value);
        secrets.learn(&in_base64(value));
        Self { secret: Secret::new(value.to_owned()), obtained, expires: expiry(value) }
    }

    /// Whether the next connection should better use a new one: 80 % of its life are over, or its last minute began.
    pub fn is_due(&self, now: SystemTime) -> bool {
        let Some(expires) = self.expires else {
            return false;
        };
        let life = expires.duration_since(self.obtained).unwrap_or_default();
        let age = now.duration_since(self.obtained).unwrap_or_default();
        age >= life.mul_f64(0.8) || age + Duration::from_secs(60) >= life
    }
}

/// A token as it travels inside of a subprotocol.
pub(super) fn in_base64(value: &str) -> String {
    URL_SAFE_NO_PAD.encode(value)
}

/// The `exp` of a JWT. Nothing is verified: the server does that.
fn expiry(token: &str) -> Option<SystemTime> {
    #[derive(Deserialize)]
    struct Claims {
        exp: f64,
    }
    let payload = token.split('.').nth(1)?;
    let claims: Claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?).ok()?;
    UNIX_EPOCH.checked_add(Duration::try_from_secs_f64(claims.exp).ok()?)
}

impl TokenSource {
    /// Gets a token.
    pub async fn obtain(&self, means: &Means) -> Result<Token, TokenTrouble> {
        let value = match self {
            Self::Variable(name) => variable(name, means)?,
            Self::File(file) => read_file(file)?,
            Self::Command { argv, deadline } => run(argv, *deadline, means).await?,
            Self::Http(call) => call.make(means).await?,
        };
        let value = value.trim();
        if value.is_empty() || value.contains(|char: char| char.is_whitespace() || char.is_control()) {
            return Err(TokenTrouble {
                what: format!("{self} gave {}", if value.is_empty() { "nothing" } else { "more than one word" }),
                what_to_do: "see that it gives the token and nothing else".into(),
                may_pass: matches!(self, Self::Command { .. } | Self::Http(_)),
            });
        }
        Ok(Token::new(value, SystemTime::now(), &means.secrets))
    }
}

impl fmt::Display for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Variable(name) => write!(f, "the variable {name}"),
            Self::File(file) => write!(f, "the file {}", file.display()),
            Self::Command { argv, .. } => write!(f, "the command `{}`", argv.first().map_or("", String::as_str)),
            Self::Http(call) => write!(f, "the call {} {}", call.method, without_query(&call.url)),
        }
    }
}

fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or(url)
}

fn variable(name: &str, means: &Means) -> Result<String, TokenTrouble> {
    let value = (means.variables)(name).filter(|value| !value.is_empty()).ok_or_else(|| TokenTrouble {
        what: format!("the variable {name} is not set"),
        what_to_do: format!("set {name} in the environment in which liveloop starts"),
        may_pass: false,
    })?;
    means.secrets.learn(value.trim());
    Ok(value)
}

fn read_file(file: &PathBuf) -> Result<String, TokenTrouble> {
    let unset = |what: String, what_to_do: &str| TokenTrouble { what, what_to_do: what_to_do.into(), may_pass: false };
    let length = fs::metadata(file).map(|file| file.len());
    if length.as_ref().is_ok_and(|length| *length > LONGEST) {
        return Err(unset(
            format!("the file {} is too long for a token", file.display()),
            "name the file that holds only the token",
        ));
    }
    length.and_then(|_| fs::read_to_string(file)).map_err(|error| {
        unset(
            format!("the file {} cannot be read: {error}", file.display()),
            "write the token to it, or correct its path",
        )
    })
}

/// Runs a token command in a process group of its own, which ends with its deadline.
async fn run(argv: &[String], deadline: Duration, means: &Means) -> Result<String, TokenTrouble> {
    let name = argv.first().map_or("", String::as_str);
    let trouble =
        |what: String, what_to_do: &str, may_pass| TokenTrouble { what, what_to_do: what_to_do.into(), may_pass };
    let [program, arguments @ ..] = argv else {
        return Err(trouble("the token command is empty".into(), "name a program", false));
    };
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| {
            trouble(format!("the command `{name}` cannot start: {error}"), "correct the token command", false)
        })?;
    let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let finished = timeout(deadline, async {
        let (printed, complained) = tokio::join!(read_some(stdout), read_some(stderr));
        (child.wait().await, printed, complained)
    })
    .await;
    match finished {
        Ok((Ok(status), printed, _)) if status.success() => Ok(printed),
        Ok((status, _, complained)) => {
            let ended = status.map_or_else(|error| error.to_string(), |status| status.to_string());
            let said: Vec<String> =
                means.secrets.shown(&complained).trim().lines().rev().take(5).map(Into::into).collect();
            let said = said.into_iter().rev().collect::<Vec<_>>().join("\n");
            Err(trouble(
                format!("the command `{name}` ended with {ended}: {said}"),
                "run it by hand and see what it wants",
                true,
            ))
        }
        Err(_) => {
            if let Some(group) = group {
                // It may be gone by now, which is as good.
                let _ended = kill_process_group(group, Signal::KILL);
            }
            let what = format!("the command `{name}` took longer than {} s", deadline.as_secs_f32());
            Err(trouble(what, "run it by hand: it may wait for an answer at a terminal", true))
        }
    }
}

async fn read_some(pipe: Option<impl AsyncRead + Unpin>) -> String {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        // What was read before an error is still worth showing.
        let _read = pipe.take(LONGEST).read_to_end(&mut bytes).await;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

impl TokenCall {
    async fn make(&self, means: &Means) -> Result<String, TokenTrouble> {
        let place = without_query(&self.url);
        let wrong =
            |what: String, what_to_do: &str| TokenTrouble { what, what_to_do: what_to_do.into(), may_pass: false };
        let method = Method::from_bytes(self.method.as_bytes())
            .map_err(|_| wrong(format!("{} is no HTTP method", self.method), "write GET or POST"))?;
        let mut request = means.client.request(method, &self.url).headers(self.headers(means)?);
        if let Some(body) = &self.body {
            request = request.body(body.clone());
        }
        let answer = timeout(self.deadline, async {
            let mut answer = request.send().await?;
            let status = answer.status();
            let mut body = Vec::new();
            // What came before the connection broke is still worth showing.
            while let Ok(Some(chunk)) = answer.chunk().await
                && body.len() as u64 <= LONGEST
            {
                body.extend_from_slice(&chunk);
            }
            Ok::<_, reqwest::Error>((status, body))
        });
        let (status, body) = match answer.await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => {
                return Err(TokenTrouble {
                    what: format!("{place} gave no token: {}", means.secrets.shown(&chain(&error))),
                    what_to_do: "see whether that service is up".into(),
                    may_pass: !error.is_builder(),
                });
            }
            Err(_) => {
                return Err(TokenTrouble {
                    what: format!("{place} gave no token within {} s", self.deadline.as_secs_f32()),
                    what_to_do: "see whether that service is up".into(),
                    may_pass: true,
                });
            }
        };
        if !status.is_success() {
            let said: String = means.secrets.shown(&String::from_utf8_lossy(&body)).chars().take(2000).collect();
            return Err(TokenTrouble {
                what: format!("{place} answered {status}: {said}"),
                what_to_do: "check the headers and the body of the token call".into(),
                may_pass: status.is_server_error() || matches!(status.as_u16(), 408 | 429),
            });
        }
        // The answer can hold further secrets, so that nothing of it is shown here.
        serde_json::from_slice::<Value>(&body)
            .ok()
            .and_then(|answer| Some(answer.pointer(&self.pointer)?.as_str()?.to_string()))
            .ok_or_else(|| {
                wrong(format!("the answer of {place} has no text at {}", self.pointer), "correct the pointer")
            })
    }

    fn headers(&self, means: &Means) -> Result<HeaderMap, TokenTrouble> {
        let mut headers = HeaderMap::new();
        if self.body.is_some() {
            headers.insert("content-type", HeaderValue::from_static("application/json"));
        }
        for (name, source) in &self.headers {
            let value = match source {
                HeaderSource::Text(text) => text.clone(),
                HeaderSource::Variable(variable_name) => variable(variable_name, means)?,
            };
            match (name.parse::<HeaderName>(), HeaderValue::from_str(value.trim())) {
                (Ok(name), Ok(value)) => drop(headers.insert(name, value)),
                _ => {
                    return Err(TokenTrouble {
                        what: format!("the header {name} of the token call cannot be sent"),
                        what_to_do: "take line breaks and other odd characters out of it".into(),
                        may_pass: false,
                    });
                }
            }
        }
        Ok(headers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::http::{Http, HttpSettings};

    fn means() -> Means {
        let client = Http::new(&HttpSettings::default()).expect("a client").client;
        let variables: Variables = Arc::new(|name| (name == "TOKEN").then(|| "from-a-variable\n".into()));
        Means { client, variables, secrets: Secrets::default() }
    }

    fn jwt(exp: u64) -> String {
        format!("eyJhbGciOiJIUzI1NiJ9.{}.c2lnbmF0dXJl", URL_SAFE_NO_PAD.encode(format!(r#"{{"sub":"u","exp":{exp}}}"#)))
    }

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn the_end_of_a_jwt_is_read_and_anticipated() {
        let token = Token::new(&jwt(1900), at(1000), &Secrets::default());
        assert_eq!(token.expires, Some(at(1900)));
        assert!(!token.is_due(at(1700)) && token.is_due(at(1720)));
        let short = Token::new(&jwt(1100), at(1000), &Secrets::default());
        assert!(!short.is_due(at(1039)) && short.is_due(at(1040)));
        for opaque in ["opaque", "a.b.c", "..", "a.e30.c", "a.eyJleHAiOi0xfQ.c", "a.eyJleHAiOjFlMzAwfQ.c"] {
            let token = Token::new(opaque, at(0), &Secrets::default());
            assert!(token.expires.is_none() && !token.is_due(at(99)), "{opaque}");
        }
    }

    #[tokio::test]
    async fn tokens_come_from_variables_files_and_commands() {
        let (means, folder) = (means(), tempfile::tempdir().expect("a folder"));
        let file = folder.path().join("token");
        fs::write(&file, "from-a-file\n").expect("writes");
        let command = |script: &str| TokenSource::Command {
            argv: ["sh", "-c", script].map(String::from).to_vec(),
            deadline: Duration::from_secs(20),
        };
        let table = [
            (TokenSource::Variable("TOKEN".into()), Ok("from-a-variable")),
            (TokenSource::Variable("NONE".into()), Err("the variable NONE is not set")),
            (TokenSource::File(file), Ok("from-a-file")),
            (TokenSource::File(folder.path().join("missing")), Err("missing cannot be read: No such file")),
            (command("echo from-a-command"), Ok("from-a-command")),
            (command("true"), Err("the command `sh` gave nothing")),
            (command("echo two words"), Err("gave more than one word")),
            (command("echo oh from-a-variable >&2; exit 3"), Err("exit status: 3: oh ***")),
            (TokenSource::Command { argv: vec![], deadline: DEADLINE }, Err("the token command is empty")),
        ];
        for (source, expected) in table {
            match (source.obtain(&means).await, expected) {
                (Ok(token), Ok(expected)) => {
                    assert_eq!(token.secret.reveal(), expected, "{source}")
                }
                (Err(trouble), Err(expected)) => {
                    assert!(trouble.what.contains(expected), "{trouble}")
                }
                (got, expected) => panic!("{source}: {got:?}, expected {expected:?}"),
            }
        }
        assert_eq!(means.secrets.mask("a from-a-command b"), "a *** b");
    }

    #[tokio::test]
    async fn a_command_that_waits_for_ever_is_ended() {
        let argv = ["sh", "-c", "sleep 600 & wait"].map(String::from).to_vec();
        let source = TokenSource::Command { argv, deadline: Duration::from_millis(50) };
        let trouble = source.obtain(&means()).await.expect_err("too slow");
        assert!(trouble.may_pass && trouble.what.contains("took longer than 0.05 s"), "{trouble}");
    }
}
