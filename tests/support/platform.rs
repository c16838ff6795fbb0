//! A platform that does what a test says, on a port of this machine: one request a connection, answered and written down.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What was asked.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// `POST /hooks/web`
    pub what: String,
    /// Its headers, names in lower case.
    pub headers: String,
    pub body: String,
}

/// An answer: status, further headers, body.
pub(crate) struct Answer(pub u16, pub String, pub String);

pub(crate) fn json(body: impl Into<String>) -> Answer {
    Answer(200, String::new(), body.into())
}

/// A server whose thread ends with the process of the test.
pub(crate) struct Platform {
    pub port: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Platform {
    pub(crate) fn new(mut answer: impl FnMut(&Asked) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = asked.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let Some((stream, one)) = read(stream) else { continue };
                let given = answer(&one);
                log.lock().expect("no test panics in here").push(one);
                write(stream, &given);
            }
        });
        Self { port, asked }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no test panics in here").clone()
    }
}

fn read(stream: TcpStream) -> Option<(TcpStream, Asked)> {
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line.trim().is_empty() {
            break;
        }
        lines.push(line.trim().to_owned());
    }
    let headers = lines.get(1..)?.join("\n").to_lowercase();
    let length = headers.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let what = lines[0].rsplit_once(' ')?.0.to_owned();
    Some((reader.into_inner(), Asked { what, headers, body: String::from_utf8_lossy(&body).into_owned() }))
}

fn write(mut stream: TcpStream, Answer(status, headers, body): &Answer) {
    let length = body.len();
    let head = format!("HTTP/1.1 {status} Said\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n");
    // Who asked may have gone.
    let _sent = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
}
