//! The keys that work here and now, with what they will do.

use std::borrow::Cow;

use super::acting;
use super::action::Action;
use super::changing;
use super::cycles::Sight;
use super::logs;
use super::reading::{self, Placed, Stop};
use super::regions::Regions;
use super::scene::Scene;
use super::spans::{self, Axis, SpanRow};
use super::theme::Glyphs;
use super::view::{Cursor, Front, Overlay, Page, Pane};
use crate::attach::Clock;
use crate::domain::{Command, Counted, FlightPace, RunPhase, Selection, Signal, Unproved};

/// A key and what it will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FooterKey {
    /// The key as people know it: `r`, `⏎`, `ctrl-l`.
    pub keys: Cow<'static, str>,
    /// What it will do now: `rerun 3 failed`.
    pub label: Cow<'static, str>,
}

/// The keys that work here, most important first. A narrow screen drops them from the end.
#[must_use]
pub fn keys(scene: &Scene, regions: &Regions) -> Vec<FooterKey> {
    let mut footer = Footer { scene, regions, keys: Vec::new() };
    match &scene.view.overlay {
        Some(overlay) => footer.over(overlay),
        None if scene.view.filter.editing || logs::is_typing(scene.view) || spans::is_typing(scene.view) => {
            footer.fixed(&[("enter", "keep"), ("esc", "clear")])
        }
        None => {
            // Who reads a test goes on reading: what else could be done comes after that.
            let reads = matches!((scene.view.focus, scene.view.page), (Pane::Tests, Page::Detail(_)));
            let drives = scene.view.drives(scene.state);
            let first = matches!(scene.view.focus, Pane::Logs | Pane::Cycles) || spans::is_shown(scene.view);
            if first {
                footer.place();
            }
            if reads {
                footer.way();
            }
            let testing = match scene.clock {
                Clock::Played { playing, .. } => footer.recording(playing),
                Clock::Live if drives => footer.session(),
                Clock::Live => false,
            };
            if reads {
                footer.reading();
            }
            if drives && scene.clock == Clock::Live {
                footer.others(testing);
            }
            if !first {
                footer.place();
            }
            footer.always();
        }
    }
    footer.keys
}

struct Footer<'a, 'b> {
    scene: &'a Scene<'b>,
    regions: &'a Regions,
    keys: Vec<FooterKey>,
}

impl Footer<'_, '_> {
    fn key(&mut self, action: Action, label: impl Into<Cow<'static, str>>) {
        if let Some(chord) = self.scene.view.keymap.shown(action) {
            let keys = match (chord.as_str(), self.scene.theme.glyphs) {
                ("enter", Glyphs::Unicode) => "⏎".into(),
                _ => chord.into(),
            };
            self.keys.push(FooterKey { keys, label: label.into() });
        }
    }

    fn fixed(&mut self, keys: &[(&'static str, &str)]) {
        let key =
            |&(keys, label): &(&'static str, &str)| FooterKey { keys: keys.into(), label: label.to_owned().into() };
        self.keys.extend(keys.iter().map(key));
    }

    fn over(&mut self, overlay: &Overlay) {
        match overlay {
            Overlay::Help { .. } => {
                self.key(Action::Down, "scroll");
                self.key(Action::Back, "close");
            }
            Overlay::Note(draft) if draft.is_asking() => {
                self.fixed(&[("ctrl-s", "save"), ("y", "leave"), ("n", "go on")])
            }
            Overlay::Note(_) => self.fixed(&[
                ("ctrl-s", "save"),
                ("tab", "next blank"),
                ("ctrl-o", "your editor"),
                ("ctrl-u", "undo"),
                ("esc", "leave"),
            ]),
            Overlay::Compose(compose) if compose.is_asking() => {
                self.fixed(&[("ctrl-s", "send"), ("y", "leave"), ("n", "go on")])
            }
            Overlay::Compose(_) => self.fixed(&[
                ("ctrl-s", "send"),
                ("tab", "saved message"),
                ("ctrl-p", "sent before"),
                ("ctrl-t", "other stream"),
                ("esc", "leave"),
            ]),
            Overlay::Palette { .. } => self.fixed(&[("enter", "do it"), ("↑↓", "choose"), ("esc", "close")]),
            Overlay::Choice(_) => {
                self.key(Action::Open, "choose");
                self.key(Action::Down, "next");
                self.key(Action::Back, "cancel");
            }
            Overlay::Mute(_) => self.fixed(&[("enter", "mute it"), ("tab", "next field"), ("esc", "cancel")]),
            Overlay::Confirm(confirm) if confirm.typed.is_some() && !confirm.accept => {
                self.fixed(&[("type", "the environment's name"), ("esc", "cancel")]);
            }
            Overlay::Confirm(confirm) => {
                let enter = if confirm.accept { confirm.verb.as_str() } else { "cancel" };
                self.fixed(&[("enter", enter), ("tab", "other button"), ("esc", "cancel")]);
            }
        }
    }

    /// What concerns the tests as a whole; answers whether they run.
    fn session(&mut self) -> bool {
        let (state, view) = (self.scene.state, self.scene.view);
        let mut testing = false;
        if let Some(flight) = state.autopilot.as_ref().filter(|flight| flight.is_active()) {
            self.key(
                Action::Autopilot,
                if flight.pace == FlightPace::Paused { "fly on" } else { "pause the autopilot" },
            );
            self.key(Action::AutopilotStop, "end it");
        }
        if state.proving().and_then(|prove| prove.present()).is_some_and(|link| link.first_run.is_none()) {
            self.key(Action::Stop, "end the chain");
        }
        for (_, run) in state.runs.active().filter(|(_, run)| run.kind.executes()) {
            if testing {
                break;
            }
            testing = true;
            match &run.phase {
                RunPhase::Held { .. } => {
                    self.key(Action::ForceHeld, "start it anyway");
                    self.key(Action::Stop, "give it up");
                }
                RunPhase::Stopping { signal, .. } => {
                    let next = if *signal == Signal::Interrupt { Signal::Terminate } else { Signal::Kill };
                    self.key(Action::Stop, format!("{} now", next.word()));
                }
                RunPhase::Starting | RunPhase::Collecting | RunPhase::Running | RunPhase::Ended(_) => {
                    self.key(Action::Stop, "stop the run");
                    if matches!(run.phase, RunPhase::Running) {
                        self.key(Action::DumpStacks, "stacks");
                    }
                }
            }
        }
        let unproved = Unproved::of(state.inventory.tally());
        if !testing && unproved.total() > 0 {
            match acting::failures(state, view) {
                Selection::Tests(tests) if acting::looked_at(state, view).is_some() => match tests.len() {
                    0 => {}
                    count => self.key(Action::RerunFailed, format!("rerun {count} of this cause")),
                },
                Selection::Tests(tests) => {
                    let test = tests.first().and_then(|id| state.inventory.test(*id));
                    let failed =
                        test.is_some_and(|test| matches!(test.counted(), Counted::As(_)) && !test.is_not_run());
                    let label = if failed { "rerun this failure" } else { "rerun this test" };
                    self.key(Action::RerunFailed, label);
                }
                Selection::All | Selection::Module(_) | Selection::Failures | Selection::Stale => {
                    self.key(Action::RerunFailed, format!("rerun {unproved}"));
                }
            }
        }
        testing
    }

    fn others(&mut self, testing: bool) {
        let (state, view) = (self.scene.state, self.scene.view);
        if !testing && !state.session.project.runners.is_empty() {
            self.key(Action::RunAll, "run all");
        }
        if state.deploys.any_active() {
            self.key(Action::CancelDeploy, "cancel the deploy");
        }
        // Where nothing may be changed, no key offers to.
        let may_change = state.refusal(&Command::DeployInOrder(Vec::new())).is_none();
        match changing::deployable(state)[..] {
            [] => {}
            _ if !may_change => {}
            [only] if state.deploys.active(only).is_some() => {}
            [only] => {
                let name = state.services.get(only).map_or("", |service| &service.spec.name);
                self.key(Action::Deploy, format!("deploy {name}"));
                self.prove();
            }
            _ => {
                self.key(Action::Deploy, "deploy");
                self.prove();
            }
        }
        if may_change && state.streams.iter().any(|(_, stream)| stream.spec.start.is_some()) {
            self.key(Action::StartAgent, "agent run");
        }
        if !testing && view.focus == Pane::Tests {
            match (view.page, view.cursor) {
                (Page::Detail(_), _) => self.key(Action::RunSelected, "run this test"),
                (Page::Board, Some(Cursor::Test(_))) => self.key(Action::RunSelected, "run the test"),
                (Page::Board, Some(Cursor::Module(_))) => self.key(Action::RunSelected, "run the module"),
                (Page::Cause(_), _) => self.key(Action::RunSelected, "run the test"),
                (Page::Board, None) => {}
            }
        }
        if state.inventory.tally().total() == 0 && !state.session.project.runners.is_empty() {
            self.key(Action::Collect, "list the tests");
        }
    }

    /// A deploy that is to mend something is worth its proof.
    fn prove(&mut self) {
        if self.scene.state.proving().is_none() && self.scene.state.inventory.tally().total() > 0 {
            self.key(Action::Prove, "and prove");
        }
    }

    /// Where a failure is looked at that can be accepted, or counted again.
    fn mute(&mut self) {
        let (state, view) = (self.scene.state, self.scene.view);
        if matches!(self.scene.clock, Clock::Played { .. }) {
            return;
        }
        let is_known = match (acting::looked_at(state, view), view.page) {
            (Some(cause), _) => {
                state.causes.get(cause).filter(|cause| cause.end.is_none()).map(|cause| state.is_muted(cause))
            }
            (None, Page::Detail(test)) => {
                state.causes.of(test).and_then(|_| state.inventory.test(test)).map(|test| test.known.is_some())
            }
            (None, Page::Board | Page::Cause(_)) => None,
        };
        match is_known {
            Some(true) => self.key(Action::Mute, "un-mute"),
            Some(false) => self.key(Action::Mute, "mute"),
            None => {}
        }
    }

    fn recording(&mut self, playing: bool) -> bool {
        self.key(Action::TogglePlay, if playing { "pause" } else { "play" });
        self.key(Action::StepForward, "step");
        self.key(Action::StepBack, "step back");
        self.key(Action::SeekForward, "10 s on");
        self.key(Action::SeekBack, "10 s back");
        self.key(Action::PlayFaster, "faster");
        self.key(Action::PlaySlower, "slower");
        false
    }

    /// From the opened test to elsewhere.
    fn way(&mut self) {
        let searching = self.scene.view.reading.narrowed.is_some();
        self.key(Action::Back, if searching { "end the search" } else { "back" });
        if self.scene.state.inventory.tally().failures() > 1 {
            self.key(Action::NextFailure, "next failure");
        }
    }

    /// About in the opened test.
    fn reading(&mut self) {
        let view = self.scene.view;
        if !self.regions.holds.matches.is_empty() {
            self.key(Action::NextMatch, "next match");
        }
        self.key(Action::Edit, "editor");
        match reading::current(self.regions, view) {
            Some(Placed { stop: Stop::Part(_), open, .. }) => {
                self.key(Action::Open, if open { "fold" } else { "unfold" });
                self.key(Action::NextPart, "next part");
            }
            Some(Placed { stop: Stop::Run(_), .. }) => self.key(Action::Open, "its agent run"),
            Some(Placed { stop: Stop::Event { .. }, .. }) => {
                self.key(Action::Open, "its event");
                self.key(Action::NextPart, "next part");
            }
            None => {}
        }
        self.notes();
        self.key(Action::Wrap, if view.wrap { "cut lines" } else { "wrap lines" });
    }

    /// About in the timeline of agent runs.
    fn spans(&mut self) {
        let (rows, spans) = (&self.regions.span_rows, &self.scene.view.spans);
        match rows.chosen() {
            _ if spans.opened && spans.frame.reading => {
                self.key(Action::Open, "fold");
                self.key(Action::FoldAll, "fold all");
                self.key(Action::Filter, "search the frame");
            }
            Some(SpanRow::Run(_)) if !spans.opened => self.key(Action::Open, "fold or unfold"),
            Some(_) if !spans.opened => self.key(Action::Open, "its frames"),
            Some(_) => self.key(Action::Open, "into the frame"),
            None => {}
        }
        self.key(Action::Mark, "mark");
        self.key(Action::OneClock, if spans.axis == Axis::OneClock { "own beginnings" } else { "one clock" });
        if spans.is_frozen() {
            self.key(Action::Bottom, "newest");
        }
        self.key(Action::Back, "back");
    }

    fn place(&mut self) {
        let (state, view) = (self.scene.state, self.scene.view);
        match (view.focus, view.page) {
            (Pane::Tests, Page::Board) => {
                if state.inventory.tally().total() > 0 {
                    self.key(Action::Open, "open");
                }
                if !view.filter.is_empty() {
                    self.key(Action::Back, "clear the filter");
                }
            }
            (Pane::Tests, Page::Detail(_)) => {}
            (Pane::Agents, _) if view.spans.open => self.spans(),
            (Pane::Agents, _) => {
                if state.agents.runs().len() > 0 {
                    self.key(Action::Open, "timeline");
                }
                self.key(Action::Back, "tests");
                self.key(Action::Message, "send a message");
                self.key(Action::Reconnect, "reconnect");
            }
            (Pane::Tests, Page::Cause(_)) => {
                self.key(Action::Back, "back");
                self.key(Action::Open, "open the test");
                self.notes();
            }
            (Pane::Causes, _) => {
                self.key(Action::Open, "open");
                self.notes();
                self.key(Action::Back, "tests");
            }
            (Pane::Logs, _) => {
                self.key(Action::Filter, "search");
                self.key(Action::LogLevel, "level");
                if state.logs.iter().count() > 1 {
                    self.key(Action::LogService, "service");
                }
                self.key(Action::LogRun, "its run");
                if !view.logs.words.is_empty() {
                    self.key(Action::NextMatch, "next match");
                    self.key(Action::LogAround, if view.logs.around { "matches alone" } else { "lines around" });
                }
                self.key(Action::Open, if view.logs.opened { "close the line" } else { "whole line" });
                let further = view.logs.is_frozen() || view.logs.is_narrowed();
                self.key(Action::Back, if further { "newest, all lines" } else { "tests" });
            }
            (Pane::Cycles, _) => {
                match view.cycles.sight {
                    Sight::Table => {
                        let compares = view.cycles.marked.is_some() && view.cycles.marked != view.cycles.cycle;
                        self.key(Action::Open, if compares { "compare with the marked one" } else { "open" });
                        self.key(Action::MarkCycle, "mark");
                        self.key(Action::HeatMap, "tests × cycles");
                    }
                    Sight::Record => {
                        self.key(Action::Open, "compare, or open the test");
                        self.key(Action::EarlierCycles, "cycle before");
                        self.key(Action::LaterCycles, "cycle after");
                    }
                    Sight::Contrast => {
                        self.key(Action::Open, "open the test");
                        self.key(Action::EarlierCycles, "cycle before");
                        self.key(Action::LaterCycles, "cycle after");
                    }
                    Sight::Heat => {
                        self.key(Action::Open, "open the test");
                        self.key(Action::EarlierCycles, "earlier");
                        self.key(Action::LaterCycles, "later");
                    }
                }
                let is_table = view.cycles.sight == Sight::Table;
                self.key(Action::Back, if is_table { "tests" } else { "table" });
            }
            (Pane::Deploys, _) => {
                match self.regions.front {
                    Some(Front::Fix) => self.key(Action::Open, "the deploy"),
                    Some(Front::Deploy) => self.key(Action::Open, "the fix hook"),
                    None => {}
                }
                if super::logs::has_revision_log(state) {
                    self.key(Action::RevisionLog, "its log");
                }
                self.key(Action::Back, "tests");
            }
            (Pane::News, _) => self.key(Action::Back, "tests"),
        }
    }

    /// What can be written down and handed over of what is looked at.
    fn notes(&mut self) {
        if matches!(self.scene.clock, Clock::Live) && self.scene.view.drives(self.scene.state) {
            self.key(Action::Note, "note");
        }
        self.key(Action::HandOff, "hand off");
    }

    fn always(&mut self) {
        let view = self.scene.view;
        if self.scene.state.inventory.tally().total() > 0 && !matches!(view.focus, Pane::Logs | Pane::Cycles) {
            self.mute();
            self.key(Action::Copy, "copy");
            self.key(Action::Filter, if matches!(view.page, Page::Detail(_)) { "search" } else { "filter" });
        }
        self.key(Action::Palette, "command");
        self.key(Action::Help, "help");
        self.key(Action::Quit, "quit");
    }
}
