//! What a frame is drawn from, and nothing else: same scene, same cells.

use super::theme::Theme;
use super::view::ViewState;
use crate::attach::Clock;
use crate::domain::{Moment, State};

/// Everything that a frame may depend on.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// The shared truth.
    pub state: &'a State,
    /// This person's view of it.
    pub view: &'a ViewState,
    /// Colours and marks.
    pub theme: &'a Theme,
    /// The time to draw with.
    pub now: Moment,
    /// Where that time comes from.
    pub clock: Clock,
}
