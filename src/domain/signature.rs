//! What tells one failure from another: its class, its exception, its place, and its message without what changes from
//! run to run. Pure: the same attempt always has the same signature.

mod mask;
mod rules;
mod status;

use serde::{Deserialize, Serialize};

use super::{Detail, Outcome, Text, plain};

pub(super) use mask::mask;

/// How much of a message and of a trace's assertion lines is looked at, in bytes each.
const LOOKED_AT: usize = 4_096;
/// How many characters of a masked message are kept.
const KEPT: usize = 200;

/// What kind of thing went wrong, in the order in which the kinds weigh.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CauseClass {
    /// The environment did not answer: 503, refused, no such host, no answer in time.
    Environment,
    /// It did not let us in: 401, 403, close 1008.
    Authentication,
    /// It has no such endpoint: 404.
    MissingEndpoint,
    /// It went quiet: an event that must come did not.
    MissingEvent,
    /// The test's process died, or nothing more was heard of it.
    Crash,
    /// Something took too long.
    Timeout,
    /// What came was not what the test wants.
    Assertion,
    /// Anything else that was thrown.
    Error,
    /// It failed because another test did.
    Dependent,
}

impl CauseClass {
    /// The class as people say it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Environment => "environment",
            Self::Authentication => "authentication",
            Self::MissingEndpoint => "missing endpoint",
            Self::MissingEvent => "missing event",
            Self::Crash => "crash",
            Self::Timeout => "timeout",
            Self::Assertion => "assertion",
            Self::Error => "error",
            Self::Dependent => "dependent",
        }
    }

    /// Whether what went wrong is the same thing wherever it was met.
    fn is_placeless(self) -> bool {
        match self {
            Self::Environment | Self::Authentication | Self::MissingEndpoint | Self::MissingEvent | Self::Crash => true,
            Self::Timeout | Self::Assertion | Self::Error | Self::Dependent => false,
        }
    }
}

/// What tells one failure from another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// What kind of thing went wrong.
    pub class: CauseClass,
    /// What went wrong, in plain words.
    pub title: Text,
    /// The exception's type without its package.
    pub exception: Option<Text>,
    /// The project's own innermost frame: `path:function`, or the path alone.
    pub place: Option<Text>,
    /// The first line of the message; what changes from run to run is masked.
    pub message: Text,
    /// The title in this failure's own words, where masks hide some of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wording: Option<Text>,
}

impl Signature {
    /// The signature of an attempt that failed.
    #[must_use]
    pub fn of(outcome: Outcome, detail: Option<&Detail>) -> Self {
        let empty = Detail::default();
        let detail = detail.unwrap_or(&empty);
        let said_message = plain(beginning(detail.message.trim(), LOOKED_AT));
        let said = Said::new(outcome, detail, &said_message);
        let (class, what) = rules::judge(&said);
        // What these quote are names in the source, which do not change from run to run.
        let names = ["ModuleNotFoundError", "ImportError", "NameError", "AttributeError"];
        let masked = if said.threw_any(&names) { said.headline.to_owned() } else { mask(said.headline) };
        let message: Text = cut(&masked, KEPT).into();
        let exception = said.exception.filter(|name| !name.is_empty()).map(Text::from);
        let place = place(detail);
        let told_place = place.as_deref().filter(|_| !says_enough(&message));
        let untold = |message: &str| untold(class, message, exception.as_deref(), told_place);
        let (title, wording) = match what {
            Some(what) => (what.into(), None),
            None => (untold(&message), (masked != said.headline).then(|| untold(&cut(said.headline, KEPT)))),
        };
        Self { class, title, exception, place, message, wording }
    }

    /// Whether `other`, which may come from a file that tells less, can be the same failure.
    #[must_use]
    pub fn agrees(&self, other: &Self) -> bool {
        if self.class.is_placeless() || other.class.is_placeless() {
            return self.class == other.class && self.title == other.title;
        }
        let agree = |a: &Option<Text>, b: &Option<Text>| a.is_none() || b.is_none() || a == b;
        let said = self.message == other.message || other.message.is_empty();
        said && agree(&self.exception, &other.exception) && agree(&self.place, &other.place)
    }

    /// The key in a form that people can read aloud, write into a file and find again: `assertion:3f9a12c0`.
    #[must_use]
    pub fn short_key(&self) -> String {
        // FNV-1a: the same in every version and on every machine, which a hasher of the library does not promise.
        let mix = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        let hash = self.key().bytes().fold(0x811c_9dc5, mix);
        format!("{}:{hash:08x}", self.class.word().replace(' ', "-"))
    }

    /// What failures of one cause have in common. Where a thing went wrong does not matter if it is the environment's
    /// doing, nor if the message says enough to be known again.
    #[must_use]
    pub fn key(&self) -> String {
        let class = self.class.word();
        if self.class.is_placeless() {
            return format!("{class}\n{}", self.title);
        }
        let exception = self.exception.as_deref().unwrap_or("");
        match &self.place {
            Some(place) if !says_enough(&self.message) => format!("{class}\n{exception}\n{}\n{place}", self.message),
            _ => format!("{class}\n{exception}\n{}", self.message),
        }
    }
}

/// A title for what no rule has words for.
fn untold(class: CauseClass, message: &str, exception: Option<&str>, place: Option<&str>) -> Text {
    let told = match (message.is_empty(), exception) {
        (false, Some(exception)) if class == CauseClass::Error => format!("{exception}: {message}"),
        (false, _) => message.to_owned(),
        (true, Some(exception)) => exception.to_owned(),
        (true, None) => "it failed without a word".to_owned(),
    };
    match place {
        Some(place) => {
            let file = place.rsplit('/').next().unwrap_or(place);
            format!("{told} in {file}").into()
        }
        None => told.into(),
    }
}

/// Whether a masked message has words of its own: `assert <n> == <n>` could be said anywhere.
fn says_enough(message: &str) -> bool {
    const COMMON: [&str; 12] =
        ["assert", "and", "not", "in", "is", "or", "none", "true", "false", "where", "expected", "got"];
    let bare = message.split(|c: char| !(c.is_alphanumeric() || "_<>".contains(c)));
    let words = bare.filter(|word| word.len() > 1 && !word.starts_with('<'));
    words.filter(|word| !COMMON.contains(&word.to_ascii_lowercase().as_str())).nth(1).is_some()
}

/// What an attempt said, as far as it is looked at.
struct Said<'a> {
    outcome: Outcome,
    /// The last segment of the exception's name.
    exception: Option<&'a str>,
    /// The first line that says something, without the exception's name.
    headline: &'a str,
    /// The message and the trace's assertion lines.
    text: String,
    /// The same in lower case.
    lower: String,
}

impl<'a> Said<'a> {
    fn new(outcome: Outcome, detail: &'a Detail, message: &'a str) -> Self {
        let (named, headline) = headline(message);
        let exception = detail.exception.as_deref().map(last_segment).or(named);
        let mut text = message.to_owned();
        // Longer traces hold source code, which says what should happen rather than what did.
        let trace = plain(beginning(&detail.trace, LOOKED_AT * 16));
        for line in trace.lines().filter_map(|line| line.strip_prefix("E  ")) {
            if text.len() > LOOKED_AT * 2 {
                break;
            }
            text.push('\n');
            text.push_str(beginning(line.trim(), 400));
        }
        let lower = text.to_ascii_lowercase();
        Self { outcome, exception, headline, text, lower }
    }

    fn has(&self, needle: &str) -> bool {
        self.lower.contains(needle)
    }

    fn has_any(&self, needles: &[&str]) -> bool {
        needles.iter().any(|needle| self.has(needle))
    }

    fn threw_any(&self, names: &[&str]) -> bool {
        self.exception.is_some_and(|exception| names.contains(&exception))
    }
}

/// The exception that a message names, and the first line that says something without it.
fn headline(message: &str) -> (Option<&str>, &str) {
    let mut lines = message.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or("");
    let is_name = |name: &str| {
        let last = last_segment(name);
        last.starts_with(|c: char| c.is_ascii_uppercase())
            && name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.')
    };
    match first.split_once(':') {
        Some((name, rest)) if is_name(name) && rest.trim().is_empty() => {
            (Some(last_segment(name)), lines.next().unwrap_or(""))
        }
        Some((name, rest)) if is_name(name) && (rest.starts_with(' ') || name.contains('.')) => {
            (Some(last_segment(name)), rest.trim())
        }
        None if is_name(first) && (first.contains('.') || first.ends_with("Error") || first.ends_with("Exception")) => {
            (Some(last_segment(first)), lines.next().unwrap_or(""))
        }
        _ => (None, first),
    }
}

fn last_segment(name: &str) -> &str {
    name.rsplit(['.', ':']).next().unwrap_or(name)
}

/// The project's own innermost frame, with its function where the trace tells it.
fn place(detail: &Detail) -> Option<Text> {
    let frame = detail.frames.iter().rev().find(|frame| frame.own)?;
    let here = format!("{}:{}: in ", frame.path, frame.line);
    let trace = beginning(&detail.trace, LOOKED_AT * 16);
    let named = trace.find(&here).map(|at| &trace[at + here.len()..]);
    // A tool that shows the function's source instead begins with its definition.
    let function = named.or_else(|| {
        let only = detail.frames.iter().filter(|frame| frame.own).count() == 1;
        trace.lines().find_map(|line| defined(line.trim_start_matches('>').trim_start())).filter(|_| only)
    });
    let name: String = function.unwrap_or("").chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    Some(if name.is_empty() { frame.path.clone() } else { format!("{}:{name}", frame.path).into() })
}

fn defined(line: &str) -> Option<&str> {
    line.strip_prefix("async def ").or_else(|| line.strip_prefix("def "))
}

/// At most so many bytes of the beginning of a text.
fn beginning(text: &str, bytes: usize) -> &str {
    if text.len() <= bytes {
        return text;
    }
    let end = (0..=bytes).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    &text[..end]
}

fn cut(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Frame;

    fn of(message: &str) -> Signature {
        Signature::of(Outcome::Failed, Some(&Detail { message: message.into(), ..Detail::default() }))
    }

    /// `class · title`
    fn told(message: &str) -> String {
        let signature = of(message);
        format!("{} · {}", signature.class.word(), signature.title)
    }

    #[test]
    fn what_people_meet_has_a_class_and_a_plain_title() {
        let table = [
            (
                "websockets.exceptions.InvalidStatus: server rejected WebSocket connection: HTTP 403",
                "authentication · HTTP 403 at the WebSocket handshake",
            ),
            (
                "aiohttp.WSServerHandshakeError: 403, message='Invalid response status'",
                "authentication · HTTP 403 at the WebSocket handshake",
            ),
            (
                "blocked: 20 of 20 users: not authenticated: the server answered 403 Forbidden to the handshake",
                "authentication · HTTP 403 at the WebSocket handshake",
            ),
            (
                "AssertionError: HTTP 404 for /api/chat/stream: {\"detail\": \"Not Found\"}\nassert 404 == 200",
                "missing endpoint · HTTP 404 for /api/chat/stream",
            ),
            (
                "requests.HTTPError: 404 Client Error: Not Found for url: http://127.0.0.1:80/api/threads/77?x=1",
                "missing endpoint · HTTP 404 for /api/threads/<n>",
            ),
            ("assert 401 == 200\n +  where 401 = <Response [401]>.status_code", "authentication · HTTP 401"),
            ("AssertionError: status code 503", "environment · HTTP 503 service unavailable"),
            ("server rejected WebSocket connection: HTTP 503", "environment · HTTP 503 service unavailable"),
            (
                "websockets.exceptions.ConnectionClosedError: received 1008 (policy violation) SSOT authentication \
                 failed; then sent 1008 (policy violation) SSOT authentication failed",
                "authentication · WebSocket closed with 1008 (policy violation)",
            ),
            (
                "ConnectionClosedError: received 1012 (service restart); then sent 1012 (service restart)",
                "environment · WebSocket closed with 1012 (service restart)",
            ),
            (
                "AssertionError: {'code': 'AUTH_REQUIRED', 'error': 'Authentication failed: user_context must be a \
                 UserExecutionContext instance', 'timestamp': '2026-11-20T17:41:56+00:00'}\nassert 'error' == \
                 'connection_ready'",
                "authentication · Authentication failed: user_context must be a UserExecutionContext instance",
            ),
            (
                "AssertionError: assert ['error', 'er... 'error', ...] == ['connection_...n_ready', ...]\n  \n  At \
                 index 0 diff: 'error' != 'connection_ready'",
                "missing event · an error came instead of connection_ready",
            ),
            (
                "AssertionError: the run never completed; last event: agent_thinking\nassert ([{'a': 1}])",
                "missing event · the run stops after agent_thinking",
            ),
            (
                "2/5 critical events found, missing: ['tool_executing', 'tool_completed', 'agent_completed']",
                "missing event · the run stops after agent_thinking",
            ),
            (
                "3/5 critical events found, missing: ['tool_executing', 'tool_completed']",
                "missing event · tool_executing, tool_completed never came",
            ),
            (
                "ConnectionRefusedError: [Errno 111] Connect call failed ('127.0.0.1', 22000)",
                "environment · connection refused by 127.0.0.1:22000",
            ),
            (
                "httpx.ConnectError: [Errno -2] Name or service not known",
                "environment · the host's name does not resolve",
            ),
            ("httpx.ReadTimeout", "environment · no answer in time"),
            ("Failed: Timeout (>120.0s) from pytest-timeout.", "timeout · Timeout (><n>s) from pytest-timeout."),
            ("assert 404 == 3", "assertion · assert <n> == <n>"),
            ("assert 200 == 401", "assertion · assert <n> == <n>"),
            ("AssertionError: expected 403, got 200", "assertion · expected <n>, got <n>"),
            ("Error: getaddrinfo ENOTFOUND api.local", "environment · the host's name does not resolve"),
            (
                "ModuleNotFoundError: No module named 'netra.agents'",
                "error · ModuleNotFoundError: No module named 'netra.agents'",
            ),
            ("KeyError: 'price'", "error · KeyError: <value>"),
            ("", "error · it failed without a word"),
        ];
        for (message, wanted) in table {
            assert_eq!(told(message), wanted, "{message}");
        }
    }

    #[test]
    fn a_test_that_did_not_end_by_itself_is_a_crash() {
        for outcome in [Outcome::Lost, Outcome::Crashed, Outcome::Interrupted] {
            assert_eq!(Signature::of(outcome, None).class, CauseClass::Crash);
        }
        assert_eq!(Signature::of(Outcome::TimedOut, None).class, CauseClass::Timeout);
    }

    #[test]
    fn numbers_do_not_tell_failures_apart_and_words_do() {
        assert_eq!(of("the order 17 has 3 lines").key(), of("the order 99 has 41 lines").key());
        assert_ne!(of("the order 17 has 3 lines").key(), of("the cart 17 has 3 lines").key());
    }

    #[test]
    fn the_place_counts_only_where_the_message_could_be_said_anywhere() {
        let at = |path: &str, message: &str| {
            let frame = Frame { path: path.into(), line: 7, source: "assert x".into(), own: true };
            let detail = Detail { message: message.into(), frames: vec![frame], ..Detail::default() };
            Signature::of(Outcome::Failed, Some(&detail)).key()
        };
        assert_ne!(at("a.py", "assert 1 == 2"), at("b.py", "assert 1 == 2"));
        assert_eq!(at("a.py", "the cart is empty"), at("b.py", "the cart is empty"));
        assert_eq!(at("a.py", "HTTP 403"), at("b.py", "HTTP 403"));
    }

    #[test]
    fn the_innermost_frame_of_the_project_names_its_function() {
        let frame = |path: &str, line, own| Frame { path: path.into(), line, source: "".into(), own };
        let detail = Detail {
            message: "boom".into(),
            frames: vec![frame("t.py", 3, true), frame("conftest.py", 51, true), frame("lib/x.py", 9, false)],
            trace: "    def test_a():\n>       run()\nt.py:3: \n\nconftest.py:51: in run\n    return await self".into(),
            ..Detail::default()
        };
        let signature = Signature::of(Outcome::Failed, Some(&detail));
        assert_eq!(signature.place.as_deref(), Some("conftest.py:run"));
    }

    #[test]
    fn colours_tell_nothing_apart() {
        let plain = of("AssertionError: the cart is empty");
        let coloured = of("\u{1b}[1m\u{1b}[31mAssertionError\u{1b}[0m: the \u{1b}[36mcart\u{1b}[0m is empty");
        assert_eq!(plain, coloured);
        assert!(!of("\u{1b}[31").message.contains('\u{1b}'));
    }

    #[test]
    fn no_text_does_harm() {
        for text in
            ["é".repeat(9_000), "'".repeat(9_000), "404 ".repeat(3_000), ":".into(), "HTTP".into(), "A: ".into()]
        {
            let detail =
                Detail { message: text.as_str().into(), trace: format!("E   {text}").into(), ..Detail::default() };
            assert!(Signature::of(Outcome::Failed, Some(&detail)).message.len() < 2_000);
        }
    }
}
