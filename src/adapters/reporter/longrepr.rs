//! What pytest says about a failure (`longrepr`): a string, a skip's place and reason, or a rendered traceback.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::adapters::sanitize;
use crate::domain::{Frame, Text};

/// How many frames of a traceback are kept; of a deeper one (a recursion), the outermost and the innermost.
const FRAMES_KEPT: usize = 60;
const OUTERMOST_KEPT: usize = 20;
/// How much of a rendered traceback is kept, in bytes.
const TRACE_KEPT: usize = 256 * 1024;

/// A failure in our words. Its strings are raw except for the frames', which are clean.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Failure {
    pub(super) message: String,
    pub(super) exception: Option<Text>,
    pub(super) frames: Vec<Frame>,
    pub(super) trace: String,
}

#[derive(Deserialize)]
struct Object {
    reprcrash: Option<Crash>,
    reprtraceback: Option<Traceback>,
    chain: Option<Vec<Link>>,
}

/// One exception of a chain: its traceback, its place, and the words that lead to the next.
type Link = (Option<Traceback>, Option<Crash>, Option<String>);

#[derive(Deserialize)]
struct Crash {
    path: Option<String>,
    lineno: Option<f64>,
    message: Option<String>,
}

#[derive(Deserialize)]
struct Traceback {
    #[serde(default)]
    reprentries: Vec<Entry>,
    extraline: Option<String>,
}

#[derive(Deserialize)]
struct Entry {
    data: Option<EntryData>,
}

#[derive(Deserialize)]
struct EntryData {
    #[serde(default)]
    lines: Vec<String>,
    reprfileloc: Option<Crash>,
    reprlocals: Option<Locals>,
}

#[derive(Deserialize)]
struct Locals {
    #[serde(default)]
    lines: Vec<String>,
}

impl Failure {
    /// Reads a `longrepr`. What it does not understand becomes the message as it stands.
    pub(super) fn read(longrepr: Option<&RawValue>, root: &str) -> Self {
        let Some(json) = longrepr.map(RawValue::get) else { return Self::default() };
        match json.as_bytes().first() {
            Some(b'"') => match serde_json::from_str::<String>(json) {
                Ok(text) => Self::from_text(&text, root),
                Err(_) => Self::unread(json),
            },
            Some(b'[') => match serde_json::from_str::<(Option<String>, Option<f64>, String)>(json) {
                Ok((path, line, reason)) => Self::from_skip(path.as_deref(), line, &reason, root),
                Err(_) => Self::unread(json),
            },
            Some(b'{') => match serde_json::from_str::<Object>(json) {
                Ok(object) => Self::from_object(&object, root),
                Err(_) => Self::unread(json),
            },
            _ => Self::default(),
        }
    }

    /// A plain text: an error at collection, an unexpected pass, a traceback in a style without structure.
    pub(super) fn from_text(text: &str, root: &str) -> Self {
        let marked = || text.lines().filter_map(|line| line.strip_prefix("E ")).map(str::trim);
        let several = text.trim().contains('\n');
        let last = || text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default().trim();
        let message = if several { marked().next_back().unwrap_or_else(last) } else { text.trim() };
        Self {
            message: message.to_owned(),
            exception: exception_of(message),
            frames: bounded(frames_in_text(text, root)),
            trace: if several { kept(text) } else { String::new() },
        }
    }

    fn from_skip(path: Option<&str>, line: Option<f64>, reason: &str, root: &str) -> Self {
        Self {
            message: reason.strip_prefix("Skipped: ").unwrap_or(reason).to_owned(),
            frames: path.map(|path| frame(path, line, "", root)).into_iter().collect(),
            ..Self::default()
        }
    }

    fn from_object(object: &Object, root: &str) -> Self {
        let mut failure = Self::default();
        let message = object.reprcrash.as_ref().and_then(|crash| crash.message.as_deref()).unwrap_or_default();
        failure.message = message.to_owned();
        failure.exception = exception_of(message);
        for (traceback, _, words) in object.chain.iter().flatten() {
            if let Some(traceback) = traceback {
                failure.add(traceback, root);
            }
            if let Some(words) = words {
                failure.trace.push_str(&format!("\n{words}\n\n"));
            }
        }
        if let Some(traceback) = &object.reprtraceback {
            failure.add(traceback, root);
        }
        if failure.frames.is_empty()
            && let Some(Crash { path: Some(path), lineno, .. }) = &object.reprcrash
        {
            failure.frames.push(frame(path, *lineno, "", root));
        }
        failure.frames = bounded(failure.frames);
        failure.trace = kept(&failure.trace);
        failure
    }

    fn add(&mut self, traceback: &Traceback, root: &str) {
        for data in traceback.reprentries.iter().filter_map(|entry| entry.data.as_ref()) {
            for line in &data.lines {
                self.trace.push_str(line);
                self.trace.push('\n');
            }
            for line in data.reprlocals.iter().flat_map(|locals| &locals.lines) {
                self.trace.push_str(line);
                self.trace.push('\n');
            }
            match &data.reprfileloc {
                Some(Crash { path: Some(path), lineno, message }) => {
                    let line = lineno.unwrap_or_default();
                    let message = message.as_deref().unwrap_or_default();
                    self.trace.push_str(&format!("{path}:{line}: {message}\n\n"));
                    self.frames.push(frame(path, *lineno, failing_line(&data.lines), root));
                }
                _ => self.frames.extend(
                    data.lines.iter().flat_map(|text| text.lines()).filter_map(|line| frame_in_line(line, root)),
                ),
            }
        }
        if let Some(words) = &traceback.extraline {
            self.trace.push_str(words);
            self.trace.push('\n');
        }
    }

    fn unread(json: &str) -> Self {
        Self { message: kept(json), ..Self::default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.message.is_empty() && self.trace.is_empty()
    }

    /// The words of pytest-timeout, which fails a test as any assertion would.
    pub(super) fn is_timeout(&self) -> bool {
        self.message.contains("from pytest-timeout")
    }

    /// Whether it only counts the subtests that failed.
    pub(super) fn is_summary(&self) -> bool {
        self.message.starts_with("contains ") && self.message.contains(" failed subtest")
    }

    pub(super) fn first_line(&self) -> &str {
        self.message.lines().next().unwrap_or_default()
    }
}

/// `module.NameError: words` names its type before the colon; a bare `assert` has lost it.
fn exception_of(message: &str) -> Option<Text> {
    let first = message.lines().next()?;
    if first == "assert" || first.starts_with("assert ") {
        return Some("AssertionError".into());
    }
    let name = first.split_once(':').map_or(first, |(name, _)| name);
    let class = name.rsplit('.').next()?;
    let is_name = name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.');
    (is_name && class.starts_with(char::is_uppercase)).then(|| name.into())
}

/// The source line that failed: marked with `>` in the long style, the last one that is no explanation in the short.
fn failing_line(lines: &[String]) -> &str {
    let marked = lines.iter().rev().find_map(|line| line.strip_prefix('>'));
    let shown = || lines.iter().rev().find(|line| !line.starts_with("E ") && !is_underline(line)).map(String::as_str);
    marked.or_else(shown).unwrap_or_default().trim()
}

fn is_underline(line: &str) -> bool {
    let line = line.trim();
    !line.is_empty() && line.chars().all(|c| matches!(c, '^' | '~'))
}

/// The frames of a plain text, outermost first. JavaScript writes them the other way round.
fn frames_in_text(text: &str, root: &str) -> Vec<Frame> {
    let mut frames: Vec<Frame> = text.lines().filter_map(|line| frame_in_line(line, root)).collect();
    if frames.is_empty() {
        frames = text.lines().filter_map(|line| script_frame(line, root)).collect();
        frames.reverse();
    }
    frames
}

/// `at name (path:3:5)` or `at path:3:5`, as JavaScript writes it.
fn script_frame(line: &str, root: &str) -> Option<Frame> {
    let rest = line.trim().strip_prefix("at ")?;
    let (name, place) = match rest.strip_suffix(')').and_then(|rest| rest.rsplit_once(" (")) {
        Some((name, place)) => (name, place),
        None => ("", rest),
    };
    let mut parts = place.rsplitn(3, ':');
    let (column, number, path) = (parts.next()?, parts.next()?, parts.next()?);
    column.parse::<u32>().ok()?;
    let path = path.strip_prefix("file://").unwrap_or(path);
    let mut frame = frame(path, Some(number.parse().ok()?), name, root);
    frame.own &= !path.starts_with("node:");
    Some(frame)
}

/// `File "path", line 7, in name`, as Python writes it, or `path.py:7: in name`, as pytest's short style does.
fn frame_in_line(line: &str, root: &str) -> Option<Frame> {
    let line = line.trim();
    if let Some(rest) = line.strip_prefix("File \"") {
        let (path, rest) = rest.split_once("\", line ")?;
        let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
        return Some(frame(path, digits.parse().ok(), "", root));
    }
    let (place, what) = line.split_once(": ")?;
    let (path, number) = place.rsplit_once(':')?;
    let looks_right = path.ends_with(".py") && (what.starts_with("in ") || exception_of(what).is_some());
    if looks_right { Some(frame(path, Some(number.parse().ok()?), "", root)) } else { None }
}

fn frame(path: &str, line: Option<f64>, source: &str, root: &str) -> Frame {
    let inside = path.strip_prefix(root).filter(|_| !root.is_empty()).and_then(|rest| rest.strip_prefix('/'));
    let shown = inside.unwrap_or(path);
    let elsewhere = shown.starts_with('/') || shown.starts_with("../") || shown.starts_with('<');
    Frame {
        path: sanitize::text(shown).into(),
        line: line.filter(|line| *line >= 0.0).map_or(0, |line| line as u32),
        source: sanitize::text(source).into(),
        own: !elsewhere && !is_library(shown),
    }
}

fn is_library(path: &str) -> bool {
    let folders = ["site-packages", "dist-packages", ".venv", "venv", ".tox", ".nox", "node_modules"];
    path.split('/').any(|folder| folders.contains(&folder))
}

fn bounded(mut frames: Vec<Frame>) -> Vec<Frame> {
    if frames.len() > FRAMES_KEPT {
        let dropped = frames.len() - FRAMES_KEPT;
        let gap = format!("… {dropped} frames left out");
        frames.splice(
            OUTERMOST_KEPT..OUTERMOST_KEPT + dropped,
            [Frame { path: "".into(), line: 0, source: gap.into(), own: false }],
        );
    }
    frames
}

/// The head and the tail of a text that is too long.
fn kept(text: &str) -> String {
    if text.len() <= TRACE_KEPT {
        return text.to_owned();
    }
    let boundary = |near: usize| (near..).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    let (head, tail) = (boundary(TRACE_KEPT / 2), boundary(text.len() - TRACE_KEPT / 2));
    format!("{}\n[… {} bytes left out …]\n{}", &text[..head], tail - head, &text[tail..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Failure {
        let raw: Box<RawValue> = serde_json::from_str(json).unwrap();
        Failure::read(Some(&raw), "/home/me/shop")
    }

    #[test]
    fn own_frames_are_told_from_library_frames() {
        for (path, shown, own) in [
            ("/home/me/shop/tests/test_a.py", "tests/test_a.py", true),
            ("tests/test_a.py", "tests/test_a.py", true),
            ("/home/me/shop/.venv/lib/python3.12/site-packages/httpx/_client.py", "", false),
            ("/usr/lib/python3.12/asyncio/tasks.py", "/usr/lib/python3.12/asyncio/tasks.py", false),
            ("../other/lib.py", "../other/lib.py", false),
            ("<frozen importlib._bootstrap>", "<frozen importlib._bootstrap>", false),
            ("/home/me/shopping/test_b.py", "/home/me/shopping/test_b.py", false),
        ] {
            let frame = frame(path, Some(3.0), "", "/home/me/shop");
            assert_eq!(frame.own, own, "{path}");
            assert!(shown.is_empty() || &*frame.path == shown, "{path}: {}", frame.path);
        }
    }

    #[test]
    fn the_type_is_found_where_the_message_shows_it() {
        for (message, exception) in [
            ("KeyError: 'x'", Some("KeyError")),
            ("assert 1 == 2", Some("AssertionError")),
            ("websockets.exceptions.InvalidStatus: server rejected", Some("websockets.exceptions.InvalidStatus")),
            ("StopIteration", Some("StopIteration")),
            ("[XPASS(strict)] should fail", None),
            ("something else: went wrong", None),
            ("", None),
        ] {
            assert_eq!(exception_of(message).as_deref(), exception, "{message}");
        }
    }

    #[test]
    fn a_traceback_keeps_its_chain_its_frames_and_its_text() {
        let failure = read(
            r#"{"reprcrash":{"path":"/home/me/shop/t.py","lineno":9,"message":"RuntimeError: no"},
              "reprtraceback":{"reprentries":[{"type":"ReprEntry","data":{"lines":["    def f():",">       raise RuntimeError()","E       RuntimeError: no"],
                 "reprfileloc":{"path":"t.py","lineno":9,"message":"RuntimeError"}}}],"style":"long","extraline":null},
              "chain":[[{"reprentries":[{"type":"ReprEntry","data":{"lines":[">       {}[1]","E       KeyError: 1"],
                 "reprfileloc":{"path":"/usr/lib/x.py","lineno":2,"message":"KeyError"}}}],"extraline":null},null,"The above exception was …"]]}"#,
        );
        assert_eq!(failure.message, "RuntimeError: no");
        let frames: Vec<_> = failure.frames.iter().map(|f| (&*f.path, f.line, &*f.source, f.own)).collect();
        assert_eq!(frames, [("/usr/lib/x.py", 2, "{}[1]", false), ("t.py", 9, "raise RuntimeError()", true)]);
        assert!(failure.trace.find("The above").unwrap() < failure.trace.find("def f()").unwrap());
    }

    #[test]
    fn an_import_error_is_its_marked_line() {
        let failure = read(
            r#""ImportError while importing test module 'x'.\nTraceback:\ntests/test_x.py:1: in <module>\n    import nope\nE   ModuleNotFoundError: No module named 'nope'""#,
        );
        assert_eq!(failure.message, "ModuleNotFoundError: No module named 'nope'");
        assert_eq!(failure.exception.as_deref(), Some("ModuleNotFoundError"));
        assert_eq!((&*failure.frames[0].path, failure.frames[0].line), ("tests/test_x.py", 1));
    }

    #[test]
    fn pythons_own_style_has_frames_too() {
        let failure = read(
            r#"{"reprcrash":null,"reprtraceback":{"reprentries":[{"type":"ReprEntryNative","data":{"lines":["Traceback (most recent call last):\n","  File \"/home/me/shop/t.py\", line 4, in f\n","KeyError: 1\n"]}}]}}"#,
        );
        assert_eq!((&*failure.frames[0].path, failure.frames[0].line), ("t.py", 4));
    }

    #[test]
    fn a_script_frame_is_read_from_the_inside_out() {
        let text = "AssertionError: no\n    at inner (/p/src/a.js:3:5)\n    at file:///p/a.test.js:9:1\n    at node:internal/x:1:2\n";
        let frames = Failure::from_text(text, "/p").frames;
        let frames: Vec<_> = frames.iter().map(|f| (&*f.path, f.line, &*f.source, f.own)).collect();
        assert_eq!(
            frames,
            [("node:internal/x", 1, "", false), ("a.test.js", 9, "", true), ("src/a.js", 3, "inner", true)]
        );
    }

    #[test]
    fn a_deep_recursion_keeps_both_ends() {
        let text: String = (1..500).map(|n| format!("t.py:{n}: in f\n")).collect();
        let frames = Failure::from_text(&text, "").frames;
        assert_eq!(frames.len(), FRAMES_KEPT + 1);
        assert_eq!((frames[0].line, frames[FRAMES_KEPT].line), (1, 499));
        assert_eq!(&*frames[OUTERMOST_KEPT].source, "… 439 frames left out");
    }

    #[test]
    fn nonsense_is_shown_rather_than_lost() {
        assert_eq!(read("[1]").message, "[1]");
        assert_eq!(read(r#"{"reprcrash":7}"#).message, r#"{"reprcrash":7}"#);
        assert!(read("null").is_empty());
    }
}
