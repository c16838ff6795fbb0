//! Where the token of a stream comes from, how long it lives, and how it is offered.
//!
//! Configuration never holds a token: it names a variable, a file, a command or an HTTP call. What comes back is wrapped
//! at once in a [`Secret`] and learned by the [`Secrets`], so that it cannot turn up in an event or on a screen.

mod call;
mod local;
mod mint;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

pub use self::mint::Mint;

use self::local::{read_file, run, variable};
use super::secret::Secrets;
use crate::config::project::{OfferSpec, Secret, TokenEncoding};
use crate::engine::http::Http;

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
    /// A secret that both sides know.
    Mint(Mint),
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
    /// The HTTP client, and the ways through a proxy.
    pub http: Http,
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
        self.due().is_some_and(|due| now >= due)
    }

    /// When that is, where the token has an end.
    pub fn due(&self) -> Option<SystemTime> {
        let life = self.expires?.duration_since(self.obtained).unwrap_or_default();
        self.obtained.checked_add(life.mul_f64(0.8).min(life.saturating_sub(Duration::from_secs(60))))
    }
}

/// A token as it travels inside of a subprotocol.
pub(super) fn in_base64(value: impl AsRef<[u8]>) -> String {
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
            Self::Mint(mint) => mint.make(means)?,
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
            Self::Mint(mint) => write!(f, "the token made with {}", mint.variable),
        }
    }
}

fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or(url)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::engine::http::{Http, HttpSettings};

    fn means() -> Means {
        let http = Http::new(&HttpSettings::default()).expect("a client");
        let variables: Variables = Arc::new(|name| (name == "TOKEN").then(|| "from-a-variable\n".into()));
        Means { http, variables, secrets: Secrets::default() }
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
