//! What a frame costs: CPU time of this thread from the state to the bytes for the terminal, and allocations.
//!
//!     cargo bench --bench frame
//!
//! First the percentiles of whole runs, then divan's table, which also counts allocations.

#![allow(missing_docs)]

mod common;

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use common::{Figures, Story, received};
use divan::Bencher;
use liveloop::attach::Delivery;
use liveloop::domain::{Detail, Entry, Frame, ModuleId, Moment, Outcome, RunEvent, Section, Span};
use liveloop::ui::action::Action;
use liveloop::ui::color::Depth;
use liveloop::ui::painter::Painter;
use liveloop::ui::theme::Glyphs;
use liveloop::ui::theme_file::Palette;
use liveloop::ui::view::ViewState;
use liveloop::ui::viewer::Viewer;
use ratatui::layout::{Rect, Size};
use ratatui::{Terminal, TerminalOptions, Viewport};

#[global_allocator]
static ALLOCATOR: divan::AllocProfiler = divan::AllocProfiler::system();

const SIZE: Size = Size::new(200, 60);
const FRAMES: usize = 1_200;

fn main() {
    if !std::env::args().any(|argument| argument == "--test" || argument == "--list") {
        println!("CPU time of a frame, {}x{}          median     p99   in microseconds", SIZE.width, SIZE.height);
        percentiles("24 panes scroll, all passing", Window::scrolling(0));
        percentiles("24 panes scroll, one in ten fails", Window::scrolling(10));
        percentiles("only counters change", Window::counting());
        percentiles("list of 200 rows, cursor moves", Window::list(200));
        percentiles("list of 100,000 rows, cursor moves", Window::list(100_000));
        percentiles("list of 60 rows, a test ends", Window::list_running(60));
        percentiles("list of 100,000 rows, a test ends", Window::list_running(100_000));
        println!("what a key costs with its frame, 100,000 tests of which 2,000 failed, in microseconds");
        triage();
        let mut idle = Window::counting();
        idle.draw();
        let now = idle.now();
        assert!(!idle.viewer.is_dirty(), "nothing changed: no frame is asked for");
        idle.terminal.draw(|frame| idle.viewer.draw(frame, now)).expect("memory cannot fail");
        assert!(idle.terminal.backend_mut().frame().is_none(), "the same frame again has no bytes");
        println!("nothing changed: no frame, and one that is forced has no bytes");
    }
    divan::main();
}

fn percentiles(what: &str, mut window: Window) {
    let mut costs = Vec::with_capacity(FRAMES);
    for frame in 0..FRAMES {
        window.change();
        let before = cpu_time();
        window.draw();
        let cost = cpu_time() - before;
        // The first frames meet cold caches and empty buffers.
        if frame >= 20 {
            costs.push(cost.as_secs_f64() * 1e6);
        }
    }
    let costs = Figures::new(costs);
    println!("{what:<36} {:>8.0} {:>8.0}", costs.median(), costs.at(0.99));
}

/// A person goes through the failures of a large suite: opens, goes on, folds, searches, filters, moves.
fn triage() {
    let mut window = Window::triage(100, 1_000, 50);
    let wanted = |place: usize| 42 + place as u32 * 50 % 100_000;
    let mut costs: Vec<(&str, Vec<f64>)> = Vec::new();
    let mut measure = |window: &mut Window, what: &'static str, times: usize, act: &dyn Fn(&mut Window, usize)| {
        let cost = |time: usize, window: &mut Window| {
            let before = cpu_time();
            act(window, time);
            window.draw();
            (cpu_time() - before).as_secs_f64() * 1e6
        };
        costs.push((what, (0..times).map(|time| cost(time, window)).collect()));
    };
    measure(&mut window, "next failure on the board", 100, &|window, _| window.act(Action::NextFailure));
    measure(&mut window, "a test is opened, and shut", 100, &|window, time| {
        window.act(if time % 2 == 0 { Action::Open } else { Action::Back });
    });
    window.act(Action::Open);
    measure(&mut window, "next failure, opened", 200, &|window, _| window.act(Action::NextFailure));
    measure(&mut window, "an opened test is scrolled", 100, &|window, _| window.act(Action::Down));
    measure(&mut window, "its parts fold and unfold", 100, &|window, _| window.act(Action::FoldAll));
    measure(&mut window, "its 10,000 lines are searched", 100, &|window, time| {
        let words = ["connection", "connection refused", "agent", "x"];
        window.search(words[time % words.len()]);
    });
    measure(&mut window, "next match", 100, &|window, _| window.act(Action::NextMatch));
    measure(&mut window, "opened, while tests end", 100, &|window, time| {
        let entries = vec![window.story.tell(window.story.ended(wanted(time), Outcome::Passed))];
        let now = window.now();
        window.viewer.take(Delivery::Entries(entries), now);
    });
    window.act(Action::Back);
    measure(&mut window, "filtered by a word", 100, &|window, time| {
        let words = ["c", "ch", "case_0004", "module_042", "nothing"];
        window.search(words[time % words.len()]);
    });
    window.search("");
    window.draw();
    measure(&mut window, "the cursor moves", 200, &|window, time| {
        window.act(if time % 50 < 40 { Action::Down } else { Action::Up });
    });
    for (what, costs) in costs {
        let costs = Figures::new(costs);
        println!("{what:<36} {:>8.0} {:>8.0}", costs.median(), costs.at(0.99));
        if costs.at(0.99) > 16_000.0 && !cfg!(debug_assertions) {
            println!("    that is longer than a frame may take");
        }
    }
}

/// The CPU time that this thread has taken.
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

macro_rules! frames {
    ($($name:ident $window:expr;)*) => {$(
        #[divan::bench(sample_count = 400, sample_size = 1)]
        fn $name(bencher: Bencher) {
            let window = RefCell::new($window);
            (0..20).for_each(|_| {
                let mut window = window.borrow_mut();
                window.change();
                window.draw();
            });
            bencher.with_inputs(|| window.borrow_mut().change()).bench_local_values(|()| window.borrow_mut().draw());
        }
    )*};
}

frames! {
    scrolling_all_passing Window::scrolling(0);
    scrolling_one_in_ten_fails Window::scrolling(10);
    only_counters_change Window::counting();
    list_of_200_cursor_moves Window::list(200);
    list_of_100_000_cursor_moves Window::list(100_000);
    list_of_60_test_ends Window::list_running(60);
    list_of_100_000_test_ends Window::list_running(100_000);
}

/// A viewer on a terminal in memory, and what happens between two frames.
struct Window {
    story: Story,
    viewer: Viewer,
    terminal: Terminal<Painter>,
    step: u32,
    change: Change,
}

/// What happens between two frames.
enum Change {
    /// In every module a test ends and the next one starts; an agent says something.
    Scroll { modules: u32, each: u32, fail_every: u32 },
    /// One test of one module ends and starts again.
    Count,
    /// The cursor moves.
    Move,
    /// A listed test ends, the next one starts.
    RunListed { each: u32 },
}

impl Window {
    /// 24 modules of 417 tests, one test running in each.
    fn scrolling(fail_every: u32) -> Self {
        let (modules, each) = (24, 417);
        let mut story = Story::new();
        story.collect(modules, each);
        (0..modules).for_each(|module| drop(story.tell(story.started(module * each))));
        Self::new(story, Change::Scroll { modules, each, fail_every })
    }

    /// The same modules; in most of them nothing happens.
    fn counting() -> Self {
        let mut window = Self::scrolling(0);
        window.change = Change::Count;
        window
    }

    /// One opened module of that many tests.
    fn list(rows: u32) -> Self {
        let mut story = Story::new();
        story.collect(1, rows);
        for n in 0..rows {
            story.tell(story.started(n));
            story.tell(story.ended(n, if n % 10 == 0 { Outcome::Failed } else { Outcome::Passed }));
        }
        let mut window = Self::new(story, Change::Move);
        window.viewer.view.opened.insert(ModuleId(0));
        window.draw();
        // Past the first screen, where the list scrolls with the cursor. A short list has to be long enough for that.
        let now = window.now();
        (0..60).for_each(|_| drop(window.viewer.act(Action::Down, now)));
        window
    }

    /// One opened module of that many tests, which runs.
    fn list_running(rows: u32) -> Self {
        let mut story = Story::new();
        story.collect(1, rows);
        story.tell(story.started(0));
        let mut window = Self::new(story, Change::RunListed { each: rows });
        window.viewer.view.opened.insert(ModuleId(0));
        window
    }

    /// A suite that has run: every `nth` test failed, with long output, and agents have spoken meanwhile.
    fn triage(modules: u32, each: u32, nth: u32) -> Self {
        let mut story = Story::new();
        story.collect(modules, each);
        let detail = Arc::new(failure());
        for n in 0..modules * each {
            story.tell(story.started(n));
            if n.is_multiple_of(10) {
                story.tell(received(n, 5));
            }
            let (run, took) = (story.run, Span::millis(3));
            let failed = n.is_multiple_of(nth);
            let outcome = if failed { Outcome::Failed } else { Outcome::Passed };
            let detail = failed.then(|| detail.clone());
            story.tell(RunEvent::TestEnded { run, n, outcome, took, detail, evidence: None });
        }
        let mut window = Self::new(story, Change::Move);
        window.draw();
        window
    }

    fn act(&mut self, action: Action) {
        let now = self.now();
        drop(self.viewer.act(action, now));
    }

    fn search(&mut self, words: &str) {
        self.viewer.view.filter.input = words.to_owned().into();
    }

    fn new(story: Story, change: Change) -> Self {
        let view = ViewState { viewer: Some(liveloop::domain::ViewerId(0)), ..ViewState::default() };
        let theme = Palette::dark().theme(Depth::True, Glyphs::Unicode);
        let mut viewer = Viewer::new(view, theme, (SIZE.width, SIZE.height));
        viewer.take(Delivery::Snapshot(Arc::new(story.state.clone())), Moment(0));
        let viewport = Viewport::Fixed(Rect::new(0, 0, SIZE.width, SIZE.height));
        let terminal = Terminal::with_options(Painter::new(SIZE), TerminalOptions { viewport }).expect("in memory");
        Self { story, viewer, terminal, step: 0, change }
    }

    fn now(&self) -> Moment {
        self.viewer.state.at.after(Span::millis(1))
    }

    /// Everything that happens until the next frame.
    fn change(&mut self) {
        let step = self.step;
        self.step += 1;
        let story = &mut self.story;
        let mut entries: Vec<Arc<Entry>> = Vec::new();
        match self.change {
            Change::Scroll { modules, each, fail_every } => {
                let n = step % (each - 1);
                if step > 0 && n == 0 {
                    entries.extend(again(story, modules, each));
                }
                for module in 0..modules {
                    let test = module * each + n;
                    let fails = fail_every > 0 && test.is_multiple_of(fail_every);
                    let outcome = if fails { Outcome::Failed } else { Outcome::Passed };
                    entries.push(story.tell(story.ended(test, outcome)));
                    entries.push(story.tell(story.started(test + 1)));
                }
                entries.push(story.tell(received(step, 1)));
            }
            Change::Count => {
                entries.push(story.tell(story.ended(0, Outcome::Passed)));
                entries.push(story.tell(story.started(0)));
                if step.is_multiple_of(2) {
                    entries.push(story.tell(story.ended(1, Outcome::Passed)));
                } else {
                    entries.push(story.tell(story.started(1)));
                }
            }
            Change::Move => {
                let now = self.now();
                let down = if (step / 60).is_multiple_of(2) { Action::Down } else { Action::Up };
                drop(self.viewer.act(down, now));
                return;
            }
            Change::RunListed { each } => {
                let n = step % (each - 1);
                if step > 0 && n == 0 {
                    entries.extend(again(story, 1, each));
                }
                entries.push(story.tell(story.ended(n, Outcome::Passed)));
                entries.push(story.tell(story.started(n + 1)));
            }
        }
        let now = self.now();
        self.viewer.take(Delivery::Entries(entries), now);
    }

    /// A frame: regions, cells, what differs, and its bytes.
    fn draw(&mut self) {
        let now = self.now();
        let Self { viewer, terminal, .. } = self;
        terminal.draw(|frame| viewer.draw(frame, now)).expect("memory cannot fail");
        drop(terminal.backend_mut().frame());
    }
}

/// A failure with a comparison of 200 lines and an output of 10,000.
fn failure() -> Detail {
    let lines = |count: usize, line: &dyn Fn(usize) -> String| (0..count).map(line).collect::<String>();
    let output = lines(10_000, &|n| format!("line {n}: run_{n:08x} connection {}\n", ["refused", "kept"][n % 2]));
    let compared = lines(200, &|n| format!("{}     'key_{n}': {n},\n", ["-", "+", " "][n % 3]));
    let own = Frame { path: "tests/test_a.py".into(), line: 7, source: "    assert a == b".into(), own: true };
    Detail {
        message: format!("AssertionError: assert a == b\n\nFull diff:\n{compared}").into(),
        exception: Some("AssertionError".into()),
        frames: vec![own],
        trace: "E   AssertionError".into(),
        sections: vec![Section { title: "Captured stdout call".into(), text: output.into() }],
        subtests: Vec::new(),
    }
}

/// The run ends and another one begins.
fn again(story: &mut Story, modules: u32, each: u32) -> Vec<Arc<Entry>> {
    let exit = liveloop::domain::Exit::Code(0);
    let ended = liveloop::domain::RunEvent::Exited { run: story.run, exit, says: "".into(), leaked: 0 };
    let mut entries = vec![story.tell(ended)];
    entries.extend(story.collect(modules, each));
    for module in 0..modules {
        entries.push(story.tell(story.started(module * each)));
    }
    entries
}
