//! Why a failure is accepted, where it is.

use super::sheet::Sheet;
use crate::config::date::last_day;
use crate::domain::{KnownId, State};
use crate::ui::theme::{Mark, Role};

/// A few lines: the reason, who looks after it, where it is written down, until when.
pub(super) fn tell(sheet: &mut Sheet, state: &State, id: KnownId) {
    let Some(known) = state.known.get(id) else { return };
    let spec = &known.spec;
    sheet.line(|line| {
        line.mark(Role::Known, Mark::Known).gap(1).bold(Role::Known, "known").gap(2).put(Role::Text, &spec.reason);
    });
    sheet.line(|line| {
        line.gap(2);
        match &known.by {
            Some(by) => line.fmt(Role::Muted, format_args!("muted by {by}")),
            None => line.put(Role::Muted, "in liveloop.toml"),
        };
        if let Some(owner) = &spec.owner {
            line.gap(3).fmt(Role::Muted, format_args!("owner {owner}"));
        }
        if let Some(expires) = spec.expires {
            line.gap(3).fmt(Role::Muted, format_args!("until {}", last_day(expires)));
        }
        if let Some(issue) = &spec.issue {
            line.gap(3).put(Role::Link, issue);
        }
    });
}
