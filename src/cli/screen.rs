//! A screen on a feed: the settings of a person's window, and how it ends.

use std::convert::Infallible;
use std::future::pending;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use crate::attach::Feed;
use crate::config::files::read_layer;
use crate::config::load::Configuration;
use crate::config::places::Layer;
use crate::domain::SessionEnd;
use crate::engine::clock::local_now;
use crate::ui::app::{self, UiSettings};
use crate::ui::clipboard;
use crate::ui::color::Depth;
use crate::ui::keymap::Keymap;
use crate::ui::shell;
use crate::ui::terminal;
use crate::ui::theme::{Glyphs, Theme};
use crate::ui::theme_file::Palette;

use super::project::variable;

/// Shows a feed until either side ends it.
///
/// # Errors
/// When the terminal cannot be taken.
pub async fn show(feed: Feed, settings: UiSettings) -> color_eyre::Result<SessionEnd> {
    terminal::install_panic_hook();
    let ended = tokio::select! {
        ended = app::run(feed, settings) => ended,
        never = fault() => match never {},
    };
    // What went wrong behind the screen is said on the terminal that the person gets back.
    for failure in terminal::failures() {
        eprintln!("liveloop: {failure}");
    }
    ended
}

/// A fault on purpose, so that tests see what a person would: in a debug build with `LIVELOOP_FAULT` set, SIGUSR2 is a
/// panic of the viewer. Otherwise it waits for ever.
async fn fault() -> Infallible {
    if cfg!(debug_assertions)
        && variable("LIVELOOP_FAULT").is_some()
        && let Ok(mut asked) = signal(SignalKind::user_defined2())
    {
        asked.recv().await;
        panic!("a fault on purpose");
    }
    pending().await
}

/// The settings of a person's window. A broken theme or keymap costs only itself, and is said on the screen.
#[must_use]
pub fn settings(configuration: &Configuration, themes: Option<&Path>, theme: Option<&str>) -> UiSettings {
    let mut complaints: Vec<String> = configuration.notices.iter().map(|notice| notice.to_string()).collect();
    let (keymap, errors) = Keymap::new(&configuration.keys);
    complaints.extend(errors.iter().map(ToString::to_string));
    let wanted = theme.unwrap_or(&configuration.ui.theme);
    let theme = load_theme(wanted, themes, &mut complaints);
    let complaint = complaints.first().map(|first| {
        let line = first.lines().next().unwrap_or_default();
        let more = complaints.len() - 1;
        if more > 0 { format!("{line}, and {more} more: see liveloop check") } else { line.to_owned() }
    });
    let now = local_now();
    UiSettings {
        theme,
        keymap: Arc::new(keymap),
        mouse: configuration.ui.mouse,
        call: configuration.notice.terminal,
        frame: Duration::from_secs(1) / u32::from(configuration.ui.frames_per_second.max(1)),
        editor: editor(configuration),
        clipboard: clipboard::routes(clipboard::Surroundings::of_process()),
        utc_offset: now.offset().seconds(),
        complaint,
    }
}

fn editor(configuration: &Configuration) -> String {
    let own = shell::command_line(configuration.editor.command.iter().map(String::as_str));
    if own.is_empty() { variable("VISUAL").or_else(|| variable("EDITOR")).unwrap_or_default() } else { own }
}

fn load_theme(wanted: &str, themes: Option<&Path>, complaints: &mut Vec<String>) -> Theme {
    let name = if wanted == "auto" { by_background() } else { wanted };
    let palette = Palette::built_in(name).or_else(|| own_palette(name, themes?, complaints)).unwrap_or_else(|| {
        complaints.push(format!("there is no theme `{name}`: dark is shown"));
        Palette::dark()
    });
    let (no_color, colorterm, term) = (variable("NO_COLOR"), variable("COLORTERM"), variable("TERM"));
    let depth = Depth::of(no_color.as_deref(), colorterm.as_deref(), term.as_deref());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| variable(name).filter(|l| !l.is_empty()));
    palette.theme(depth, Glyphs::of(locale.as_deref(), term.as_deref()))
}

fn own_palette(name: &str, themes: &Path, complaints: &mut Vec<String>) -> Option<Palette> {
    let source = read_layer(Layer::User, &themes.join(format!("{name}.toml"))).ok()??;
    let (palette, errors) = Palette::parse(name, &source.text, &Palette::dark());
    complaints.extend(errors.iter().map(|error| format!("theme {name}: {}", error.what)));
    Some(palette)
}

/// Some terminals say what their ground is; light is only assumed of those that do.
fn by_background() -> &'static str {
    let ground = variable("COLORFGBG").and_then(|text| text.rsplit(';').next()?.parse::<u8>().ok());
    if matches!(ground, Some(7 | 15)) { "light" } else { "dark" }
}
