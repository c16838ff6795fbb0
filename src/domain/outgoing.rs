//! What a person sends on a stream, and what was sent before.

use serde::{Deserialize, Serialize};

use super::{Ring, Text};

/// How many bytes a message may have that is typed.
pub const MESSAGE_LIMIT: usize = 32 << 10;
/// How many sent messages are remembered.
const REMEMBERED: usize = 50;
/// How many bytes a close frame leaves to its reason.
const REASON_LIMIT: usize = 123;

/// What a person sends on a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outgoing {
    /// A text frame; `${name}` stands for a variable of the project.
    Text(Text),
    /// A binary frame, its bytes in hexadecimal.
    Binary(Text),
    /// A ping, whose answer is measured.
    Ping,
    /// A close frame; the stream then stays closed.
    Close {
        /// Its code.
        code: u16,
        /// Its reason.
        reason: Text,
    },
}

impl Outgoing {
    /// Reads what was typed: a text, or `/ping`, `/close CODE REASON`, `/hex 00 ff`; `//` begins a text with a slash.
    ///
    /// # Errors
    /// Says what cannot be sent so.
    pub fn read(typed: &str) -> Result<Self, String> {
        if typed.len() > MESSAGE_LIMIT {
            return Err(format!("a message may have {MESSAGE_LIMIT} bytes at most"));
        }
        let line = typed.trim();
        let Some(order) = line.strip_prefix('/') else {
            return if line.is_empty() {
                Err("nothing is written yet".to_owned())
            } else {
                Ok(Self::Text(typed.into()))
            };
        };
        if order.starts_with('/') {
            return Ok(Self::Text(order.into()));
        }
        let (word, rest) = order.split_once(char::is_whitespace).unwrap_or((order, ""));
        match word {
            "ping" => Ok(Self::Ping),
            "hex" => {
                bytes(rest)?;
                Ok(Self::Binary(rest.trim().into()))
            }
            "close" => close(rest.trim()),
            _ => Err(format!("there is no `/{word}`: /ping, /close CODE REASON, /hex 00 ff; // sends a slash")),
        }
    }

    /// The bytes of a binary frame; none where it is not one, or is written in another way.
    #[must_use]
    pub fn bytes(&self) -> Option<Vec<u8>> {
        match self {
            Self::Binary(digits) => bytes(digits).ok(),
            Self::Text(_) | Self::Ping | Self::Close { .. } => None,
        }
    }

    /// How it is typed.
    #[must_use]
    pub fn typed(&self) -> String {
        match self {
            Self::Text(text) if text.starts_with('/') => format!("/{text}"),
            Self::Text(text) => text.to_string(),
            Self::Binary(digits) => format!("/hex {digits}"),
            Self::Ping => "/ping".to_owned(),
            Self::Close { code, reason } => format!("/close {code} {reason}").trim_end().to_owned(),
        }
    }

    /// What it is, in a few words.
    #[must_use]
    pub fn told(&self) -> String {
        match self {
            Self::Text(text) => format!("a text of {} bytes", text.len()),
            Self::Binary(_) => format!("a binary frame of {} bytes", self.bytes().map_or(0, |bytes| bytes.len())),
            Self::Ping => "a ping".to_owned(),
            Self::Close { code, .. } => format!("a close frame, {code}: the stream then stays closed"),
        }
    }
}

fn bytes(digits: &str) -> Result<Vec<u8>, String> {
    let digits: Vec<u8> = digits.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let byte = |pair: &[u8]| Some(digit(pair[0])? << 4 | digit(*pair.get(1)?)?);
    let bytes: Option<Vec<u8>> = digits.chunks(2).map(byte).collect();
    bytes.ok_or_else(|| "bytes are written in pairs of hexadecimal digits: 00 ff 1c".to_owned())
}

fn close(rest: &str) -> Result<Outgoing, String> {
    let (code, reason) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let code: u16 = match code {
        "" => 1000,
        code => code.parse().map_err(|_| format!("`{code}` is no close code: 1000, 3000 to 4999"))?,
    };
    if !matches!(code, 1000..=1003 | 1007..=1011 | 3000..=4999) {
        return Err(format!("{code} cannot be sent: 1000 to 1003, 1007 to 1011, 3000 to 4999 can"));
    }
    if reason.len() > REASON_LIMIT {
        return Err(format!("a reason may have {REASON_LIMIT} bytes at most"));
    }
    Ok(Outgoing::Close { code, reason: reason.trim().into() })
}

/// A message that configuration keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedMessage {
    /// Its name.
    pub name: Text,
    /// The text as it was written, its variables not put in.
    pub text: Text,
}

/// What was sent before, as it was typed: the newest last, each once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SentBefore {
    list: Ring<Text>,
}

impl Default for SentBefore {
    fn default() -> Self {
        Self { list: Ring::new(REMEMBERED) }
    }
}

impl SentBefore {
    /// What was sent, the newest last.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Text> + ExactSizeIterator {
        self.list.iter()
    }

    pub(super) fn note(&mut self, typed: Text) {
        let others: Vec<Text> = self.list.iter().filter(|known| **known != typed).cloned().collect();
        self.list = Ring::new(REMEMBERED);
        others.into_iter().chain([typed]).for_each(|text| self.list.push(text));
    }

    /// What earlier sessions sent comes before what this one did.
    pub(super) fn recall(&mut self, earlier: &[Text]) {
        let own = std::mem::take(self);
        earlier.iter().chain(own.list.iter()).for_each(|text| self.note(text.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(typed: &str, expected: &str) {
        let read = Outgoing::read(typed);
        let told = read.as_ref().map_or_else(Clone::clone, Outgoing::told);
        assert!(told.starts_with(expected), "{typed}: {told}");
        if let Ok(read) = read {
            assert_eq!(Outgoing::read(&read.typed()), Ok(read), "{typed}");
        }
    }

    #[test]
    fn what_is_typed_is_a_text_or_an_order() {
        check(r#"{"type":"ping"}"#, "a text of 15 bytes");
        check("//etc/passwd", "a text of 11 bytes");
        check("/ping", "a ping");
        check("/hex 00 fF1c", "a binary frame of 3 bytes");
        check("/close", "a close frame, 1000");
        check("/close 4001 going home", "a close frame, 4001");
    }

    #[test]
    fn what_cannot_be_sent_says_why() {
        check(" \n", "nothing is written yet");
        check("/hex 0", "bytes are written in pairs");
        check("/hex +1", "bytes are written in pairs");
        check("/close 1006", "1006 cannot be sent");
        check("/close now", "`now` is no close code");
        check("/quit", "there is no `/quit`");
    }

    #[test]
    fn what_was_sent_before_stands_once_and_within_bounds() {
        let mut sent = SentBefore::default();
        (0..80).for_each(|n| sent.note(format!("{n}").into()));
        sent.note("50".into());
        assert_eq!((sent.iter().len(), sent.iter().next_back().map(|text| &**text)), (50, Some("50")));
        sent.recall(&["old".into(), "79".into()]);
        assert_eq!((sent.iter().len(), sent.iter().next_back().map(|text| &**text)), (50, Some("50")));
    }
}
