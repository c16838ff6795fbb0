//! The sources keep to the table of layers in `ARCHITECTURE.md`, and to a few habits of this house.
//!
//! The checks read text, not syntax trees: comments, literals and tests are taken out, then paths are looked at. What
//! they cannot see (a path that a macro builds) is not worth a parser. Every rule is also shown to bite, on sample text.

use std::fs;
use std::path::{Path, PathBuf};

/// A row of the table: what a folder in `src/` may name.
struct Layer {
    folder: &'static str,
    /// Of our own folders, beside itself.
    ours: &'static [&'static str],
    /// Of everybody else's.
    outside: Outside,
    /// Paths of `std` that it does without, and the files that may use them nevertheless.
    without: &'static [&'static str],
    except: &'static [&'static str],
}

enum Outside {
    Only(&'static [&'static str]),
    AllBut(&'static [&'static str]),
}

use Outside::{AllBut, Only};

const FOLDERS: [&str; 9] = ["domain", "config", "adapters", "attach", "report", "engine", "ui", "demo", "cli"];
/// Clock, environment, files, network, threads: what nothing pure can need.
const IMPURE: &[&str] = &[
    "std::env",
    "std::fs",
    "std::net::TcpListener",
    "std::net::TcpStream",
    "std::net::ToSocketAddrs",
    "std::net::UdpSocket",
    "std::os",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
];

const LAYERS: [Layer; 9] = [
    Layer { folder: "domain", ours: &[], outside: Only(&["serde"]), without: IMPURE, except: &[] },
    Layer {
        folder: "config",
        ours: &["domain"],
        outside: AllBut(&["tokio", "ratatui", "crossterm", "reqwest", "tokio_tungstenite", "hyper"]),
        without: IMPURE,
        except: &["config/files.rs", "config/trust.rs"],
    },
    Layer {
        folder: "adapters",
        ours: &["domain", "config"],
        outside: AllBut(&["tokio", "reqwest", "tokio_tungstenite", "hyper", "ratatui", "crossterm", "rustix"]),
        without: IMPURE,
        except: &[],
    },
    Layer {
        folder: "attach",
        ours: &["domain"],
        outside: AllBut(&["ratatui", "crossterm", "reqwest", "tokio_tungstenite", "hyper"]),
        without: &["std::env", "std::fs", "std::process"],
        except: &[],
    },
    Layer {
        folder: "report",
        ours: &["domain"],
        outside: Only(&["minijinja", "serde_json"]),
        without: IMPURE,
        except: &[],
    },
    Layer {
        folder: "engine",
        ours: &["domain", "config", "adapters", "attach", "report"],
        outside: AllBut(&["ratatui", "crossterm", "clap"]),
        without: &[],
        except: &[],
    },
    Layer {
        folder: "ui",
        ours: &["domain", "config", "attach", "report"],
        outside: AllBut(&["reqwest", "tokio_tungstenite", "hyper", "clap"]),
        without: &["std::net::TcpStream", "std::net::UdpSocket"],
        except: &[],
    },
    Layer { folder: "demo", ours: &[], outside: AllBut(&["ratatui", "crossterm", "clap"]), without: &[], except: &[] },
    Layer {
        folder: "cli",
        ours: &["domain", "config", "adapters", "attach", "report", "engine", "ui", "demo"],
        outside: AllBut(&[]),
        without: &[],
        except: &[],
    },
];

/// Readable in one sitting. Longer is fine for a table, which is then named here.
const LONGEST: usize = 600;
const TABLES: [&str; 0] = [];
/// Where colours may be written out: the themes, what terminals can show, and other programs' own colours.
const COLOURS: [&str; 4] = ["ui/theme.rs", "ui/theme_file.rs", "ui/color.rs", "ui/panes/ansi.rs"];

#[test]
fn every_layer_names_only_what_it_may() {
    report(each_source(&breaches_of_layers));
}

#[test]
fn code_that_runs_handles_what_can_fail_and_leaves_nothing_for_later() {
    report(each_source(&breaches_of_habits));
}

#[test]
fn files_are_readable_in_one_sitting() {
    report(each_source(&too_long));
}

#[test]
fn colours_are_roles() {
    report(each_source(&literal_colours));
}

#[test]
fn nothing_names_a_machine() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for folder in ["src", "tests", "benches", "docs", "examples", "themes", ".ci"] {
        for path in files(&root.join(folder)) {
            let Ok(text) = fs::read_to_string(&path) else { continue };
            let name = path.strip_prefix(root).expect("it is inside").display().to_string();
            if name != "tests/tidy.rs" {
                found.extend(machine_paths(&name, &text));
            }
        }
    }
    for name in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "Cargo.toml", "config.toml"] {
        found.extend(machine_paths(name, &fs::read_to_string(root.join(name)).expect(name)));
    }
    report(found);
}

#[test]
fn the_table_in_the_document_is_the_one_that_is_checked() {
    let document =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md")).expect("it exists");
    for layer in LAYERS {
        let row = document.lines().find(|line| line.starts_with(&format!("| `{}` |", layer.folder)));
        let row = row.unwrap_or_else(|| panic!("ARCHITECTURE.md has no row for {}", layer.folder));
        let named = row.split('|').nth(3).expect("a row has four cells");
        let named: Vec<&str> = named.split(',').map(str::trim).filter(|name| FOLDERS.contains(name)).collect();
        let all = layer.ours.len() == FOLDERS.len() - 1;
        assert!(named == layer.ours || all && row.contains("| all |"), "{}: {named:?}", layer.folder);
    }
}

fn report(found: Vec<String>) {
    assert!(found.is_empty(), "{} to mend:\n{}", found.len(), found.join("\n"));
}

// ── The rules ────────────────────────────────────────────────────────────────────────────────────────────────────────

/// `file` is a path in `src/`.
fn breaches_of_layers(file: &str, text: &str) -> Vec<String> {
    let Some(layer) = LAYERS.iter().find(|layer| file.split('/').next() == Some(layer.folder)) else { return vec![] };
    let code = code(text);
    let mut found = Vec::new();
    for (line, path) in paths(&code) {
        let path = resolve(file, &path);
        let (first, rest) = path.split_once("::").unwrap_or((&path, ""));
        let second = rest.split("::").next().unwrap_or("");
        let wrong = match first {
            "crate" => FOLDERS.contains(&second) && second != layer.folder && !layer.ours.contains(&second),
            "std" => {
                let is = |without: &&&str| path == **without || path.starts_with(&format!("{without}::"));
                layer.without.iter().any(|without| is(&without)) && !layer.except.contains(&file)
            }
            // A single word is a variable, a module or a type of the file's own.
            _ if rest.is_empty() => false,
            _ => match layer.outside {
                Only(only) => OUTSIDE.contains(&first) && !only.contains(&first),
                AllBut(but) => but.contains(&first),
            },
        };
        if wrong {
            found.push(format!("src/{file}:{line}: {} may not name {path}", layer.folder));
        }
    }
    found
}

fn breaches_of_habits(file: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut say = |line: usize, what: &str| found.push(format!("src/{file}:{}: {what}", line + 1));
    for (line, words) in code(text).lines().enumerate() {
        if words.contains(".unwrap()") {
            say(line, "unwrap() outside tests: handle it, or say in expect() why it cannot be otherwise");
        }
    }
    for (line, words) in text.lines().enumerate() {
        for mark in ["TODO", "FIXME", "todo!(", "unimplemented!(", "allow(dead_code)", "allow(unused"] {
            if words.contains(mark) {
                say(line, mark);
            }
        }
    }
    found
}

fn too_long(file: &str, text: &str) -> Vec<String> {
    let lines = code(text).trim_end().lines().count();
    let is_fine = lines <= LONGEST || TABLES.contains(&file);
    if is_fine { Vec::new() } else { vec![format!("src/{file}: {lines} lines, more than {LONGEST}")] }
}

fn literal_colours(file: &str, text: &str) -> Vec<String> {
    if COLOURS.contains(&file) {
        return Vec::new();
    }
    let is_literal = |path: &str| {
        path.rsplit_once("::").is_some_and(|(before, last)| {
            before.rsplit("::").next() == Some("Color") && last.starts_with(char::is_uppercase) && last != "Reset"
        })
    };
    let literals = paths(&code(text)).into_iter().filter(|(_, path)| is_literal(path));
    literals.map(|(line, path)| format!("src/{file}:{line}: {path} is a colour, not a role")).collect()
}

fn machine_paths(file: &str, text: &str) -> Vec<String> {
    let homes = ["/root/", "/Users/", concat!("/wo", "rk/"), "/home/"];
    // Tests need the paths of somebody: nobody lives there.
    let known = if file.starts_with("tests/") { &homes[..3] } else { &homes };
    let nobodys = |words: &str| words.contains("/home/me/") || words.contains("/home/anna/");
    let lines = text.lines().enumerate().filter(|(_, words)| !nobodys(words));
    let named = lines.filter_map(|(line, words)| Some((line + 1, *known.iter().find(|home| words.contains(**home))?)));
    named.map(|(line, home)| format!("{file}:{line}: a path of some machine: {home}")).collect()
}

// ── Reading sources ──────────────────────────────────────────────────────────────────────────────────────────────────

/// What `domain` might be tempted by; crates that only others use need no name here.
const OUTSIDE: [&str; 17] = [
    "aho_corasick",
    "color_eyre",
    "crossterm",
    "futures_util",
    "hyper",
    "jiff",
    "minijinja",
    "ratatui",
    "reqwest",
    "rustix",
    "serde_json",
    "sha2",
    "signal_hook",
    "tempfile",
    "tokio",
    "toml",
    "vte",
];

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn each_source(check: &dyn Fn(&str, &str) -> Vec<String>) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let sources: Vec<PathBuf> =
        files(&root).into_iter().filter(|path| path.extension().is_some_and(|e| e == "rs")).collect();
    assert!(sources.len() > 50, "the sources were not found");
    let mut found = Vec::new();
    for path in sources {
        let name = path.strip_prefix(&root).expect("it is inside").display().to_string();
        // These are `#[cfg(test)]` as a whole, by the `mod` line above them.
        if name.ends_with("/tests.rs") || name.ends_with("/fixture.rs") {
            continue;
        }
        found.extend(check(&name, &fs::read_to_string(&path).expect("a source is text")));
    }
    found
}

/// The code that runs: without comments, what stands in literals, and tests. Lines keep their numbers.
fn code(text: &str) -> String {
    without_tests(&without_words(text))
}

fn without_words(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let before = code.chars().next_back().unwrap_or(' ');
        let length = match c {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            '"' => string_length(rest),
            'r' if !is_word(before) && is_raw(rest) => raw_length(rest),
            '\'' => char_length(rest),
            _ => 0,
        };
        if length == 0 {
            code.push(c);
            rest = &rest[c.len_utf8()..];
        } else {
            code.extend(rest[..length].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
            rest = &rest[length..];
        }
    }
    code
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn is_raw(text: &str) -> bool {
    text[1..].trim_start_matches('#').starts_with('"')
}

fn raw_length(text: &str) -> usize {
    let hashes = text[1..].chars().take_while(|c| *c == '#').count();
    let end = format!("\"{}", "#".repeat(hashes));
    let start = hashes + 2;
    text[start..].find(&end).map_or(text.len(), |at| start + at + end.len())
}

/// 0 for a lifetime.
fn char_length(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), _) => text[2..].char_indices().skip(1).find(|(_, c)| *c == '\'').map_or(0, |(at, _)| at + 3),
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 0,
    }
}

/// Blanks what follows `#[cfg(test)]`: up to the end of its braces, or of its line.
fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut kept = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(at) = rest.find(MARK) {
        kept.push_str(&rest[..at]);
        let item = &rest[at..];
        let mut depth = 0;
        let end = item.char_indices().find_map(|(at, c)| {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            (depth == 0 && matches!(c, '}' | ';')).then_some(at + 1)
        });
        let end = end.unwrap_or(item.len());
        kept.extend(item[..end].chars().filter(|c| *c == '\n'));
        rest = &item[end..];
    }
    kept.push_str(rest);
    kept
}

/// Every path that the code names, with its line; the branches of a `use` one by one.
fn paths(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut scan = Scan { code, at: 0 };
    while let Some(c) = scan.peek() {
        let before = code[..scan.at].chars().next_back().unwrap_or(' ');
        if (c.is_alphabetic() || c == '_') && !is_word(before) {
            let line = code[..scan.at].matches('\n').count() + 1;
            let first = found.len();
            scan.tree("", line, &mut found);
            // `.name` is a field, `::name` the rest of a path whose beginning was generic.
            if before == '.' || before == ':' {
                found.truncate(first);
            }
        } else {
            scan.at += c.len_utf8();
        }
    }
    found
}

struct Scan<'a> {
    code: &'a str,
    at: usize,
}

impl Scan<'_> {
    fn peek(&self) -> Option<char> {
        self.code[self.at..].chars().next()
    }

    fn skip_space(&mut self) {
        let rest = &self.code[self.at..];
        self.at += rest.len() - rest.trim_start().len();
    }

    fn takes(&mut self, text: &str) -> bool {
        let does = self.code[self.at..].starts_with(text);
        self.at += if does { text.len() } else { 0 };
        does
    }

    fn word(&mut self) -> &str {
        let rest = &self.code[self.at..];
        let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    /// A path, or after `::` a group of them.
    fn tree(&mut self, before: &str, line: usize, found: &mut Vec<(usize, String)>) {
        let mut path = before.to_owned();
        loop {
            let word = self.word().to_owned();
            if word.is_empty() {
                break;
            }
            // `self` in a group is the path before it.
            if word != "self" || path.is_empty() {
                let joint = if path.is_empty() { "" } else { "::" };
                path = format!("{path}{joint}{word}");
            }
            if !self.takes("::") {
                break;
            }
            if self.takes("{") {
                self.group(&path, line, found);
                return;
            }
        }
        found.push((line, path));
    }

    fn group(&mut self, before: &str, line: usize, found: &mut Vec<(usize, String)>) {
        loop {
            self.skip_space();
            let start = self.at;
            self.tree(before, line, found);
            self.skip_space();
            if self.takes("as ") {
                self.word();
            }
            if self.takes("}") || self.peek().is_none() {
                return;
            }
            if !self.takes(",") && self.at == start {
                // `*`, or something that is no path: step over it.
                self.at += self.peek().map_or(1, char::len_utf8);
            }
        }
    }
}

/// `super::x` as seen from the crate.
fn resolve(file: &str, path: &str) -> String {
    if !path.starts_with("super") {
        return path.to_owned();
    }
    let module = file.trim_end_matches(".rs").trim_end_matches("/mod");
    let mut module: Vec<&str> = module.split('/').collect();
    let mut rest = path;
    while let Some(further) = rest.strip_prefix("super") {
        module.pop();
        rest = further.trim_start_matches("::");
    }
    let joint = if module.is_empty() { "" } else { "::" };
    format!("crate::{}{joint}{rest}", module.join("::"))
}

// ── The rules bite ───────────────────────────────────────────────────────────────────────────────────────────────────

#[track_caller]
fn check(rule: fn(&str, &str) -> Vec<String>, file: &str, text: &str, expected: usize) {
    let found = rule(file, text);
    assert_eq!(found.len(), expected, "{file}: {text}\n{found:?}");
}

#[test]
fn a_layer_that_names_another_is_seen() {
    let check = |file, text, expected| check(breaches_of_layers, file, text, expected);
    check("ui/app.rs", "use crate::engine::core::Call;", 1);
    check("ui/app.rs", "use crate::{\n    domain::State,\n    engine::{core, hub as h},\n};", 2);
    check("ui/app.rs", "use crate::{domain::{self, State}, attach::*, config::load};", 0);
    check("ui/panes/board.rs", "fn f() { super::super::super::engine::journal::read() }", 1);
    check("ui/panes/board.rs", "use super::super::scene::Scene;", 0);
    check("engine/hub.rs", "let at = crate::ui::regions::Regions::compute();", 1);
    check("engine/hub.rs", "use ratatui::layout::Rect;", 1);
    check("demo/world.rs", "use crate::domain::Moment;", 1);
    check("adapters/pytest.rs", "async fn f() { tokio::time::sleep(x).await }", 1);
    check("domain/run.rs", "use serde::Serialize; use tokio::sync::mpsc;", 1);
    check("cli/mod.rs", "use crate::{engine, ui}; use clap::Parser;", 0);
}

#[test]
fn a_pure_layer_that_looks_at_the_world_is_seen() {
    let check = |file, text, expected| check(breaches_of_layers, file, text, expected);
    check("domain/run.rs", "use std::time::{Duration, Instant};", 1);
    check("domain/run.rs", "let now = std::time::SystemTime::now();", 1);
    check("domain/run.rs", "use std::{fmt, fs::File};", 1);
    check("adapters/python.rs", "std::env::var(name)", 1);
    check("config/load.rs", "std::fs::read_to_string(path)", 1);
    check("config/files.rs", "std::fs::read_to_string(path)", 0);
    check("domain/run.rs", "use std::time::Duration;", 0);
}

#[test]
fn comments_literals_and_tests_are_not_code() {
    let check = |file, text, expected| check(breaches_of_layers, file, text, expected);
    check("ui/app.rs", "// crate::engine::core\n/* crate::engine */ /// [`crate::engine`]", 0);
    check("ui/app.rs", r##"let s = "crate::engine \" crate::engine"; let r = r#"crate::engine"#;"##, 0);
    check("ui/app.rs", "#[cfg(test)]\nmod tests {\n    fn f() { crate::engine::x() }\n}", 0);
    check("ui/app.rs", "#[cfg(test)]\nmod tests { }\nfn f<'a>(c: &'a u8) { let q = '\"'; crate::engine::x() }", 1);
    assert_eq!(
        breaches_of_layers("ui/app.rs", "/*\n\n*/\nuse crate::engine;")[0],
        "src/ui/app.rs:4: ui may not name crate::engine"
    );
}

#[test]
fn habits_are_seen() {
    check(breaches_of_habits, "ui/app.rs", "let x = y.unwrap();", 1);
    check(breaches_of_habits, "ui/app.rs", "let x = y.unwrap_or_default(); // .unwrap()", 0);
    check(breaches_of_habits, "ui/app.rs", "#[cfg(test)]\nmod tests { fn f() { x.unwrap(); } }", 0);
    check(breaches_of_habits, "ui/app.rs", "// TODO: later\n#[allow(dead_code)]\nfn f() { todo!() }", 3);
    check(too_long, "ui/app.rs", &"let x = 1;\n".repeat(LONGEST + 1), 1);
    check(too_long, "ui/app.rs", &"let x = 1;\n".repeat(LONGEST), 0);
    check(literal_colours, "ui/panes/board.rs", "style.fg(Color::Red).bg(ratatui::style::Color::Rgb(1, 2, 3))", 2);
    check(literal_colours, "ui/panes/board.rs", "style.fg(theme.color(Role::Bad)).bg(Color::Reset)", 0);
    check(literal_colours, "ui/theme.rs", "Color::Red", 0);
    check(machine_paths, "README.md", "cd /home/bob/project", 1);
    check(machine_paths, "tests/config.rs", "cd /home/bob/project; cd /root/project", 1);
}
