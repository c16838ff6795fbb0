//! A log that is asked for over HTTP: again and again, each time for what came after the last line; or once, with an
//! answer that goes on without end.

use std::time::Duration;

use reqwest::{Client, Response, Url};
use tokio::time::{sleep, timeout};

use super::follow::Reader;
use super::until;
use crate::adapters::log_answer;
use crate::adapters::sanitize::{self, Lines};
use crate::config::project::HttpLogSpec;
use crate::engine::http::chain;

/// How much of one answer is read; what it leaves out is asked for the next time.
const ANSWER: usize = 16 << 20;

/// Reads a log until its source fails, and says how it did.
pub(super) async fn read(
    spec: &HttpLogSpec,
    client: &Client,
    cursor: &mut Option<String>,
    reader: &mut Reader,
) -> String {
    let failed = match &spec.since {
        Some(since) => poll(spec, since, client, cursor, reader).await,
        None => listen(spec, client, reader).await,
    };
    match failed {
        Ok(()) => "the answer ended".to_owned(),
        Err(why) => why,
    }
}

async fn poll(
    spec: &HttpLogSpec,
    since: &str,
    client: &Client,
    cursor: &mut Option<String>,
    reader: &mut Reader,
) -> Result<(), String> {
    let mut is_known = false;
    loop {
        let mut url = Url::parse(&spec.url).map_err(|error| format!("{}: {error}", spec.url))?;
        if let Some(cursor) = cursor {
            url.query_pairs_mut().append_pair(since, cursor);
        }
        let asked = async {
            let response = ask(spec, client, url).await?;
            body(response).await
        };
        let body = timeout(spec.timeout, asked).await.map_err(|_| late(spec.timeout))??;
        if !std::mem::replace(&mut is_known, true) {
            reader.greet().await;
        }
        let answer = log_answer::read(&body, &spec.entries, &spec.cursor);
        *cursor = answer.cursor.or(cursor.take());
        answer.lines.iter().for_each(|line| reader.gather.push(&sanitize::line(line.as_bytes()).text));
        reader.hand_over().await;
        sleep(spec.interval).await;
    }
}

/// An answer without end: lines, or server-sent events, of which the data is a line.
async fn listen(spec: &HttpLogSpec, client: &Client, reader: &mut Reader) -> Result<(), String> {
    let url = Url::parse(&spec.url).map_err(|error| format!("{}: {error}", spec.url))?;
    let mut response = timeout(spec.timeout, ask(spec, client, url)).await.map_err(|_| late(spec.timeout))??;
    let kind = response.headers().get(reqwest::header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let is_events = kind.is_some_and(|kind| kind.starts_with("text/event-stream"));
    reader.greet().await;
    let mut lines = Lines::new();
    loop {
        let due = reader.gather.due();
        tokio::select! {
            biased;
            () = until(due) => reader.hand_over().await,
            chunk = response.chunk() => match chunk.map_err(|error| chain(&error))? {
                Some(chunk) => lines.feed(&chunk, &mut |line| take(reader, &line.text, is_events)),
                None => {
                    lines.finish(&mut |line| take(reader, &line.text, is_events));
                    return Ok(());
                }
            },
        }
    }
}

fn take(reader: &mut Reader, line: &str, is_events: bool) {
    match line.strip_prefix("data:") {
        Some(data) if is_events => reader.gather.push(data.trim_start()),
        // Comments that keep a connection alive, names of events.
        None if is_events => {}
        _ => reader.gather.push(line),
    }
}

async fn ask(spec: &HttpLogSpec, client: &Client, url: Url) -> Result<Response, String> {
    let mut request = client.get(url);
    for header in &spec.headers {
        request = request.header(&header.name, header.value.reveal());
    }
    let response = request.send().await.map_err(|error| chain(&error))?;
    let status = response.status();
    if status.is_success() { Ok(response) } else { Err(format!("HTTP {}", status.as_u16())) }
}

async fn body(mut response: Response) -> Result<String, String> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| chain(&error))? {
        body.extend_from_slice(&chunk);
        if body.len() > ANSWER {
            return Err(format!("an answer is longer than {} MB", ANSWER >> 20));
        }
    }
    Ok(String::from_utf8_lossy(&body).into_owned())
}

fn late(limit: Duration) -> String {
    format!("no answer within {} s", limit.as_secs_f32())
}
