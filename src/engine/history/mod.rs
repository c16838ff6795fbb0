//! What must be asked across sessions: `history.db`, a projection of the journals that people can query too.
//!
//! [`record`] takes from the fold what a row needs, [`schema`] opens the file, [`project`] writes rows, [`journals`]
//! brings the file up with the journals, [`keeper`] does both beside the running session, [`import`] adds what other
//! programs measured, [`prune`] takes old cycles away when somebody asks, [`query`] answers questions.
//! `docs/history.md` describes tables and views for people.

pub mod record;
pub mod schema;

pub mod journals;
pub mod keeper;
pub mod project;

pub mod import;
pub mod prune;

pub mod query;
pub mod recent;
