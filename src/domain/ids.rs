//! Identities: counters that the fold hands out, one type an idea.

use serde::{Deserialize, Serialize};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u32);

        impl $name {
            /// The place of this identity in the list that it counts.
            #[must_use]
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }
    )*};
}

ids! {
    /// A test tool, as configured or found.
    RunnerId;
    /// A file or suite of tests.
    ModuleId;
    /// A test by its stable identity.
    TestId;
    /// One execution of a selection by a runner.
    RunId;
    /// Failures that share a signature.
    CauseId;
    /// A priority group of tests.
    TierId;
    /// An accepted failure.
    KnownId;
    /// Something that is deployed and probed.
    ServiceId;
    /// One try to put a revision in place.
    DeployId;
    /// One chain from a deploy to what it proved.
    ProveId;
    /// One call of the fix hook.
    FixId;
    /// A connection to a source of agent events.
    StreamId;
    /// What one agent did under one run id.
    AgentRunId;
    /// An attached person.
    ViewerId;
}
