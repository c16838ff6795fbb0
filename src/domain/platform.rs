//! What a platform says of a deploy: the control plane's own view, before anybody asks the service itself.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Text;

/// What a platform says of a deploy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlatformVerdict {
    /// It works on it.
    Progressing {
        /// At what.
        stage: Text,
    },
    /// It gave up.
    Failed {
        /// Its own word for why.
        reason: Text,
        /// What serves all the same.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        serving: Option<Text>,
    },
    /// Another revision came after ours.
    Superseded {
        /// Which.
        by: Text,
    },
    /// Ours has a part of the traffic.
    Split {
        /// How much, of a hundred.
        percent: u8,
    },
    /// It is done, and the traffic goes elsewhere.
    NotServing {
        /// Where, or why.
        why: Text,
    },
    /// It is done, and knows nothing of where the traffic goes.
    Finished,
    /// It is done, and all traffic goes to ours.
    Routed,
}

impl PlatformVerdict {
    /// What serves although it gave up.
    #[must_use]
    pub fn serving(&self) -> Option<&Text> {
        match self {
            Self::Failed { serving, .. } => serving.as_ref(),
            Self::Progressing { .. }
            | Self::Superseded { .. }
            | Self::Split { .. }
            | Self::NotServing { .. }
            | Self::Finished
            | Self::Routed => None,
        }
    }

    /// Whether nothing further comes of it without somebody's doing.
    #[must_use]
    pub fn is_final(&self) -> bool {
        match self {
            Self::Progressing { .. } | Self::Split { .. } => false,
            Self::Failed { .. } | Self::Superseded { .. } | Self::NotServing { .. } | Self::Finished | Self::Routed => {
                true
            }
        }
    }
}

impl fmt::Display for PlatformVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Progressing { stage } => f.write_str(stage),
            Self::Failed { reason, serving: Some(serving) } => write!(f, "{reason}; {serving} still serves"),
            Self::Failed { reason, serving: None } => f.write_str(reason),
            Self::Superseded { by } => write!(f, "superseded by {by}"),
            Self::Split { percent } => write!(f, "{percent} % of the traffic goes to it"),
            Self::NotServing { why } => f.write_str(why),
            Self::Finished => f.write_str("it ended well"),
            Self::Routed => f.write_str("all traffic goes to it"),
        }
    }
}

/// The last that a platform said of a deploy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlatformSaid {
    /// How it stands.
    pub verdict: PlatformVerdict,
    /// Its message, word for word.
    pub message: Option<Text>,
}

/// How far up the ladder of proof a deploy came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rung {
    /// Nothing has taken the deploy on.
    None,
    /// The command ended well, or the platform took the request.
    Accepted,
    /// The platform says that all traffic goes to the new revision.
    ControlPlane,
    /// Fresh connections on the service's own URL showed the new revision, often enough in a row.
    #[default]
    DataPlane,
    /// So did every other surface that the tests use, streams included.
    EverySurface,
}

impl Rung {
    /// All of them, lowest first.
    pub const ALL: [Self; 5] = [Self::None, Self::Accepted, Self::ControlPlane, Self::DataPlane, Self::EverySurface];

    /// Its word for machines.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Accepted => "accepted",
            Self::ControlPlane => "control_plane",
            Self::DataPlane => "data_plane",
            Self::EverySurface => "every_surface",
        }
    }

    /// Its name for people.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Accepted => "accepted",
            Self::ControlPlane => "control plane",
            Self::DataPlane => "data plane",
            Self::EverySurface => "every surface",
        }
    }
}
