//! What a terminal sends, read into events: keys, mouse, paste, focus. Bytes in, events out, in any chunks.
//!
//! The events are crossterm's; the reading is not, because crossterm's reader spins for ever once the terminal is gone
//! and stalls where a paste is longer than its buffer. Nothing here waits: [`Decoder::settle`] is called when no
//! further byte came for a moment, and tells a lone escape from the beginning of a sequence.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

/// How much of a paste is kept. Nothing that is typed here is longer.
const PASTE_KEPT: usize = 8_192;
/// How long a sequence can be before it is taken for noise.
const SEQUENCE_KEPT: usize = 256;
const ESC: u8 = 0x1b;
const PASTE_END: &[u8] = b"\x1b[201~";

/// Reads what a terminal sends.
#[derive(Debug, Default)]
pub struct Decoder {
    pending: Vec<u8>,
    paste: Option<Vec<u8>>,
}

/// What the beginning of the pending bytes is.
enum Step {
    /// So many bytes mean this.
    Event(usize, Event),
    /// So many bytes mean nothing.
    Skip(usize),
    /// A paste begins after so many bytes.
    Paste(usize),
    /// More bytes are needed to know.
    More,
}

impl Decoder {
    /// Takes bytes and adds what they mean to `events`.
    pub fn feed(&mut self, bytes: &[u8], events: &mut Vec<Event>) {
        self.pending.extend_from_slice(bytes);
        let mut done = 0;
        loop {
            if self.paste.is_some() {
                match self.take_paste(done) {
                    (end, Some(text)) => {
                        done = end;
                        events.push(Event::Paste(text));
                        continue;
                    }
                    (end, None) => {
                        done = end;
                        break;
                    }
                }
            }
            let rest = &self.pending[done..];
            if rest.is_empty() {
                break;
            }
            match step(rest) {
                Step::Event(taken, event) => {
                    done += taken;
                    events.push(event);
                }
                Step::Skip(taken) => done += taken,
                Step::Paste(taken) => {
                    done += taken;
                    self.paste = Some(Vec::new());
                }
                Step::More if rest.len() > SEQUENCE_KEPT => done = self.pending.len(),
                Step::More => break,
            }
        }
        self.pending.drain(..done);
    }

    /// Whether bytes wait for more, so that [`settle`](Self::settle) is due soon.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.paste.is_none() && !self.pending.is_empty()
    }

    /// No further byte came: what waits is all there is.
    pub fn settle(&mut self, events: &mut Vec<Event>) {
        if !self.is_waiting() {
            return;
        }
        match self.pending[..] {
            [ESC] => events.push(press(KeyCode::Esc, KeyModifiers::NONE)),
            [ESC, byte] => events.push(press(KeyCode::Char(char::from(byte)), KeyModifiers::ALT)),
            _ => {}
        }
        self.pending.clear();
    }

    /// Moves pasted bytes from `from` on into the paste; answers where they end, and the text once it is complete.
    fn take_paste(&mut self, from: usize) -> (usize, Option<String>) {
        let Some(paste) = &mut self.paste else { return (from, None) };
        let rest = &self.pending[from..];
        let end = rest.windows(PASTE_END.len()).position(|window| window == PASTE_END);
        // The last bytes may be the beginning of the end mark.
        let body = end.unwrap_or_else(|| rest.len().saturating_sub(PASTE_END.len() - 1));
        let room = PASTE_KEPT.saturating_sub(paste.len());
        paste.extend_from_slice(&rest[..body.min(room)]);
        match end {
            None => (from + body, None),
            Some(_) => {
                let text = String::from_utf8_lossy(paste).into_owned();
                self.paste = None;
                (from + body + PASTE_END.len(), Some(text))
            }
        }
    }
}

fn press(code: KeyCode, modifiers: KeyModifiers) -> Event {
    Event::Key(KeyEvent::new(code, modifiers))
}

fn step(bytes: &[u8]) -> Step {
    match bytes {
        [ESC] => Step::More,
        [ESC, b'[', rest @ ..] => control_sequence(rest),
        [ESC, b'O'] => Step::More,
        [ESC, b'O', last, ..] => match function(*last) {
            Some(code) => Step::Event(3, press(code, KeyModifiers::NONE)),
            None => Step::Skip(3),
        },
        [ESC, b']' | b'P' | b'_' | b'^' | b'X', rest @ ..] => string_sequence(rest),
        [ESC, ESC, ..] => Step::Event(1, press(KeyCode::Esc, KeyModifiers::NONE)),
        [ESC, rest @ ..] => match character(rest) {
            Step::Event(taken, Event::Key(key)) => {
                Step::Event(taken + 1, press(key.code, key.modifiers | KeyModifiers::ALT))
            }
            Step::Skip(taken) => Step::Skip(taken + 1),
            other => other,
        },
        _ => character(bytes),
    }
}

/// An answer that nobody asked for: read to its end and dropped.
fn string_sequence(rest: &[u8]) -> Step {
    for (n, byte) in rest.iter().enumerate() {
        match (byte, rest.get(n + 1)) {
            (0x07, _) => return Step::Skip(n + 3),
            (&ESC, Some(b'\\')) => return Step::Skip(n + 4),
            _ => {}
        }
    }
    Step::More
}

fn character(bytes: &[u8]) -> Step {
    let control = |code| Step::Event(1, press(code, KeyModifiers::NONE));
    let with_control = |c: u8| Step::Event(1, press(KeyCode::Char(char::from(c)), KeyModifiers::CONTROL));
    match bytes[0] {
        b'\r' => control(KeyCode::Enter),
        b'\t' => control(KeyCode::Tab),
        0x7f | 0x08 => control(KeyCode::Backspace),
        0 => with_control(b' '),
        byte @ 1..=0x1a => with_control(byte - 1 + b'a'),
        byte @ 0x1c..=0x1f => with_control(byte - 0x1c + b'4'),
        byte if byte.is_ascii() => Step::Event(1, press(KeyCode::Char(char::from(byte)), shift_of(char::from(byte)))),
        byte => {
            let length = match byte {
                0xc2..=0xdf => 2,
                0xe0..=0xef => 3,
                0xf0..=0xf4 => 4,
                _ => return Step::Skip(1),
            };
            let Some(whole) = bytes.get(..length) else {
                // Only bytes that can go on are waited for.
                let goes_on = bytes[1..].iter().all(|byte| (0x80..0xc0).contains(byte));
                return if goes_on { Step::More } else { Step::Skip(1) };
            };
            match str::from_utf8(whole).ok().and_then(|text| text.chars().next()) {
                Some(character) => Step::Event(length, press(KeyCode::Char(character), shift_of(character))),
                None => Step::Skip(1),
            }
        }
    }
}

fn shift_of(character: char) -> KeyModifiers {
    if character.is_uppercase() { KeyModifiers::SHIFT } else { KeyModifiers::NONE }
}

/// `rest` is what follows `ESC [`.
fn control_sequence(rest: &[u8]) -> Step {
    // Linux's console sends its function keys with a second bracket.
    if let [b'[', last @ b'A'..=b'E', ..] = rest {
        return Step::Event(4, press(KeyCode::F(last - b'A' + 1), KeyModifiers::NONE));
    }
    let Some(end) = rest.iter().position(|byte| (0x40..=0x7e).contains(byte) && *byte != b'[') else {
        let broken = rest.iter().position(|byte| *byte < 0x20 || *byte > 0x7e);
        return broken.map_or(Step::More, |n| Step::Skip(n + 2));
    };
    let taken = end + 3;
    // The mouse of ancient terminals, three bytes after the end. It is not asked for.
    if rest[end] == b'M' && end == 0 {
        return if rest.len() >= 4 { Step::Skip(taken + 3) } else { Step::More };
    }
    let parameters = str::from_utf8(&rest[..end]).unwrap_or("");
    if parameters == "200" && rest[end] == b'~' {
        return Step::Paste(taken);
    }
    let event = match parameters.strip_prefix('<') {
        Some(mouse) => mouse_event(mouse, rest[end] == b'm').map(Event::Mouse),
        None => sequence_event(parameters, rest[end]),
    };
    event.map_or(Step::Skip(taken), |event| Step::Event(taken, event))
}

fn sequence_event(parameters: &str, last: u8) -> Option<Event> {
    let mut fields = parameters.split(';');
    let first: u32 = fields.next().and_then(|field| field.split(':').next()?.parse().ok()).unwrap_or(1);
    let mut second = fields.next().unwrap_or("").split(':');
    let modifiers = modifiers(second.next().and_then(|field| field.parse().ok()).unwrap_or(1));
    let kind = match second.next() {
        Some("2") => KeyEventKind::Repeat,
        Some("3") => return None,
        _ => KeyEventKind::Press,
    };
    let code = match (last, first) {
        (b'I', _) => return Some(Event::FocusGained),
        (b'O', _) => return Some(Event::FocusLost),
        (b'Z', _) => return Some(press(KeyCode::BackTab, KeyModifiers::SHIFT)),
        (b'~', 1 | 7) => KeyCode::Home,
        (b'~', 2) => KeyCode::Insert,
        (b'~', 3) => KeyCode::Delete,
        (b'~', 4 | 8) => KeyCode::End,
        (b'~', 5) => KeyCode::PageUp,
        (b'~', 6) => KeyCode::PageDown,
        (b'~', n @ 11..=15) => KeyCode::F(n as u8 - 10),
        (b'~', n @ 17..=21) => KeyCode::F(n as u8 - 11),
        (b'~', n @ 23..=24) => KeyCode::F(n as u8 - 12),
        (b'~', _) => return None,
        (b'u', code) => match code {
            9 => KeyCode::Tab,
            13 => KeyCode::Enter,
            27 => KeyCode::Esc,
            127 => KeyCode::Backspace,
            code => KeyCode::Char(char::from_u32(code).filter(|c| !c.is_control())?),
        },
        (last, _) => function(last)?,
    };
    Some(Event::Key(KeyEvent::new_with_kind(code, modifiers, kind)))
}

fn function(last: u8) -> Option<KeyCode> {
    Some(match last {
        b'A' => KeyCode::Up,
        b'B' => KeyCode::Down,
        b'C' => KeyCode::Right,
        b'D' => KeyCode::Left,
        b'H' => KeyCode::Home,
        b'F' => KeyCode::End,
        b'M' => KeyCode::Enter,
        b'P'..=b'S' => KeyCode::F(last - b'P' + 1),
        _ => return None,
    })
}

fn modifiers(parameter: u32) -> KeyModifiers {
    let bits = parameter.saturating_sub(1);
    let held = [(1, KeyModifiers::SHIFT), (2, KeyModifiers::ALT), (4, KeyModifiers::CONTROL)];
    held.into_iter().filter(|(bit, _)| bits & bit != 0).fold(KeyModifiers::NONE, |all, (_, one)| all | one)
}

fn mouse_event(parameters: &str, released: bool) -> Option<MouseEvent> {
    let mut fields = parameters.split(';').map(str::parse::<u16>);
    let mut next = || fields.next()?.ok();
    let (code, column, row) = (next()?, next()?.checked_sub(1)?, next()?.checked_sub(1)?);
    let button = match code & 3 {
        0 => MouseButton::Left,
        1 => MouseButton::Middle,
        _ => MouseButton::Right,
    };
    let kind = match (code & 0b1110_0000, code & 3) {
        (64, 0) => MouseEventKind::ScrollUp,
        (64, 1) => MouseEventKind::ScrollDown,
        (64, 2) => MouseEventKind::ScrollLeft,
        (64, _) => MouseEventKind::ScrollRight,
        (32, 3) => MouseEventKind::Moved,
        (32, _) => MouseEventKind::Drag(button),
        (0, _) if released => MouseEventKind::Up(button),
        (0, _) => MouseEventKind::Down(button),
        _ => return None,
    };
    let held = [(4, KeyModifiers::SHIFT), (8, KeyModifiers::ALT), (16, KeyModifiers::CONTROL)];
    let modifiers = held.into_iter().filter(|(bit, _)| code & bit != 0);
    let modifiers = modifiers.fold(KeyModifiers::NONE, |all, (_, one)| all | one);
    Some(MouseEvent { kind, column, row, modifiers })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ui::chord::Chord;

    fn read(bytes: &[u8]) -> Vec<String> {
        let (mut decoder, mut events) = (Decoder::default(), Vec::new());
        decoder.feed(bytes, &mut events);
        decoder.settle(&mut events);
        events.iter().map(told).collect()
    }

    fn told(event: &Event) -> String {
        match event {
            Event::Key(key) => Chord::from(*key).to_string(),
            Event::Paste(text) => format!("paste {text:?}"),
            Event::Mouse(mouse) => format!("{:?} {},{}", mouse.kind, mouse.column, mouse.row),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn keys_as_terminals_send_them() {
        assert_eq!(read(b"rG\r\t\x7f \x0c"), ["r", "G", "enter", "tab", "backspace", "space", "ctrl-l"]);
        assert_eq!(
            read(b"\x1b[A\x1bOB\x1b[1;5C\x1b[5~\x1b[Z\x1b[15~"),
            ["up", "down", "ctrl-right", "pageup", "shift-tab", "f5"]
        );
        assert_eq!(read(b"\x1bOP\x1b[[B\x1b[1~\x1b[8~"), ["f1", "f2", "home", "end"]);
        assert_eq!(read("é漢\u{1f600}".as_bytes()), ["é", "漢", "\u{1f600}"]);
        assert_eq!(read(b"\x1bx\x1b[108;5u\x1b[13u"), ["alt-x", "ctrl-l", "enter"]);
    }

    #[test]
    fn a_lone_escape_is_a_key_once_nothing_follows() {
        assert_eq!(read(b"\x1b"), ["esc"]);
        assert_eq!(read(b"\x1b\x1b"), ["esc", "esc"]);
        assert_eq!(read(b"\x1b["), ["alt-["]);
    }

    #[test]
    fn a_paste_is_text_whatever_is_in_it() {
        assert_eq!(read(b"a\x1b[200~q\r\x1b[A\x1b[201~b"), ["a", "paste \"q\\r\\u{1b}[A\"", "b"]);
        let long = [b"\x1b[200~".as_slice(), &[b'x'; 100_000], PASTE_END, b"k"].concat();
        let told = read(&long);
        assert_eq!((told.len(), told[0].len(), told[1].as_str()), (2, PASTE_KEPT + 8, "k"));
    }

    #[test]
    fn mouse_and_focus() {
        assert_eq!(
            read(b"\x1b[<0;10;5M\x1b[<0;10;5m\x1b[<64;1;1M\x1b[<65;2;1M\x1b[I\x1b[O"),
            ["Down(Left) 9,4", "Up(Left) 9,4", "ScrollUp 0,0", "ScrollDown 1,0", "FocusGained", "FocusLost"]
        );
    }

    #[test]
    fn answers_that_nobody_asked_for_are_not_keys() {
        assert_eq!(read(b"\x1b]11;rgb:0000/0000/0000\x07a\x1bP1+r\x1b\\b\x1b[?62;22cc"), ["a", "b", "c"]);
        assert_eq!(read(b"\xff\xfe\xc3("), ["("]);
    }

    proptest! {
        #[test]
        fn chunks_change_nothing(pieces in prop::collection::vec(prop::sample::select(vec![
            b"r".as_slice(), b"\x1b[A", b"\x1b[<0;3;4M", b"\x1b[200~pasted\x1b[201~", "é".as_bytes(), b"\x1b]0;t\x07",
            b"\x1bOP", b"\x1b[1;5C",
        ]), 0..12), cuts in prop::collection::vec(0usize..80, 0..10)) {
            let bytes = pieces.concat();
            let mut cuts: Vec<usize> = cuts.into_iter().filter(|cut| *cut < bytes.len()).collect();
            cuts.sort_unstable();
            let (mut decoder, mut events, mut from) = (Decoder::default(), Vec::new(), 0);
            for cut in cuts.into_iter().chain([bytes.len()]) {
                decoder.feed(&bytes[from..cut], &mut events);
                from = cut;
            }
            decoder.settle(&mut events);
            prop_assert_eq!(events.iter().map(told).collect::<Vec<_>>(), read(&bytes));
        }

        #[test]
        fn no_bytes_do_harm(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            let (mut decoder, mut events) = (Decoder::default(), Vec::new());
            for byte in bytes {
                decoder.feed(&[byte], &mut events);
                prop_assert!(decoder.pending.len() <= SEQUENCE_KEPT + 1);
            }
        }
    }
}
