//! What can happen to a call of the fix hook.

use serde::{Deserialize, Serialize};

use crate::domain::run::Exit;
use crate::domain::{FixId, Text};

/// What happened to a call of the fix hook.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FixEvent {
    /// It printed something.
    Printed {
        /// Which call.
        fix: FixId,
        /// The lines, colours kept.
        lines: Vec<Text>,
    },
    /// It could not be started. Closes the call.
    CouldNotStart {
        /// Which call.
        fix: FixId,
        /// Why, and what to do.
        why: Text,
    },
    /// It ended. Closes the call.
    Ended {
        /// Which call.
        fix: FixId,
        /// How.
        exit: Exit,
        /// The files that differ from before, as seen from the project's folder.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        changed: Vec<Text>,
    },
}
