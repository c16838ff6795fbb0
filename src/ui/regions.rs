//! Where everything is: rectangles and rows, computed before drawing. They serve drawing, mouse and paging alike, so
//! that drawing returns nothing.

mod block;
mod board;
mod fix;
mod order;
mod outlook;

use std::sync::Arc;

use ratatui::layout::Rect;

use super::cycles::CycleRows;
use super::failures;
use super::logs::LogRows;
use super::panes;
use super::reading::Holds;
use super::spans::{self, SpanRows};
use super::view::{Cursor, Front, Page, Pane, Scroll, ViewState};
use crate::domain::{
    AgentRunId, CauseId, Moment, Outlook, RunId, RunKind, RunPhase, Span, Standing, State, TestId, Timeline,
};

pub use block::{Block, Form, Group, Heading, List};
pub use board::Board;
use outlook::OutlookOf;

pub(crate) use board::why_broken;

/// From this size on, two columns are shown side by side.
const WIDE: (u16, u16) = (140, 32);
/// Below this size there is only a notice.
const SMALLEST: (u16, u16) = (40, 10);
/// From this size on, the causes stand below the board.
const CAUSES: (u16, u16) = (120, 40);
/// How many causes are shown below the board at most.
const CAUSES_SHOWN: u16 = 6;
/// From this height on, the services stand above the board as a table.
const TALL: u16 = 50;
/// What the table of services leaves to the deploy below it, and to the board.
const DEPLOY: u16 = 9;
const BOARD: u16 = 16;
/// How many lines the table of services takes at least.
const SERVICES: u16 = 4;
/// The size for which everything was made.
const COMFORTABLE: (u16, u16) = (80, 24);

/// How the screen is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Shape {
    /// Two columns: tests, and everything else.
    Wide,
    /// One pane at a time, under tabs.
    Tabs,
    /// Nothing but how the loop stands.
    #[default]
    TooSmall,
}

/// The part of a list or text that is shown, in the units of [`Scroll::At`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Window {
    /// The first row that is still held.
    pub first: u64,
    /// The first row that is shown.
    pub top: u64,
    /// How many rows fit.
    pub shown: u64,
    /// One past the last row.
    pub end: u64,
}

impl Window {
    /// The window for rows `first..end`, of which `shown` fit.
    #[must_use]
    pub fn new(scroll: Scroll, first: u64, end: u64, shown: u64) -> Self {
        let last = end.saturating_sub(shown).max(first);
        let top = match scroll {
            Scroll::Follow => last,
            Scroll::At(row) => row.clamp(first, last),
        };
        Self { first, top, shown, end }
    }

    /// The scroll after moving by so many rows: follows again once the end is reached.
    #[must_use]
    pub fn moved(&self, by: i64) -> Scroll {
        let last = self.end.saturating_sub(self.shown).max(self.first);
        let top = self.top.saturating_add_signed(by).max(self.first);
        if top >= last { Scroll::Follow } else { Scroll::At(top) }
    }

    /// How many rows are below the window.
    #[must_use]
    pub fn below(&self) -> u64 {
        self.end.saturating_sub(self.top + self.shown)
    }
}

/// Where everything is.
#[derive(Debug, Clone, Default)]
pub struct Regions {
    /// The whole screen.
    pub area: Rect,
    /// How it is divided.
    pub shape: Shape,
    /// Whether it is smaller than it should be.
    pub cramped: bool,
    /// The first line: environment, cycle, totals.
    pub header: Rect,
    /// The second line: services, streams, people.
    pub services: Rect,
    /// The names of the panes, where one is shown at a time.
    pub tabs: Rect,
    /// Each tab's place.
    pub tab: [Rect; Pane::ALL.len()],
    /// What is protected and what is at risk, where a project says what its tests guard.
    pub tiers: Rect,
    /// What the autopilot does, or came to; empty where that is no news.
    pub flight: Rect,
    /// How far a deploy and its proof have come, or what they changed; empty where none is news.
    pub prove: Rect,
    /// Why the newest run's numbers are not what was asked for; empty where they are.
    pub trouble: Rect,
    /// Agent events.
    pub agents: Rect,
    /// The deploy.
    pub deploys: Rect,
    /// The newest call of the fix hook: above the deploy, or in its place; empty where there was none.
    pub fix: Rect,
    /// What of the fix hook's output is shown.
    pub fix_rows: Window,
    /// Which of the two takes the keys; nothing where there is no fix.
    pub front: Option<Front>,
    /// All services as a table; empty where there is no room for more than their line.
    pub service_table: Rect,
    /// What happened lately.
    pub news: Rect,
    /// Why tests fail: below the board, or instead of it.
    pub causes: Rect,
    /// What services write into their logs: instead of the board.
    pub logs: Rect,
    /// The lines of the logs that are shown.
    pub log_rows: LogRows,
    /// The cycles: instead of everything between the first lines and the last.
    pub cycles: Rect,
    /// The tests that are listed there.
    pub cycle_rows: CycleRows,
    /// The newest sentence of news, where the pane is folded away.
    pub ticker: Rect,
    /// A sentence for this person alone, or trouble.
    pub notice: Rect,
    /// The keys that work here.
    pub footer: Rect,
    /// The board, or the opened test; empty where another pane is shown.
    pub board: Rect,
    /// The modules and their tests in order, also those that are scrolled away.
    pub rows: Board,
    /// What the opened test holds beside its lines.
    pub holds: Holds,
    /// What else happened while the opened test ran.
    pub timeline: Arc<Timeline>,
    /// The failures in the order in which one is gone to after the other, while a test is opened.
    pub failures: Vec<TestId>,
    /// What of the opened test is shown.
    pub detail: Window,
    /// What of the agent events is shown.
    pub agent_rows: Window,
    /// The rows of the timeline of agent runs, while that is shown.
    pub span_rows: SpanRows,
    /// What of the deploy's output is shown.
    pub deploy_rows: Window,
    /// The causes in the order in which they are shown.
    pub cause_rows: Vec<CauseId>,
    /// The cause under the cursor.
    pub cause: Option<CauseId>,
    /// What of the causes is shown.
    pub cause_window: Window,
    /// What of the news is shown; the newest comes first, so that `top` is the oldest row shown.
    pub news_rows: Window,
    /// How long the present run is expected to take, by what its tests usually take.
    pub usual: Option<Span>,
    /// What is to go until every test has a result on what serves now, while nothing runs.
    pub outlook: Option<Outlook>,
    outlook_of: Option<OutlookOf>,
    usual_of: Option<(RunId, usize)>,
    timeline_of: Option<(TestId, Moment, Option<u64>)>,
    failures_at: Option<(u64, Option<CauseId>)>,
}

impl Regions {
    /// Everything anew.
    #[must_use]
    pub fn compute(size: Rect, state: &State, view: &ViewState) -> Self {
        let mut regions = Self::default();
        regions.refresh(size, state, view);
        regions
    }

    /// The same, keeping what has not changed: the way to go from frame to frame.
    pub fn refresh(&mut self, size: Rect, state: &State, view: &ViewState) {
        self.divide(size, state, view);
        self.expect(state);
        self.look_ahead(state);
        self.place_services(state, view);
        self.place_fix(state, view);
        self.place_cycles(state, view);
        self.place_logs(state, view);
        self.place_causes(state, view);
        self.make_room_for_trouble(state, view);
        self.rows.arrange(self.board, state, view);
        self.open_windows(state, view);
    }

    /// The pane at that place of the screen; on a tab, the pane that it stands for.
    #[must_use]
    pub fn pane_at(&self, x: u16, y: u16) -> Option<Pane> {
        let at = ratatui::layout::Position { x, y };
        let tab = self.tab.iter().position(|tab| tab.contains(at)).map(|n| Pane::ALL[n]);
        let areas = [self.board, self.agents, self.deploys, self.news, self.causes, self.logs];
        let cycles = self.cycles.contains(at).then_some(Pane::Cycles);
        let services = (self.service_table.contains(at) || self.fix.contains(at)).then_some(Pane::Deploys);
        let pane = tab.or(cycles).or_else(|| areas.iter().position(|area| area.contains(at)).map(|n| Pane::ALL[n]));
        pane.or(services)
    }

    /// The row of the board at that place of the screen.
    #[must_use]
    pub fn row_at(&self, x: u16, y: u16) -> Option<Cursor> {
        self.rows.row_at(x, y)
    }

    /// How many lines of a pane's content are shown at once, for paging; at least one.
    #[must_use]
    pub fn page(&self, pane: Pane) -> u16 {
        let shown = match pane {
            Pane::Tests => u64::from(self.board.height),
            Pane::Agents if !self.span_rows.all.is_empty() => self.span_rows.shown as u64,
            Pane::Agents => self.agent_rows.shown,
            Pane::Deploys => self.window(pane, Page::Board).shown,
            Pane::News => self.news_rows.shown,
            Pane::Causes => self.cause_window.shown,
            Pane::Logs => self.log_rows.rows.len() as u64,
            Pane::Cycles => u64::from(self.cycles.height.saturating_sub(7)),
        };
        u16::try_from(shown).unwrap_or(u16::MAX).max(1)
    }

    /// What the cursor shows on: the chosen row where it is there, else the module of the chosen test, else the most
    /// important row.
    #[must_use]
    pub fn cursor(&self) -> Option<Cursor> {
        self.rows.cursor
    }

    /// What of a pane is shown; of the tests pane, the opened test or the lines of the board.
    #[must_use]
    pub fn window(&self, pane: Pane, page: Page) -> Window {
        match (pane, page) {
            (Pane::Tests, Page::Detail(_) | Page::Cause(_)) => self.detail,
            (Pane::Tests, Page::Board) => self.rows.window(),
            (Pane::Agents, _) => self.agent_rows,
            (Pane::Deploys, _) if self.front == Some(Front::Fix) => self.fix_rows,
            (Pane::Deploys, _) => self.deploy_rows,
            (Pane::News, _) => self.news_rows,
            (Pane::Causes, _) => self.cause_window,
            // Moves about by the numbers of its lines.
            (Pane::Logs | Pane::Cycles, _) => Window::default(),
        }
    }
}

impl Regions {
    fn divide(&mut self, size: Rect, state: &State, view: &ViewState) {
        *self = Self {
            area: size,
            rows: std::mem::take(&mut self.rows),
            usual: self.usual,
            usual_of: self.usual_of,
            outlook: self.outlook,
            outlook_of: self.outlook_of.take(),
            timeline: std::mem::take(&mut self.timeline),
            timeline_of: self.timeline_of,
            failures: std::mem::take(&mut self.failures),
            failures_at: self.failures_at,
            span_rows: std::mem::take(&mut self.span_rows),
            cycle_rows: std::mem::take(&mut self.cycle_rows),
            ..Self::default()
        };
        self.cramped = size.width < COMFORTABLE.0 || size.height < COMFORTABLE.1;
        self.shape = match (size.width, size.height) {
            (width, height) if width < SMALLEST.0 || height < SMALLEST.1 => Shape::TooSmall,
            (width, height) if width >= WIDE.0 && height >= WIDE.1 => Shape::Wide,
            _ => Shape::Tabs,
        };
        let line = |y: u16| Rect { x: size.x, y: size.y + y, width: size.width, height: 1 };
        // A line that is empty otherwise.
        let tiers = |line| if state.inventory.tiers().is_empty() { Rect::default() } else { line };
        if self.shape == Shape::TooSmall {
            self.header = size;
            return;
        }
        (self.header, self.services) = (line(0), line(1));
        self.footer = line(size.height - 1);
        self.notice = line(size.height - 2);
        match self.shape {
            Shape::Wide => {
                self.tiers = tiers(line(2));
                let body = Rect { y: size.y + 3, height: size.height - 5, ..size };
                let body = self.place_prove(body, state);
                match spans::is_shown(view) {
                    true => self.agents = body,
                    false => self.divide_columns(body, state),
                }
            }
            Shape::Tabs | Shape::TooSmall => {
                let airy = size.height >= 20;
                self.tiers = if airy { tiers(line(3)) } else { Rect::default() };
                self.tabs = line(2);
                self.ticker = if airy { line(size.height - 3) } else { Rect::default() };
                let top = if airy { 4 } else { 3 };
                let bottom = if airy { 4 } else { 2 };
                let height = size.height - top - bottom;
                let body = Rect { y: size.y + top, height, ..size };
                self.place_tabs();
                let body = self.place_prove(body, state);
                match view.focus {
                    Pane::Tests | Pane::Causes | Pane::Logs | Pane::Cycles => self.board = body,
                    Pane::Agents => self.agents = body,
                    Pane::Deploys => self.deploys = body,
                    Pane::News => self.news = body,
                }
            }
        }
    }

    /// What flies by itself and a deploy that is being proved are told above everything else: it is what somebody waits
    /// for.
    fn place_prove(&mut self, mut body: Rect, state: &State) -> Rect {
        if state.flight_to_show().is_some() && body.height >= 5 {
            self.flight = Rect { height: 1, ..body };
            body = Rect { y: body.y + 1, height: body.height - 1, ..body };
        }
        if state.prove_to_show().is_none() || body.height < 4 {
            return body;
        }
        self.prove = Rect { height: 1, ..body };
        Rect { y: body.y + 1, height: body.height - 1, ..body }
    }

    fn divide_columns(&mut self, body: Rect, state: &State) {
        let left = (u32::from(body.width) * 64 / 100) as u16;
        self.board = Rect { width: left, ..body };
        let right = Rect { x: body.x + left + 1, width: body.width - left - 1, ..body };
        let news = (body.height / 5).clamp(5, 12);
        let deployable = state.services.iter().any(|(_, service)| service.spec.deploy.is_some());
        let deploys = match (deployable, state.deploys.newest()) {
            // A fix hook has much to say, and the deploy that follows stands below it.
            _ if state.fix_to_show().is_some() => (body.height * 4 / 10).clamp(8, 24),
            (false, _) => 1,
            (true, None) => match panes::deploy::about::earlier_rows(state, None) {
                0 => 4,
                earlier => 5 + earlier,
            },
            (true, Some(_)) => (body.height * 3 / 10).clamp(8, 18),
        };
        let agents = body.height - news - deploys;
        self.agents = Rect { height: agents, ..right };
        self.deploys = Rect { y: right.y + agents, height: deploys, ..right };
        self.news = Rect { y: right.y + agents + deploys, height: news, ..right };
    }

    /// Trouble with the newest run stands above the board, as long as the board keeps most of the room.
    fn make_room_for_trouble(&mut self, state: &State, view: &ViewState) {
        if view.page == Page::Board && !self.board.is_empty() {
            let lines = panes::trouble::lines(state, self.board.width).min(self.board.height / 3);
            self.trouble = Rect { height: lines, ..self.board };
            self.board.y += lines;
            self.board.height -= lines;
        }
    }

    /// The services as a table: above the deploy while that is all that is shown; above the board where the screen is
    /// tall, or while the deploy has the focus.
    fn place_services(&mut self, state: &State, view: &ViewState) {
        if state.services.is_empty() || self.shape == Shape::TooSmall {
            return;
        }
        let lines = panes::service_table::lines(state);
        let (whole, rest) = match self.shape {
            Shape::Tabs => (&mut self.deploys, DEPLOY),
            Shape::Wide | Shape::TooSmall => (&mut self.board, BOARD),
        };
        let tall = self.area.height >= TALL && view.page == Page::Board;
        let wanted = self.shape == Shape::Tabs || view.focus == Pane::Deploys || tall;
        if wanted && whole.height >= rest + SERVICES {
            let height = lines.min(whole.height - rest);
            self.service_table = Rect { height, ..*whole };
            (whole.y, whole.height) = (whole.y + height, whole.height - height);
        }
    }

    /// The cycles take the place of everything: a table wants to be wide.
    fn place_cycles(&mut self, state: &State, view: &ViewState) {
        if view.focus == Pane::Cycles {
            let taken = [&mut self.board, &mut self.agents, &mut self.fix, &mut self.deploys, &mut self.news];
            let taken = taken.into_iter().chain([&mut self.service_table]).map(std::mem::take);
            self.cycles = taken.filter(|area| !area.is_empty()).reduce(Rect::union).unwrap_or_default();
            self.cycle_rows.refresh(state, &view.cycles, view.utc_offset);
        }
    }

    /// The logs take the place of the board while they have the focus: lines want to be wide.
    fn place_logs(&mut self, state: &State, view: &ViewState) {
        if view.focus == Pane::Logs {
            self.logs = std::mem::take(&mut self.board);
            let height = panes::logs::rows(self.logs, state, view);
            self.log_rows = LogRows::new(state, &view.logs, height);
        }
    }

    /// The causes stand below the board where there are any and room is left; else they take its place while they have
    /// the focus.
    fn place_causes(&mut self, state: &State, view: &ViewState) {
        self.cause_rows = listed_causes(state);
        self.cause = chosen_cause(state, view);
        let room = self.area.width >= CAUSES.0 && self.area.height >= CAUSES.1;
        // What is searched for is worth more than what it comes down to.
        let wanted = !self.cause_rows.is_empty() && (view.filter.is_empty() || view.focus == Pane::Causes);
        if room && wanted && view.page == Page::Board && !self.board.is_empty() {
            let height = (self.cause_rows.len() as u16).min(CAUSES_SHOWN) + 2;
            self.board.height -= height;
            self.causes = Rect { y: self.board.bottom(), height, ..self.board };
        } else if view.focus == Pane::Causes {
            self.causes = std::mem::take(&mut self.board);
        }
        let (shown, end) = (u64::from(self.causes.height.saturating_sub(2)), self.cause_rows.len() as u64);
        let chosen = self.cause_rows.iter().position(|id| Some(*id) == self.cause).unwrap_or(0) as u64;
        self.cause_window = Window::new(Scroll::At((chosen + 1).saturating_sub(shown)), 0, end, shown);
    }

    /// The cause at that place of the screen.
    #[must_use]
    pub fn cause_at(&self, x: u16, y: u16) -> Option<CauseId> {
        let at = ratatui::layout::Position { x, y };
        let down = y.checked_sub(self.causes.y + 1).filter(|_| self.causes.contains(at))?;
        let row = (u64::from(down) < self.cause_window.shown).then_some(self.cause_window.top + u64::from(down))?;
        self.cause_rows.get(row as usize).copied()
    }

    /// Tabs share the line; what a tab says is the drawing's business, as long as it fits.
    fn place_tabs(&mut self) {
        const WIDTHS: [u16; Pane::ALL.len()] = [14, 13, 15, 7, 13, 11];
        let mut x = self.tabs.x + 1;
        for (tab, width) in self.tab.iter_mut().zip(WIDTHS) {
            let width = width.min(self.tabs.width / 5 + 1).min(self.tabs.right().saturating_sub(x));
            *tab = Rect { x, width, ..self.tabs };
            x += width + 1;
        }
    }

    /// How long the run under way usually takes. Looks at its tests once, when their list is complete.
    fn expect(&mut self, state: &State) {
        let testing = state.runs.active().find(|(_, run)| run.kind == RunKind::Test);
        let Some((id, run)) = testing.filter(|(_, run)| run.phase == RunPhase::Running) else { return };
        let of = Some((id, run.tests.len()));
        if self.usual_of == of {
            return;
        }
        self.usual_of = of;
        let usual = |id: &crate::domain::TestId| state.inventory.test(*id).and_then(|test| test.usual);
        let known: Vec<u64> = run.tests.iter().filter_map(usual).map(|span| span.0).collect();
        // Fewer than half known would be a guess dressed up as knowledge.
        let enough = !known.is_empty() && known.len() * 2 >= run.tests.len();
        let workers = u64::from(run.workers.max(1));
        let scaled = |sum: u64| sum / workers * run.tests.len() as u64 / known.len() as u64;
        self.usual = enough.then(|| Span(scaled(known.iter().sum())));
    }

    /// What belongs to an opened test beside itself: looked for when it is opened, and while more can still come.
    fn look_around(&mut self, state: &State, view: &ViewState, id: TestId) {
        let at = Some((state.seq, view.came_from));
        if self.failures_at != at {
            self.failures = failures::in_order(state, &self.rows, view);
            self.failures_at = at;
        }
        let Some(test) = state.inventory.test(id) else { return };
        let running = test.standing == Standing::Running;
        let attempt = test.latest.as_ref().filter(|latest| latest.run.is_some() && !running);
        let began = attempt.map_or(test.since, |latest| latest.started);
        let settled = Some((id, began, None));
        if self.timeline_of == settled || self.timeline_of == Some((id, began, Some(state.seq))) {
            return;
        }
        self.timeline = Arc::new(match (attempt, running) {
            (Some(attempt), _) => Timeline::of_attempt(state, id, attempt),
            (None, true) => Timeline::of_running(state, id, test),
            (None, false) => Timeline::default(),
        });
        let over = self.timeline.is_settled(state.at);
        self.timeline_of = Some((id, began, (!over).then_some(state.seq)));
    }

    /// The timeline of agent runs, while it is looked at.
    fn place_spans(&mut self, state: &State, view: &ViewState) {
        if !spans::is_shown(view) {
            self.span_rows = SpanRows::default();
            return;
        }
        let (height, frame_width, frame_height) = panes::spans::rooms(self.agents, &view.spans);
        self.span_rows.arrange(state, &view.spans, height);
        (self.span_rows.frame_width, self.span_rows.frame_height) = (frame_width, frame_height);
    }

    fn open_windows(&mut self, state: &State, view: &ViewState) {
        self.place_spans(state, view);
        if let Page::Detail(test) = view.page {
            self.look_around(state, view, test);
            (self.detail, self.holds) = panes::detail::window(self.board, state, view, test, &self.timeline);
        }
        if let Page::Cause(cause) = view.page {
            self.detail = panes::cause::window(self.board, state, view, cause);
        }
        let run = chosen_agent_run(state, view).and_then(|id| state.agents.run(id));
        if let Some(run) = run {
            let (first, end) = (run.events.dropped(), run.events.total());
            let shown = panes::agents::event_rows(self.agents, state, view, run);
            self.agent_rows = Window::new(view.agents_scroll, first, end, shown);
        }
        if let Some(deploy) = state.deploys.newest().and_then(|id| state.deploys.get(id)) {
            let (first, end) = (deploy.output.dropped(), deploy.output.total());
            let shown = panes::deploy::output_rows(self.deploys, state, deploy);
            self.deploy_rows = Window::new(view.deploy_scroll, first, end, shown);
        }
        self.open_fix(state, view);
        let shown = u64::from(self.news.height.saturating_sub(2));
        self.news_rows = Window::new(view.news_scroll, state.news.dropped(), state.news.total(), shown);
    }
}

/// The causes in the order in which they are shown: those that hold, then those that were fixed.
fn listed_causes(state: &State) -> Vec<CauseId> {
    let mut present = state.causes.present();
    // What is accepted stands below what is not.
    present.sort_by_key(|id| state.causes.get(*id).is_some_and(|cause| state.is_muted(cause)));
    present.into_iter().chain(state.causes.fixed()).collect()
}

/// The cause under the cursor of the causes pane: the chosen one while it is known, else the first.
#[must_use]
pub fn chosen_cause(state: &State, view: &ViewState) -> Option<CauseId> {
    let rows = listed_causes(state);
    view.cause.filter(|id| rows.contains(id)).or_else(|| rows.first().copied())
}

/// The test under the cursor of an opened cause: the chosen one while it fails for it, else the first.
#[must_use]
pub fn chosen_test(state: &State, view: &ViewState, id: CauseId) -> Option<TestId> {
    let cause = state.causes.get(id)?;
    let chosen = view.cause_test.filter(|test| cause.tests.contains(test) || cause.dependents.contains(test));
    chosen.or_else(|| cause.members().next())
}

/// The agent run that is looked at: the chosen one while it is kept, else the newest.
#[must_use]
pub fn chosen_agent_run(state: &State, view: &ViewState) -> Option<AgentRunId> {
    let chosen = view.agent_run.filter(|id| state.agents.run(*id).is_some());
    chosen.or_else(|| state.agents.runs().next_back().map(|(id, _)| id))
}
