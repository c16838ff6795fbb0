//! What both tools for Rust tests share: one identity of a test, and how a panic reads.
//!
//! A test is `BINARY$PATH`, where the binary is named as nextest names it: from the package, the kind and the name of its
//! target. So a project can change between nextest and plain cargo without losing its history.

use super::sanitize;
use crate::domain::{Detail, Frame, Section};

/// How many frames of a backtrace are kept.
const FRAMES_KEPT: usize = 60;

/// The name of a test binary: `package` for its library, `package::name` for a file of `tests/`, and
/// `package::kind/name` for everything else.
#[must_use]
pub fn binary_id(package: &str, kind: &str, name: &str) -> String {
    match kind {
        "lib" | "rlib" | "dylib" | "cdylib" | "staticlib" | "proc-macro" => package.to_owned(),
        "test" => format!("{package}::{name}"),
        _ => format!("{package}::{kind}/{name}"),
    }
}

/// A test's full name.
#[must_use]
pub fn node(binary: &str, path: &str) -> String {
    format!("{binary}${path}")
}

/// The binary and the path that a full name is made of.
#[must_use]
pub fn split(node: &str) -> Option<(&str, &str)> {
    node.split_once('$')
}

/// The module that a test is shown under: where it stands in its binary, without the `tests` that many modules end in.
#[must_use]
pub fn module(binary: &str, path: &str) -> String {
    let parent = path.rsplit_once("::").map_or("", |(parent, _)| parent);
    let parent = match parent.rsplit_once("::") {
        Some((above, "tests" | "test")) => above,
        None if matches!(parent, "tests" | "test") => "",
        _ => parent,
    };
    if parent.is_empty() { binary.to_owned() } else { format!("{binary}${parent}") }
}

/// What a failed test's output says.
#[must_use]
pub fn failure(output: &str) -> Detail {
    let panic = panics(output).last();
    let Some((start, place)) = panic else {
        let telling = |line: &&str| line.starts_with("Error: ") || line.starts_with("note: test did not ");
        let last = output.lines().find(telling).or_else(|| output.lines().rfind(|line| !line.trim().is_empty()));
        let last = last.unwrap_or_default();
        return Detail { message: sanitize::block(last.trim()).into(), sections: section(output), ..Detail::default() };
    };
    let (before, trace) = output.split_at(start);
    let words = trace.split_once('\n').map_or("", |(_, words)| words);
    let is_end = |line: &&str| line.starts_with("stack backtrace:") || line.starts_with("note: ");
    let message: Vec<&str> = words.lines().take_while(|line| !is_end(line)).collect();
    let mut frames = frames(words);
    if frames.is_empty() {
        frames.extend(frame(place, ""));
    }
    Detail {
        message: sanitize::block(message.join("\n").trim()).into(),
        frames,
        trace: sanitize::block(trace).into(),
        sections: section(before),
        ..Detail::default()
    }
}

/// Where each `thread … panicked at PLACE:` begins, with its place.
fn panics(output: &str) -> impl Iterator<Item = (usize, &str)> {
    output.match_indices("thread '").filter_map(|(start, _)| {
        let begins_line = start == 0 || output[..start].ends_with('\n');
        let line = output[start..].lines().next()?;
        let place = line.split_once("' panicked at ").or_else(|| line.split_once(") panicked at "))?.1;
        begins_line.then_some((start, place.trim_end_matches(':')))
    })
}

fn section(output: &str) -> Vec<Section> {
    let text = sanitize::block(output);
    if text.trim().is_empty() { Vec::new() } else { vec![Section { title: "output".into(), text: text.into() }] }
}

/// The frames of a backtrace, outermost first.
fn frames(text: &str) -> Vec<Frame> {
    let mut function = "";
    let mut frames = Vec::new();
    for line in text.lines() {
        let line = line.trim();
        if let Some(place) = line.strip_prefix("at ") {
            frames.extend(frame(place, function));
        } else if let Some((number, name)) = line.split_once(": ")
            && number.chars().all(|c| c.is_ascii_digit())
        {
            function = name;
        }
    }
    frames.truncate(FRAMES_KEPT);
    frames.reverse();
    frames
}

/// `./src/lib.rs:3:56` is the project's own; what is absolute belongs to somebody else.
fn frame(place: &str, function: &str) -> Option<Frame> {
    let mut parts = place.rsplitn(3, ':');
    let (_, line, path) = (parts.next()?, parts.next()?, parts.next()?);
    let own = !path.starts_with('/');
    let path = path.strip_prefix("./").unwrap_or(path);
    Some(Frame {
        path: sanitize::text(path).into(),
        line: line.parse().ok()?,
        source: sanitize::text(function).into(),
        own,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binary_is_named_as_nextest_names_it() {
        for (kind, name, id) in [
            ("lib", "shop", "my-shop"),
            ("proc-macro", "shop", "my-shop"),
            ("test", "it", "my-shop::it"),
            ("bin", "shop", "my-shop::bin/shop"),
            ("example", "show", "my-shop::example/show"),
        ] {
            assert_eq!(binary_id("my-shop", kind, name), id);
        }
    }

    #[test]
    fn a_test_stands_in_the_module_that_it_tests() {
        for (path, shown) in [
            ("cart::tests::adds", "shop$cart"),
            ("cart::price::rounds", "shop$cart::price"),
            ("tests::adds", "shop"),
            ("adds", "shop"),
        ] {
            assert_eq!(module("shop", path), shown, "{path}");
        }
        assert_eq!(split(&node("shop::it", "a$b")), Some(("shop::it", "a$b")));
    }

    #[test]
    fn a_panic_is_its_words_and_its_place() {
        let detail = failure(
            "hello\nthread 'tests::bad' (26230) panicked at src/lib.rs:3:56:\nassertion `left == right` failed: differ\n  left: 1\n right: 2\nstack backtrace:\n   0: core::panicking::panic_fmt\n             at /rustc/5980/library/core/src/panicking.rs:80:14\n   4: crate_a::tests::bad\n             at ./src/lib.rs:3:56\nnote: Some details are omitted\n",
        );
        assert_eq!(&*detail.message, "assertion `left == right` failed: differ\n  left: 1\n right: 2");
        let frames: Vec<_> = detail.frames.iter().map(|f| (&*f.path, f.line, &*f.source, f.own)).collect();
        assert_eq!(
            frames,
            [
                ("src/lib.rs", 3, "crate_a::tests::bad", true),
                ("/rustc/5980/library/core/src/panicking.rs", 80, "core::panicking::panic_fmt", false)
            ]
        );
        assert_eq!(detail.sections[0].text.trim(), "hello");
        let short = failure("thread 'main' panicked at src/a.rs:7:1:\nno\nnote: run with `RUST_BACKTRACE=1`");
        assert_eq!((&*short.message, short.frames[0].line), ("no", 7));
        assert_eq!(&*failure("Error: \"nope\"\n").message, "Error: \"nope\"");
        assert_eq!(failure(""), Detail::default());
    }
}
