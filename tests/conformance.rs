//! The cases of RFC 6455 that a client meets, against a server of another make; see `fixtures/conformance_server.py`.
//!
//! What is missing of the Autobahn suite: compression, which is never offered; timing and size of messages (its group
//! 9); the server's role. That a client masks what it sends, and answers pings, is checked by the server's library.

#[path = "support/link.rs"]
mod link;
#[path = "support/venv.rs"]
mod venv;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use link::{Link, settings};
use liveloop::engine::http::HttpSettings;
use liveloop::engine::stream::link::LinkOrder;

/// What each case comes to: the beginning of the first thing that is told after the opening.
const CASES: [(&str, &str); 43] = [
    ("hello", "agent_thinking grüße"),
    ("fragments", "agent_thinking grüße"),
    ("empty-fragments", "agent_thinking grüße"),
    ("one-byte-fragments", "agent_thinking grüße"),
    ("longest-short", "agent_thinking xxx"),
    ("shortest-medium", "agent_thinking xxx"),
    ("longest-medium", "agent_thinking xxx"),
    ("shortest-long", "agent_thinking xxx"),
    ("unasked-pong", "agent_thinking grüße"),
    ("longest-ping", "agent_thinking grüße"),
    ("asks", "agent_thinking grüße"),
    ("binary-json", "agent_thinking grüße"),
    ("binary-other", "unknown"),
    ("reserved-bit-1", "closed 0 the server sends compressed frames"),
    ("reserved-bit-2", "closed 0 "),
    ("reserved-bit-3", "closed 0 "),
    ("reserved-opcode", "closed 0 "),
    ("reserved-control", "closed 0 "),
    ("ping-too-long", "closed 0 "),
    ("ping-in-fragments", "closed 0 "),
    ("continues-nothing", "closed 0 "),
    ("text-within-fragments", "closed 0 "),
    ("masked", "closed 0 "),
    ("bad-utf8", "closed 0 "),
    ("cut-utf8", "closed 0 "),
    ("bad-utf8-in-fragments", "closed 0 "),
    ("too-long", "closed 0 a message of 67108864 bytes is over the limit"),
    ("close-without-code", "closed 0 closed without a code"),
    ("close-of-one-byte", "closed 0 "),
    ("close-with-bad-utf8", "closed 0 "),
    ("close-1000", "closed 1000 why"),
    ("close-1001", "closed 1001 why"),
    ("close-1003", "closed 1003 why"),
    ("close-1008", "closed 1008 why"),
    ("close-1009", "closed 1009 why"),
    ("close-1011", "closed 1011 why"),
    ("close-1012", "closed 1012 why"),
    ("close-1013", "closed 1013 why"),
    ("close-3000", "closed 3000 why"),
    ("close-4401", "closed 4401 why"),
    // Codes that nobody may send are told as they came.
    ("close-1005", "closed 1005 why"),
    ("close-999", "closed 999 why"),
    ("gone", "closed 0 the connection ended without a close frame (1006)"),
];

/// The other server, for as long as a test lives.
struct Server {
    process: Child,
    plain: u16,
    encrypted: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already, which is as good.
        let _ended = self.process.kill();
        let _reaped = self.process.wait();
    }
}

/// Starts it with a certificate for `localhost`; none where there is no Python.
fn server(folder: &Path) -> Option<Server> {
    let python = venv::python()?;
    liveloop::engine::http::install_crypto();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).expect("a certificate");
    let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).expect("writes");
    std::fs::write(&key, made.signing_key.serialize_pem()).expect("writes");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/conformance_server.py");
    let mut process = Command::new(python)
        .arg(script)
        .args([&certificate, &key])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python starts");
    let mut line = String::new();
    let stdout = process.stdout.take().expect("a pipe");
    BufReader::new(stdout).read_line(&mut line).expect("it says its ports");
    let mut ports = line.split_whitespace().map(|port| port.parse().expect("a port"));
    let (plain, encrypted) = (ports.next().expect("a port"), ports.next().expect("another"));
    Some(Server { process, plain, encrypted })
}

#[tokio::test]
async fn a_server_of_another_make_is_understood() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(server) = server(folder.path()) else { return };
    let mut wrong = Vec::new();
    for (case, expected) in CASES {
        let mut settings = settings(&format!("ws://127.0.0.1:{}/{case}", server.plain));
        settings.opening.subprotocols = vec!["liveloop".into()];
        let mut link = Link::open(settings, &HttpSettings::default()).await;
        link.told_until("opened").await;
        // What a message shows is told before or after it; only the message is of interest here.
        let told = loop {
            let line = link.told_until("").await.pop().unwrap_or_default();
            if !line.starts_with("reached") {
                break line;
            }
        };
        if !told.starts_with(expected) {
            wrong.push(format!("{case}: {told:?} instead of {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn messages_go_both_ways_over_tls_with_a_certificate_of_ones_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(server) = server(folder.path()) else { return };
    let url = format!("wss://localhost:{}/echo", server.encrypted);
    let mut settings = settings(&url);
    settings.opening.subprotocols = vec!["liveloop".into()];
    let trusting = HttpSettings { extra_ca: Some(folder.path().join("certificate.pem")), ..HttpSettings::default() };
    let mut link = Link::open(settings.clone(), &trusting).await;
    let told = link.told_until("opened").await;
    assert_eq!(told, ["connecting", "reached tcp", "reached tls", "reached http", "opened"]);
    link.told_until("agent_thinking").await;
    for length in [1, 125, 126, 65_535, 65_536, 1 << 20] {
        link.order(LinkOrder::Send("x".repeat(length))).await;
        link.told_until(&format!("acknowledged {length}")).await;
    }
    link.order(LinkOrder::Close).await;
    link.told_until("closed 1000 closed by us").await;

    let mut link = Link::open(settings, &HttpSettings::default()).await;
    let told = link.told_until("stopped").await;
    assert_eq!(told[..2], ["connecting", "reached tcp"]);
    assert!(told[2].starts_with("refused Environment"), "{told:?}");
}
