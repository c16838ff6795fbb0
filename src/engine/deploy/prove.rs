//! The proof: fresh connections are asked which revision serves, on the service's own URL and on its other surfaces.

use futures_util::future::join_all;
use reqwest::Client;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use crate::config::project::{ProofSpec, RevisionSpec};
use crate::domain::{DeployEvent, DeployId, Event, Text};
use crate::engine::core::Outbox;
use crate::engine::probe::ask_revision;

/// What a proof asks, and how often.
#[derive(Debug)]
pub struct Proof {
    /// Which deploy.
    pub deploy: DeployId,
    /// How the revision is asked; without it nothing can be proved.
    pub revision: Option<RevisionSpec>,
    /// The other surfaces: their names, and how they are asked.
    pub surfaces: Vec<(Text, RevisionSpec)>,
    /// How often, and for how long.
    pub spec: ProofSpec,
    /// The revision that served before.
    pub from: Option<Text>,
}

/// Asks fresh connections which revision serves, until `done` closes or the time is over.
pub async fn prove(proof: Proof, client: Client, mut done: mpsc::Receiver<()>, outbox: Outbox) {
    let Proof { deploy, revision, surfaces, spec, from } = proof;
    let Some(revision) = revision else {
        let why = "no revision probe is configured: nobody knows what serves".into();
        let _ = outbox.send(vec![DeployEvent::ProofEnded { deploy, why }.into()]).await;
        return;
    };
    let deadline = Instant::now() + spec.timeout;
    loop {
        let next = (Instant::now() + spec.interval).min(deadline);
        let others = join_all(surfaces.iter().map(|(_, surface)| ask_revision(surface, &client)));
        let (answer, others) = tokio::join!(ask_revision(&revision, &client), others);
        let saw = answer.as_ref().ok().cloned();
        let mut events: Vec<Event> = vec![DeployEvent::Proved { deploy, saw }.into()];
        events.extend(surfaces.iter().zip(others).map(|((surface, _), answer)| {
            let (saw, why) = match answer {
                Ok(saw) => (Some(saw), None),
                Err(why) => (None, Some(why.into())),
            };
            DeployEvent::SurfaceAsked { deploy, surface: surface.clone(), saw, why }.into()
        }));
        if outbox.send(events).await.is_err() {
            return;
        }
        if Instant::now() >= deadline {
            let why = match (answer, from) {
                (Ok(saw), Some(from)) if saw == from => format!("{from} still serves"),
                (Ok(saw), _) => format!("{saw} serves, but not steadily"),
                (Err(why), _) => format!("no revision could be read: {why}"),
            };
            let _ = outbox.send(vec![DeployEvent::ProofEnded { deploy, why: why.into() }.into()]).await;
            return;
        }
        // An answer or a closed channel ends the proof; only the passing of time lets it go on.
        if timeout_at(next, done.recv()).await.is_ok() {
            return;
        }
    }
}
