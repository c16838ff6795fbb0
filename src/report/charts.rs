//! Charts as SVG inside a page: no script, no font of their own, colours by class so that a page's scheme decides them.

use super::junit::escape;
use super::time::took as spoken;
use crate::domain::Span;

/// What a chart shows of a cycle.
pub(super) struct Column {
    /// The cycle's number.
    pub(super) number: u32,
    /// Which part of its tests held, in per cent.
    pub(super) rate: Option<f64>,
    /// How long it took, in seconds.
    pub(super) took: Option<f64>,
    /// How many tests failed, by the class of their cause.
    pub(super) causes: Vec<(String, u32)>,
}

/// How many of the newest cycles have room.
const COLUMNS: usize = 40;
const HEIGHT: f64 = 120.0;
const LEFT: f64 = 44.0;
const TOP: f64 = 10.0;
const WIDTH: f64 = 640.0;

/// The pass rate over the cycles.
pub(super) fn rate(columns: &[Column]) -> String {
    let columns = newest(columns);
    let bars = bars(columns, |column| Some((column.rate?, format!("{:.1} %", column.rate?))), 100.0);
    frame("Pass rate by cycle", columns, &bars, "100 %")
}

/// How long each cycle took.
pub(super) fn took(columns: &[Column]) -> String {
    let columns = newest(columns);
    let longest = columns.iter().filter_map(|column| column.took).fold(0.0, f64::max);
    let said = |seconds: f64| spoken(Span::from_secs_f64(seconds));
    let bars = bars(columns, |column| Some((column.took?, said(column.took?))), longest);
    frame("Duration by cycle", columns, &bars, &said(longest))
}

/// The failures of each cycle, by the class of their cause.
pub(super) fn causes(columns: &[Column]) -> String {
    let columns = newest(columns);
    let total = |column: &Column| column.causes.iter().map(|(_, tests)| tests).sum::<u32>();
    let most = columns.iter().map(total).max().unwrap_or(0);
    let mut bars = String::new();
    let mut classes: Vec<&str> = Vec::new();
    for (n, column) in columns.iter().enumerate() {
        let mut top = HEIGHT;
        for (class, tests) in &column.causes {
            if !classes.contains(&class.as_str()) {
                classes.push(class);
            }
            let tall = HEIGHT * f64::from(*tests) / f64::from(most.max(1));
            top -= tall;
            let title = format!("cycle {}: {tests} {class}", column.number);
            bars.push_str(&bar(n, columns.len(), top, tall, &slug(class), &title));
        }
    }
    let legend: Vec<String> = classes
        .iter()
        .map(|class| format!("<span><i class=\"key {}\"></i> {}</span>", slug(class), escape(class)))
        .collect();
    let chart = frame("Failures by cause and cycle", columns, &bars, &most.to_string());
    format!("{chart}<p class=\"legend\">{}</p>", legend.join(" "))
}

fn newest(columns: &[Column]) -> &[Column] {
    &columns[columns.len().saturating_sub(COLUMNS)..]
}

/// `missing event` is `c-missing-event`.
fn slug(class: &str) -> String {
    let letters = class.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' });
    format!("c-{}", letters.collect::<String>())
}

fn bars(columns: &[Column], of: impl Fn(&Column) -> Option<(f64, String)>, most: f64) -> String {
    let bar = |(n, column): (usize, &Column)| {
        let (value, said) = of(column)?;
        let tall = if most > 0.0 { HEIGHT * value / most } else { 0.0 };
        let title = format!("cycle {}: {said}", column.number);
        Some(bar(n, columns.len(), HEIGHT - tall, tall, "c-plain", &title))
    };
    columns.iter().enumerate().filter_map(bar).collect()
}

fn bar(n: usize, of: usize, top: f64, tall: f64, class: &str, title: &str) -> String {
    let step = step(of);
    let (x, y, wide) = (LEFT + step * n as f64 + step * 0.1, TOP + top, step * 0.8);
    format!(
        "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{wide:.1}\" height=\"{tall:.1}\"><title>{}</title></rect>",
        escape(title)
    )
}

/// A few cycles do not make columns as wide as a hand.
fn step(of: usize) -> f64 {
    ((WIDTH - LEFT) / of.max(1) as f64).min(56.0)
}

fn frame(title: &str, columns: &[Column], bars: &str, most: &str) -> String {
    let step = step(columns.len());
    let every = (columns.len() / 20).max(1);
    let numbers: String = columns
        .iter()
        .enumerate()
        .filter(|(n, _)| n % every == 0)
        .map(|(n, column)| {
            let x = LEFT + step * (n as f64 + 0.5);
            format!(
                "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                TOP + HEIGHT + 16.0,
                column.number
            )
        })
        .collect();
    let (bottom, tall) = (TOP + HEIGHT, TOP + HEIGHT + 22.0);
    format!(
        "<svg viewBox=\"0 0 {WIDTH} {tall}\" role=\"img\" aria-label=\"{title}\">\
         <text x=\"{x}\" y=\"{TOP}\" text-anchor=\"end\" dominant-baseline=\"hanging\">{}</text>\
         <text x=\"{x}\" y=\"{bottom}\" text-anchor=\"end\">0</text>\
         <line x1=\"{LEFT}\" y1=\"{TOP}\" x2=\"{WIDTH}\" y2=\"{TOP}\"/><line x1=\"{LEFT}\" y1=\"{bottom}\" x2=\"{WIDTH}\" y2=\"{bottom}\"/>\
         {bars}{numbers}</svg>",
        escape(most),
        x = LEFT - 6.0,
    )
}
