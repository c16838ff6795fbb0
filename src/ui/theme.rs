//! Colours and marks by role. A theme is written once, in `themes/*.toml`; nothing else names a colour or a glyph.

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Style};

/// What a piece of the screen is for. The theme gives it a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// What is to be read.
    Text,
    /// What is to be read second.
    Muted,
    /// Frames, rules, what is only there to hold the rest.
    Faint,
    /// The ground of overlays.
    Surface,
    /// The row under the cursor.
    Selection,
    /// A word that must stand out without being news: titles, names.
    Strong,
    /// A pane's frame.
    Border,
    /// The frame of the pane that has the focus.
    BorderFocus,
    /// Passed, live, healthy.
    Good,
    /// Failed, down.
    Bad,
    /// Waiting, deploying, to keep an eye on.
    Warning,
    /// Running now.
    Running,
    /// Agents and what they do.
    Agent,
    /// What can be pressed or has the focus.
    Press,
    /// No longer proved.
    Stale,
    /// Failed because a service was not well.
    Environment,
    /// Ran while what serves was changing.
    Straddled,
    /// Skipped, set aside.
    Aside,
    /// Passed, and yet nothing is proved.
    Hollow,
    /// The badge of an environment that is a person's own.
    BadgeLocal,
    /// The badge of a shared environment.
    BadgeShared,
    /// The badge of a protected environment.
    BadgeProtected,
    /// A place in a file, to be opened.
    Link,
    /// Text that matches a search.
    Match,
    /// A tab or button that is chosen.
    Chosen,
    /// A button that is not.
    Button,
    /// An added or actual line of a difference.
    DiffAdded,
    /// A removed or expected line of a difference.
    DiffRemoved,
    /// The product's own name.
    Brand,
    /// Fails as it was accepted.
    Known,
}

impl Role {
    /// Every role with its dotted name in a theme file, in the order of the enum.
    pub const ALL: [(Self, &'static str); 30] = [
        (Self::Text, "text"),
        (Self::Muted, "text.muted"),
        (Self::Faint, "text.faint"),
        (Self::Surface, "surface"),
        (Self::Selection, "selection"),
        (Self::Strong, "text.strong"),
        (Self::Border, "border"),
        (Self::BorderFocus, "border.focus"),
        (Self::Good, "state.good"),
        (Self::Bad, "state.bad"),
        (Self::Warning, "state.warning"),
        (Self::Running, "state.running"),
        (Self::Agent, "state.agent"),
        (Self::Press, "press"),
        (Self::Stale, "state.stale"),
        (Self::Environment, "state.environment"),
        (Self::Straddled, "state.straddled"),
        (Self::Aside, "state.aside"),
        (Self::Hollow, "state.hollow"),
        (Self::BadgeLocal, "badge.local"),
        (Self::BadgeShared, "badge.shared"),
        (Self::BadgeProtected, "badge.protected"),
        (Self::Link, "link"),
        (Self::Match, "match"),
        (Self::Chosen, "button.chosen"),
        (Self::Button, "button"),
        (Self::DiffAdded, "diff.added"),
        (Self::DiffRemoved, "diff.removed"),
        (Self::Brand, "brand"),
        (Self::Known, "state.known"),
    ];
}

/// A mark that tells a state by its shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// ■ A test that passed.
    Passed,
    /// ✘ A test that failed.
    Failed,
    /// ◐ A test that runs, a service that is being deployed.
    Running,
    /// ○ A test that was skipped.
    Skipped,
    /// · A test that waits, or was never run.
    Queued,
    /// ▪ A passed test whose service has changed since.
    Stale,
    /// ◇ A test that failed because a service was not well.
    Environment,
    /// ≈ A test that ran while what serves was changing.
    Straddled,
    /// ✔ Done, said in a line.
    Check,
    /// ● A service or link that is up.
    Up,
    /// ○ One that is down or unknown.
    Down,
    /// ▶ Something that is under way, said in a line.
    Play,
    /// › The place in a source, the next rung.
    Here,
    /// ⚠ A warning.
    Warning,
    /// ? A test that was lost.
    Lost,
    /// … Cut text.
    Ellipsis,
    /// □ A test that passed without touching anything.
    NoEvidence,
    /// ∅ A passed test that passes without its environment too.
    Vacuous,
    /// ▸ A part that is folded.
    Folded,
    /// ▾ A part that is open.
    Unfolded,
    /// ⊘ A failure that is known and accepted.
    Known,
}

impl Mark {
    /// Every mark with its name, its glyph and what stands for it where only ASCII can be shown.
    pub const ALL: [(Self, &'static str, &'static str); 21] = [
        (Self::Passed, "■", "#"),
        (Self::Failed, "✘", "X"),
        (Self::Running, "◐", "@"),
        (Self::Skipped, "○", "o"),
        (Self::Queued, "·", "."),
        (Self::Stale, "▪", ":"),
        (Self::Environment, "◇", "e"),
        (Self::Straddled, "≈", "="),
        (Self::Check, "✔", "+"),
        (Self::Up, "●", "*"),
        (Self::Down, "○", "o"),
        (Self::Play, "▶", ">"),
        (Self::Here, "›", ">"),
        (Self::Warning, "⚠", "!"),
        (Self::Lost, "?", "?"),
        (Self::Ellipsis, "…", "~"),
        (Self::NoEvidence, "□", "0"),
        (Self::Vacuous, "∅", "v"),
        (Self::Folded, "▸", "+"),
        (Self::Unfolded, "▾", "-"),
        (Self::Known, "⊘", "k"),
    ];
}

/// Which glyphs a terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Glyphs {
    /// Everything.
    #[default]
    Unicode,
    /// ASCII alone.
    Ascii,
}

impl Glyphs {
    /// What the environment's variables say: the locale (`LC_ALL`, `LC_CTYPE` or `LANG`, the first that is set) and
    /// `TERM`. The console of Linux has no glyphs to spare, and a locale that is not UTF-8 shows none of ours.
    #[must_use]
    pub fn of(locale: Option<&str>, term: Option<&str>) -> Self {
        let locale = locale.unwrap_or("").to_ascii_lowercase();
        let is_utf8 = locale.contains("utf-8") || locale.contains("utf8");
        match term {
            Some("linux" | "dumb" | "vt100" | "vt220") => Self::Ascii,
            _ if is_utf8 || locale.is_empty() => Self::Unicode,
            _ => Self::Ascii,
        }
    }
}

/// Colours by role, marks by state.
#[derive(Debug, Clone, PartialEq)]
pub struct Theme {
    /// Its name, as it is configured.
    pub name: String,
    /// Which glyphs may be used.
    pub glyphs: Glyphs,
    /// What lies under everything, where the theme does not leave that to the terminal.
    pub ground: Option<Style>,
    styles: [Style; Role::ALL.len()],
}

impl Theme {
    /// A theme from a style for each role.
    #[must_use]
    pub fn new(name: impl Into<String>, glyphs: Glyphs, style: impl Fn(Role) -> Style) -> Self {
        Self { name: name.into(), glyphs, ground: None, styles: Role::ALL.map(|(role, _)| style(role)) }
    }

    /// Puts the ground under everything that has none, and text on it that has no colour.
    pub fn lay_ground(&self, buffer: &mut Buffer) {
        let Some(ground) = self.ground else { return };
        for cell in &mut buffer.content {
            let style = Style {
                fg: ground.fg.filter(|_| cell.fg == Color::Reset),
                bg: ground.bg.filter(|_| cell.bg == Color::Reset),
                ..Style::new()
            };
            cell.set_style(style);
        }
    }

    /// The style of a role.
    #[must_use]
    pub fn style(&self, role: Role) -> Style {
        self.styles[role as usize]
    }

    /// The glyph of a mark.
    #[must_use]
    pub fn mark(&self, mark: Mark) -> &'static str {
        let (_, unicode, ascii) = Mark::ALL[mark as usize];
        match self.glyphs {
            Glyphs::Unicode => unicode,
            Glyphs::Ascii => ascii,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_and_roles_stand_in_the_order_of_their_enums() {
        assert!(Role::ALL.iter().enumerate().all(|(place, (role, _))| *role as usize == place));
        assert!(Mark::ALL.iter().enumerate().all(|(place, (mark, ..))| *mark as usize == place));
        assert!(Mark::ALL.iter().all(|(_, _, ascii)| ascii.is_ascii() && ascii.len() == 1));
    }

    #[test]
    fn a_terminal_that_cannot_show_glyphs_gets_letters() {
        assert_eq!(Glyphs::of(Some("de_DE.UTF-8"), Some("xterm")), Glyphs::Unicode);
        assert_eq!(Glyphs::of(None, None), Glyphs::Unicode);
        assert_eq!(Glyphs::of(Some("C"), Some("xterm")), Glyphs::Ascii);
        assert_eq!(Glyphs::of(Some("C.utf8"), Some("linux")), Glyphs::Ascii);
    }
}
