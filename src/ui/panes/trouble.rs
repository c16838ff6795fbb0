//! Above the board: why the numbers of the newest run are not what was asked for, with its own last words.

use ratatui::layout::Rect;

use super::pen::Pen;
use super::phase;
use crate::domain::{Run, RunEnd, RunPhase, State};
use crate::ui::regions::Regions;
use crate::ui::scene::Scene;
use crate::ui::text;
use crate::ui::theme::{Mark, Role};

/// How many lines the reason takes at most.
const WHY_LINES: usize = 2;
/// How many lines of the run's output are shown at most.
const OUTPUT_LINES: usize = 4;

/// How many lines it takes, with an empty one below; none where all is well or still under way.
pub(crate) fn lines(state: &State, width: u16) -> u16 {
    let Some(run) = phase::run_to_show(state) else { return 0 };
    // Without any test the board is empty, and says the same itself.
    let Some((_, why)) = reason(run).filter(|_| state.inventory.tally().total() > 0) else { return 0 };
    let why = text::wrap(why, room(width)).take(WHY_LINES).count();
    let missing = usize::from(!run.missing.is_empty());
    (why + missing + last_words(run).count() + 1) as u16
}

fn room(width: u16) -> usize {
    usize::from(width.saturating_sub(38))
}

fn reason(run: &Run) -> Option<(&'static str, &str)> {
    let RunPhase::Ended(end) = &run.phase else { return None };
    match end {
        RunEnd::Complete => run.disagreement.as_deref().map(|why| ("does not agree", why)),
        RunEnd::NothingRan(why) => Some(("nothing ran", why)),
        RunEnd::CutShort(why) => Some(("cut short", why)),
        RunEnd::Crashed(why) => Some(("crashed", why)),
        RunEnd::CouldNotStart(why) => Some(("could not run", why)),
        RunEnd::Stopped => None,
    }
}

/// The end of what the run printed outside any test, where it did not end as it should.
fn last_words(run: &Run) -> impl Iterator<Item = &str> {
    let told =
        matches!(run.phase, RunPhase::Ended(RunEnd::Crashed(_) | RunEnd::CouldNotStart(_) | RunEnd::NothingRan(_)));
    let from = run.output.len().saturating_sub(OUTPUT_LINES);
    run.output.range(from).filter(move |line| told && !line.trim().is_empty()).map(|line| &**line)
}

pub(super) fn draw(pen: &mut Pen, scene: &Scene, regions: &Regions) {
    let area = regions.trouble;
    let area = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    let Some(run) = phase::run_to_show(scene.state) else { return };
    let Some((word, why)) = reason(run) else { return };
    let mut ys = area.y..area.bottom().saturating_sub(1);
    for (n, (piece, y)) in text::wrap(why, room(area.width + 2)).take(WHY_LINES).zip(&mut ys).enumerate() {
        let mut line = pen.line(area, y);
        if n == 0 {
            let numbers = &run.integrity;
            if numbers.not_run > 0 {
                line.end_fmt(Role::Warning, format_args!("{} not run", numbers.not_run)).end_gap(2);
            }
            line.mark(Role::Bad, Mark::Warning).gap(1).bold(Role::Bad, word);
        }
        line.column(17).put(Role::Text, piece);
    }
    if let Some(first) = run.missing.first()
        && let Some(y) = ys.next()
    {
        let mut line = pen.line(area, y);
        line.gap(2).fmt(Role::Warning, format_args!("{} missing", run.missing.len()));
        line.column(17).put(Role::Muted, first);
    }
    for (words, y) in last_words(run).zip(ys) {
        pen.line(area, y).column(17).ansi(Role::Muted, words);
    }
}
