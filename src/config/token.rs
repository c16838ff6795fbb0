//! Tokens of a resolved project: where they come from, and how they are shown to a server.

use std::time::Duration;

use super::project::{CommandSpec, HeaderSpec, Secret};
use super::settings::{Method, TokenEncoding};

/// Where a token comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum TokenSpec {
    /// An environment variable, with the value that it had.
    Variable {
        /// Its name.
        name: String,
        /// What it held; unset, the stream says that it has no token.
        value: Option<Secret>,
    },
    /// The first line of a file, read at every connect.
    File(String),
    /// The output of a command, run at every connect.
    Command(CommandSpec),
    /// The answer to an HTTP request, asked at every connect.
    Http(HttpTokenSpec),
    /// A JWT made anew at every connect.
    Jwt(JwtTokenSpec),
}

/// A JWT that we make ourselves.
#[derive(Clone, Debug, PartialEq)]
pub struct JwtTokenSpec {
    /// The environment variable that holds the secret.
    pub variable: String,
    /// What it says.
    pub claims: serde_json::Map<String, serde_json::Value>,
    /// How long it is good for.
    pub lifetime: Duration,
}

/// An HTTP request whose answer holds a token.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpTokenSpec {
    /// Where to ask.
    pub url: String,
    /// How to ask.
    pub method: Method,
    /// What to send.
    pub body: Option<String>,
    /// Headers to send.
    pub headers: Vec<HeaderSpec>,
    /// The place of the token in the JSON answer.
    pub pointer: String,
    /// How long an answer may take.
    pub timeout: Duration,
}

/// How a token is shown to the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OfferSpec {
    /// `NAME: SCHEME TOKEN`, or the token alone where the scheme is empty.
    Header {
        /// The header's name.
        name: String,
        /// The word before the token.
        scheme: String,
    },
    /// A query parameter.
    Query {
        /// Its name.
        parameter: String,
    },
    /// An offered subprotocol.
    Subprotocol {
        /// What stands before the token.
        prefix: String,
        /// How the token is written.
        encoding: TokenEncoding,
    },
}
