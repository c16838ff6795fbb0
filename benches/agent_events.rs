//! What it costs to understand an agent message, beside what it costs merely to receive one.
//!
//! `receive_and_count` is the peer: a WebSocket client that takes frames off a buffer (so no socket can flatter or hide
//! anything), checks their UTF-8 and counts them. `receive_and_normalise` does the same and reads each message.

use std::hint::black_box;
use std::io::{Cursor, Read, Write};

use divan::Bencher;
use divan::counter::ItemsCount;
use liveloop::adapters::protocol::{self, Names, native};
use liveloop::domain::Moment;
use liveloop::engine::stream::secret::Secrets;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocket};

const MESSAGES: usize = 1000;

fn main() {
    divan::main();
}

/// A message of 300 bytes in the shape that a staging backend sends.
fn message(number: usize) -> String {
    let mut message = format!(
        concat!(
            r#"{{"type": "tool_completed", "payload": {{"run_id": "run_{:08x}", "thread_id": "thread_5d0c11aa", "#,
            r#""agent_name": "triage", "tool_name": "cost_analyzer", "tool_call_id": "{:06x}", "#,
            r#""result": {{"rows": 42, "n": ""}}, "duration_ms": 250.0}}, "#,
            r#""timestamp": 1757373852.345678, "user_id": "staging-e2e-user-002"}}"#
        ),
        number / 8,
        number
    );
    let padding = "x".repeat(300_usize.saturating_sub(message.len()));
    message = message.replace(r#""n": """#, &format!(r#""n": "{padding}""#));
    assert_eq!(message.len(), 300);
    message
}

/// A socket that has everything to read already, and swallows what is written.
struct Wire<'a>(Cursor<&'a [u8]>);

impl Read for Wire<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Wire<'_> {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        Ok(buffer.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What a server would have put on the wire: unmasked text frames.
fn recorded() -> Vec<u8> {
    let mut bytes = Vec::new();
    for number in 0..MESSAGES {
        let message = message(number);
        bytes.extend([0x81, 126]);
        bytes.extend((message.len() as u16).to_be_bytes());
        bytes.extend(message.as_bytes());
    }
    bytes
}

fn receive(bytes: &[u8], mut each: impl FnMut(&str)) -> usize {
    let wire = Wire(Cursor::new(bytes));
    let mut socket = WebSocket::from_raw_socket(wire, Role::Client, None);
    let mut count = 0;
    while let Ok(message) = socket.read() {
        if let Message::Text(text) = message {
            count += 1;
            each(&text);
        }
    }
    assert_eq!(count, MESSAGES);
    count
}

#[divan::bench]
fn receive_and_count(bencher: Bencher) {
    let wire = recorded();
    bencher.counter(ItemsCount::new(MESSAGES)).bench(|| receive(&wire, |_| {}));
}

#[divan::bench]
fn receive_and_normalise(bencher: Bencher) {
    let wire = recorded();
    bencher.counter(ItemsCount::new(MESSAGES)).bench(|| {
        let mut known = 0;
        receive(&wire, |text| {
            let mut messages = Vec::new();
            native::read(text, &mut messages);
            known += black_box(&messages).len();
        });
        known
    });
}

/// What the link does with each message: secrets masked, events that are kept, with their frames.
#[divan::bench]
fn receive_mask_and_make_events(bencher: Bencher) {
    let wire = recorded();
    let mut names = Names::default();
    let secrets = Secrets::default();
    secrets.learn("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJzdGFnaW5nLWUyZS11c2VyLTAwMiJ9.c2lnbmF0dXJlIG9mIHRoZSB0b2tlbg");
    bencher.counter(ItemsCount::new(MESSAGES)).bench_local(|| {
        let mut events = Vec::with_capacity(MESSAGES);
        receive(&wire, |text| {
            protocol::receive_text(&secrets.mask(text), Moment(1), &mut names, &mut events);
        });
        black_box(events).len()
    });
}

#[divan::bench]
fn normalise_alone(bencher: Bencher) {
    let texts: Vec<String> = (0..MESSAGES).map(message).collect();
    bencher.counter(ItemsCount::new(MESSAGES)).bench(|| {
        for text in &texts {
            let mut messages = Vec::with_capacity(1);
            native::read(black_box(text), &mut messages);
            black_box(&messages);
        }
    });
}
