//! How much is kept of what grows, as it is written.

use serde::Deserialize;

/// `[limits]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitSettings {
    /// Lines that are kept of one deploy's output.
    pub deploy_lines: usize,
    /// Agent events that are kept in memory, over all streams.
    pub agent_events: usize,
    /// Log lines that are kept in memory of each service.
    pub log_lines: usize,
    /// A longer WebSocket message closes the connection with 1009.
    pub message_bytes: usize,
}

/// `[history]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HistorySettings {
    /// How many of the newest cycles `liveloop history prune` keeps; 0: all.
    pub keep_cycles: u32,
}

/// `[journal]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JournalSettings {
    /// A session's file grows to this size; then agent events and log lines are left out, and the journal says so.
    pub bytes: u64,
}
