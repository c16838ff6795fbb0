//! Probes: a task a service that looks at it again and again, each time on a fresh connection.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Client;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::http::Http;
use super::means::Means;
use crate::adapters::health::{self, Answer};
use crate::adapters::sanitize;
use crate::config::project::{
    HeaderSpec, HealthProbe, HealthSpec, HttpProbe, RevisionSource, RevisionSpec, ServiceSpec,
};
use crate::domain::{Health, Probe, ServiceEvent, ServiceId, Text};

mod built;
mod by_hand;
mod websocket;

/// How much of an answer's body is read.
const BODY: usize = 64 * 1024;
/// How often a service is looked at while its deploy is under way.
const CLOSELY: Duration = Duration::from_millis(500);
/// How often a service without a health probe is asked for its revision.
const UNHURRIED: Duration = Duration::from_secs(10);

/// What a prober is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProbeOrder {
    /// Look now, and more often from now on (or as usual again).
    Watch {
        /// Whether more often.
        closely: bool,
    },
    /// Look now.
    Now,
}

/// Looks at a service until nobody can tell it anything any more.
pub async fn watch(id: ServiceId, spec: ServiceSpec, http: Http, mut orders: mpsc::Receiver<ProbeOrder>, means: Means) {
    let usual = spec.health.as_ref().map_or(UNHURRIED, |health| health.interval);
    let (mut pace, mut teller) = (usual, built::Teller::default());
    loop {
        let (probe, commit) = look(&spec, &http, &means).await;
        let mut events = Vec::from([ServiceEvent::Probed { service: id, probe: probe.clone() }.into()]);
        if probe.revision.is_some() {
            events.extend(teller.tell(id, commit, &means).await.map(Into::into));
        }
        if means.outbox.send(events).await.is_err() {
            return;
        }
        match timeout(pace, orders.recv()).await {
            Ok(None) => return,
            Ok(Some(ProbeOrder::Watch { closely })) => pace = if closely { CLOSELY.min(usual) } else { usual },
            Ok(Some(ProbeOrder::Now)) | Err(_) => {}
        }
    }
}

/// One look at a service; and the commit that it was built from, where it tells.
async fn look(spec: &ServiceSpec, http: &Http, means: &Means) -> (Probe, Option<Text>) {
    let started = Instant::now();
    let health = match &spec.health {
        None => Health::Unknown,
        Some(health) => check_health(health, http, means).await,
    };
    let latency = started.elapsed();
    let health = health::within(spec.health.as_ref().and_then(|health| health.budget), latency, health);
    let version = match (&spec.revision, &health) {
        // A service that does not answer has no revision to tell; asking it would only double the wait.
        (None, _) | (_, Health::Unreachable(_)) => None,
        (Some(revision), _) => ask_version(revision, &http.client).await.ok(),
    };
    let (revision, commit) = version.map_or((None, None), |version| (Some(version.revision), version.commit));
    (Probe { health, latency: latency.into(), revision }, commit)
}

async fn check_health(spec: &HealthSpec, http: &Http, means: &Means) -> Health {
    match &spec.probe {
        HealthProbe::Http(probe) => ask_all(probe, &http.client, spec.timeout).await,
        HealthProbe::Websocket(websocket) => websocket::shake_hands(websocket, http, spec.timeout, means).await,
        HealthProbe::Tcp { address } => by_hand::connect(address, spec.timeout).await,
        HealthProbe::Command(command) => by_hand::run(command, spec.timeout, means).await,
    }
}

/// All paths at once, so that the latency is that of the slowest.
async fn ask_all(http: &HttpProbe, client: &Client, limit: Duration) -> Health {
    let asks = http.asks.iter().map(|ask| async {
        let health = match get(client, &ask.url, &http.headers, None, limit).await {
            Ok(got) => health::health(&http.status, ask, &got.answer()),
            Err(why) => Health::Unreachable(why.into()),
        };
        (ask.path.as_str(), health)
    });
    health::together(join_all(asks).await)
}

/// Which revision answers on a fresh connection; else what was seen instead.
///
/// # Errors
/// Says what was seen: no answer, or one that names no revision.
pub async fn ask_revision(spec: &RevisionSpec, client: &Client) -> Result<Text, String> {
    Ok(ask_version(spec, client).await?.revision)
}

/// What an answer tells of what serves.
struct Version {
    revision: Text,
    commit: Option<Text>,
}

async fn ask_version(spec: &RevisionSpec, client: &Client) -> Result<Version, String> {
    let header = match &spec.source {
        RevisionSource::Header(name) => Some(name.as_str()),
        RevisionSource::Pointer(_) => None,
    };
    let got = get(client, &spec.url, &spec.headers, header, spec.timeout).await?;
    let answer = got.answer();
    let revision = health::revision(&spec.source, &answer);
    let revision = revision.ok_or_else(|| format!("HTTP {} without a revision", got.status))?;
    let commit = spec.commit.as_ref().and_then(|pointer| health::pointed_at(pointer, &answer));
    Ok(Version { revision, commit })
}

struct Got {
    status: u16,
    header: Option<String>,
    body: Vec<u8>,
}

impl Got {
    fn answer(&self) -> Answer<'_> {
        Answer { status: self.status, header: self.header.as_deref(), body: &self.body }
    }
}

async fn get(
    client: &Client,
    url: &str,
    headers: &[HeaderSpec],
    wanted: Option<&str>,
    limit: Duration,
) -> Result<Got, String> {
    let ask = async {
        let mut request = client.get(url);
        for header in headers {
            request = request.header(&header.name, header.value.reveal());
        }
        let mut response = request.send().await?;
        let header = wanted.and_then(|name| Some(response.headers().get(name)?.to_str().ok()?.to_owned()));
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            let room = BODY - body.len();
            body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if body.len() == BODY {
                break;
            }
        }
        Ok::<_, reqwest::Error>(Got { status: response.status().as_u16(), header, body })
    };
    match timeout(limit, ask).await {
        Ok(Ok(got)) => Ok(got),
        Ok(Err(error)) => Err(sanitize::text(&super::http::chain(&error))),
        Err(_) => Err(format!("no answer within {} s", limit.as_secs_f32())),
    }
}
