//! Secrets that nobody told us about, known by what they look like.
//!
//! Every shape begins with a rare few characters. One search finds those; only where they stand is looked at closely.

use std::ops::Range;

use aho_corasick::{AhoCorasick, MatchKind};

/// A kind of secret that can be told by its looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A signed token: `eyJ….….…`.
    Jwt,
    /// The credentials in an `Authorization` header, or behind the word `Bearer`.
    Authorization,
    /// An AWS access key id.
    Aws,
    /// A GitHub token.
    Github,
    /// A key that begins with `sk-`, as the model providers' do.
    SecretKey,
    /// The body of a PEM private key.
    PrivateKey,
    /// The password in `scheme://user:password@host`.
    UrlPassword,
    /// The value of a `token`, `api_key` or `password` parameter of a URL.
    UrlToken,
}

/// What a shape begins with.
const SIGNS: [(&str, Shape); 24] = [
    ("eyJ", Shape::Jwt),
    ("uthorization", Shape::Authorization),
    ("UTHORIZATION", Shape::Authorization),
    ("Bearer ", Shape::Authorization),
    ("bearer ", Shape::Authorization),
    ("BEARER ", Shape::Authorization),
    ("AKIA", Shape::Aws),
    ("ASIA", Shape::Aws),
    ("ghp_", Shape::Github),
    ("gho_", Shape::Github),
    ("ghu_", Shape::Github),
    ("ghs_", Shape::Github),
    ("ghr_", Shape::Github),
    ("github_pat_", Shape::Github),
    ("sk-", Shape::SecretKey),
    ("-----BEGIN ", Shape::PrivateKey),
    ("://", Shape::UrlPassword),
    ("token=", Shape::UrlToken),
    ("api_key=", Shape::UrlToken),
    ("apikey=", Shape::UrlToken),
    ("password=", Shape::UrlToken),
    ("secret=", Shape::UrlToken),
    ("Token=", Shape::UrlToken),
    ("signature=", Shape::UrlToken),
];

const KEY_HEADER_END: &str = "PRIVATE KEY-----";
const KEY_FOOTER: &str = "-----END ";

pub(super) struct Shapes {
    signs: Vec<(&'static str, Shape)>,
    /// Finds the signs; `None` where all are switched off.
    finder: Option<AhoCorasick>,
}

impl Shapes {
    pub(super) fn without(off: &[Shape]) -> Self {
        let signs: Vec<_> = SIGNS.into_iter().filter(|(_, shape)| !off.contains(shape)).collect();
        let finder =
            AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(signs.iter().map(|(sign, _)| sign));
        Self { finder: finder.ok().filter(|_| !signs.is_empty()), signs }
    }

    /// Adds what looks like a secret; `in_key` says whether the text begins inside a private key, and then whether it
    /// ends there.
    pub(super) fn find(&self, text: &str, in_key: &mut bool, found: &mut Vec<Range<usize>>) {
        let mut from = 0;
        if *in_key {
            from = text.find(KEY_FOOTER).unwrap_or(text.len());
            *in_key = from == text.len();
            found.extend((from > 0).then_some(0..from));
        }
        let Some(finder) = &self.finder else { return };
        for sign in finder.find_iter(&text[from..]) {
            let (start, end) = (from + sign.start(), from + sign.end());
            let range = match self.signs[sign.pattern().as_usize()].1 {
                Shape::Jwt => jwt(text, start),
                Shape::Authorization => authorization(text, start, end),
                Shape::Aws => word(text, start, end, 16, |b| b.is_ascii_uppercase() || b.is_ascii_digit()),
                Shape::Github => word(text, start, end, 22, |b| b.is_ascii_alphanumeric() || b == b'_'),
                Shape::SecretKey => {
                    word(text, start, end, 20, |b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
                }
                Shape::PrivateKey => private_key(text, end, in_key),
                Shape::UrlPassword => url_password(text, end),
                Shape::UrlToken => url_token(text, start, end),
            };
            found.extend(range.filter(|range| !range.is_empty()));
        }
    }
}

fn run(text: &str, from: usize, belongs: impl Fn(u8) -> bool) -> usize {
    text.as_bytes()[from..].iter().take_while(|&&b| belongs(b)).count()
}

/// A sign at the start of a word, and at least so many characters behind it.
fn word(text: &str, start: usize, end: usize, least: usize, belongs: impl Fn(u8) -> bool) -> Option<Range<usize>> {
    let inside_a_word = text[..start].bytes().next_back().is_some_and(|b| b.is_ascii_alphanumeric());
    let len = run(text, end, belongs);
    (!inside_a_word && len >= least).then_some(start..end + len)
}

fn is_base64url(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')
}

/// Three parts, of which an unsigned token's last is empty: that one is no secret.
fn jwt(text: &str, start: usize) -> Option<Range<usize>> {
    let mut at = start;
    for (least, last) in [(10, false), (4, false), (16, true)] {
        let len = run(text, at, is_base64url);
        if len < least {
            return None;
        }
        at += len;
        if !last {
            if text.as_bytes().get(at) != Some(&b'.') {
                return None;
            }
            at += 1;
        }
    }
    Some(start..at)
}

/// `Authorization: Bearer abc`, `"authorization": "Basic abc"`, `Bearer abc`.
fn authorization(text: &str, start: usize, end: usize) -> Option<Range<usize>> {
    let is_filler = |b: u8| matches!(b, b' ' | b'"' | b'\'' | b'\\' | b':' | b'=');
    let mut at = end;
    let is_header = !text[start..end].ends_with(' ');
    if is_header {
        let filler = run(text, at, is_filler);
        if !text[at..at + filler].contains([':', '=']) {
            return None;
        }
        at += filler;
        let scheme = run(text, at, |b| b.is_ascii_alphanumeric() || b == b'-');
        const SCHEMES: [&str; 6] = ["basic", "bearer", "token", "apikey", "negotiate", "key"];
        if SCHEMES.iter().any(|known| text[at..at + scheme].eq_ignore_ascii_case(known)) {
            let space = run(text, at + scheme, |b| b == b' ');
            at += scheme + space;
            let len = run(text, at, is_credential);
            return (space > 0).then_some(at..at + len);
        }
    }
    // Without a scheme it may be prose: "authorization: denied", "bearer of news".
    let len = run(text, at, is_credential);
    (len >= 16).then_some(at..at + len)
}

fn is_credential(b: u8) -> bool {
    b.is_ascii_graphic() && !matches!(b, b'"' | b'\'' | b',' | b'\\' | b'<' | b'>' | b')' | b'}' | b']')
}

/// From the header to the footer, or to the end of the text.
fn private_key(text: &str, end: usize, in_key: &mut bool) -> Option<Range<usize>> {
    let line = &text[end..];
    let line = &line[..line.find('\n').unwrap_or(line.len())];
    let body = end + line.find(KEY_HEADER_END)? + KEY_HEADER_END.len();
    match text[body..].find(KEY_FOOTER) {
        Some(footer) => Some(body..body + footer),
        None => {
            *in_key = true;
            Some(body..text.len())
        }
    }
}

/// Behind the first colon, up to the last `@` before host and path.
fn url_password(text: &str, end: usize) -> Option<Range<usize>> {
    let len = run(text, end, |b| {
        b > b' ' && b != 0x7f && !matches!(b, b'/' | b'?' | b'#' | b'"' | b'\'' | b'<' | b'>' | b'`')
    });
    let authority = &text[end..end + len];
    let user_info = &authority[..authority.rfind('@')?];
    let colon = user_info.find(':')?;
    Some(end + colon + 1..end + user_info.len())
}

/// Only as a parameter of a URL: `token=self.token` in a traceback is no secret.
fn url_token(text: &str, start: usize, end: usize) -> Option<Range<usize>> {
    let name = text[..start].bytes().rev().take_while(|&b| is_base64url(b)).count();
    let is_parameter = text[..start - name].bytes().next_back().is_some_and(|b| matches!(b, b'?' | b'&'));
    let len = run(text, end, |b| is_credential(b) && !matches!(b, b'&' | b'#' | b';'));
    is_parameter.then_some(end..end + len)
}
