//! One line of a service's log: its level, time, message, revision and run id, from JSON or from words.
//!
//! Lines come sanitized and masked, colours kept. What JSON strings hold is cleaned once more, as an escape in them only
//! becomes a control character when it is read.

use serde_json::{Map, Value};

use super::sanitize;
use super::time;
use crate::domain::{Level, LogLine, Moment, Text};

/// In how much of a line its level is looked for, in bytes.
const BEGINNING: usize = 160;
/// How many bytes of a message are kept on its line; the whole line has the rest.
const MESSAGE: usize = 2_000;
/// How long an id or a revision may be.
const NAME: usize = 120;

const LEVELS: [&str; 6] = ["/severity", "/level", "/lvl", "/loglevel", "/log.level", "/log/level"];
const TIMES: [&str; 8] = ["/timestamp", "/time", "/ts", "/@timestamp", "/t", "/datetime", "/asctime", "/date"];
const MESSAGES: [&str; 9] = [
    "/message",
    "/msg",
    "/textPayload",
    "/jsonPayload/message",
    "/event",
    "/text",
    "/body",
    "/error/message",
    "/error",
];
const REVISIONS: [&str; 4] = ["/revision", "/revision_name", "/resource/labels/revision_name", "/labels/revision_name"];
const RUNS: [&str; 9] = [
    "/run_id",
    "/runId",
    "/trace_id",
    "/traceId",
    "/trace",
    "/logging.googleapis.com~1trace",
    "/request_id",
    "/requestId",
    "/correlation_id",
];
/// What stands before an id in a line of words.
const RUN_WORDS: [&str; 4] = ["run_id=", "trace_id=", "request_id=", "correlation_id="];

/// How much a line matters: all that is asked of lines that are only counted.
#[must_use]
pub fn level(line: &str) -> Level {
    match object(line) {
        Some(object) => level_of_object(&Value::Object(object)),
        None => level_of_words(&plain(beginning(line, BEGINNING))),
    }
}

/// Reads a line.
#[must_use]
pub fn read(line: &str) -> LogLine {
    match object(line) {
        Some(object) => read_object(line, &Value::Object(object)),
        None => read_words(line),
    }
}

fn object(line: &str) -> Option<Map<String, Value>> {
    let line = line.trim();
    (line.starts_with('{') && line.ends_with('}')).then(|| serde_json::from_str(line).ok())?
}

fn read_object(line: &str, object: &Value) -> LogLine {
    let message = first(object, &MESSAGES).filter(|found| !found.is_object() && !found.is_array());
    let message = message.map(|found| found.as_str().map_or_else(|| found.to_string(), str::to_owned));
    let text = match &message {
        Some(message) => clean(beginning(message.lines().next().unwrap_or_default(), MESSAGE)),
        None => beginning(line, MESSAGE).to_owned(),
    };
    LogLine {
        level: level_of_object(object),
        written: first(object, &TIMES).and_then(moment),
        text: text.into(),
        whole: message.map(|_| line.into()),
        revision: first(object, &REVISIONS).and_then(name),
        run: first(object, &RUNS).and_then(name),
    }
}

fn first<'a>(object: &'a Value, pointers: &[&str]) -> Option<&'a Value> {
    pointers.iter().find_map(|pointer| object.pointer(pointer).filter(|found| !found.is_null()))
}

fn name(value: &Value) -> Option<Text> {
    let said = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let clean = sanitize::text(beginning(said.trim(), NAME));
    (!clean.is_empty()).then(|| clean.into())
}

fn clean(text: &str) -> String {
    sanitize::line(text.as_bytes()).text
}

fn moment(value: &Value) -> Option<Moment> {
    let micros = match value {
        Value::Number(number) => time::from_number(number.as_f64()?),
        Value::String(text) => time::from_iso(text.trim()).or_else(|| time::from_number(text.trim().parse().ok()?)),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    micros.and_then(|micros| u64::try_from(micros).ok()).map(Moment)
}

fn level_of_object(object: &Value) -> Level {
    match first(object, &LEVELS) {
        Some(Value::String(word)) => level_of_word(word).unwrap_or(Level::Info),
        Some(Value::Number(number)) => number.as_f64().map_or(Level::Info, level_of_number),
        // What was thrown is an error, whatever its line calls itself.
        Some(_) | None if object.get("error").or_else(|| object.get("exception")).is_some_and(is_said) => Level::Error,
        Some(_) | None => Level::Info,
    }
}

fn is_said(value: &Value) -> bool {
    !matches!(value, Value::Null | Value::Bool(false)) && value.as_str() != Some("")
}

/// pino and bunyan count 10 (trace) to 60 (fatal); syslog counts 0 (emergency) to 7 (debug).
fn level_of_number(number: f64) -> Level {
    match number {
        n if n >= 50.0 => Level::Error,
        n if n >= 40.0 => Level::Warning,
        n if n >= 30.0 => Level::Info,
        n if n >= 8.0 => Level::Debug,
        n if n >= 7.0 => Level::Debug,
        n if n >= 5.0 => Level::Info,
        n if n >= 4.0 => Level::Warning,
        _ => Level::Error,
    }
}

fn level_of_word(word: &str) -> Option<Level> {
    let word = word.trim();
    let is = |words: &[&str]| words.iter().any(|known| word.eq_ignore_ascii_case(known));
    if is(&["error", "err", "fatal", "critical", "crit", "alert", "emergency", "emerg", "panic", "severe", "dpanic"]) {
        Some(Level::Error)
    } else if is(&["warning", "warn"]) {
        Some(Level::Warning)
    } else if is(&["info", "notice", "information", "default", "log", "ok"]) {
        Some(Level::Info)
    } else if is(&["debug", "trace", "verbose", "fine", "dbg", "silly"]) {
        Some(Level::Debug)
    } else {
        None
    }
}

/// A level in words: `ERROR` in capitals, `[error]` and `<warn>` in brackets, `level=error`, `error:` at the beginning,
/// or the letter and date of klog. A line that says nothing, but names an exception, is an error.
fn level_of_words(line: &str) -> Level {
    if let Some(level) = level_of_klog(line) {
        return level;
    }
    for (n, token) in line.split_whitespace().take(8).enumerate() {
        if let Some(word) = ["level=", "lvl=", "severity="].iter().find_map(|key| token.strip_prefix(key)) {
            if let Some(level) = level_of_word(word.trim_matches('"')) {
                return level;
            }
            continue;
        }
        let word = token.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        let word = word.split([':', ']', '|']).next().unwrap_or(word);
        let bracketed = token.starts_with(['[', '<', '(']);
        let announced = n == 0 && token.ends_with(':');
        let is_loud = word.len() > 2 && word.bytes().all(|byte| byte.is_ascii_uppercase());
        if (is_loud || bracketed || announced)
            && let Some(level) = level_of_word(word)
        {
            return level;
        }
    }
    let thrown = line.starts_with("Traceback (most recent call last)") || line.starts_with("panic:");
    if thrown { Level::Error } else { Level::Info }
}

fn level_of_klog(line: &str) -> Option<Level> {
    let bytes = line.as_bytes();
    let level = match bytes.first()? {
        b'E' | b'F' => Level::Error,
        b'W' => Level::Warning,
        b'I' => Level::Info,
        b'D' => Level::Debug,
        _ => return None,
    };
    let date = bytes.get(1..5)?.iter().all(u8::is_ascii_digit) && bytes.get(5) == Some(&b' ');
    date.then_some(level)
}

fn read_words(line: &str) -> LogLine {
    let plain_line = plain(beginning(line, BEGINNING));
    let (written, rest) = match is_coloured(line) {
        // Where colours stand between the parts of a line it is left as it is.
        true => (leading_time(&plain_line).map(|(at, _)| at), line),
        false => leading_time(line).map_or((None, line), |(at, rest)| (Some(at), rest)),
    };
    let run = RUN_WORDS.iter().find_map(|word| {
        let said = &line[line.find(word)? + word.len()..];
        let end = said.find(|c: char| c.is_whitespace() || ",;\"')]\u{1b}".contains(c)).unwrap_or(said.len());
        (end > 0 && end <= NAME).then(|| said[..end].into())
    });
    let text = beginning(rest, MESSAGE);
    LogLine {
        level: level_of_words(&plain_line),
        written,
        whole: (text.len() < line.len()).then(|| line.into()),
        text: text.into(),
        revision: None,
        run,
    }
}

fn is_coloured(line: &str) -> bool {
    line.contains('\u{1b}')
}

/// The time at the beginning of a line, and what follows it: ISO 8601 in one word or two, in brackets or not, or a
/// number of seconds.
fn leading_time(line: &str) -> Option<(Moment, &str)> {
    let bare = line.trim_start_matches(['[', '(']);
    let is_end = |c: char| c == ']' || c == ')' || c == '|';
    let words = bare.char_indices().filter(|(_, c)| c.is_whitespace() || is_end(*c)).map(|(at, _)| at);
    let ends: Vec<usize> = words.take(3).collect();
    for end in ends.into_iter().rev() {
        let word = bare[..end].trim();
        // Some leave a space before the offset.
        let joined = word.replacen(" +", "+", 1).replacen(" -", "-", 1);
        let micros = time::from_iso(&joined).or_else(|| epoch(word));
        if let Some(at) = micros.and_then(|micros| u64::try_from(micros).ok()) {
            let rest = bare[end..].trim_start_matches(|c: char| c.is_whitespace() || is_end(c));
            return Some((Moment(at), rest));
        }
    }
    None
}

/// Seconds or finer since 1970, as a word of ten digits at least.
fn epoch(word: &str) -> Option<i64> {
    let digits = word.bytes().take_while(u8::is_ascii_digit).count();
    let rest = word.bytes().skip(digits).all(|byte| byte.is_ascii_digit() || byte == b'.');
    (digits >= 10 && rest).then(|| time::from_number(word.parse().ok()?))?
}

fn beginning(text: &str, limit: usize) -> &str {
    let end = (0..=limit.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    &text[..end]
}

/// A line without its colours; from sanitized text only those can stand in it.
fn plain(line: &str) -> std::borrow::Cow<'_, str> {
    if !is_coloured(line) {
        return line.into();
    }
    let mut pieces = line.split("\u{1b}[");
    let first = pieces.next().unwrap_or_default().to_owned();
    let rest = pieces.map(|piece| piece.split_once('m').map_or("", |(_, rest)| rest));
    rest.fold(first, |line, piece| line + piece).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Level, time in seconds, text, revision and run of a line, in one string.
    fn told(line: &str) -> String {
        let LogLine { level, written, text, revision, run, .. } = read(line);
        assert_eq!(super::level(line), level, "{line}");
        let seconds = written.map_or("-".to_owned(), |at| (at.0 / 1_000_000).to_string());
        let name = |name: Option<Text>| name.map_or("-".to_owned(), |name| name.to_string());
        format!("{} {seconds} {} {}: {text}", level.word(), name(revision), name(run))
    }

    fn check(line: &str, wanted: &str) {
        assert_eq!(told(line), wanted, "{line}");
    }

    #[test]
    fn json_lines_of_many_loggers() {
        check(
            r#"{"timestamp":"2026-11-20T12:00:03Z","severity":"ERROR","textPayload":"no \u001b[31mdisk","resource":{"labels":{"revision_name":"backend-00004-lab"}}}"#,
            "error 1795176003 backend-00004-lab -: no \u{1b}[31mdisk\u{1b}[0m",
        );
        check(r#"{"level":30,"time":1795176003123,"msg":"listening"}"#, "info 1795176003 - -: listening");
        check(r#"{"level":50,"msg":"boom","trace_id":"4bf9"}"#, "error - - 4bf9: boom");
        check(r#"{"level":"warn","ts":1795176003.5,"msg":"slow"}"#, "warning 1795176003 - -: slow");
        check(r#"{"lvl":"debug","event":"tick","run_id":"run_8f21"}"#, "debug - - run_8f21: tick");
        check(r#"{"message":"it broke","error":"ENOENT"}"#, "error - - -: it broke");
        check(r#"{"anything":1}"#, "info - - -: {\"anything\":1}");
        assert_eq!(&*read(r#"{"msg":"two\nlines"}"#).text, "two");
    }

    #[test]
    fn lines_of_words() {
        check("2026-11-20T12:00:03.120Z ERROR disk is full", "error 1795176003 - -: ERROR disk is full");
        check("2026-11-20 12:00:03,120 [warn] slow", "warning 1795176003 - -: [warn] slow");
        check("[2026-11-20 12:00:03 +0000] [12] [INFO] up", "info 1795176003 - -: [12] [INFO] up");
        check("1795176003.5 hello", "info 1795176003 - -: hello");
        check("E0801 12:00:03.1 7 x.go:1] no", "error - - -: E0801 12:00:03.1 7 x.go:1] no");
        check("ERROR:root:no", "error - - -: ERROR:root:no");
        check("INFO:     127.0.0.1 - \"GET /errors\" 200", "info - - -: INFO:     127.0.0.1 - \"GET /errors\" 200");
        check("level=error msg=\"x\" trace_id=4bf9", "error - - 4bf9: level=error msg=\"x\" trace_id=4bf9");
        check("error: no such file", "error - - -: error: no such file");
        check("there was no error in it", "info - - -: there was no error in it");
        check("Traceback (most recent call last):", "error - - -: Traceback (most recent call last):");
        check("", "info - - -: ");
    }

    #[test]
    fn colours_stay_and_hide_no_level() {
        let line = "\u{1b}[2m2026-11-20T12:00:03Z\u{1b}[0m \u{1b}[33m WARN\u{1b}[0m slow";
        let read = read(line);
        assert_eq!((read.level, &*read.text), (Level::Warning, line));
        assert_eq!(read.written, Some(Moment(1_795_176_003_000_000)));
    }

    #[test]
    fn nothing_that_comes_in_breaks_it() {
        for line in ["{", "{}", "{\"level\":{}}", "[2026-", "é".repeat(3_000).as_str(), "\u{1b}[", "{\"level\":1e400}"]
        {
            let _ = (read(line), level(line));
        }
        assert!(read(&"é".repeat(3_000)).text.len() <= MESSAGE);
    }
}
