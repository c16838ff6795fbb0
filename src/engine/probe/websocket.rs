//! A WebSocket that opens, or a service that says no as only a living one does.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use crate::adapters::health;
use crate::config::probe::WebsocketProbe;
use crate::domain::Health;
use crate::engine::http::Http;
use crate::engine::means::Means;
use crate::engine::stream::handshake::{Deadlines, Opening, Socket, open};
use crate::engine::stream::secret::Secrets;

/// How long the other side has to say goodbye.
const GOODBYE: Duration = Duration::from_secs(1);
/// A longer message is nobody's business here.
const LONGEST: usize = 1 << 20;

/// Opens the WebSocket as a stream would, and closes it in order.
pub(super) async fn shake_hands(spec: &WebsocketProbe, http: &Http, limit: Duration, means: &Means) -> Health {
    let opening = Opening {
        headers: spec.headers.iter().map(|header| (header.name.clone(), header.value.reveal().to_owned())).collect(),
        subprotocols: spec.subprotocols.clone(),
        deadlines: Deadlines { answer: limit, body: limit },
        max_message: LONGEST,
        ..Opening::of(&spec.url)
    };
    let masks = means.masks.clone();
    let secrets = Secrets::new(move |secret| masks.learn(secret));
    match timeout(limit, open(http, &opening, None, &secrets)).await {
        Err(_) => Health::Unreachable(format!("no answer within {} s", limit.as_secs_f32()).into()),
        Ok(Ok(opened)) => {
            // Bounded, and nothing waits for it: the answer is here.
            tokio::spawn(timeout(GOODBYE, close(opened.socket)));
            health::of_opening(&spec.status, 101, "")
        }
        Ok(Err(refused)) => match refused.refusal.status {
            None => Health::Unreachable(means.masks.mask(&refused.refusal.why).as_ref().into()),
            // A yes to somebody else's question.
            Some(101) => Health::Unhealthy(refused.refusal.why.clone()),
            Some(status) => health::of_opening(&spec.status, status, &means.masks.mask(&refused.refusal.body)),
        },
    }
}

/// A service that is dropped without a word writes an error into its log, at every probe.
async fn close(mut socket: Socket) {
    if socket.send(Message::Close(None)).await.is_ok() {
        while let Some(Ok(_)) = socket.next().await {}
    }
}
