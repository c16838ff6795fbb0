//! What tests touch, and what passes without an environment: real pytest, real sockets, small suites.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use liveloop::adapters::pytest::{FILES, Start};
use liveloop::adapters::reporter::Reporter;
use liveloop::domain::{Event, Evidence, Found, Grade, Outcome, RunEvent, RunId};
use liveloop::engine::stub::Stub;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

#[path = "support/venv.rs"]
mod venv;

/// No run here takes more than a few seconds; a machine that is busy may take longer.
const PATIENCE: Duration = Duration::from_secs(120);

// The world outside: a server of this process, which pytest's process does not know.

struct World {
    port: u16,
    tls_port: u16,
    certificate: tempfile::NamedTempFile,
}

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(certificate.pem().as_bytes()).unwrap();
        let secret = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], secret)
            .unwrap();
        let config = Arc::new(config);
        let encrypted = move |stream: TcpStream| {
            converse(StreamOwned::new(ServerConnection::new(Arc::clone(&config)).unwrap(), stream));
        };
        World { port: listen(converse), tls_port: listen(encrypted), certificate: file }
    })
}

fn listen(serve: impl Fn(TcpStream) + Clone + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let serve = serve.clone();
            thread::spawn(move || serve(stream));
        }
    });
    port
}

/// Answers one message after the other: HTTP, an upgrade, a frame, or anything else, which comes back.
fn converse(mut stream: impl Read + Write) {
    let mut waiting = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(n @ 1..) = stream.read(&mut buffer) {
        waiting.extend_from_slice(&buffer[..n]);
        let said = String::from_utf8_lossy(&waiting);
        let reply = if said.starts_with("GET ") && !said.ends_with("\r\n\r\n") {
            continue;
        } else if said.starts_with("GET /ws ") {
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n".to_vec()
        } else if said.starts_with("GET /forbidden ") {
            b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n".to_vec()
        } else if said.starts_with("GET ") {
            b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine".to_vec()
        } else if waiting[0] == 0x81 {
            vec![0x81, 0]
        } else {
            waiting.clone()
        };
        if stream.write_all(&reply).and_then(|()| stream.flush()).is_err() {
            return;
        }
        waiting.clear();
    }
}

// A run of pytest.

struct Told {
    events: Vec<RunEvent>,
    found: Vec<Found>,
    printed: String,
}

impl Told {
    /// How each test ended, by its name, and what it touched.
    fn ends(&self) -> BTreeMap<String, (Outcome, Option<Arc<Evidence>>)> {
        let ended = |event: &RunEvent| match event {
            RunEvent::TestEnded { n, outcome, evidence, .. } => {
                let (_, name) = self.found[*n as usize].node.split_once("::").unwrap();
                Some((name.to_owned(), (*outcome, evidence.clone())))
            }
            _ => None,
        };
        self.events.iter().filter_map(ended).collect()
    }

    /// Why tests failed, by their names.
    fn messages(&self) -> BTreeMap<String, String> {
        let failed = |event: &RunEvent| match event {
            RunEvent::TestEnded { n, detail: Some(detail), .. } => {
                let (_, name) = self.found[*n as usize].node.split_once("::").unwrap();
                Some((name.to_owned(), detail.message.to_string()))
            }
            _ => None,
        };
        self.events.iter().filter_map(failed).collect()
    }

    fn passed(&self) -> Vec<String> {
        self.ends().into_iter().filter(|(_, (outcome, _))| *outcome == Outcome::Passed).map(|(name, _)| name).collect()
    }
}

#[derive(Default)]
struct Run<'a> {
    files: &'a [&'a str],
    /// Replaces a text in the copied files.
    edit: Option<(&'a str, &'a str)>,
    options: &'a str,
    unmeasured: bool,
    null: Option<&'a str>,
}

impl Run<'_> {
    /// Nothing where there is no Python.
    fn run(self) -> Option<Told> {
        let python = venv::python()?;
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        fs::create_dir(path("suite")).unwrap();
        fs::create_dir(path("plugin")).unwrap();
        for (name, text) in FILES {
            fs::write(folder.path().join("plugin").join(name), text).unwrap();
        }
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/pytest/evidence");
        for file in self.files {
            let mut text = fs::read_to_string(fixture.join(file)).unwrap();
            if let Some((old, new)) = self.edit {
                text = text.replace(old, new);
            }
            fs::write(folder.path().join("suite").join(file), text).unwrap();
        }
        let (plugin, socket) = (path("plugin"), path("socket"));
        let options: Vec<String> = self.options.split_whitespace().map(String::from).collect();
        let start = Start {
            python: &[python.to_str().unwrap().to_owned()],
            options: &options,
            plugin_folder: &plugin,
            socket: &socket,
            evidence: !self.unmeasured,
            null: self.null,
            ..Start::default()
        };
        let step = start.step();
        let lines = Lines::listen(&socket);
        let world = world();
        let mut command = Command::new(&step.argv[0]);
        command.args(&step.argv[1..]).envs(step.env).current_dir(path("suite")).env_remove("PYTEST_ADDOPTS");
        command.env("PORT", world.port.to_string()).env("TLS_PORT", world.tls_port.to_string());
        command.env("CERTIFICATE", world.certificate.path()).stdin(Stdio::null());
        let output = command.output().unwrap();
        let printed = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        let mut reporter = Reporter::new(RunId(1));
        let mut events = Vec::new();
        lines.collect(&socket).iter().for_each(|line| reporter.feed(line, &mut events));
        assert_eq!(reporter.noise().to_string(), "", "{printed}");
        let events: Vec<_> = events
            .into_iter()
            .map(|event| match event {
                Event::Run(event) => event,
                other => panic!("not about a run: {other:?}"),
            })
            .collect();
        let found = events
            .iter()
            .filter_map(|event| match event {
                RunEvent::Collected { tests, .. } => Some(tests.clone()),
                _ => None,
            })
            .flatten()
            .collect();
        Some(Told { events, found, printed })
    }
}

/// What is said at a socket, from any number of connections.
struct Lines {
    accepting: thread::JoinHandle<Vec<thread::JoinHandle<()>>>,
    said: std::sync::mpsc::Receiver<String>,
}

impl Lines {
    fn listen(path: &str) -> Self {
        let listener = UnixListener::bind(path).unwrap();
        let (sender, said) = channel();
        let accepting = thread::spawn(move || {
            let mut readers = Vec::new();
            // The last connection is our own: it says that no other will come.
            while let Ok((connection, _)) = listener.accept() {
                let mut first = [0; 1];
                let mut connection = BufReader::new(connection);
                match connection.read(&mut first) {
                    Ok(1) if first == *b"!" => return readers,
                    Ok(1) => {}
                    _ => continue,
                }
                let sender = sender.clone();
                readers.push(thread::spawn(move || read(first[0], connection, &sender)));
            }
            readers
        });
        Self { accepting, said }
    }

    fn collect(self, path: &str) -> Vec<String> {
        UnixStream::connect(path).unwrap().write_all(b"!").unwrap();
        let readers = self.accepting.join().unwrap();
        let deadline = Instant::now() + PATIENCE;
        while readers.iter().any(|reader| !reader.is_finished()) {
            assert!(Instant::now() < deadline, "a connection stays open");
            thread::yield_now();
        }
        self.said.try_iter().collect()
    }
}

fn read(first: u8, mut connection: BufReader<UnixStream>, sender: &Sender<String>) {
    let mut line = vec![first];
    while connection.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
        let _ = sender.send(String::from_utf8(std::mem::take(&mut line)).unwrap());
    }
}

/// What each test touched, a line each, with the ports named.
fn touched(told: &Told) -> Vec<String> {
    let world = world();
    let named =
        |host: &str| host.replace(&world.port.to_string(), "PORT").replace(&world.tls_port.to_string(), "TLS_PORT");
    let row = |(name, (outcome, evidence)): (String, (Outcome, Option<Arc<Evidence>>))| {
        let Some(evidence) = evidence else { return format!("{name}: {outcome:?}, not measured") };
        let hosts: Vec<_> = evidence.hosts.iter().map(|host| named(host)).collect();
        let (sent, received) = (evidence.sent, evidence.received);
        // What TLS adds where it runs apart from its connection is its own affair.
        let bytes = if name.contains("asyncio_tls") {
            assert!(sent > 100 && received > 100, "{name}: {sent} {received}");
            "more".to_owned()
        } else {
            format!("{sent}/{received}")
        };
        format!("{name}: {outcome:?}, {} {} {bytes}", evidence.grade.word(), hosts.join(" "))
    };
    told.ends().into_iter().map(row).collect()
}

const TOUCHED: [&str; 20] = [
    "test_asyncio: Passed, http localhost:PORT 33/42",
    "test_asyncio_sockets: Passed, http localhost:PORT 24/42",
    "test_asyncio_tls: Passed, http localhost:TLS_PORT more",
    "test_datagram: Passed, network 127.0.0.1:PORT 5/0",
    "test_fails: Failed, http 127.0.0.1:PORT 74/42",
    "test_http: Passed, http 127.0.0.1:PORT 74/42",
    "test_http_in_a_thread: Passed, http 127.0.0.1:PORT 74/42",
    "test_http_reused: Passed, http 127.0.0.1:PORT 74/42",
    "test_nothing: Passed, none  0/0",
    "test_nothing_beside_an_open_connection: Passed, network 127.0.0.1:PORT 0/0",
    "test_own_server: Passed, none  0/0",
    "test_raw: Passed, network 127.0.0.1:PORT 10/10",
    "test_refused: Passed, none  0/0",
    "test_skips: Skipped, http 127.0.0.1:PORT 74/42",
    "test_tls: Passed, http localhost:TLS_PORT 74/42",
    "test_unix: Passed, none  0/0",
    "test_websocket: Passed, websocket 127.0.0.1:PORT 95/77",
    "test_websocket_asyncio_tls: Passed, websocket localhost:TLS_PORT more",
    "test_websocket_refused: Passed, http 127.0.0.1:PORT 102/45",
    "test_websocket_reused: Passed, websocket 127.0.0.1:PORT 6/2",
];

#[test]
fn each_test_has_what_it_touched_itself() {
    let Some(told) = (Run { files: &["test_touch.py"], ..Run::default() }).run() else { return };
    assert_eq!(touched(&told), TOUCHED, "{}", told.printed);
    let greeted = |event: &RunEvent| matches!(event, RunEvent::Greeted { evidence: true, .. });
    assert!(told.events.iter().any(greeted));
}

#[test]
fn workers_measure_for_themselves() {
    let run = |options| Run { files: &["test_touch.py", "test_values.py"], options, ..Run::default() }.run();
    let (Some(serial), Some(told)) = (run(""), run("-n 2 --dist loadfile")) else { return };
    assert_eq!(touched(&told), touched(&serial), "{}", told.printed);
    assert_eq!(values(&told), values(&serial));
    // What only the workers know of the tests arrived too.
    assert_eq!(told.found, serial.found);
    assert!(told.found.iter().all(|found| found.line > 0 && found.source.is_some()));
}

#[test]
fn nothing_is_measured_where_nobody_asks() {
    let Some(told) = (Run { files: &["test_touch.py"], unmeasured: true, ..Run::default() }).run() else { return };
    assert!(touched(&told).iter().all(|row| row.ends_with("not measured")));
    assert_eq!(told.passed().len(), 18, "{}", told.printed);
    assert!(told.events.iter().any(|event| matches!(event, RunEvent::Greeted { evidence: false, .. })));
}

#[test]
fn a_refused_run_reaches_nothing() {
    for options in ["", "-n 2"] {
        let run = Run { files: &["test_null.py"], options, null: Some("refuse"), ..Run::default() };
        let Some(told) = run.run() else { return };
        assert_eq!(told.passed(), ["test_unix_stays", "test_vacuous"], "{options}: {}", told.printed);
        let nothing = |(_, evidence): &(Outcome, Option<Arc<Evidence>>)| {
            evidence.as_ref().is_some_and(|evidence| evidence.grade == Grade::None)
        };
        assert!(told.ends().values().all(nothing));
        let messages = told.messages();
        assert_eq!(messages["test_sync"], "ConnectionRefusedError: [Errno 111] Connection refused");
        assert_eq!(messages["test_asyncio"], "ConnectionRefusedError: [Errno 111] Connection refused");
        assert!(messages["test_name"].contains("Name or service not known"), "{messages:?}");
    }
}

#[tokio::test]
async fn a_stub_is_healthy_and_knows_nothing() {
    let stub = Stub::start().unwrap();
    let address = stub.address().to_string();
    let run = move || Run { files: &["test_null.py"], null: Some(&address), ..Run::default() }.run();
    let Some(told) = tokio::task::spawn_blocking(run).await.unwrap() else { return };
    let expected = [
        "test_asyncio",
        "test_code",
        "test_name",
        "test_stub_is_healthy",
        "test_stub_knows_nothing",
        "test_stub_refuses_websockets",
        "test_sync",
        "test_unix_stays",
        "test_vacuous",
    ];
    assert_eq!(told.passed(), expected, "{}", told.printed);
}

#[test]
fn the_hash_of_a_source_follows_the_body_alone() {
    let sources = |edit| {
        let told = Run { files: &["test_touch.py"], edit, options: "--collect-only", ..Run::default() }.run()?;
        let source = |found: &Found| (found.node.to_string(), found.source.clone().unwrap().to_string());
        Some(told.found.iter().map(source).collect::<BTreeMap<_, _>>())
    };
    let Some(before) = sources(None) else { return };
    let moved = sources(Some(("def test_nothing", "# a comment above\n\n\ndef test_nothing"))).unwrap();
    assert_eq!(before, moved);
    let changed = sources(Some(("== 45", "== 45 or None"))).unwrap();
    let differs = |(node, source): &(&String, &String)| changed[*node] != **source;
    let different: Vec<_> = before.iter().filter(differs).map(|(node, _)| node.as_str()).collect();
    assert_eq!(different, ["test_touch.py::test_nothing"]);
}

fn values(told: &Told) -> Vec<(String, bool)> {
    let ends = told.ends();
    let evidence = ends["test_values"].1.clone().unwrap();
    evidence.values.iter().map(|value| (value.name.to_string(), value.constant)).collect()
}

#[test]
fn a_number_that_stands_in_the_source_was_not_measured() {
    let Some(told) = (Run { files: &["test_values.py"], ..Run::default() }).run() else { return };
    let expected = [("latency", false), ("target", true), ("depth", true), ("region", false), ("ok", false)];
    assert_eq!(values(&told), expected.map(|(name, constant)| (name.to_owned(), constant)));
    let ends = told.ends();
    let evidence = ends["test_values"].1.as_ref().unwrap();
    assert_eq!(&*evidence.values[1].text, "120.5");
}
