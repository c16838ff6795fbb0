//! The board: every module as a block, large where it is news and a line where it is not, with the rows that the
//! cursor can stand on. Nothing here looks at more tests than are listed, but where a list has changed.

use std::ops::Range;

use ratatui::layout::{Position, Rect};

use super::Window;
use super::block::{Block, Form, Group, Heading, List};
use crate::domain::{Inventory, Module, ModuleId, Moment, Standing, State, TestCase, TestId, Verdict};
use crate::ui::text;
use crate::ui::view::{Cursor, Page, ViewState};

/// From this width on, blocks have frames.
const FRAMED: u16 = 96;
/// The least width of a running module's tile.
const TILE: u16 = 44;
/// How many failing tests of a module are listed before it is opened.
const LISTED: u32 = 200;
/// How many lines of why a module could not be loaded are shown on the board.
const BROKEN_LINES: usize = 5;

/// Why a module could not be loaded: what its message says after the first line, else how its traceback ends.
pub(crate) fn why_broken(test: &TestCase) -> Vec<&str> {
    let full = |line: &&str| !line.trim().is_empty();
    let message: Vec<&str> = test.message().map_or("", |message| message).lines().skip(1).filter(full).collect();
    if !message.is_empty() {
        return message.into_iter().take(BROKEN_LINES).collect();
    }
    let detail = test.latest.as_ref().and_then(|latest| latest.detail.as_ref());
    let trace: Vec<&str> = detail.map_or("", |detail| &detail.trace).lines().filter(full).collect();
    trace[trace.len().saturating_sub(BROKEN_LINES)..].to_vec()
}
/// How many lines a heading takes, with the empty one above it.
const HEADING: u32 = 2;
/// The most lines that the marks of a module take before they are condensed to a bar.
const MARK_LINES: u16 = 3;

/// The modules and their tests, in order.
#[derive(Debug, Clone, Default)]
pub struct Board {
    /// Where it is on the screen; empty where it is not shown.
    pub area: Rect,
    /// The modules, in order.
    pub blocks: Vec<Block>,
    /// The headings between them.
    pub headings: Vec<Heading>,
    /// All listed tests, one block's after another's.
    pub tests: Vec<TestId>,
    /// The row under the cursor.
    pub cursor: Option<Cursor>,
    /// The first line that is shown.
    pub top: u32,
    /// How many lines there are.
    pub height: u32,
    /// How many rows the cursor can stand on.
    pub rows: usize,
    /// The width of the column of titles, shared by all modules.
    pub title_width: u16,
    /// How many tests the largest module has.
    pub largest: u32,
    /// Whether blocks have frames.
    pub framed: bool,
    /// How many tests match the filter, where there is one.
    pub matches: Option<usize>,
    lists: Vec<Listed>,
    before: Vec<TestId>,
    words: String,
    order: Vec<(Group, (u32, u32), ModuleId)>,
}

/// What a list of an earlier frame was made from, to know whether it still holds.
#[derive(Debug, Clone, PartialEq, Default)]
struct Listed {
    list: Option<List>,
    failures: u32,
    known: usize,
    counted: u32,
    touched: Moment,
    tests: Range<usize>,
}

impl Board {
    /// What of the board is shown, in lines.
    #[must_use]
    pub fn window(&self) -> Window {
        let (top, shown, end) = (u64::from(self.top), u64::from(self.area.height), u64::from(self.height));
        Window { first: 0, top, shown, end }
    }

    /// The row in that place, counted from 0.
    #[must_use]
    pub fn row(&self, row: usize) -> Option<Cursor> {
        if row >= self.rows {
            return None;
        }
        let block = &self.blocks[self.blocks.partition_point(|block| block.row <= row).checked_sub(1)?];
        match row - block.row {
            0 => Some(Cursor::Module(block.module)),
            n => self.tests[block.listed.clone()].get(n - 1).copied().map(Cursor::Test),
        }
    }

    /// The place of a row, where it is on the board.
    #[must_use]
    pub fn place(&self, cursor: Cursor) -> Option<usize> {
        match cursor {
            Cursor::Module(id) => self.block_of(id).map(|block| block.row),
            Cursor::Test(id) => self.blocks.iter().find_map(|block| {
                let place = block.list.place(&self.tests[block.listed.clone()], id)?;
                Some(block.row + 1 + place)
            }),
        }
    }

    /// Which of a module's listed tests is opened, counted from 1, and of how many, those left out of the list too.
    #[must_use]
    pub fn place_in_list(&self, module: ModuleId, page: Page) -> Option<(usize, usize)> {
        let Page::Detail(test) = page else { return None };
        let block = self.block_of(module)?;
        let listed = self.tests.get(block.listed.clone())?;
        Some((block.list.place(listed, test)? + 1, listed.len() + block.unlisted as usize))
    }

    /// The row so many rows further down (or up) from the cursor.
    #[must_use]
    pub fn step(&self, by: i64) -> Option<Cursor> {
        let place = self.cursor.and_then(|cursor| self.place(cursor)).unwrap_or(0);
        let by = isize::try_from(by).unwrap_or(0);
        self.row(place.saturating_add_signed(by).min(self.rows.saturating_sub(1)))
    }

    /// The row at that place of the screen.
    #[must_use]
    pub fn row_at(&self, x: u16, y: u16) -> Option<Cursor> {
        if !self.area.contains(Position { x, y }) {
            return None;
        }
        let line = u32::from(y - self.area.y) + self.top;
        let within = |block: &&Block| {
            (block.top..block.top + block.height).contains(&line) && (block.x..block.x + block.width).contains(&x)
        };
        let block = self.blocks.iter().find(within)?;
        let test = line.checked_sub(block.list_top).and_then(|n| self.tests[block.listed.clone()].get(n as usize));
        Some(test.map_or(Cursor::Module(block.module), |&id| Cursor::Test(id)))
    }

    /// The blocks of which at least one line is shown.
    pub fn visible(&self) -> impl Iterator<Item = &Block> {
        let shown = self.top..self.top + u32::from(self.area.height);
        self.blocks.iter().filter(move |block| block.top < shown.end && block.top + block.height > shown.start)
    }

    /// The line of the screen that a line of the board is on, while it is shown.
    #[must_use]
    pub fn screen_line(&self, line: u32) -> Option<u16> {
        let down = u16::try_from(line.checked_sub(self.top)?).ok()?;
        (down < self.area.height).then(|| self.area.y + down)
    }

    fn block_of(&self, id: ModuleId) -> Option<&Block> {
        self.blocks.iter().find(|block| block.module == id)
    }

    /// Lays everything out anew, keeping the lists that still hold.
    pub(super) fn arrange(&mut self, area: Rect, state: &State, view: &ViewState) {
        let shown = view.page == Page::Board && !area.is_empty();
        self.area = if shown { area } else { Rect::default() };
        self.framed = area.width >= FRAMED;
        self.sort(state, view);
        self.lay_out(area, state, view);
        self.follow_cursor(state, view);
    }

    fn sort(&mut self, state: &State, view: &ViewState) {
        let words = view.filter.input.value();
        if self.words != words {
            self.lists.clear();
            words.clone_into(&mut self.words);
        }
        self.order.clear();
        (self.title_width, self.largest) = (8, 0);
        for (id, module) in state.inventory.modules() {
            // A module whose tests have all vanished is not shown.
            if module.tally.total() == 0 {
                continue;
            }
            let group = group(module);
            let failures = if group == Group::Failing { u32::MAX - module.tally.failures() } else { 0 };
            let tier = module.tier.map_or(u32::MAX, |tier| tier.0);
            self.order.push((group, (tier, failures), id));
            self.largest = self.largest.max(module.tally.total());
            self.title_width = self.title_width.max(text::width(&module.title).min(40) as u16);
        }
        self.order.sort_unstable();
    }

    fn lay_out(&mut self, area: Rect, state: &State, view: &ViewState) {
        let plan = self.plan(area, state, view);
        std::mem::swap(&mut self.tests, &mut self.before);
        self.tests.clear();
        self.blocks.clear();
        self.headings.clear();
        self.lists.resize(state.inventory.modules().len(), Listed::default());
        let (mut line, mut rows, mut tile) = (0_u32, 0_usize, 0_u16);
        let mut last = None;
        let filtered = !self.words.is_empty();
        let order = std::mem::take(&mut self.order);
        for &(group, _, id) in &order {
            let Some(module) = state.inventory.module(id) else { continue };
            let (form, list) = self.form(&plan, group, id, view);
            let listed = self.list(list, id, module, &state.inventory);
            if filtered && listed.is_empty() {
                continue;
            }
            if tile > 0 && (form != Form::Tile || tile == plan.tiles) {
                (line, tile) = (line + TILE_HEIGHT, 0);
            }
            if self.framed && last != Some(group) {
                line += u32::from(line > 0 && plan.roomy);
                if let Some(word) = heading(group, form, state) {
                    self.headings.push(Heading { word, top: line });
                    line += 1;
                }
            }
            last = Some(group);
            let count = listed.len() as u32;
            let unlisted = match list {
                List::Failing(_) => module.tally.failures().saturating_sub(count),
                List::Nothing | List::Running | List::All | List::Matching => 0,
            };
            let (x, width) = match form {
                Form::Tile => tile_place(area, tile, plan.tiles),
                Form::Card | Form::Line => (area.x, area.width),
            };
            let marks = mark_lines(module.tally.total(), width);
            let broken = self.broken_lines(list, &listed, module, &state.inventory);
            let more = u32::from(unlisted > 0) + broken;
            let (height, list_top) = match form {
                Form::Card => {
                    let air = u32::from(plan.roomy && count > 0);
                    (2 + u32::from(marks) + air * 2 + count + more, 1 + u32::from(marks) + air)
                }
                Form::Tile => (TILE_HEIGHT, 2),
                Form::Line => (1 + count + more, 1),
            };
            let block = Block {
                module: id,
                form,
                group,
                x,
                width,
                top: line,
                height,
                marks,
                list,
                list_top: line + list_top,
                listed,
                unlisted,
                broken,
                row: rows,
            };
            rows += 1 + count as usize;
            match form {
                Form::Tile => tile += 1,
                Form::Card | Form::Line => line += height,
            }
            self.blocks.push(block);
        }
        self.order = order;
        self.height = if tile > 0 { line + TILE_HEIGHT } else { line };
        self.rows = rows;
        self.matches = filtered.then_some(self.tests.len());
    }

    /// How generous the layout may be, from the tallies alone.
    fn plan(&self, area: Rect, state: &State, view: &ViewState) -> Plan {
        let tiles = if self.framed { (area.width / TILE).clamp(1, 3) } else { 1 };
        let mut plan = Plan { roomy: true, listed: LISTED, tiles, tiled: self.framed };
        let (mut failing, mut failures, mut running, mut other) = (0_u32, 0_u32, 0_u32, 0_u32);
        for &(group, _, id) in &self.order {
            match group {
                Group::Failing if !view.closed.contains(&id) => {
                    failing += 1;
                    failures += state.inventory.module(id).map_or(0, |module| module.tally.failures().min(LISTED));
                }
                Group::Running => running += 1,
                Group::Failing | Group::Settled | Group::Waiting => other += 1,
            }
        }
        let grouped = |wanted| u32::from(self.order.iter().any(|(group, ..)| *group == wanted));
        let headings = [Group::Running, Group::Settled, Group::Waiting].map(grouped).iter().sum::<u32>() * HEADING;
        let room = u32::from(area.height);
        let tiled = running.div_ceil(u32::from(tiles)) * TILE_HEIGHT;
        if self.framed && failing * 5 + failures + tiled + other + headings <= room {
            return plan;
        }
        plan.roomy = !self.framed;
        plan.tiled = self.framed && tiled <= room / 2;
        plan.listed = (room * 6 / 10 / failing.max(1)).max(6);
        // Lines that nothing else needs go to what failed.
        let tiled = if plan.tiled { tiled } else { running };
        let around = if self.framed { 3 } else { 1 };
        let fixed = failing * around + tiled + other + headings;
        while plan.listed < failures.min(LISTED) && fixed + self.listed_lines(plan.listed + 1, state) <= room {
            plan.listed += 1;
        }
        plan
    }

    /// How many lines the failures take when at most `limit` of a module are listed.
    fn listed_lines(&self, limit: u32, state: &State) -> u32 {
        let failing = self.order.iter().filter(|(group, ..)| *group == Group::Failing);
        let failures = failing.filter_map(|(_, _, id)| Some(state.inventory.module(*id)?.tally.failures()));
        failures.map(|count| count.min(limit) + u32::from(count > limit)).sum()
    }

    fn form(&self, plan: &Plan, group: Group, id: ModuleId, view: &ViewState) -> (Form, List) {
        let large = if self.framed { Form::Card } else { Form::Line };
        if !self.words.is_empty() {
            return (Form::Line, List::Matching);
        }
        if view.opened.contains(&id) {
            return (large, List::All);
        }
        if view.closed.contains(&id) {
            return (Form::Line, List::Nothing);
        }
        match group {
            Group::Failing => (large, List::Failing(plan.listed)),
            Group::Running if plan.tiled => (Form::Tile, List::Running),
            Group::Running | Group::Settled | Group::Waiting => (Form::Line, List::Nothing),
        }
    }

    /// Appends the listed tests of a module, from the frame before where that still holds.
    fn list(&mut self, list: List, id: ModuleId, module: &Module, inventory: &Inventory) -> Range<usize> {
        let start = self.tests.len();
        let now = Listed {
            list: Some(list),
            failures: module.tally.failures(),
            known: module.tests.len(),
            counted: module.tally.total(),
            touched: module.touched,
            tests: Range::default(),
        };
        let old = std::mem::take(&mut self.lists[id.index()]);
        let limit = if let List::Failing(limit) = list { limit } else { u32::MAX } as usize;
        let before = self.before.get(old.tests.clone()).unwrap_or_default();
        if list == List::All && now.counted as usize == now.known {
            self.tests.extend_from_slice(&module.tests);
        } else if old.still_holds(&now, before, inventory) {
            self.tests.extend_from_slice(before);
        } else {
            let words = text::Words::new(&self.words);
            let wanted = |test: &TestCase| match list {
                List::Nothing => false,
                List::Failing(_) => has_failed(test),
                List::Running => test.standing == Standing::Running,
                List::All => true,
                List::Matching => words.match_all(&test.node),
            };
            let source: &[TestId] = match list {
                List::Nothing => &[],
                List::Running => &module.running[..module.running.len().min(1)],
                List::Failing(_) | List::All | List::Matching => &module.tests,
            };
            let known = source.iter().filter(|id| inventory.test(**id).is_some_and(|test| !test.gone && wanted(test)));
            // Every failure is counted, so that the search ends with the last one; and a line that would only say
            // that there is one more can as well be that one.
            let failures = now.failures as usize;
            match list {
                List::Failing(_) => {
                    let limit = if failures <= limit.saturating_add(1) { failures } else { limit };
                    let mut failing: Vec<_> = known.take(failures).map(|&id| importance(id, inventory)).collect();
                    if failing.len() > limit {
                        failing.select_nth_unstable(limit);
                        failing.truncate(limit);
                    }
                    failing.sort_unstable();
                    self.tests.extend(failing.into_iter().map(|(_, id)| id));
                }
                List::Nothing | List::Running | List::All | List::Matching => self.tests.extend(known.take(limit)),
            }
        }
        let tests = start..self.tests.len();
        self.lists[id.index()] = Listed { tests: tests.clone(), ..now };
        tests
    }

    /// A module that could not be loaded is one test under the module's own name: its words are worth lines.
    fn broken_lines(&self, list: List, listed: &Range<usize>, module: &Module, inventory: &Inventory) -> u32 {
        let first = self.tests.get(listed.start).filter(|_| matches!(list, List::Failing(_)) && !listed.is_empty());
        let broken = first.and_then(|id| inventory.test(*id)).filter(|test| test.node == module.path);
        broken.map_or(0, |test| why_broken(test).len() as u32)
    }

    fn follow_cursor(&mut self, state: &State, view: &ViewState) {
        self.cursor = self.find_cursor(state, view);
        if self.area.is_empty() {
            // A board that is not shown keeps its place until it is shown again.
            self.top = view.board_scroll;
            return;
        }
        let last = self.height.saturating_sub(u32::from(self.area.height));
        self.top = view.board_scroll.min(last);
        let Some((from, to)) = self.cursor.and_then(|cursor| self.lines_of(cursor)) else { return };
        let shown = u32::from(self.area.height);
        if from < self.top {
            self.top = if from <= 2 { 0 } else { from };
        } else if to > self.top + shown {
            self.top = (to - shown).min(from).min(last);
        }
    }

    fn find_cursor(&self, state: &State, view: &ViewState) -> Option<Cursor> {
        if let Some(cursor) = view.cursor {
            if self.place(cursor).is_some() {
                return Some(cursor);
            }
            if let Cursor::Test(id) = cursor
                && let Some(module) = state.inventory.test(id).map(|test| Cursor::Module(test.module))
                && self.place(module).is_some()
            {
                return Some(module);
            }
        }
        let first = self.blocks.first()?;
        match first.group {
            Group::Failing if !first.listed.is_empty() => self.row(first.row + 1),
            Group::Failing | Group::Running | Group::Settled | Group::Waiting => self.row(first.row),
        }
    }

    /// The lines that must be seen for a row to be understood: its own, and around the edges of a block the frame.
    fn lines_of(&self, cursor: Cursor) -> Option<(u32, u32)> {
        let row = self.place(cursor)?;
        let block = &self.blocks[self.blocks.partition_point(|block| block.row <= row).checked_sub(1)?];
        let end = block.top + block.height;
        match row - block.row {
            0 => Some((block.top, block.list_top.min(end))),
            n => {
                let line = block.list_top + n as u32 - 1;
                let from = if n == 1 { block.top } else { line };
                Some((from, if n == block.listed.len() { end } else { line + 1 }))
            }
        }
    }
}

/// The lines that a tile takes.
const TILE_HEIGHT: u32 = 4;

/// How generous the layout may be.
struct Plan {
    roomy: bool,
    listed: u32,
    tiles: u16,
    tiled: bool,
}

impl Listed {
    fn still_holds(&self, now: &Self, tests: &[TestId], inventory: &Inventory) -> bool {
        if self.list != now.list || (self.known, self.counted) != (now.known, now.counted) {
            return false;
        }
        match now.list {
            Some(List::Failing(limit)) if now.failures <= limit => {
                let holds = |id: &TestId| inventory.test(*id).is_some_and(|test| !test.gone && has_failed(test));
                let in_order = tests.is_sorted_by_key(|id| importance(*id, inventory));
                self.failures == now.failures
                    && tests.len() == now.failures as usize
                    && tests.iter().all(holds)
                    && in_order
            }
            Some(List::Failing(_)) => self.touched == now.touched && self.failures == now.failures,
            Some(List::All | List::Matching | List::Nothing) => true,
            Some(List::Running) | None => false,
        }
    }
}

/// The place of a failing test in its list: what is new first, then what fails differently, then what still fails.
fn importance(id: TestId, inventory: &Inventory) -> (Option<Verdict>, TestId) {
    (inventory.test(id).and_then(TestCase::failure_verdict), id)
}

fn has_failed(test: &TestCase) -> bool {
    matches!(test.standing, Standing::Done(_)) && test.fails()
}

fn group(module: &Module) -> Group {
    let tally = &module.tally;
    if tally.failures() > 0 {
        Group::Failing
    } else if tally.running > 0 {
        Group::Running
    } else if tally.queued > 0 || tally.never_run == tally.total() {
        Group::Waiting
    } else {
        Group::Settled
    }
}

fn heading(group: Group, form: Form, state: &State) -> Option<&'static str> {
    match group {
        Group::Failing => None,
        Group::Running => (form == Form::Line).then_some("running"),
        Group::Settled => Some("settled"),
        Group::Waiting if state.inventory.tally().queued > 0 => Some("queued"),
        Group::Waiting => Some("not run"),
    }
}

/// How many lines the marks of so many tests take in a frame of that width.
fn mark_lines(tests: u32, width: u16) -> u16 {
    let lines = tests.div_ceil(u32::from(width.saturating_sub(6).max(1)));
    if lines > u32::from(MARK_LINES) { 1 } else { (lines as u16).max(1) }
}

fn tile_place(area: Rect, tile: u16, tiles: u16) -> (u16, u16) {
    let width = (area.width + 1) / tiles.max(1) - 1;
    let x = area.x + tile * (width + 1);
    // The last one takes what the division left over.
    (x, if tile + 1 == tiles { area.right().saturating_sub(x) } else { width })
}
