//! From facts to a page: the built-in templates, or one of the user's own, filled with the same facts.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, ErrorKind, State as Filling, UndefinedBehavior};
use serde::Serialize;

use super::excerpt::cut;
use super::facts::Facts;
use super::{charts, ctrf, junit, markdown};
pub use crate::domain::ReportForm as Form;
use crate::domain::Span;

const MARKDOWN: &str = include_str!("templates/report.md");
const HTML: &str = include_str!("templates/report.html");
/// How much work a template may make: enough for a hundred thousand tests, and an end to a loop without one. Tests wait
/// for that end.
const FUEL: u64 = if cfg!(test) { 5_000_000 } else { 200_000_000 };

/// The report in that form; with a template of the user's own, what that makes of the facts.
///
/// # Errors
/// When a template of the user's own cannot be read or filled, with its line.
pub fn render(facts: &Facts, form: Form, template: Option<(&str, &str)>) -> Result<String, String> {
    if let Some((name, source)) = template {
        let html = form == Form::Html;
        return fill(name, source, html, facts).map_err(|error| told(name, &error));
    }
    let built_in = |name, source, html| fill(name, source, html, facts).map_err(|error| told(name, &error));
    match form {
        Form::Markdown => built_in("report.md", MARKDOWN, false),
        Form::Html => built_in("report.html", HTML, true),
        Form::Json => serde_json::to_string_pretty(facts)
            .map(|text| text + "\n")
            .map_err(|error| format!("the facts cannot be written as JSON: {error}")),
        Form::Junit => Ok(junit::junit(facts)),
        Form::Ctrf => Ok(ctrf::ctrf(facts)),
    }
}

fn fill(name: &str, source: &str, html: bool, facts: &impl Serialize) -> Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    environment
        .set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build()?);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));

    environment.set_auto_escape_callback(move |_| if html { AutoEscape::Html } else { AutoEscape::None });
    environment.add_filter("md", |text: String| markdown::inline(&text));
    environment.add_filter("code", |text: String| cell(&markdown::code(&text)));
    environment.add_filter("when", when);
    environment.add_filter("time", time);
    environment.add_filter("span", |seconds: f64| super::time::took(Span::from_secs_f64(seconds)));
    environment.add_filter("brief", |seconds: f64| Span::from_secs_f64(seconds).to_string());
    environment.add_filter("cut", |text: String, characters: usize| cut(&text, characters));
    environment.add_filter("proof", proof);
    environment.add_filter("fence", |text: String| markdown::block("text", &text));
    environment.add_function("chart", chart);
    environment.add_template(name, source)?;
    environment.get_template(name)?.render(Serde(facts))
}

/// Code inside a table: a bar would end its cell.
fn cell(code: &str) -> String {
    code.replace('|', "\\|")
}

/// `2026-11-20T16:11:36.120Z` as people read it: `2026-11-20 16:11:36 UTC`.
fn when(stamp: String) -> String {
    match (stamp.get(..10), stamp.get(11..19)) {
        (Some(date), Some(time)) => format!("{date} {time} UTC"),
        _ => stamp,
    }
}

/// The same without its day, where that is the day on which the session began: `16:11:36 UTC`.
fn time(filling: &Filling, stamp: String) -> String {
    let began = filling.lookup("began").map(|began| began.to_string()).unwrap_or_default();
    match (stamp.get(..10), stamp.get(11..19)) {
        (Some(date), Some(time)) if began.get(..10) == Some(date) => format!("{time} UTC"),
        _ => when(stamp),
    }
}

/// How far a deploy was proved, for people.
fn proof(rung: String) -> &'static str {
    match rung.as_str() {
        "every_surface" => "fresh connections and every other surface showed it",
        "data_plane" => "fresh connections showed it",
        "control_plane" => "only its platform says so",
        "accepted" => "only accepted",
        _ => "nothing",
    }
}

/// A chart of the cycles, as SVG.
fn chart(filling: &Filling, what: &str) -> Result<Value, minijinja::Error> {
    let cycles = filling.lookup("cycles").unwrap_or_default();
    let mut columns = Vec::new();
    for cycle in cycles.try_iter()? {
        let number = |name: &str| cycle.get_attr(name).ok().and_then(|value| f64::try_from(value).ok());
        let mut causes = Vec::new();
        for cause in cycle.get_attr("causes")?.try_iter()? {
            let tests = cause.get_attr("tests").ok().and_then(|value| u32::try_from(value).ok()).unwrap_or(0);
            causes.push((cause.get_attr("class")?.to_string(), tests));
        }
        // Only the largest causes of a cycle are kept one by one.
        let told: u32 = causes.iter().map(|(_, tests)| tests).sum();
        let more = number("more_causes").is_some_and(|more| more > 0.0);
        let rest = (number("failed").unwrap_or(0.0) as u32).saturating_sub(told);
        if more && rest > 0 {
            causes.push(("other causes".to_owned(), rest));
        }
        columns.push(charts::Column {
            number: number("number").unwrap_or(0.0) as u32,
            rate: number("pass_rate"),
            took: number("took"),
            causes,
        });
    }
    let svg = match what {
        "rate" => charts::rate(&columns),
        "causes" => charts::causes(&columns),
        "took" => charts::took(&columns),
        other => {
            let text = format!("there is no chart `{other}`: rate, causes or took");
            return Err(minijinja::Error::new(ErrorKind::InvalidOperation, text));
        }
    };
    Ok(Value::from_safe_string(svg))
}

/// What is wrong with a template, and where.
fn told(name: &str, error: &minijinja::Error) -> String {
    let line = error.line().map_or(String::new(), |line| format!(":{line}"));
    let detail = error.detail().map_or(String::new(), |detail| format!(": {detail}"));
    format!("{name}{line}: {}{detail}", error.kind())
}

#[cfg(test)]
mod tests;
