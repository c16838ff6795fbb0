//! Charts as SVG inside a page: no script, no font of their own, colours by class so that a page's scheme decides them.
//! A column is a cycle and leads to its row in the table; what it stands for is written above it wherever there is room,
//! and always in its title.

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
/// With more columns than these a chart takes the whole width of the page.
const NARROW: usize = 12;
const HEIGHT: f64 = 120.0;
const LEFT: f64 = 60.0;
const TOP: f64 = 24.0;
/// How wide a column has to be for its number to stand above it.
const ROOM: f64 = 34.0;

/// The pass rate over the cycles.
pub(super) fn rate(columns: &[Column]) -> String {
    let said = |column: &Column| column.rate.map(|rate| (rate, percent(rate)));
    Chart { title: "Tests that held, of those that were selected", most: 100.0, top: "100 %".to_owned() }
        .of_values(columns, said)
}

/// How long each cycle took.
pub(super) fn took(columns: &[Column]) -> String {
    let longest = newest(columns).iter().filter_map(|column| column.took).fold(0.0, f64::max);
    let said = |seconds: f64| spoken(Span::from_secs_f64(seconds));
    Chart { title: "Duration", most: longest, top: said(longest) }
        .of_values(columns, |column| column.took.map(|took| (took, said(took))))
}

/// The failures of each cycle, by the class of their cause.
pub(super) fn causes(columns: &[Column]) -> String {
    let columns = newest(columns);
    let total = |column: &Column| column.causes.iter().map(|(_, tests)| tests).sum::<u32>();
    let most = columns.iter().map(total).max().unwrap_or(0);
    let chart = Chart { title: "Failing tests by cause", most: f64::from(most), top: most.to_string() };
    let frame = Frame::of(columns);
    let mut classes: Vec<&str> = Vec::new();
    let mut bars = String::new();
    for (n, column) in columns.iter().enumerate() {
        let mut stacked: Vec<(&str, u32)> = Vec::new();
        for (class, tests) in &column.causes {
            match stacked.iter_mut().find(|(known, _)| known == class) {
                Some((_, sum)) => *sum += tests,
                None => stacked.push((class, *tests)),
            }
        }
        let told: Vec<String> = stacked.iter().map(|(class, tests)| format!("{tests} {class}")).collect();
        let told = if told.is_empty() { "none".to_owned() } else { told.join(", ") };
        let mut top = HEIGHT;
        let mut column_bars = String::new();
        for (class, tests) in stacked {
            if !classes.contains(&class) {
                classes.push(class);
            }
            let tall = chart.tall(f64::from(tests));
            top -= tall;
            column_bars.push_str(&frame.bar(n, top, tall, &slug(class)));
        }
        let label = frame.label(n, top, &total(column).to_string());
        bars.push_str(&linked(column.number, &told, &(column_bars + &label)));
    }
    let legend: Vec<String> = classes
        .iter()
        .map(|class| format!("<span><i class=\"key {}\"></i>{}</span>", slug(class), escape(class)))
        .collect();
    format!("{}<p class=\"legend\">{}</p>", chart.drawn(&frame, columns, &bars), legend.join(" "))
}

fn newest(columns: &[Column]) -> &[Column] {
    &columns[columns.len().saturating_sub(COLUMNS)..]
}

/// `74.1 %`, `100 %`: never rounded up to more than is true.
fn percent(rate: f64) -> String {
    let tenths = (rate * 10.0 + 1e-6).floor() / 10.0;
    if tenths.fract() == 0.0 { format!("{tenths:.0} %") } else { format!("{tenths:.1} %") }
}

/// `missing event` is `c-missing-event`.
fn slug(class: &str) -> String {
    let letters = class.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' });
    format!("c-{}", letters.collect::<String>())
}

/// A column leads to its cycle, and says in words what it stands for.
fn linked(number: u32, told: &str, inside: &str) -> String {
    format!("<a href=\"#cycle-{number}\"><title>cycle {number}: {}</title>{inside}</a>", escape(told))
}

/// What is drawn, and what its height stands for.
struct Chart {
    title: &'static str,
    most: f64,
    top: String,
}

impl Chart {
    fn of_values(&self, columns: &[Column], said: impl Fn(&Column) -> Option<(f64, String)>) -> String {
        let columns = newest(columns);
        let frame = Frame::of(columns);
        let mut bars = String::new();
        for (n, column) in columns.iter().enumerate() {
            let (inside, told) = match said(column) {
                Some((value, told)) => {
                    let tall = self.tall(value);
                    let bar = frame.bar(n, HEIGHT - tall, tall, "c-plain");
                    (bar + &frame.label(n, HEIGHT - tall, &told), told)
                }
                None => (frame.label(n, HEIGHT, "?"), "nobody kept it".to_owned()),
            };
            bars.push_str(&linked(column.number, &told, &inside));
        }
        self.drawn(&frame, columns, &bars)
    }

    fn tall(&self, value: f64) -> f64 {
        if self.most > 0.0 { HEIGHT * value / self.most } else { 0.0 }
    }

    fn drawn(&self, frame: &Frame, columns: &[Column], bars: &str) -> String {
        let (title, wide, right, bottom) = (self.title, frame.wide, frame.wide - 2.0, TOP + HEIGHT);
        let class = if columns.len() > NARROW { " class=\"many\"" } else { "" };
        format!(
            "<svg{class} viewBox=\"0 0 {wide:.0} {:.0}\" role=\"img\" aria-label=\"{title} by cycle\">\
             <text class=\"axis\" x=\"{x}\" y=\"{:.0}\" text-anchor=\"end\">{}</text>\
             <text class=\"axis\" x=\"{x}\" y=\"{bottom}\" text-anchor=\"end\">0</text>\
             <line x1=\"{LEFT}\" y1=\"{TOP}\" x2=\"{right:.0}\" y2=\"{TOP}\"/>\
             <line x1=\"{LEFT}\" y1=\"{bottom}\" x2=\"{right:.0}\" y2=\"{bottom}\"/>\
             <text class=\"axis\" x=\"{x}\" y=\"{:.0}\" text-anchor=\"end\">cycle</text>{bars}{}</svg>",
            bottom + 22.0,
            TOP + 4.0,
            if self.most > 0.0 { escape(&self.top) } else { String::new() },
            bottom + 16.0,
            frame.numbers(columns),
            x = LEFT - 6.0,
        )
    }
}

/// Where columns stand.
struct Frame {
    wide: f64,
    step: f64,
}

impl Frame {
    fn of(columns: &[Column]) -> Self {
        let wide = if columns.len() > NARROW { 1_120.0 } else { 368.0 };
        // A few cycles do not make columns as wide as a hand.
        let step = ((wide - LEFT) / columns.len().max(1) as f64).min(60.0);
        Self { wide, step }
    }

    fn middle(&self, n: usize) -> f64 {
        LEFT + self.step * (n as f64 + 0.5)
    }

    fn bar(&self, n: usize, top: f64, tall: f64, class: &str) -> String {
        let (x, y, wide) = (LEFT + self.step * (n as f64 + 0.12), TOP + top, self.step * 0.76);
        format!("<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{wide:.1}\" height=\"{tall:.1}\"/>")
    }

    /// What a column stands for, above it, where there is room.
    fn label(&self, n: usize, top: f64, text: &str) -> String {
        // Some six units a letter.
        if self.step < ROOM.min(text.chars().count() as f64 * 6.0) {
            return String::new();
        }
        let (x, y) = (self.middle(n), TOP + top - 4.0);
        format!("<text class=\"value\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\">{}</text>", escape(text))
    }

    fn numbers(&self, columns: &[Column]) -> String {
        let every = (22.0 / self.step).ceil().max(1.0) as usize;
        let number = |(n, column): (usize, &Column)| {
            let (x, y) = (self.middle(n), TOP + HEIGHT + 16.0);
            format!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\">{}</text>", column.number)
        };
        columns.iter().enumerate().filter(|(n, _)| n % every == 0).map(number).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(number: u32) -> Column {
        let causes = vec![("timeout".to_owned(), 2), ("crash".to_owned(), 1), ("timeout".to_owned(), 3)];
        Column { number, rate: Some(99.96), took: Some(65.0), causes }
    }

    #[test]
    fn columns_are_labelled_lead_to_their_cycles_and_never_say_more_than_is_true() {
        let chart = rate(&[column(7)]);
        assert!(chart.contains(">99.9 %</text>") && chart.contains("href=\"#cycle-7\""), "{chart}");
        assert!(took(&[column(7)]).contains(">1:05 min</text>"));
        let chart = causes(&[column(7)]);
        assert!(chart.contains("cycle 7: 5 timeout, 1 crash"), "{chart}");
        assert_eq!(chart.matches("<rect").count(), 2, "failures of one class stand together");
        let unknown = Column { number: 3, rate: None, took: None, causes: Vec::new() };
        assert!(rate(&[unknown]).contains("cycle 3: nobody kept it"));
    }

    #[test]
    fn many_cycles_take_the_whole_width_and_are_not_labelled_over_one_another() {
        let columns: Vec<Column> = (1..=60).map(column).collect();
        let chart = took(&columns);
        assert!(chart.contains("class=\"many\"") && !chart.contains("class=\"value\""), "{chart}");
        assert_eq!(chart.matches("<rect").count(), COLUMNS);
        assert!(chart.contains("cycle 60: 1:05 min") && !chart.contains("cycle 20:"));
    }
}
