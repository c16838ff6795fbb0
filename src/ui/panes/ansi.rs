//! Text with colours from outside: SGR sequences become roles of the theme, so that no foreign colour can make a line
//! unreadable. Everything else that begins with an escape is left out.

use std::borrow::Cow;

use ratatui::style::{Modifier, Style};

use super::pen::Line;
use crate::ui::text;
use crate::ui::theme::{Role, Theme};

/// How many columns a tab moves on to a multiple of.
const TAB: usize = 4;

impl Line<'_> {
    /// Writes text with SGR sequences; `base` is its style where they say nothing.
    pub(super) fn ansi(&mut self, base: Role, line: &str) -> &mut Self {
        if !line.bytes().any(|byte| byte == 0x1b || byte == b'\t') {
            return self.put(base, line);
        }
        let start = self.x();
        let plain = self.theme().style(base);
        let mut style = plain;
        let mut rest = line;
        while !rest.is_empty() && self.room() > 0 {
            let next = rest.find(['\x1b', '\t']).unwrap_or(rest.len());
            self.put_style(style, &rest[..next]);
            rest = &rest[next..];
            if let Some(after) = rest.strip_prefix('\t') {
                let column = usize::from(self.x() - start);
                self.gap((TAB - column % TAB) as u16);
                rest = after;
            } else if !rest.is_empty() {
                let (codes, after) = sequence(rest);
                style = codes.map_or(style, |codes| restyle(self.theme(), plain, style, codes));
                rest = after;
            }
        }
        self
    }
}

/// How many columns a text takes once its sequences are gone.
pub(super) fn width(line: &str) -> usize {
    let mut wide = 0;
    let mut rest = line;
    while let Some(next) = rest.find(['\x1b', '\t']) {
        wide += text::width(&rest[..next]);
        rest = &rest[next..];
        match rest.strip_prefix('\t') {
            Some(after) => {
                wide += TAB - wide % TAB;
                rest = after;
            }
            None => rest = sequence(rest).1,
        }
    }
    wide + text::width(rest)
}

/// The text without its sequences, for lines that are broken anew.
pub(super) fn strip(line: &str) -> Cow<'_, str> {
    if !line.contains('\x1b') {
        return Cow::Borrowed(line);
    }
    let mut plain = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(next) = rest.find('\x1b') {
        plain.push_str(&rest[..next]);
        rest = sequence(&rest[next..]).1;
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

/// The codes of an SGR sequence at the start of `rest`, and what follows the sequence.
fn sequence(rest: &str) -> (Option<&str>, &str) {
    let Some(body) = rest.strip_prefix("\x1b[") else {
        let after = rest.strip_prefix('\x1b').unwrap_or(rest);
        return (None, after);
    };
    let Some(end) = body.find(|c: char| ('\x40'..='\x7e').contains(&c)) else { return (None, "") };
    let codes = body[end..].starts_with('m').then_some(&body[..end]);
    (codes, &body[end + 1..])
}

fn restyle(theme: &Theme, plain: Style, mut style: Style, codes: &str) -> Style {
    let mut codes = codes.split([';', ':']).map(|code| code.parse::<u16>().unwrap_or(0));
    while let Some(code) = codes.next() {
        style = match code {
            0 => plain,
            1 => style.add_modifier(Modifier::BOLD),
            2 => coloured(style, theme.style(Role::Muted)),
            3 => style.add_modifier(Modifier::ITALIC),
            4 => style.add_modifier(Modifier::UNDERLINED),
            22 => style.remove_modifier(Modifier::BOLD),
            23 => style.remove_modifier(Modifier::ITALIC),
            24 => style.remove_modifier(Modifier::UNDERLINED),
            30..=37 => coloured(style, theme.style(role(code - 30))),
            90..=97 => coloured(style, theme.style(role(code - 90))),
            38 => match extended(&mut codes) {
                Some(role) => coloured(style, theme.style(role)),
                None => style,
            },
            // A ground of its own would fight with the cursor's.
            48 => {
                let _ = extended(&mut codes);
                style
            }
            39 => coloured(style, plain),
            _ => style,
        };
    }
    style
}

fn coloured(style: Style, by: Style) -> Style {
    Style { fg: by.fg, ..style }
}

/// The role whose meaning comes nearest to one of the eight colours.
fn role(colour: u16) -> Role {
    match colour {
        1 => Role::Bad,
        2 => Role::Good,
        3 => Role::Warning,
        4 => Role::Press,
        5 => Role::Agent,
        6 => Role::Running,
        7 => Role::Text,
        _ => Role::Muted,
    }
}

/// The role nearest to a colour of 256 or of 16 million.
fn extended(codes: &mut impl Iterator<Item = u16>) -> Option<Role> {
    match codes.next()? {
        5 => Some(match codes.next()? {
            n @ 0..=15 => role(n % 8),
            n @ 16..=231 => nearest((n - 16) / 36 * 51, (n - 16) / 6 % 6 * 51, (n - 16) % 6 * 51),
            n => {
                let grey = n.saturating_sub(232) * 10;
                nearest(grey, grey, grey)
            }
        }),
        2 => Some(nearest(codes.next()?, codes.next()?, codes.next()?)),
        _ => None,
    }
}

fn nearest(red: u16, green: u16, blue: u16) -> Role {
    let (most, least) = (red.max(green).max(blue), red.min(green).min(blue));
    if most - least < 40 {
        return if most > 140 { Role::Text } else { Role::Muted };
    }
    let half = least + (most - least) / 2;
    match (red > half, green > half, blue > half) {
        (true, false, false) => Role::Bad,
        (false, true, false) => Role::Good,
        (true, true, false) => Role::Warning,
        (false, false, true) => Role::Press,
        (true, false, true) => Role::Agent,
        (false, true, true) => Role::Running,
        (true, true, true) | (false, false, false) => Role::Text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_width_of_a_coloured_line_is_that_of_its_text() {
        assert_eq!(width("\x1b[31mred\x1b[0m and \x1b[38;5;12mblue"), "red and blue".len());
        assert_eq!(width("\tx"), TAB + 1);
    }

    #[test]
    fn broken_sequences_swallow_nothing_that_can_be_read() {
        assert_eq!(sequence("\x1b[31mred"), (Some("31"), "red"));
        assert_eq!(sequence("\x1b]x"), (None, "]x"));
        assert_eq!(sequence("\x1b[31"), (None, ""));
        assert_eq!(sequence("\x1b[2Kx"), (None, "x"));
    }

    #[test]
    fn colours_become_roles() {
        let mut codes = [5, 196].into_iter();
        assert_eq!(extended(&mut codes), Some(Role::Bad));
        assert_eq!(nearest(250, 200, 30), Role::Warning);
        assert_eq!(nearest(90, 90, 90), Role::Muted);
    }
}
