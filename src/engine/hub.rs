//! The hub: every entry to every viewer, and no viewer is ever waited for.

use std::sync::Arc;

use crate::attach::{Delivery, FeedSender};
use crate::domain::{Entry, SessionEnd, State};

/// The viewers' feeds.
#[derive(Debug, Default)]
pub struct Hub {
    feeds: Vec<FeedSender>,
}

impl Hub {
    /// Takes a viewer in, beginning with everything.
    pub fn join(&mut self, feed: FeedSender, state: &State) {
        if feed.tell(Delivery::Snapshot(Arc::new(state.clone()))) {
            self.feeds.push(feed);
        }
    }

    /// Publishes entries that were just folded into `state`.
    pub fn publish(&mut self, entries: &[Arc<Entry>], state: &State) {
        self.feeds.retain(|feed| !feed.is_closed());
        let mut snapshot = None;
        for feed in &mut self.feeds {
            feed.offer(entries, || snapshot.get_or_insert_with(|| Arc::new(state.clone())).clone());
        }
    }

    /// Whether a viewer still waits for the snapshot that makes up for what it missed.
    #[must_use]
    pub fn anybody_behind(&self) -> bool {
        self.feeds.iter().any(FeedSender::is_behind)
    }

    /// Tells everybody that nothing further will come.
    pub async fn end(&mut self, how: &SessionEnd) {
        for feed in self.feeds.drain(..) {
            // A viewer that does not even take its last word is gone.
            let patience = std::time::Duration::from_millis(200);
            let _ = tokio::time::timeout(patience, feed.send(Delivery::Ended(how.clone()))).await;
        }
    }
}
