//! Calling somebody back who looks elsewhere: whether they do, and what the terminal is sent.

use crossterm::event::Event;

use crate::config::settings::Call;
use crate::domain::{Moment, Notice, Span};

/// How long after a key somebody is taken to be there, where the terminal says nothing of its focus.
const THERE: Span = Span::seconds(30);
/// The longest text of a notification, in characters.
const LONGEST: usize = 200;

/// Whether somebody looks at this terminal, as far as it tells.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Attention {
    /// What the terminal said last of its focus; nothing where it never did.
    focused: Option<bool>,
    /// When somebody last did something here.
    last: Option<Moment>,
    /// How many notices have been looked at.
    pub(super) seen: u64,
}

impl Attention {
    /// Somebody did something, or the terminal told of its focus.
    pub(super) fn notice(&mut self, event: &Event, now: Moment) {
        match event {
            Event::FocusGained => self.focused = Some(true),
            Event::FocusLost => self.focused = Some(false),
            Event::Key(_) | Event::Mouse(_) | Event::Paste(_) => self.last = Some(now),
            Event::Resize(..) => {}
        }
    }

    /// Whether somebody is there, so that nobody has to be called.
    pub(super) fn is_here(&self, now: Moment) -> bool {
        let just_now = || self.last.is_some_and(|last| now.since(last) < THERE);
        self.focused.unwrap_or_else(just_now)
    }
}

/// What makes the terminal call somebody back. The text has passed the sanitizer; what would end the sequence, or be a
/// field of it, is left out once more here, because a notification is a command to the terminal.
pub(super) fn bytes(call: Call, notice: &Notice) -> Option<Vec<u8>> {
    let plain = |c: char| if c.is_control() || c == ';' { ' ' } else { c };
    let text: String = notice.text.chars().map(plain).take(LONGEST).collect();
    match call {
        Call::Off => None,
        Call::Bell => Some(b"\x07".to_vec()),
        Call::Osc9 => Some(format!("\x1b]9;liveloop: {text}\x07").into_bytes()),
        Call::Osc777 => Some(format!("\x1b]777;notify;liveloop;{text}\x07").into_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{NoticeKind, Tone};

    fn sent(call: Call, text: &str) -> Option<String> {
        let notice = Notice { at: Moment(0), kind: NoticeKind::Run, tone: Tone::Bad, text: text.into() };
        bytes(call, &notice).map(|bytes| String::from_utf8(bytes).expect("UTF-8"))
    }

    #[test]
    fn a_text_cannot_end_its_sequence_or_add_a_field() {
        assert_eq!(sent(Call::Bell, "x").as_deref(), Some("\x07"));
        assert_eq!(sent(Call::Osc9, "3 failed").as_deref(), Some("\x1b]9;liveloop: 3 failed\x07"));
        let hostile = sent(Call::Osc777, "a\x07b\x1b]52;c\u{9c}").expect("a sequence");
        assert_eq!(hostile, "\x1b]777;notify;liveloop;a b ]52 c \x07");
        assert_eq!(sent(Call::Off, "x"), None);
        assert!(sent(Call::Osc9, &"x".repeat(9_000)).is_some_and(|text| text.len() < 300));
    }

    #[test]
    fn who_looks_is_not_called() {
        let mut attention = Attention::default();
        let later = |seconds| Moment(1).after(Span::seconds(seconds));
        assert!(!attention.is_here(later(0)));
        attention.notice(&Event::Paste(String::new()), later(0));
        assert!(attention.is_here(later(5)) && !attention.is_here(later(60)));
        attention.notice(&Event::FocusLost, later(61));
        assert!(!attention.is_here(later(62)));
        attention.notice(&Event::FocusGained, later(63));
        assert!(attention.is_here(later(9_000)));
    }
}
