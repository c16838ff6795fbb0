//! All panes in their places.

use super::pen::Pen;
use super::{
    agents, board, cause, causes, cycles, deploy, detail, fix, flight, footer, header, logs, news, prove,
    service_table, services, small, spans, tabs, tiers, trouble,
};
use crate::ui::regions::{Regions, Shape};
use crate::ui::scene::Scene;
use crate::ui::theme::{Mark, Role};
use crate::ui::view::Page;

/// Draws everything but overlays.
pub(crate) fn paint(pen: &mut Pen, scene: &Scene, regions: &Regions) {
    match regions.shape {
        Shape::TooSmall => return small::draw(pen, scene, regions),
        Shape::Tabs => tabs::draw(pen, scene, regions),
        Shape::Wide => {}
    }
    header::draw(pen, scene, regions);
    services::draw(pen, scene, regions);
    tiers::draw(pen, scene, regions);
    flight::draw(pen, scene, regions);
    prove::draw(pen, scene, regions);
    match scene.view.page {
        _ if regions.board.is_empty() => {}
        Page::Board => {
            trouble::draw(pen, scene, regions);
            board::draw(pen, scene, regions);
        }
        Page::Detail(test) => detail::draw(pen, scene, regions, test),
        Page::Cause(id) => cause::draw(pen, scene, regions, id),
    }
    if !regions.causes.is_empty() {
        causes::draw(pen, scene, regions);
    }
    if !regions.cycles.is_empty() {
        cycles::draw(pen, scene, regions);
    }
    if !regions.logs.is_empty() {
        logs::draw(pen, scene, regions);
    }
    if !regions.agents.is_empty() {
        match crate::ui::spans::is_shown(scene.view) {
            true => spans::draw(pen, scene, regions),
            false => agents::draw(pen, scene, regions),
        }
    }
    if !regions.service_table.is_empty() {
        service_table::draw(pen, scene, regions);
    }
    if let Some(newest) = scene.state.fix_to_show().filter(|_| !regions.fix.is_empty()) {
        fix::draw(pen, scene, regions, newest);
    }
    if !regions.deploys.is_empty() {
        deploy::draw(pen, scene, regions);
    }
    if !regions.news.is_empty() {
        news::draw(pen, scene, regions);
    }
    draw_asides(pen, scene, regions);
    footer::draw(pen, scene, regions);
}

/// The newest sentence of news where its pane is folded away, and what of the console's own does not work.
fn draw_asides(pen: &mut Pen, scene: &Scene, regions: &Regions) {
    if let Some(newest) = scene.state.news.last().filter(|_| regions.news.is_empty() && !regions.ticker.is_empty()) {
        let inside =
            ratatui::layout::Rect { x: regions.ticker.x + 1, width: regions.ticker.width - 2, ..regions.ticker };
        news::draw_sentence(pen, scene, inside, regions.ticker.y, newest);
    }
    if let Some(trouble) = scene.state.session.troubles.last() {
        let mut line = pen.line(regions.notice, regions.notice.y);
        line.gap(1).end_gap(1).mark(Role::Bad, Mark::Warning).gap(1).put(Role::Bad, trouble);
    }
}
