//! In an opened test: why its outcome is not its own, and that it is to be run again.

use super::sheet::Sheet;
use crate::domain::{Attempt, Circumstance, Trouble};
use crate::ui::text::time_of_day;
use crate::ui::theme::{Mark, Role};

/// What the environment did while an attempt ran; nothing where it did nothing that is known.
pub(super) fn tell(sheet: &mut Sheet, attempt: &Attempt, offset: i32) {
    match &attempt.circumstance {
        Circumstance::Steady => return,
        Circumstance::Environment(disturbance) => sheet.line(|line| {
            line.mark(Role::Environment, Mark::Environment).gap(1);
            let (service, since) = (&disturbance.service, time_of_day(disturbance.since, offset));
            match &disturbance.why {
                Trouble::Down(why) => {
                    line.fmt(Role::Environment, format_args!("{service} was down since {since}: {why}"));
                }
                Trouble::Deploying => {
                    line.fmt(Role::Environment, format_args!("{service} was being deployed since {since}"));
                }
            }
        }),
        Circumstance::Straddled => sheet.line(|line| {
            line.mark(Role::Straddled, Mark::Straddled).gap(1);
            line.put(Role::Straddled, "what serves changed while it ran: nobody knows what it met");
        }),
    }
    sheet.line(|line| {
        line.gap(2).put(Role::Muted, "counted neither as passed nor as failed: rerun it once the services are well");
    });
    sheet.gap();
}
