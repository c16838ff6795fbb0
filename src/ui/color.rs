//! What a terminal can show, and colours cut down to it.

use ratatui::style::{Color, Style};

/// How many colours a terminal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// None: bold, reversed and underlined alone.
    None,
    /// The sixteen that everybody chose for themselves.
    Ansi,
    /// 256.
    Indexed,
    /// All of them.
    True,
}

impl Depth {
    /// What the environment's variables say: `NO_COLOR`, `COLORTERM` and `TERM`, each as it is set.
    #[must_use]
    pub fn of(no_color: Option<&str>, colorterm: Option<&str>, term: Option<&str>) -> Self {
        let term = term.unwrap_or("");
        if no_color.is_some_and(|value| !value.is_empty()) || term == "dumb" {
            return Self::None;
        }
        let direct = term.ends_with("-direct") || ["xterm-kitty", "xterm-ghostty", "alacritty", "foot"].contains(&term);
        match colorterm {
            Some("truecolor" | "24bit") => Self::True,
            _ if direct => Self::True,
            _ if term.contains("256color") => Self::Indexed,
            _ => Self::Ansi,
        }
    }
}

/// The sixteen, with what they look like in most terminals.
pub(super) const ANSI: [(Color, u32); 16] = [
    (Color::Black, 0x00_00_00),
    (Color::Red, 0xcd_31_31),
    (Color::Green, 0x0d_bc_79),
    (Color::Yellow, 0xb5_89_00),
    (Color::Blue, 0x24_72_c8),
    (Color::Magenta, 0xbc_3f_bc),
    (Color::Cyan, 0x11_a8_cd),
    (Color::Gray, 0xc0_c0_c0),
    (Color::DarkGray, 0x66_66_66),
    (Color::LightRed, 0xf1_4c_4c),
    (Color::LightGreen, 0x23_d1_8b),
    (Color::LightYellow, 0xe5_c0_50),
    (Color::LightBlue, 0x3b_8e_ea),
    (Color::LightMagenta, 0xd6_70_d6),
    (Color::LightCyan, 0x29_b8_db),
    (Color::White, 0xff_ff_ff),
];

/// A style in the colours that can be shown. Without any, only modifiers stay.
#[must_use]
pub fn reduce(style: Style, depth: Depth) -> Style {
    let cut = |color: Option<Color>| color.and_then(|color| reduced(color, depth));
    Style { fg: cut(style.fg), bg: cut(style.bg), underline_color: cut(style.underline_color), ..style }
}

/// The nearest colour that can be shown.
#[must_use]
pub fn reduced(color: Color, depth: Depth) -> Option<Color> {
    match (depth, color) {
        (Depth::None, _) => None,
        (Depth::Indexed, Color::Rgb(r, g, b)) => Some(Color::Indexed(nearest_indexed((r, g, b)))),
        (Depth::Ansi, Color::Rgb(r, g, b)) => Some(nearest_ansi((r, g, b))),
        (Depth::Ansi, Color::Indexed(n)) => {
            Some(if n < 16 { ANSI[n as usize].0 } else { nearest_ansi(indexed_rgb(n)) })
        }
        (_, color) => Some(color),
    }
}

type Rgb = (u8, u8, u8);

/// The six values of the 256 colours' cube.
const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];

fn indexed_rgb(n: u8) -> Rgb {
    match n {
        0..16 => channels(ANSI[n as usize].1),
        16..232 => {
            let n = n - 16;
            (STEPS[(n / 36) as usize], STEPS[(n / 6 % 6) as usize], STEPS[(n % 6) as usize])
        }
        232.. => {
            let grey = 8 + 10 * (n - 232);
            (grey, grey, grey)
        }
    }
}

fn nearest_indexed(rgb: Rgb) -> u8 {
    (16..=255).min_by_key(|n| distance(rgb, indexed_rgb(*n))).unwrap_or(7)
}

/// Greys stay greys and hues stay hues: by plain distance a tint of a frame would become a colour, and a dark green
/// yellow. Light colours take the bright half of the sixteen, dark ones the other.
fn nearest_ansi(rgb: Rgb) -> Color {
    let (r, g, b) = rgb;
    let (most, least) = (r.max(g).max(b), r.min(g).min(b));
    if most - least < 48 {
        let greys = [Color::Black, Color::DarkGray, Color::Gray, Color::White];
        let of_greys = ANSI.iter().filter(|(color, _)| greys.contains(color));
        let nearest = of_greys.min_by_key(|(_, look)| distance(rgb, channels(*look)));
        return nearest.map_or(Color::Gray, |(color, _)| *color);
    }
    let place = match hue(rgb) {
        25..75 => 3,
        75..160 => 2,
        160..210 => 6,
        210..255 => 4,
        255..330 => 5,
        _ => 1,
    };
    let bright = if luminance(Color::Rgb(r, g, b)) > 0.3 { 8 } else { 0 };
    ANSI[place + bright].0
}

/// The hue in degrees.
fn hue((r, g, b): Rgb) -> i32 {
    let (r, g, b) = (i32::from(r), i32::from(g), i32::from(b));
    let most = r.max(g).max(b);
    let spread = (most - r.min(g).min(b)).max(1);
    let degrees = match most {
        _ if most == r => 60 * (g - b) / spread,
        _ if most == g => 120 + 60 * (b - r) / spread,
        _ => 240 + 60 * (r - g) / spread,
    };
    degrees.rem_euclid(360)
}

fn channels(rgb: u32) -> Rgb {
    let [_, r, g, b] = rgb.to_be_bytes();
    (r, g, b)
}

/// A distance that weighs the channels about as the eye does.
fn distance((r, g, b): Rgb, (r2, g2, b2): Rgb) -> u32 {
    let square = |one: u8, other: u8| u32::from(one.abs_diff(other)).pow(2);
    2 * square(r, r2) + 4 * square(g, g2) + 3 * square(b, b2)
}

/// The contrast of two colours by WCAG: 1 (the same) to 21 (black on white).
#[must_use]
pub fn contrast(one: Color, other: Color) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

fn luminance(color: Color) -> f64 {
    let (r, g, b) = match color {
        Color::Rgb(r, g, b) => (r, g, b),
        Color::Indexed(n) => indexed_rgb(n),
        named => ANSI.iter().find(|(known, _)| *known == named).map_or((0, 0, 0), |(_, look)| channels(*look)),
    };
    let linear = |channel: u8| {
        let value = f64::from(channel) / 255.0;
        if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variables_say_what_can_be_shown() {
        assert_eq!(Depth::of(None, Some("truecolor"), Some("xterm-256color")), Depth::True);
        assert_eq!(Depth::of(None, None, Some("tmux-256color")), Depth::Indexed);
        assert_eq!(Depth::of(None, None, Some("xterm-direct")), Depth::True);
        assert_eq!(Depth::of(None, Some("yes"), Some("linux")), Depth::Ansi);
        assert_eq!(Depth::of(None, None, None), Depth::Ansi);
        assert_eq!(Depth::of(Some("1"), Some("truecolor"), Some("xterm")), Depth::None);
        assert_eq!(Depth::of(Some(""), Some("truecolor"), Some("xterm")), Depth::True);
        assert_eq!(Depth::of(None, None, Some("dumb")), Depth::None);
    }

    #[test]
    fn colours_stay_recognisable_when_there_are_few() {
        let green = Color::from_u32(0x009e_ce6a);
        assert_eq!(reduced(green, Depth::True), Some(green));
        assert_eq!(reduced(green, Depth::Indexed), Some(Color::Indexed(149)));
        let ansi = |rgb| reduced(Color::from_u32(rgb), Depth::Ansi);
        assert_eq!((ansi(0x009e_ce6a), ansi(0x002b_6e15)), (Some(Color::LightGreen), Some(Color::Green)));
        assert_eq!((ansi(0x00f7_768e), ansi(0x00b3_173b)), (Some(Color::LightRed), Some(Color::Red)));
        assert_eq!((ansi(0x00bb_9af7), ansi(0x006f_35b5)), (Some(Color::LightMagenta), Some(Color::Magenta)));
        assert_eq!((ansi(0x007d_cfff), ansi(0x00e0_af68)), (Some(Color::LightCyan), Some(Color::LightYellow)));
        assert_eq!(reduced(Color::from_u32(0x0045_4b5e), Depth::Ansi), Some(Color::DarkGray));
        assert_eq!(reduced(Color::from_u32(0x00c8_ccd8), Depth::Ansi), Some(Color::Gray));
        assert_eq!(reduced(green, Depth::None), None);
    }

    #[test]
    fn contrast_is_what_the_standard_says() {
        let (black, white) = (Color::from_u32(0), Color::from_u32(0x00ff_ffff));
        assert!((contrast(black, white) - 21.0).abs() < 0.01);
        assert!((contrast(white, Color::from_u32(0x0076_7676)) - 4.54).abs() < 0.01);
    }
}
