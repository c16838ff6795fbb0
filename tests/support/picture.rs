//! The README's picture: a recorded session, folded up to a moment, drawn as any screen is, and written as SVG.
//!
//! Frames and bars become shapes, since fonts differ in how well theirs join; everything else is text that is held to the
//! grid, so that any monospaced font will do.

use std::fmt::Write as _;
use std::path::Path;

use liveloop::attach::Clock;
use liveloop::domain::{Effects, Moment, Span, State, ViewerId};
use liveloop::engine::journal;
use liveloop::ui::color::Depth;
use liveloop::ui::draw::draw;
use liveloop::ui::regions::Regions;
use liveloop::ui::scene::Scene;
use liveloop::ui::theme::Glyphs;
use liveloop::ui::theme_file::Palette;
use liveloop::ui::view::ViewState;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};

/// A session of the demo, solved by keys.
const JOURNAL: &str = "docs/img/screen.jsonl";
/// How long after its beginning: the fourth cycle runs, an agent is at work, a deploy was proved.
const MOMENT: Span = Span::millis(99_400);
const SIZE: (u16, u16) = (140, 40);

/// The size of a cell, and of the letters in it.
const CELL: (f64, f64) = (8.4, 18.0);
const LETTERS: f64 = 14.0;
/// Room around the screen.
const MARGIN: f64 = 12.0;

/// The picture, the same on every machine.
pub(crate) fn picture() -> String {
    let palette = Palette::dark();
    let theme = palette.theme(Depth::True, Glyphs::Unicode);
    let (state, now) = fold();
    let view = ViewState { viewer: Some(ViewerId(0)), ..ViewState::default() };
    let area = Rect::new(0, 0, SIZE.0, SIZE.1);
    let regions = Regions::compute(area, &state, &view);
    let scene = Scene { state: &state, view: &view, theme: &theme, now, clock: Clock::Live };
    let mut terminal = Terminal::new(TestBackend::new(SIZE.0, SIZE.1)).expect("a test backend cannot fail");
    terminal.draw(|frame| draw(&scene, &regions, frame)).expect("a test backend cannot fail");
    svg(terminal.backend().buffer())
}

fn fold() -> (State, Moment) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(JOURNAL);
    let journal::Recording { entries, broken, .. } = journal::read(&path).expect("the journal can be read");
    assert_eq!(broken, 0, "the journal has lines that are no longer understood");
    let now = entries[0].at.after(MOMENT);
    let mut state = State::default();
    for entry in entries.iter().take_while(|entry| entry.at <= now) {
        state.apply(entry, &mut Effects::new());
    }
    (state, now)
}

/// What a terminal without colours of its own would show.
const GROUND: &str = "#11131a";
const INK: &str = "#c8ccd8";

fn svg(buffer: &Buffer) -> String {
    let (columns, rows) = (f64::from(buffer.area.width), f64::from(buffer.area.height));
    let (width, height) = (columns * CELL.0 + 2.0 * MARGIN, rows * CELL.1 + 2.0 * MARGIN);
    let mut out = String::new();
    let _ = writeln!(
        out,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0} {height:.0}" width="{width:.0}" height="{height:.0}" font-family="'JetBrains Mono','DejaVu Sans Mono',Menlo,Consolas,monospace" font-size="{LETTERS}" xml:space="preserve">
<title>liveloop on its demo: failing tests under their modules, an agent run, a deploy that was proved</title>
<rect width="100%" height="100%" rx="8" fill="{GROUND}"/>"#
    );
    for y in 0..buffer.area.height {
        draw_row(&mut out, buffer, y);
    }
    out.push_str("</svg>\n");
    out
}

fn draw_row(out: &mut String, buffer: &Buffer, y: u16) {
    let row: Vec<&Cell> = (0..buffer.area.width).map(|x| &buffer[(x, y)]).collect();
    let top = MARGIN + f64::from(y) * CELL.1;
    let left = |x: usize| MARGIN + x as f64 * CELL.0;
    let mut x = 0;
    while x < row.len() {
        let look = Look::of(row[x]);
        let length = row[x..].iter().take_while(|cell| Look::of(cell).ground == look.ground).count();
        if let Some(ground) = &look.ground {
            let width = length as f64 * CELL.0;
            let _ = writeln!(
                out,
                r#"<rect x="{:.1}" y="{top:.1}" width="{width:.1}" height="{}" fill="{ground}"/>"#,
                left(x),
                CELL.1
            );
        }
        x += length;
    }
    let mut x = 0;
    while x < row.len() {
        let (symbol, look) = (row[x].symbol(), Look::of(row[x]));
        if symbol == " " || symbol.is_empty() {
            x += 1;
        } else if let Some(shape) = shape(symbol, left(x), top) {
            let _ = match shape {
                Shape::Lines(path) => writeln!(out, r#"<path d="{path}" fill="none" stroke="{}"/>"#, look.ink),
                Shape::Heavy(path) => {
                    writeln!(out, r#"<path d="{path}" fill="none" stroke="{}" stroke-width="2.5"/>"#, look.ink)
                }
                Shape::Block(path) => writeln!(out, r#"<path d="{path}" fill="{}"/>"#, look.ink),
            };
            x += 1;
        } else {
            let is_alike = |(at, cell): &(usize, &&Cell)| {
                let end = (" ", " ") == (cell.symbol(), row.get(x + at + 1).map_or(" ", |next| next.symbol()));
                Look::of(cell) == look && !end && shape(cell.symbol(), 0.0, 0.0).is_none()
            };
            let run: String = row[x..].iter().enumerate().take_while(is_alike).map(|(_, cell)| cell.symbol()).collect();
            let cells = row[x..].iter().enumerate().take_while(is_alike).count();
            let text = run.trim_end();
            let width = (cells - (run.len() - text.len())) as f64 * CELL.0;
            let baseline = top + CELL.1 * 0.74;
            let _ = writeln!(
                out,
                r#"<text x="{:.1}" y="{baseline:.1}" textLength="{width:.1}" lengthAdjust="spacingAndGlyphs" fill="{}"{}>{}</text>"#,
                left(x),
                look.ink,
                if look.bold { r#" font-weight="bold""# } else { "" },
                text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"),
            );
            x += cells;
        }
    }
}

#[derive(PartialEq)]
struct Look {
    ink: String,
    ground: Option<String>,
    bold: bool,
}

impl Look {
    fn of(cell: &Cell) -> Self {
        let (ink, ground) = (hex(cell.fg), hex(cell.bg));
        let bold = cell.modifier.contains(Modifier::BOLD);
        if cell.modifier.contains(Modifier::REVERSED) {
            Self { ink: ground.unwrap_or(GROUND.into()), ground: Some(ink.unwrap_or(INK.into())), bold }
        } else {
            Self { ink: ink.unwrap_or(INK.into()), ground, bold }
        }
    }
}

/// None is the terminal's own colour. At full depth the themes name no other.
fn hex(color: Color) -> Option<String> {
    match color {
        Color::Rgb(r, g, b) => Some(format!("#{r:02x}{g:02x}{b:02x}")),
        _ => None,
    }
}

/// What is drawn rather than written.
enum Shape {
    Lines(String),
    Heavy(String),
    Block(String),
}

fn shape(symbol: &str, left: f64, top: f64) -> Option<Shape> {
    let (w, h) = CELL;
    let (cx, cy, right, bottom) = (left + w / 2.0, top + h / 2.0, left + w, top + h);
    let r = w / 2.0;
    let lines = |path: String| Some(Shape::Lines(path));
    let block = |x: f64, y: f64, width: f64, height: f64| {
        Some(Shape::Block(format!("M{x:.1} {y:.1}h{width:.1}v{height:.1}h-{width:.1}z")))
    };
    let c = symbol.chars().next()?;
    match c {
        '─' => lines(format!("M{left:.1} {cy:.1}H{right:.1}")),
        '│' => lines(format!("M{cx:.1} {top:.1}V{bottom:.1}")),
        '╭' => lines(format!("M{cx:.1} {bottom:.1}V{:.1}Q{cx:.1} {cy:.1} {right:.1} {cy:.1}", cy + r)),
        '╮' => lines(format!("M{cx:.1} {bottom:.1}V{:.1}Q{cx:.1} {cy:.1} {left:.1} {cy:.1}", cy + r)),
        '╰' => lines(format!("M{cx:.1} {top:.1}V{:.1}Q{cx:.1} {cy:.1} {right:.1} {cy:.1}", cy - r)),
        '╯' => lines(format!("M{cx:.1} {top:.1}V{:.1}Q{cx:.1} {cy:.1} {left:.1} {cy:.1}", cy - r)),
        '├' => lines(format!("M{cx:.1} {top:.1}V{bottom:.1}M{cx:.1} {cy:.1}H{right:.1}")),
        '┤' => lines(format!("M{cx:.1} {top:.1}V{bottom:.1}M{left:.1} {cy:.1}H{cx:.1}")),
        '━' => Some(Shape::Heavy(format!("M{left:.1} {cy:.1}H{right:.1}"))),
        '▁'..='█' => {
            let part = h * f64::from(c as u32 - '▁' as u32 + 1) / 8.0;
            block(left, bottom - part, w, part)
        }
        '■' => block(left + 0.8, cy - 3.4, w - 1.6, w - 1.6),
        '□' => lines(format!("M{:.1} {:.1}h{wide:.1}v{wide:.1}h-{wide:.1}z", left + 1.4, cy - 2.8, wide = w - 2.8)),
        '◇' => lines(format!("M{cx:.1} {:.1}l{r:.1} {r:.1}l-{r:.1} {r:.1}l-{r:.1} -{r:.1}z", cy - r)),
        '▪' => block(left + 2.0, cy - 2.2, w - 4.0, w - 4.0),
        _ => None,
    }
}
