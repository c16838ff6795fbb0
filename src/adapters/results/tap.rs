//! The Test Anything Protocol, version 14, and 13 as far as it is the same.

use super::Case;
use crate::domain::Outcome;

/// How deep subtests may lie.
const DEPTH: usize = 32;

/// One level of subtests: what was promised, and what came.
#[derive(Default)]
struct Level {
    plan: Option<usize>,
    seen: usize,
    cases: Vec<Case>,
}

/// Reads a stream.
pub(super) fn read(text: &str, cases: &mut Vec<Case>) -> Result<(), String> {
    let mut levels: Vec<Level> = vec![Level::default()];
    let mut diagnostics: Option<String> = None;
    let mut trouble = None;
    for line in text.lines() {
        let indent = line.len() - line.trim_start_matches(' ').len();
        let words = line.trim();
        if let Some(said) = &mut diagnostics {
            if words == "..." {
                let said = std::mem::take(said);
                diagnostics = None;
                if let Some(case) = levels.iter_mut().rev().find_map(|level| level.cases.last_mut()) {
                    describe(case, &said);
                }
            } else {
                said.push_str(line.strip_prefix("  ").unwrap_or(line));
                said.push('\n');
            }
            continue;
        }
        if words == "---" {
            diagnostics = Some(String::new());
            continue;
        }
        if words.get(..9).is_some_and(|start| start.eq_ignore_ascii_case("bail out!")) {
            trouble = Some(words.to_owned());
            break;
        }
        let depth = (indent / 4).min(DEPTH);
        if let Some(count) = plan(words) {
            level(&mut levels, depth).plan = Some(count);
        } else if let Some(case) = point(words) {
            let children = if levels.len() > depth + 1 { levels.drain(depth + 1..).next() } else { None };
            let level = level(&mut levels, depth);
            level.seen += 1;
            close(case, children, &mut level.cases);
        }
    }
    let top = levels.into_iter().next().unwrap_or_default();
    cases.extend(top.cases);
    let complaint = match top.plan {
        _ if trouble.is_some() => trouble,
        None => Some("its plan is missing, so nobody knows whether everything ran".to_owned()),
        Some(plan) if plan != top.seen => Some(format!("its plan was {plan} tests, and {} came", top.seen)),
        Some(_) => None,
    };
    complaint.map_or(Ok(()), Err)
}

fn level(levels: &mut Vec<Level>, depth: usize) -> &mut Level {
    while levels.len() <= depth {
        levels.push(Level::default());
    }
    &mut levels[depth]
}

/// A test point after its subtests: they are the tests, and it is one only where it says more than they do.
fn close(case: Case, children: Option<Level>, cases: &mut Vec<Case>) {
    let children = children.unwrap_or_default();
    let is_told = children.cases.iter().any(|child| child.outcome.is_some_and(Outcome::is_failure));
    let is_short = children.plan.is_some_and(|plan| plan != children.seen);
    let failed = case.outcome.is_some_and(Outcome::is_failure);
    let says_more = children.cases.is_empty() || (failed && !is_told) || is_short;
    cases.extend(
        children.cases.into_iter().map(|child| Case { name: format!("{} > {}", case.name, child.name), ..child }),
    );
    if says_more {
        let message = if is_short { "not all of its subtests came".to_owned() } else { case.message.clone() };
        let outcome = if is_short { Some(Outcome::Failed) } else { case.outcome };
        cases.push(Case { message, outcome, ..case });
    }
}

/// `1..N`, with or without a reason to skip it all.
fn plan(words: &str) -> Option<usize> {
    let rest = words.strip_prefix("1..")?;
    rest.split([' ', '#']).next()?.parse().ok()
}

/// `not ok 3 - description # todo reason`
fn point(words: &str) -> Option<Case> {
    let (ok, rest) = match words.strip_prefix("not ok") {
        Some(rest) => (false, rest),
        None => (true, words.strip_prefix("ok")?),
    };
    if !rest.is_empty() && !rest.starts_with(' ') {
        return None;
    }
    let rest = rest.trim_start();
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let number: Option<usize> = rest[..digits].parse().ok();
    let rest = rest[digits..].trim_start();
    let rest = rest.strip_prefix("- ").unwrap_or(rest);
    let (description, directive) = directive(rest);
    let (word, reason) = directive.split_once(' ').unwrap_or((directive, ""));
    let outcome = match (ok, word.to_ascii_lowercase().as_str()) {
        (_, skip) if skip.starts_with("skip") => Outcome::Skipped,
        (false, "todo") => Outcome::Xfailed,
        (true, "todo") => Outcome::Xpassed,
        (true, _) => Outcome::Passed,
        (false, _) => Outcome::Failed,
    };
    let name = unescaped(description.trim());
    let name = if name.is_empty() { number.map_or_else(|| "(unnamed)".into(), |n| n.to_string()) } else { name };
    Some(Case { name, outcome: Some(outcome), message: reason.trim().to_owned(), ..Case::default() })
}

/// A description and what stands behind its `#`, which has to be free and have spaces around it.
fn directive(rest: &str) -> (&str, &str) {
    let is_directive = |words: &str| {
        let word = words.get(..4).unwrap_or_default();
        word.eq_ignore_ascii_case("todo") || word.eq_ignore_ascii_case("skip")
    };
    for (at, _) in rest.match_indices("# ") {
        let free = at == 0 || rest[..at].ends_with(' ');
        let words = rest[at + 1..].trim_start();
        if free && is_directive(words) {
            return (&rest[..at], words);
        }
    }
    (rest, "")
}

fn unescaped(text: &str) -> String {
    text.replace(r"\#", "#").replace(r"\\", r"\")
}

/// The diagnostics of a point: a message and a duration are told where they have the usual names.
fn describe(case: &mut Case, said: &str) {
    let value = |key: &str| {
        let line = said.lines().find_map(|line| line.trim_start().strip_prefix(key)?.strip_prefix(':'))?;
        Some(line.trim().trim_matches(['\'', '"']).to_owned()).filter(|text| !text.is_empty())
    };
    if let Some(message) = value("message").or_else(|| value("error")).filter(|text| !text.starts_with(['|', '>'])) {
        case.message = message;
    }
    if let Some(time) = value("duration_ms").and_then(|time| time.parse::<f64>().ok()) {
        case.seconds = time / 1000.0;
    }
    case.trace.push_str(said);
}
