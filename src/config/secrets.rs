//! Finds secrets that were written out where only their whereabouts belong.
//!
//! A settings file is committed, copied and shown; what it says is in no way secret. Here the *shape* of a tree is looked
//! at, before anything knows what the keys mean, so that a secret is found also below a mistyped key.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What to say about a secret.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Advice {
    /// What is wrong; never holds the value.
    pub(super) message: String,
    /// What to write instead.
    pub(super) hint: &'static str,
}

const TOKEN_HINT: &str = "write token.env = \"NAME\", token.file, token.command or token.http instead";
const HEADER_HINT: &str = "write env = \"NAME\" instead: the environment variable that holds it";
const ENV_HINT: &str = "export it where liveloop is started: commands see its environment";
const OTHER_HINT: &str = "put it into an environment variable, and name that one here";

/// All secrets in a file, by the byte range of their values, in the order of the file.
pub(super) fn find(table: &DeTable<'_>) -> Vec<(Range<usize>, Advice)> {
    let mut found = Vec::new();
    look_into(table, &mut Vec::new(), &mut found);
    found.sort_by_key(|(range, _)| range.start);
    found
}

fn look_into<'t>(table: &'t DeTable<'_>, path: &mut Vec<&'t str>, found: &mut Vec<(Range<usize>, Advice)>) {
    for (key, value) in table {
        path.push(key.get_ref());
        look_at(value, path, found);
        path.pop();
    }
}

fn look_at<'t>(value: &'t Spanned<DeValue<'_>>, path: &mut Vec<&'t str>, found: &mut Vec<(Range<usize>, Advice)>) {
    match value.get_ref() {
        DeValue::Table(table) => look_into(table, path, found),
        DeValue::Array(items) => items.iter().for_each(|item| look_at(item, path, found)),
        DeValue::String(text) => {
            if let Some(advice) = judge(path, text) {
                found.push((value.span(), advice));
            }
        }
        _ => {}
    }
}

/// What is wrong with a text at a path, if anything.
fn judge(path: &[&str], text: &str) -> Option<Advice> {
    let (key, above) = path.split_last()?;
    let is_literal = !text.is_empty() && !text.contains("${");
    let advice = |message: &str, hint| Some(Advice { message: message.to_owned(), hint });
    if looks_like_a_secret(text) {
        return advice("this looks like a secret, and a settings file is no place for one", OTHER_HINT);
    }
    // `env = "NAME"` names a variable, whatever the name.
    if !is_literal || above.last() == Some(&"token") || *key == "env" {
        return None;
    }
    if ["token", "password", "secret"].contains(key) {
        return advice(&format!("`{key}` is a secret, and a settings file is no place for one"), TOKEN_HINT);
    }
    match above {
        [.., "headers"] if is_secret_header(key) => advice(&format!("the header `{key}` is a secret"), HEADER_HINT),
        [.., "headers", header] if *key == "value" && is_secret_header(header) => {
            advice(&format!("the header `{header}` is a secret"), HEADER_HINT)
        }
        [.., "headers", header] if *key == "default" && is_credential_header(header) => {
            advice(&format!("the header `{header}` is a secret, and so is its default"), HEADER_HINT)
        }
        [.., "env"] if is_secret_name(key) => advice(&format!("`{key}` is a secret"), ENV_HINT),
        [.., "variables", name] if *key == "default" && is_secret_name(name) => {
            advice(&format!("`{name}` is a secret, and so is its default"), OTHER_HINT)
        }
        _ => None,
    }
}

/// Headers that carry nothing but credentials.
fn is_credential_header(name: &str) -> bool {
    ["authorization", "proxy-authorization", "cookie"].iter().any(|known| name.eq_ignore_ascii_case(known))
}

fn is_secret_header(name: &str) -> bool {
    is_credential_header(name) || is_secret_name(name) || name.to_ascii_lowercase().ends_with("-key")
}

fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('-', "_");
    ["token", "password", "secret", "api_key", "apikey"].iter().any(|end| name.ends_with(end))
}

/// Shapes that are never anything else: a JWT, tokens of well-known services, a private key, a password in a URL.
fn looks_like_a_secret(text: &str) -> bool {
    text.contains("-----BEGIN") && text.contains("PRIVATE KEY-----")
        || has_password_in_url(text)
        || text.split(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c))).any(is_known_token)
}

fn is_known_token(word: &str) -> bool {
    let is_jwt = word.starts_with("eyJ") && word.len() > 40 && word.matches('.').count() == 2;
    let long_enough = word.len() >= 20;
    is_jwt
        || long_enough
            && ["ghp_", "gho_", "ghs_", "github_pat_", "glpat-", "xoxb-", "sk-"]
                .iter()
                .any(|start| word.starts_with(start))
        || word.len() == 20 && word.starts_with("AKIA")
}

fn has_password_in_url(text: &str) -> bool {
    let Some((_, rest)) = text.split_once("://") else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    match authority.rsplit_once('@').and_then(|(user, _)| user.split_once(':')) {
        Some((_, password)) => !password.is_empty() && !password.starts_with("${"),
        None => false,
    }
}
