//! What a person sends beside texts: bytes, a ping, a close frame. All of it is about the connection that there is.

use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;

use super::super::connection::{Connection, Leaving, random};
use super::Link;
use crate::domain::{Outgoing, StreamEvent};

/// How many bytes of a frame are told of.
const SHOWN: usize = 32;

impl Link {
    /// Sends it on a live connection.
    pub(super) fn send_raw(&mut self, what: &Outgoing, connection: &mut Connection) {
        let stream = self.settings.stream;
        if connection.is_ending() {
            return self.not_sent("the connection is ending");
        }
        let text = match what {
            Outgoing::Text(text) => return self.send(text.to_string(), connection),
            Outgoing::Binary(_) => {
                let Some(bytes) = what.bytes() else { return self.not_sent("these are no hexadecimal digits") };
                let shown: Vec<String> = bytes.iter().take(SHOWN).map(|byte| format!("{byte:02x}")).collect();
                let more = if bytes.len() > SHOWN { " …" } else { "" };
                let text = format!("{} bytes: {}{more}", bytes.len(), shown.join(" "));
                connection.outgoing.push_back(Message::binary(bytes));
                text
            }
            Outgoing::Ping => {
                let nonce = random().to_be_bytes();
                connection.unanswered.push((nonce, Instant::now()));
                connection.outgoing.push_back(Message::Ping(nonce.to_vec().into()));
                "ping".to_owned()
            }
            Outgoing::Close { code, reason } => {
                connection.leave_with(*code, reason, Leaving::Rest, &format!("closed by us: {reason}"));
                format!("close {code} {reason}")
            }
        };
        let text = self.means.secrets.shown(&text).into();
        self.outbox.push(StreamEvent::Sent { stream, text });
    }

    /// Says that nothing was sent.
    pub(super) fn not_sent(&mut self, why: &str) {
        let stream = self.settings.stream;
        self.outbox.push(StreamEvent::NotSent { stream, why: why.into() });
    }
}
