//! Where what serves came from: which commit it was built from and how far the project's files are ahead of that, who put
//! it there and when.

use serde::{Deserialize, Serialize};

use super::{Moment, ServiceId, State, Text};

/// The commit that a service was built from, as it tells itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Built {
    /// The commit.
    pub commit: Text,
    /// How far the project's files are from it; nothing where their version control does not know the commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distance: Option<Distance>,
}

impl Built {
    /// The commit, short enough for a column.
    #[must_use]
    pub fn short(&self) -> &str {
        self.commit.get(..9).unwrap_or(&self.commit)
    }
}

/// How two commits stand to each other, counted in commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Distance {
    /// That only the project's files have.
    pub ahead: u32,
    /// That only the service has.
    pub behind: u32,
}

/// Who put in place what serves, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// Who; nothing where it was somebody else, without this console.
    pub by: Option<Text>,
    /// When it was asked for, or when it was noticed.
    pub at: Moment,
}

impl State {
    /// Who put in place what serves; nothing where nobody knows.
    #[must_use]
    pub fn placed(&self, id: ServiceId) -> Option<Placed> {
        let service = self.services.get(id)?;
        let revision = service.revision.as_ref()?;
        let under_way = self.deploys.active(id).and_then(|id| self.deploys.get(id));
        if let Some(deploy) = under_way.filter(|deploy| deploy.to.as_ref() == Some(revision)) {
            return Some(Placed { by: Some(self.viewer_name(Some(deploy.by)).into()), at: deploy.started });
        }
        let mut past = self.deploys.precedents(id).into_iter().flat_map(super::Precedents::newest);
        let ours = past.find(|past| past.is_live() && past.to.as_ref() == Some(revision));
        // Who brought it back after our deploy was not us.
        let ours = ours.filter(|past| {
            let ended = past.started.after(past.took.unwrap_or_default());
            service.moved.is_none_or(|moved| moved <= ended)
        });
        let by_us = ours.map(|past| Placed { by: Some(past.by.clone()), at: past.started });
        by_us.or_else(|| service.moved.map(|at| Placed { by: None, at }))
    }
}
