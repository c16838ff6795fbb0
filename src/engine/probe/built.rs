//! Which commit a service was built from, and how far the project's files are ahead of it. Told when either changes.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::adapters::git;
use crate::domain::{Built, ServiceEvent, ServiceId, Text};
use crate::engine::means::Means;
use crate::engine::source;

/// How often the project's files are looked at again while the service stays as it is.
const AGAIN: Duration = Duration::from_secs(20);

/// What was told last of one service.
#[derive(Debug, Default)]
pub(super) struct Teller {
    told: Option<Built>,
    looked: Option<Instant>,
}

impl Teller {
    /// What there is to tell, now that the service answered with this commit.
    pub(super) async fn tell(
        &mut self,
        service: ServiceId,
        commit: Option<Text>,
        means: &Means,
    ) -> Option<ServiceEvent> {
        let is_same = self.told.as_ref().map(|told| &told.commit) == commit.as_ref();
        if is_same && self.looked.is_none_or(|looked| looked.elapsed() < AGAIN) {
            return None;
        }
        self.looked = commit.is_some().then(Instant::now);
        let built = match commit {
            None => None,
            Some(commit) => Some(build(&means.root, commit).await),
        };
        if built == self.told {
            return None;
        }
        self.told.clone_from(&built);
        Some(ServiceEvent::BuiltFrom { service, built })
    }
}

async fn build(root: &Path, commit: Text) -> Built {
    let distance = match git::distance_question(&commit) {
        None => None,
        Some(question) => source::ask(root, &question).await.and_then(|answer| git::distance(&answer)),
    };
    Built { commit, distance }
}
