//! Theme files: TOML in, styles out. The built-in ones are part of the program; what a person's own file leaves out or
//! gets wrong is taken from the built-in theme, and said.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;
use toml::Spanned;

use super::color::{Depth, reduce};
use super::theme::{Glyphs, Role, Theme};

/// The built-in themes: name, and the file as it was built in.
pub const BUILT_IN: [(&str, &str); 3] = [
    ("dark", include_str!("../../themes/dark.toml")),
    ("light", include_str!("../../themes/light.toml")),
    ("high-contrast", include_str!("../../themes/high-contrast.toml")),
];

/// A mistake in a theme file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThemeError {
    /// What is wrong, and what would be right.
    pub what: String,
    /// Where in the text, in bytes.
    pub span: Option<Range<usize>>,
}

impl fmt::Display for ThemeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ThemeFile {
    #[serde(default)]
    ground: Option<String>,
    #[serde(default)]
    paint: Option<bool>,
    #[serde(default)]
    roles: BTreeMap<Spanned<String>, Spanned<toml::Value>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct StyleTable {
    #[serde(default)]
    fg: Option<String>,
    #[serde(default)]
    bg: Option<String>,
    #[serde(default)]
    add: Vec<String>,
}

/// A theme as it is written: full colours, not yet cut down to what a terminal can show.
#[derive(Debug, Clone, PartialEq)]
pub struct Palette {
    name: String,
    styles: BTreeMap<Role, Style>,
    /// The ground that the theme is made for, where it says so.
    pub ground: Option<Color>,
    /// Whether that ground is painted, rather than left to the terminal.
    pub paint: bool,
}

impl Palette {
    /// The built-in theme of that name.
    #[must_use]
    pub fn built_in(name: &str) -> Option<Self> {
        let (name, text) = BUILT_IN.iter().find(|(known, _)| *known == name)?;
        // A test proves that the built-in files have no mistakes.
        let (palette, _) = Self::parse(name, text, &Self::empty());
        Some(palette)
    }

    /// The theme for when nothing else was asked for.
    #[must_use]
    pub fn dark() -> Self {
        Self::built_in(BUILT_IN[0].0).unwrap_or_else(Self::empty)
    }

    fn empty() -> Self {
        Self { name: String::new(), styles: BTreeMap::new(), ground: None, paint: false }
    }

    /// Reads a theme file. What it leaves out or gets wrong is taken from `base`; every mistake is reported.
    #[must_use]
    pub fn parse(name: &str, text: &str, base: &Self) -> (Self, Vec<ThemeError>) {
        let mut palette = Self { name: name.to_owned(), ..base.clone() };
        let file: ThemeFile = match toml::from_str(text) {
            Ok(file) => file,
            Err(error) => {
                return (palette, vec![ThemeError { what: error.message().to_owned(), span: error.span() }]);
            }
        };
        let mut errors = Vec::new();
        palette.paint = file.paint.unwrap_or(palette.paint);
        if let Some(ground) = file.ground {
            match color(&ground) {
                Ok(color) => palette.ground = Some(color),
                Err(what) => errors.push(ThemeError { what: format!("ground: {what}"), span: None }),
            }
        }
        for (key, value) in file.roles {
            let Some((role, _)) = Role::ALL.iter().find(|(_, dotted)| dotted == key.get_ref()) else {
                errors.push(ThemeError { what: unknown_role(key.get_ref()), span: Some(key.span()) });
                continue;
            };
            let span = value.span();
            match style(value.into_inner()) {
                Ok(style) => {
                    palette.styles.insert(*role, style);
                }
                Err(what) => {
                    errors.push(ThemeError { what: format!("{}: {what}", key.get_ref()), span: Some(span) });
                }
            }
        }
        (palette, errors)
    }

    /// The style of a role as it is written.
    #[must_use]
    pub fn style(&self, role: Role) -> Style {
        self.styles.get(&role).copied().unwrap_or_default()
    }

    /// The theme for a terminal that shows so many colours. Without colours, what was told by a ground alone is
    /// reversed and what was told by a strong colour is bold, so that nothing gets lost.
    #[must_use]
    pub fn theme(&self, depth: Depth, glyphs: Glyphs) -> Theme {
        let mut theme = Theme::new(self.name.clone(), glyphs, |role| match depth {
            Depth::None => colourless(role, self.style(role)),
            Depth::True | Depth::Indexed | Depth::Ansi => reduce(self.style(role), depth),
        });
        if self.paint && depth != Depth::None {
            let ground = Style { fg: self.style(Role::Text).fg, bg: self.ground, ..Style::new() };
            theme.ground = Some(reduce(ground, depth));
        }
        theme
    }
}

fn colourless(role: Role, style: Style) -> Style {
    let told = match role {
        Role::Selection | Role::Match | Role::Chosen | Role::BadgeLocal | Role::BadgeShared | Role::BadgeProtected => {
            Modifier::REVERSED
        }
        Role::Bad | Role::BorderFocus | Role::Press | Role::Warning | Role::Environment => Modifier::BOLD,
        Role::Button => Modifier::UNDERLINED,
        Role::Faint | Role::Border | Role::Stale => Modifier::DIM,
        Role::Text
        | Role::Muted
        | Role::Surface
        | Role::Strong
        | Role::Good
        | Role::Running
        | Role::Agent
        | Role::Straddled
        | Role::Aside
        | Role::Hollow
        | Role::Link
        | Role::DiffAdded
        | Role::DiffRemoved
        | Role::Known
        | Role::Brand => Modifier::empty(),
    };
    Style { fg: None, bg: None, underline_color: None, ..style }.add_modifier(told)
}

fn unknown_role(name: &str) -> String {
    let near = |dotted: &str| strsim::jaro_winkler(name, dotted);
    let best = Role::ALL.iter().map(|(_, dotted)| *dotted).max_by(|one, other| near(one).total_cmp(&near(other)));
    match best.filter(|dotted| near(dotted) > 0.75) {
        Some(best) => format!("no role is called `{name}`; `{best}`?"),
        None => format!("no role is called `{name}`"),
    }
}

fn style(value: toml::Value) -> Result<Style, String> {
    let table = match value {
        toml::Value::String(text) => return Ok(Style::new().fg(color(&text)?)),
        toml::Value::Integer(n) => return Ok(Style::new().fg(color(&n.to_string())?)),
        table => table.try_into::<StyleTable>().map_err(|error| error.message().to_owned())?,
    };
    let mut style = Style { fg: table.fg.as_deref().map(color).transpose()?, ..Style::new() };
    style.bg = table.bg.as_deref().map(color).transpose()?;
    for word in &table.add {
        style = style.add_modifier(modifier(word)?);
    }
    Ok(style)
}

fn modifier(word: &str) -> Result<Modifier, String> {
    Ok(match word {
        "bold" => Modifier::BOLD,
        "dim" => Modifier::DIM,
        "italic" => Modifier::ITALIC,
        "underlined" => Modifier::UNDERLINED,
        "reversed" => Modifier::REVERSED,
        "crossed-out" => Modifier::CROSSED_OUT,
        _ => {
            return Err(format!("`{word}` is none of bold, dim, italic, underlined, reversed, crossed-out"));
        }
    })
}

fn color(text: &str) -> Result<Color, String> {
    const NAMES: [&str; 8] = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];
    let wrong = || format!("`{text}` is no colour; colours look like `#7aa2f7`, `bright-blue`, `12` or `default`");
    if let Some(hex) = text.strip_prefix('#') {
        let number = u32::from_str_radix(hex, 16).ok().filter(|_| hex.len() == 6 && hex.is_ascii());
        return number.map(Color::from_u32).ok_or_else(wrong);
    }
    if let Ok(n) = text.parse::<u8>() {
        return Ok(Color::Indexed(n));
    }
    let (name, bright) = text.strip_prefix("bright-").map_or((text, 0), |name| (name, 8));
    match (NAMES.iter().position(|known| *known == name), text) {
        (Some(place), _) => Ok(super::color::ANSI[place + bright].0),
        (None, "gray" | "grey") => Ok(Color::Gray),
        (None, "dark-gray" | "dark-grey") => Ok(Color::DarkGray),
        (None, "default") => Ok(Color::Reset),
        (None, _) => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::color::contrast;

    #[test]
    fn the_built_in_themes_have_every_role_and_no_mistake() {
        for (name, text) in BUILT_IN {
            let (palette, errors) = Palette::parse(name, text, &Palette::empty());
            assert_eq!(errors, [], "{name}");
            assert_eq!(palette.styles.len(), Role::ALL.len(), "{name}");
        }
    }

    /// Text is to be read with ease (4.5), what is muted still read (3), a pane's frame seen at all.
    #[test]
    fn every_word_can_be_read_on_its_ground() {
        for (name, _) in BUILT_IN {
            let palette = Palette::built_in(name).expect("built in");
            let ground = palette.ground.expect("a ground");
            for (role, dotted) in Role::ALL {
                let style = palette.style(role);
                let least = match role {
                    Role::Muted | Role::Stale | Role::Aside => 3.0,
                    Role::Faint | Role::Border => 1.5,
                    _ => 4.5,
                };
                let text = style.fg.unwrap_or(palette.style(Role::Text).fg.expect("a colour for text"));
                let found = contrast(text, style.bg.unwrap_or(ground));
                assert!(found >= least, "{name}: {dotted} has a contrast of {found:.1}, needs {least}");
            }
            let rows = [Role::Text, Role::Strong, Role::Good, Role::Bad, Role::Running, Role::Warning];
            if let Some(selected) = palette.style(Role::Selection).bg {
                for role in rows {
                    let found = contrast(palette.style(role).fg.expect("a colour"), selected);
                    assert!(found >= 4.5, "{name}: {role:?} under the cursor has a contrast of {found:.1}");
                }
            }
        }
    }

    #[test]
    fn mistakes_are_found_at_once_and_the_rest_holds() {
        let text = "[roles]\n\"text\" = \"#12345\"\n\"state.god\" = \"red\"\n\"border\" = { fg = 240, add = [\"bold\"] }\n\
                    \"link\" = { fg = \"bright-blue\", add = [\"blink\"] }\n\"state.good\" = 34\n";
        let (palette, errors) = Palette::parse("own", text, &Palette::dark());
        let whats: Vec<&str> = errors.iter().map(|error| error.what.as_str()).collect();
        assert_eq!(whats.len(), 4, "{whats:?}");
        assert!(whats.contains(&"no role is called `state.god`; `state.good`?"), "{whats:?}");
        assert!(errors.iter().all(|error| error.span.is_some()), "{errors:?}");
        assert_eq!(palette.style(Role::Good).fg, Some(Color::Indexed(34)));
        assert_eq!(palette.style(Role::Text), Palette::dark().style(Role::Text));
    }

    #[test]
    fn what_is_no_toml_leaves_the_base_as_it_was() {
        let (palette, errors) = Palette::parse("dark", "[roles\n", &Palette::dark());
        assert_eq!((palette, errors.len()), (Palette::dark(), 1));
    }

    #[test]
    fn without_colour_the_chosen_row_and_button_still_stand_out() {
        for (name, _) in BUILT_IN {
            let theme = Palette::built_in(name).expect("built in").theme(Depth::None, Glyphs::Unicode);
            for (role, dotted) in Role::ALL {
                let style = theme.style(role);
                assert_eq!((style.fg, style.bg), (None, None), "{name}: {dotted}");
            }
            for role in [Role::Selection, Role::Chosen, Role::Match] {
                assert!(theme.style(role).add_modifier.contains(Modifier::REVERSED), "{name}: {role:?}");
            }
        }
    }
}
