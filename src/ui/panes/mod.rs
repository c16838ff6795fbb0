//! What each pane shows. Drawing only: what can be seen is decided by the regions, what is true by the state.

mod ansi;
mod marks;
mod pen;
mod sheet;

pub(crate) mod fix;
mod flight;
mod footer;
mod header;
mod known;
mod phase;
pub(super) mod service_table;
mod services;
mod tabs;
pub(super) mod trouble;

pub(super) mod agents;
mod board;
pub(super) mod cause;
mod causes;
mod change;
mod circumstance;
mod connection;
mod contract;
pub(super) mod cycles;
pub(super) mod deploy;
pub(super) mod detail;
mod disconnected;
mod evidence;
mod failure;
mod happened;
mod heat;
mod history;
pub(super) mod logs;
mod module_line;
mod news;
mod notes;
mod prove;
mod row;
mod small;
pub(super) mod spans;

pub(super) use pen::Pen;
pub(super) use screen::paint;

mod screen;

#[cfg(test)]
mod tests;
mod tiers;
