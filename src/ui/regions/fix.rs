//! Where the fix hook's words stand: in the deploy's place, together with it where there is room for both.

use ratatui::layout::Rect;

use super::{Regions, Window};
use crate::domain::{FixId, State};
use crate::ui::panes;
use crate::ui::view::{Front, ViewState};

/// How many lines each of the two takes at least where both are shown.
const LEAST: u16 = 7;

impl Regions {
    /// The fix stands above the deploy that follows it. Where only one of them fits, it is the one in front; where both
    /// do, that one gets the larger part.
    pub(super) fn place_fix(&mut self, state: &State, view: &ViewState) {
        self.front = in_front(state, view);
        let Some(front) = self.front.filter(|_| !self.deploys.is_empty()) else { return };
        let whole = self.deploys;
        let has_both = state.deploys.newest().is_some() && whole.height >= 2 * LEAST;
        let fix = match (has_both, front) {
            (true, Front::Fix) => whole.height - LEAST.max(whole.height * 2 / 5),
            (true, Front::Deploy) => LEAST.max(whole.height * 2 / 5),
            (false, Front::Fix) => whole.height,
            (false, Front::Deploy) => 0,
        };
        self.fix = Rect { height: fix, ..whole };
        self.deploys = Rect { y: whole.y + fix, height: whole.height - fix, ..whole };
    }

    pub(super) fn open_fix(&mut self, state: &State, view: &ViewState) {
        let Some((_, fix)) = state.fix_to_show() else { return };
        let shown = panes::fix::output_rows(self.fix, fix);
        self.fix_rows = Window::new(view.fix_scroll, fix.output.dropped(), fix.output.total(), shown);
    }
}

/// What a person chose for this call of the hook; else whatever began last.
fn in_front(state: &State, view: &ViewState) -> Option<Front> {
    let (id, fix) = state.fix_to_show()?;
    let chosen = view.front.filter(|(of, _): &(FixId, Front)| *of == id).map(|(_, front)| front);
    let deployed_since = state
        .deploys
        .newest()
        .and_then(|deploy| state.deploys.get(deploy))
        .is_some_and(|deploy| fix.ended.is_some_and(|ended| deploy.started >= ended));
    Some(chosen.unwrap_or(if deployed_since { Front::Deploy } else { Front::Fix }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::fixture::flight;
    use crate::ui::view::Pane;

    /// The heights of the fix hook's part and of the deploy's, and which of them takes the keys.
    fn parts(state: &State, view: &ViewState, size: (u16, u16)) -> (u16, u16, Option<Front>) {
        let regions = Regions::compute(Rect::new(0, 0, size.0, size.1), state, view);
        (regions.fix.height, regions.deploys.height, regions.front)
    }

    #[test]
    fn the_hook_stands_beside_the_deploy_where_there_is_room_and_else_what_began_last_does() {
        let deploys = ViewState { focus: Pane::Deploys, ..ViewState::default() };
        assert_eq!(parts(&flight::fixing().state, &deploys, (80, 24)), (9, 0, Some(Front::Fix)));
        let mended = flight::mended();
        assert_eq!(parts(&mended.state, &deploys, (80, 24)), (0, 9, Some(Front::Deploy)));
        let (fix, deploy, front) = parts(&mended.state, &ViewState::default(), (200, 60));
        assert!(LEAST <= fix && fix < deploy, "{fix} {deploy}");
        assert_eq!(front, Some(Front::Deploy));
    }

    #[test]
    fn what_a_person_turned_to_stays_until_the_hook_is_called_anew() {
        let mended = flight::mended();
        let mut view = ViewState { focus: Pane::Deploys, front: Some((FixId(0), Front::Fix)), ..ViewState::default() };
        assert_eq!(parts(&mended.state, &view, (80, 24)), (9, 0, Some(Front::Fix)));
        view.front = Some((FixId(7), Front::Fix));
        assert_eq!(parts(&mended.state, &view, (80, 24)), (0, 9, Some(Front::Deploy)));
    }
}
