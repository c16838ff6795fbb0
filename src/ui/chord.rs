//! A key with its modifiers, as people write it: `G`, `ctrl-l`, `shift-tab`, `space`, `f5`.

use std::fmt;
use std::str::FromStr;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// A key with its modifiers. Shift is part of a character (`G`), never beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd)]
pub struct Chord {
    code: KeyCode,
    modifiers: KeyModifiers,
}

const NAMED: [(&str, KeyCode); 16] = [
    ("enter", KeyCode::Enter),
    ("esc", KeyCode::Esc),
    ("tab", KeyCode::Tab),
    ("space", KeyCode::Char(' ')),
    ("backspace", KeyCode::Backspace),
    ("delete", KeyCode::Delete),
    ("insert", KeyCode::Insert),
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
    ("pageup", KeyCode::PageUp),
    ("pagedown", KeyCode::PageDown),
    ("menu", KeyCode::Menu),
];

const MODIFIERS: [(&str, KeyModifiers); 3] =
    [("ctrl-", KeyModifiers::CONTROL), ("alt-", KeyModifiers::ALT), ("shift-", KeyModifiers::SHIFT)];

impl Chord {
    fn new(code: KeyCode, mut modifiers: KeyModifiers) -> Self {
        modifiers &= KeyModifiers::CONTROL | KeyModifiers::ALT | KeyModifiers::SHIFT;
        let code = match code {
            KeyCode::BackTab => {
                modifiers |= KeyModifiers::SHIFT;
                KeyCode::Tab
            }
            KeyCode::Char(character) if modifiers.contains(KeyModifiers::SHIFT) => {
                modifiers -= KeyModifiers::SHIFT;
                KeyCode::Char(character.to_ascii_uppercase())
            }
            other => other,
        };
        Self { code, modifiers }
    }
}

impl From<KeyEvent> for Chord {
    fn from(key: KeyEvent) -> Self {
        Self::new(key.code, key.modifiers)
    }
}

impl FromStr for Chord {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut rest = text;
        let mut modifiers = KeyModifiers::NONE;
        while let Some((name, modifier)) = MODIFIERS.iter().find(|(name, _)| {
            rest.len() > name.len() && rest.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name))
        }) {
            modifiers |= *modifier;
            rest = &rest[name.len()..];
        }
        let mut characters = rest.chars();
        if let (Some(character), None) = (characters.next(), characters.next())
            && !character.is_control()
        {
            return Ok(Self::new(KeyCode::Char(character), modifiers));
        }
        let lower = rest.to_ascii_lowercase();
        let function = || lower.strip_prefix('f')?.parse::<u8>().ok().filter(|n| (1..=24).contains(n)).map(KeyCode::F);
        let named = NAMED.iter().find(|(name, _)| *name == lower).map(|(_, code)| *code);
        match named.or_else(function) {
            Some(code) => Ok(Self::new(code, modifiers)),
            None => Err(format!("`{text}` is no key; keys look like `r`, `G`, `ctrl-l`, `shift-tab`, `enter`, `f5`")),
        }
    }
}

impl fmt::Display for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, modifier) in MODIFIERS {
            if self.modifiers.contains(modifier) {
                f.write_str(name)?;
            }
        }
        match self.code {
            KeyCode::F(n) => write!(f, "f{n}"),
            code => match (NAMED.iter().find(|(_, named)| *named == code), code) {
                (Some((name, _)), _) => f.write_str(name),
                (None, KeyCode::Char(character)) => write!(f, "{character}"),
                (None, other) => write!(f, "{}", format!("{other:?}").to_lowercase()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, code: KeyCode, modifiers: KeyModifiers) {
        let chord: Chord = text.parse().expect("a key");
        assert_eq!(chord, Chord::from(KeyEvent::new(code, modifiers)), "{text}");
    }

    #[test]
    fn what_people_write_is_what_terminals_send() {
        check("r", KeyCode::Char('r'), KeyModifiers::NONE);
        check("G", KeyCode::Char('G'), KeyModifiers::SHIFT);
        check("shift-g", KeyCode::Char('G'), KeyModifiers::NONE);
        check("shift-tab", KeyCode::BackTab, KeyModifiers::SHIFT);
        check("Ctrl-L", KeyCode::Char('L'), KeyModifiers::CONTROL);
        check("ctrl--", KeyCode::Char('-'), KeyModifiers::CONTROL);
        check("-", KeyCode::Char('-'), KeyModifiers::NONE);
        check("ctrl-alt-space", KeyCode::Char(' '), KeyModifiers::CONTROL | KeyModifiers::ALT);
        check("F12", KeyCode::F(12), KeyModifiers::NONE);
        check("é", KeyCode::Char('é'), KeyModifiers::NONE);
    }

    #[test]
    fn what_is_no_key_says_how_keys_look() {
        for text in ["", "ctrl-", "f25", "f0", "hyper-x", "\u{1b}", "ctrl-\n"] {
            assert!(text.parse::<Chord>().is_err_and(|why| why.contains("keys look like")), "{text:?}");
        }
    }
}
