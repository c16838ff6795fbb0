//! From facts to a page: the built-in templates, or one of the user's own, filled with the same facts.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, ErrorKind, State as Filling, UndefinedBehavior};

use super::facts::Facts;
use super::{charts, ctrf, junit, markdown};
pub use crate::domain::ReportForm as Form;
use crate::domain::Span;

const MARKDOWN: &str = include_str!("templates/report.md");
const HTML: &str = include_str!("templates/report.html");
/// How much work a template may make: enough for a hundred thousand tests, and an end to a loop without one.
const FUEL: u64 = 200_000_000;

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

fn fill(name: &str, source: &str, html: bool, facts: &Facts) -> Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    environment
        .set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build()?);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));

    environment.set_auto_escape_callback(move |_| if html { AutoEscape::Html } else { AutoEscape::None });
    environment.add_filter("md", |text: String| markdown::inline(&text));
    environment.add_filter("code", |text: String| cell(&markdown::code(&text)));
    environment.add_filter("when", when);
    environment.add_filter("span", |seconds: f64| super::time::took(Span::from_secs_f64(seconds)));
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
mod tests {
    use super::*;
    use crate::domain::State;
    use crate::report::About;

    fn facts() -> Facts {
        Facts::of(&State::default(), &About::default())
    }

    #[test]
    fn a_file_says_by_its_name_what_it_wants() {
        let asked = ["a.md", "A.HTML", "b.json", "c.ctrf.json", "results.xml", "notes.txt"].map(Form::of_name);
        let [md, html, json, ctrf, xml, none] = asked;
        assert_eq!((md, html), (Some(Form::Markdown), Some(Form::Html)));
        assert_eq!((json, ctrf, xml, none), (Some(Form::Json), Some(Form::Ctrf), Some(Form::Junit), None));
    }

    #[test]
    fn a_session_in_which_nothing_ran_can_be_told_in_every_form() {
        for form in [Form::Markdown, Form::Html, Form::Json, Form::Junit, Form::Ctrf] {
            let text = render(&facts(), form, None).expect("it can be rendered");
            assert!(!text.contains("Green"), "{form:?}: {text}");
        }
    }

    #[test]
    fn a_template_of_ones_own_is_filled_with_the_facts_and_its_mistakes_have_a_line() {
        let own = "{{ project }}: {{ status.word }} of {{ totals.tests }}\n";
        assert_eq!(render(&facts(), Form::Markdown, Some(("own.md", own))).expect("it fits"), ": nothing of 0\n");
        let wrong =
            render(&facts(), Form::Markdown, Some(("own.md", "a\n{{ nobody.knows }}"))).expect_err("no such fact");
        assert!(wrong.starts_with("own.md:2: undefined value"), "{wrong}");
        let endless = "{% for a in range(100000) %}{% for b in range(100000) %}x{% endfor %}{% endfor %}";
        let wrong = render(&facts(), Form::Markdown, Some(("own.md", endless))).expect_err("it has no end");
        assert!(wrong.contains("fuel"), "{wrong}");
    }
}
