//! Follows the log of a service for as long as somebody wants it, and tries again when its source ends.

use std::time::Duration;

use reqwest::Client;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use super::gather::Gather;
use super::{command, http};
use crate::adapters::sanitize;
use crate::config::project::LogSpec;
use crate::domain::{Event, LogEvent, ServiceId};
use crate::engine::means::Means;

/// The first wait before a new try; each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// A source that lasted this long is worth a quick try.
const LASTED: Duration = Duration::from_secs(30);

/// What a source needs while it is followed.
pub(super) struct Reader {
    pub(super) service: ServiceId,
    pub(super) means: Means,
    pub(super) gather: Gather,
}

impl Reader {
    /// Hands over what was gathered. The session sets the pace: meanwhile the source waits, or drops and counts.
    pub(super) async fn hand_over(&mut self) {
        if let Some(event) = self.gather.take() {
            self.tell(event).await;
        }
    }

    /// The source answers.
    pub(super) async fn greet(&self) {
        self.tell(LogEvent::Followed { service: self.service }.into()).await;
    }

    async fn tell(&self, event: Event) {
        let _ = self.means.outbox.send(vec![event]).await;
    }
}

/// Follows a log until `wanted` has no other end any more.
pub async fn follow(
    service: ServiceId,
    spec: LogSpec,
    client: Option<Client>,
    means: Means,
    mut wanted: mpsc::Receiver<()>,
) {
    let gather = Gather::new(service, means.masks.clone());
    let mut reader = Reader { service, means, gather };
    tokio::select! {
        _ = wanted.recv() => {}
        () = again_and_again(&spec, client.as_ref(), &mut reader) => {}
    }
}

async fn again_and_again(spec: &LogSpec, client: Option<&Client>, reader: &mut Reader) {
    let mut wait = FIRST_WAIT;
    let mut cursor = None;
    loop {
        let began = Instant::now();
        let why = match (spec, client) {
            (LogSpec::Command(spec), _) => command::read(spec, reader).await,
            (LogSpec::Http(spec), Some(client)) => http::read(spec, client, &mut cursor, reader).await,
            (LogSpec::Http(_), None) => "there is no HTTP client to ask with".to_owned(),
        };
        reader.hand_over().await;
        if began.elapsed() >= LASTED {
            wait = FIRST_WAIT;
        }
        let why = sanitize::text(&reader.means.masks.mask(&why)).into();
        reader.tell(LogEvent::Lost { service: reader.service, why, retry: wait.into() }.into()).await;
        sleep(wait).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}
