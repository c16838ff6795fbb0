//! One person's private view: where they look, by identity, and what they typed. Nothing of it enters the journal.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::action::Action;
use super::cycles::CyclesView;
use super::keymap::Keymap;
use super::logs::LogView;
use super::overlay::note::NoteDraft;
use super::reading::Reading;
use super::spans::SpanView;
use crate::domain::{AgentRunId, CauseId, Command, FixId, HandOff, ModuleId, Moment, TestId, Tone, ViewerId};

/// A part of the screen that can have the focus. Narrow screens show one at a time, as tabs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Pane {
    /// The modules and their tests.
    #[default]
    Tests,
    /// Agent events.
    Agents,
    /// The deploy under way, or the last one.
    Deploys,
    /// What happened lately.
    News,
    /// Why tests fail.
    Causes,
    /// What services write into their logs.
    Logs,
    /// The cycles: a screen of its own, without a tab.
    Cycles,
}

impl Pane {
    /// Every pane that has a tab, in the order of their numbers.
    pub const ALL: [Self; 6] = [Self::Tests, Self::Agents, Self::Deploys, Self::News, Self::Causes, Self::Logs];

    /// Its name on a tab.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Tests => "tests",
            Self::Agents => "agents",
            Self::Deploys => "deploy",
            Self::News => "now",
            Self::Causes => "causes",
            Self::Logs => "logs",
            Self::Cycles => "cycles",
        }
    }
}

/// What the cursor of the tests pane stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cursor {
    /// A module as a whole.
    Module(ModuleId),
    /// One of its tests.
    Test(TestId),
}

/// What fills the left part of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Page {
    /// All modules.
    #[default]
    Board,
    /// One test, opened.
    Detail(TestId),
    /// One cause, opened.
    Cause(CauseId),
}

/// What shares the deploy's place while the autopilot flies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Front {
    /// What the fix hook says.
    Fix,
    /// The deploy.
    Deploy,
}

/// In which order modules and tests stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// By verdict, what is new first.
    #[default]
    Verdict,
    /// As they stand in their files.
    File,
}

/// A list or text that is scrolled: it follows its newest end until somebody scrolls back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scroll {
    /// At the newest end, moving with it.
    #[default]
    Follow,
    /// Frozen with this row at the top, counted from the oldest that ever came.
    At(u64),
}

/// Something that lies over the rest and takes the keys.
#[derive(Debug, Clone)]
pub enum Overlay {
    /// The keys, made from the action table.
    Help {
        /// The first row shown.
        scroll: u16,
    },
    /// Actions by name.
    Palette {
        /// What was typed.
        input: tui_input::Input,
        /// Which of the matches is chosen.
        chosen: usize,
    },
    /// A choice of what to act on: services to deploy, things to copy.
    Choice(Choice),
    /// A question before something that others feel. Cancel has the focus at first.
    Confirm(Confirm),
    /// The form that accepts a failure.
    Mute(Box<super::overlay::mute::MuteForm>),
    /// A note being written.
    Note(Box<NoteDraft>),
    /// A message being written for a stream.
    Compose(Box<super::overlay::compose::Compose>),
}

/// A short list to choose from.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// What is chosen.
    pub title: String,
    /// The rows: a label, and what it is for.
    pub rows: Vec<(String, Chosen)>,
    /// Which one is under the cursor.
    pub chosen: usize,
}

/// What follows from a choice.
#[derive(Debug, Clone, PartialEq)]
pub enum Chosen {
    /// A command to the session.
    Command(Command),
    /// A question first.
    Confirm(Confirm),
    /// Text for the clipboard: what it is, and the text.
    Copy(&'static str, String),
    /// A hand-off for the clipboard, or a file where it is too long for that.
    HandOver(HandOff, String),
    /// A hand-off into a file.
    KeepHandOff(HandOff),
}

/// A question before something that others feel.
#[derive(Debug, Clone, PartialEq)]
pub struct Confirm {
    /// What will be done, to what, where: one line each, a label and a value.
    pub lines: Vec<(String, String)>,
    /// The word on the button that does it.
    pub verb: String,
    /// What is done.
    pub command: Command,
    /// Whether that button has the focus, rather than Cancel.
    pub accept: bool,
    /// Since when the focus stands where it stands: a press that follows too quickly was not meant.
    pub since: Moment,
    /// What has to be typed before that button can be pressed.
    pub typed: Option<TypedName>,
}

/// A name that has to be typed out.
#[derive(Debug, Clone, PartialEq)]
pub struct TypedName {
    /// The name.
    pub wanted: String,
    /// What was typed so far.
    pub text: String,
}

impl TypedName {
    /// Whether the name stands there.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.text == self.wanted
    }
}

/// A sentence for this person alone, for a few seconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// The sentence.
    pub text: String,
    /// How it is meant.
    pub tone: Tone,
    /// Until when it is shown.
    pub until: Moment,
}

/// Words that narrow what is shown.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// What was typed.
    pub input: tui_input::Input,
    /// Whether keys go into it now.
    pub editing: bool,
}

impl Filter {
    /// Whether `text` holds every word that was typed, without regard to case. Everything holds no words at all.
    #[must_use]
    pub fn admits(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        self.input.value().to_lowercase().split_whitespace().all(|word| text.contains(word))
    }

    /// Whether nothing was typed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.input.value().trim().is_empty()
    }
}

/// One person's private view.
#[derive(Debug, Clone, Default)]
pub struct ViewState {
    /// Who looks; nothing where nobody is attached, as in a picture.
    pub viewer: Option<ViewerId>,
    /// How many seconds local clocks are ahead of UTC: times of day are shown with it.
    pub utc_offset: i32,
    /// Which pane has the focus.
    pub focus: Pane,
    /// What fills the left part.
    pub page: Page,
    /// What the cursor of the tests pane stands on; nothing: the most important row.
    pub cursor: Option<Cursor>,
    /// In which order modules and tests stand.
    pub order: Order,
    /// Modules that this person opened.
    pub opened: BTreeSet<ModuleId>,
    /// Modules that this person closed.
    pub closed: BTreeSet<ModuleId>,
    /// The cause under the cursor of the causes pane; nothing: the first.
    pub cause: Option<CauseId>,
    /// The test under the cursor of an opened cause; nothing: the first.
    pub cause_test: Option<TestId>,
    /// The cause from which a test was opened: the way back.
    pub came_from: Option<CauseId>,
    /// The first line of the board, where it is longer than the screen.
    pub board_scroll: u32,
    /// The first row of the opened test.
    pub detail_scroll: u32,
    /// What of the opened test is folded, and what is looked at.
    pub reading: Reading,
    /// Whether long lines are wrapped in the opened test.
    pub wrap: bool,
    /// The agent run that is looked at; nothing: the newest.
    pub agent_run: Option<AgentRunId>,
    /// Where the agent events are scrolled.
    pub agents_scroll: Scroll,
    /// What of the timeline of agent runs is looked at.
    pub spans: SpanView,
    /// Where the deploy's output is scrolled.
    pub deploy_scroll: Scroll,
    /// Which of the fix hook and the deploy this person chose to see in front, while that call of the hook is the newest.
    pub front: Option<(FixId, Front)>,
    /// Where the fix hook's output is scrolled.
    pub fix_scroll: Scroll,
    /// Where the news are scrolled.
    pub news_scroll: Scroll,
    /// What of the logs is looked at.
    pub logs: LogView,
    /// What of the cycles is looked at.
    pub cycles: CyclesView,
    /// Words that narrow the tests, or are searched in the opened test.
    pub filter: Filter,
    /// What lies over the rest.
    pub overlay: Option<Overlay>,
    /// A sentence for this person alone.
    pub notice: Option<Notice>,
    /// Whether this person waits to hear where their hand-off is.
    pub handing: bool,
    /// The last action, for "press again" habits.
    pub last: Option<Action>,
    /// Which keys do what for this person.
    pub keymap: Arc<Keymap>,
}
