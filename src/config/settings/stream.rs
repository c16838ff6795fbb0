//! Streams as they are written: where they are, and what opens them.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{MappingSettings, Protocol, Transport};
use crate::config::template::Template;
use crate::config::timespan::Timespan;

/// `[stream.NAME]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamSettings {
    /// Where to connect; `http` and `https` are read as `ws` and `wss`.
    pub url: Template,
    /// How its messages travel.
    #[serde(default)]
    pub transport: Transport,
    /// How it is asked for, over HTTP; GET, or POST where there is a body.
    pub method: Option<Method>,
    /// What is sent with that, as JSON unless a `content-type` header says otherwise.
    pub body: Option<Template>,
    /// In which words it speaks.
    #[serde(default)]
    pub protocol: Protocol,
    /// A vocabulary of its own.
    pub mapping: Option<MappingSettings>,
    /// The service that it belongs to: while that one deploys, a drop is expected.
    pub service: Option<String>,
    /// Offered in the opening handshake, in this order.
    #[serde(default)]
    pub subprotocols: Vec<Template>,
    /// Headers of the opening handshake.
    #[serde(default)]
    pub headers: BTreeMap<String, ValueSettings>,
    /// Where the token comes from.
    pub token: Option<TokenSettings>,
    /// How the token is shown to the server.
    #[serde(default)]
    pub offer: OfferSettings,
    /// Where it says which revision it talks to; it is then a surface of its service.
    pub revision: Option<StreamRevisionSettings>,
    /// What starts an agent run from the console.
    pub start: Option<StartSettings>,
    /// Messages to send from the console, by name.
    #[serde(default)]
    pub message: BTreeMap<String, MessageSettings>,
    /// How long the opening handshake may take.
    #[serde(default = "open_timeout")]
    pub open_timeout: Timespan,
    /// From one ping to the next; three without an answer and the connection counts as dead.
    #[serde(default = "ping_interval")]
    pub ping_interval: Timespan,
    /// A connection is replaced before it is so old: what ends it at a known age then never does.
    pub rotate_before: Option<Timespan>,
    /// Whether a normal close (1000) is followed by a new connection.
    #[serde(default = "keep_open")]
    pub keep_open: bool,
    /// What follows a close code, where the usual answer is wrong for this server.
    #[serde(default)]
    pub close_codes: BTreeMap<String, CloseAction>,
    /// How a new connection is told where the last one ended.
    pub resume: Option<ResumeSettings>,
    /// Allows a token over unencrypted `ws://` to a host other than this one.
    #[serde(default)]
    pub allow_plain_text: bool,
}

/// `[stream.NAME.token.KIND]`: never the token itself, always where to get it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenSettings {
    /// An environment variable.
    Env(String),
    /// The first line of a file.
    File(Template),
    /// The output of a command.
    Command(Vec<Template>),
    /// The answer to an HTTP request.
    Http(HttpTokenSettings),
    /// A JWT that we make ourselves.
    Jwt(JwtTokenSettings),
}

/// `[stream.NAME.token.jwt]`: signed as HS256.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JwtTokenSettings {
    /// The environment variable that holds the secret.
    pub env: String,
    /// What the token says, a JSON object; `iat` and `exp` are added.
    #[serde(default = "no_claims")]
    pub claims: Template,
    /// How long each one is good for.
    #[serde(default = "lifetime")]
    pub lifetime: Timespan,
}

/// `[stream.NAME.token.http]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpTokenSettings {
    /// Where to ask.
    pub url: Template,
    /// How to ask.
    #[serde(default)]
    pub method: Method,
    /// What to send; sent as JSON unless a `content-type` header says otherwise.
    pub body: Option<Template>,
    /// Headers to send.
    #[serde(default)]
    pub headers: BTreeMap<String, ValueSettings>,
    /// The place of the token in the JSON answer (RFC 6901).
    #[serde(default = "access_token")]
    pub pointer: Template,
    /// How long an answer may take.
    #[serde(default = "token_timeout")]
    pub timeout: Timespan,
}

/// An HTTP method.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Reads.
    Get,
    /// Asks for something to be made.
    #[default]
    Post,
    /// Replaces.
    Put,
}

/// A header's value: written out, or from a variable of the environment, which makes it a secret.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValueSettings {
    /// The value itself; not for secrets.
    pub value: Option<Template>,
    /// The environment variable that holds it; what it holds is masked everywhere.
    pub env: Option<String>,
    /// What counts when that one is not set.
    pub default: Option<Template>,
}

/// `[stream.NAME.offer]`: one way or several at once; none is the header alone.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfferSettings {
    /// `NAME: SCHEME TOKEN` in the opening handshake.
    pub header: Option<HeaderOfferSettings>,
    /// A query parameter of the URL. Access logs keep those: only where nothing else works.
    pub query: Option<QueryOfferSettings>,
    /// An offered subprotocol, as browsers have to do it.
    pub subprotocol: Option<SubprotocolOfferSettings>,
}

/// `[stream.NAME.offer.header]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HeaderOfferSettings {
    /// The header's name.
    pub name: Template,
    /// The word before the token; empty, the token stands alone.
    pub scheme: Template,
}

impl Default for HeaderOfferSettings {
    fn default() -> Self {
        Self { name: "Authorization".into(), scheme: "Bearer".into() }
    }
}

/// `[stream.NAME.offer.query]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QueryOfferSettings {
    /// The parameter's name.
    pub parameter: Template,
}

impl Default for QueryOfferSettings {
    fn default() -> Self {
        Self { parameter: "token".into() }
    }
}

/// `[stream.NAME.offer.subprotocol]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SubprotocolOfferSettings {
    /// What stands before the token.
    pub prefix: Template,
    /// How the token is written.
    pub encoding: TokenEncoding,
}

impl Default for SubprotocolOfferSettings {
    fn default() -> Self {
        Self { prefix: "jwt.".into(), encoding: TokenEncoding::Base64url }
    }
}

/// How a token is written inside a subprotocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenEncoding {
    /// base64url without padding, which every server may read back.
    #[default]
    Base64url,
    /// As it is.
    Plain,
}

/// `[stream.NAME.revision]`: either of the two.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamRevisionSettings {
    /// The header in the answer to the handshake.
    pub header: Option<Template>,
    /// The place in one of the first messages (RFC 6901).
    pub pointer: Option<Template>,
}

/// What to do about a close code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CloseAction {
    /// Try again, later and later.
    Retry,
    /// As a refused token.
    Authenticate,
    /// Stop.
    Stop,
}

/// `[stream.NAME.resume]`: where a new connection says what came last, in one way or several.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResumeSettings {
    /// Where in a message its id stands (RFC 6901); unset, the sequence number counts that the protocol has.
    pub pointer: Option<Template>,
    /// The query parameter that says it.
    pub query: Option<Template>,
    /// The header that says it.
    pub header: Option<Template>,
    /// The first message that says it, with `{last}` in its place; not on an answer over HTTP.
    pub message: Option<Template>,
}

/// `[stream.NAME.start]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartSettings {
    /// The text frame to send.
    pub message: Template,
}

/// `[stream.NAME.message.NAME]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MessageSettings {
    /// The text to send; `${now}` and `${random}` are made anew each time.
    pub text: Template,
}

fn open_timeout() -> Timespan {
    Timespan::from_secs(10)
}

fn keep_open() -> bool {
    true
}

fn ping_interval() -> Timespan {
    Timespan::from_secs(15)
}

fn no_claims() -> Template {
    "{}".into()
}

fn lifetime() -> Timespan {
    Timespan::from_secs(15 * 60)
}

fn access_token() -> Template {
    "/access_token".into()
}

fn token_timeout() -> Timespan {
    Timespan::from_secs(10)
}
