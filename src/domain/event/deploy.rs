//! What can happen to a deploy.

use serde::{Deserialize, Serialize};

use crate::domain::deploy::{OutputLine, StepState};
use crate::domain::platform::PlatformVerdict;
use crate::domain::run::Exit;
use crate::domain::{DeployId, Text};

/// What happened to a deploy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeployEvent {
    /// The command printed something.
    Printed {
        /// Which deploy.
        deploy: DeployId,
        /// The lines.
        lines: Vec<OutputLine>,
    },
    /// A phase began or ended.
    Stepped {
        /// Which deploy.
        deploy: DeployId,
        /// The phase.
        name: Text,
        /// How it stands.
        state: StepState,
    },
    /// The command said which revision it puts in place.
    TargetNamed {
        /// Which deploy.
        deploy: DeployId,
        /// The revision.
        revision: Text,
    },
    /// The command ended.
    CommandEnded {
        /// Which deploy.
        deploy: DeployId,
        /// How.
        exit: Exit,
        /// Whether because a person stopped it.
        cancelled: bool,
    },
    /// The command could not be started.
    CouldNotStart {
        /// Which deploy.
        deploy: DeployId,
        /// Why, and what to do.
        why: Text,
    },
    /// The platform says something else of it than before.
    Platform {
        /// Which deploy.
        deploy: DeployId,
        /// How it stands.
        verdict: PlatformVerdict,
        /// The platform's message, word for word.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<Text>,
    },
    /// The platform could not be asked, so that nothing is known.
    OutOfReach {
        /// Which deploy.
        deploy: DeployId,
        /// Why, and what to do.
        why: Text,
    },
    /// Its time is over.
    TimedOut {
        /// Which deploy.
        deploy: DeployId,
        /// What was still awaited.
        why: Text,
    },
    /// A fresh connection was asked which revision serves.
    Proved {
        /// Which deploy.
        deploy: DeployId,
        /// The revision that answered; `None`: no answer, or none that names one.
        saw: Option<Text>,
    },
    /// Another surface of the service was asked on a fresh connection which revision serves.
    SurfaceAsked {
        /// Which deploy.
        deploy: DeployId,
        /// Which surface, by its address.
        surface: Text,
        /// The revision that answered.
        saw: Option<Text>,
        /// Why none did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<Text>,
    },
    /// The time for the proof is over.
    ProofEnded {
        /// Which deploy.
        deploy: DeployId,
        /// What was seen instead of the new revision.
        why: Text,
    },
}

impl DeployEvent {
    /// The deploy that it is about.
    #[must_use]
    pub fn deploy(&self) -> DeployId {
        match self {
            Self::Printed { deploy, .. }
            | Self::Stepped { deploy, .. }
            | Self::TargetNamed { deploy, .. }
            | Self::CommandEnded { deploy, .. }
            | Self::CouldNotStart { deploy, .. }
            | Self::Platform { deploy, .. }
            | Self::OutOfReach { deploy, .. }
            | Self::TimedOut { deploy, .. }
            | Self::Proved { deploy, .. }
            | Self::SurfaceAsked { deploy, .. }
            | Self::ProofEnded { deploy, .. } => *deploy,
        }
    }
}
