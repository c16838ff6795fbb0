//! The one table of actions: name, sentence, contexts, default keys. Keymap, help, palette, footer, the command line and
//! the README's key table are made from it.

use super::chord::Chord;

/// Where an action's keys are heard. Several hold at once; the most particular is asked first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Context {
    /// In a recording that is played.
    Recording,
    /// While a help page or a choice lies over the panes.
    Over,
    /// On the board of modules and tests.
    Board,
    /// In an opened test.
    Detail,
    /// In the agents pane.
    Agents,
    /// In the timeline of agent runs.
    Spans,
    /// In the logs.
    Logs,
    /// In the cycles.
    Cycles,
    /// In the causes pane, or in an opened cause.
    Causes,
    /// Wherever a session runs that can be asked for something.
    Session,
    /// Wherever no overlay and no typing takes the keys.
    Everywhere,
}

impl Context {
    /// Where that is, for people.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Recording => "in a replay",
            Self::Over => "in a list",
            Self::Board => "on the board",
            Self::Detail => "in an opened test",
            Self::Agents => "in the agents pane",
            Self::Spans => "in the agent timeline",
            Self::Logs => "in the logs",
            Self::Cycles => "in the cycles",
            Self::Causes => "in the causes",
            Self::Session => "in a session",
            Self::Everywhere => "everywhere",
        }
    }
}

/// A row of the table.
#[derive(Debug)]
pub struct ActionSpec {
    /// What can be done.
    pub action: Action,
    /// Its name in configuration, palette and command line.
    pub name: &'static str,
    /// What it does, in a sentence.
    pub sentence: &'static str,
    /// Where its keys are heard.
    pub contexts: &'static [Context],
    /// The keys that it has without configuration, the one to show first.
    pub keys: &'static [&'static str],
}

macro_rules! actions {
    ($($variant:ident $name:literal [$($context:ident)*] [$($key:literal)*] $sentence:literal)*) => {
        /// Something that a person can do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Action {$(
            #[doc = $sentence]
            $variant,
        )*}

        /// Every action, in the order in which help shows them.
        pub const ACTIONS: &[ActionSpec] = &[$(ActionSpec {
            action: Action::$variant,
            name: $name,
            sentence: $sentence,
            contexts: &[$(Context::$context),*],
            keys: &[$($key),*],
        }),*];
    };
}

actions! {
    RerunFailed "rerun-failed" [Session] ["r"]
        "Runs again exactly what failed, or the opened test or cause."
    RunAll "run-all" [Session] ["R"] "Runs every test."
    RunBatch "run-batch" [Session] ["E"] "Runs the next tests without a result on what serves now."
    RunSelected "run-selected" [Session] ["t"] "Runs the test or module under the cursor."
    Repeat "repeat" [Session] ["T"] "Runs a test, module or cause again and again."
    Baseline "baseline" [Session] ["b"] "Chooses what results are compared with."
    NullRun "null-run" [Session] ["V"] "Shows what passes without the environment too."
    Stop "stop" [Session] ["x"] "Stops the run: politely first, more firmly each time."
    DumpStacks "dump-stacks" [Session] ["s"] "Shows the stacks of the running tests, and lets them run."
    ForceHeld "force-held" [Session] ["f"] "Starts a held run although its services are not well."
    Mute "mute" [Session] ["m"] "Accepts a failure for a reason, or counts it again."
    Collect "collect" [Session] ["u"] "Lists the tests anew."
    Deploy "deploy" [Session] ["d"] "Deploys a service, after showing the exact command."
    Prove "redeploy-and-prove" [Session] ["D"] "Deploys, waits until healthy, reruns, and shows the delta."
    Autopilot "autopilot" [Session] ["A"] "Starts the autopilot, pauses it, or lets it go on."
    AutopilotStep "autopilot-step" [Session] [">"] "Lets the autopilot take one decision, then pause."
    AutopilotStop "autopilot-stop" [Session] ["ctrl-x"] "Ends the autopilot; what it began goes on."
    Watch "watch" [Session] ["ctrl-w"] "Lets changed files start their tests, or no longer."
    RollBack "roll-back" [Session] ["B"] "Brings an earlier revision of a service back."
    Restart "restart" [Session] ["W"] "Starts a service anew, in the revision that serves."
    CancelDeploy "cancel-deploy" [Session] ["X"] "Stops the command of the deploy under way."
    StartAgent "start-agent" [Session] ["a"] "Starts an agent run with the configured message."
    Message "message" [Session] ["M"] "Writes a message, a ping or bytes to send on a stream."
    Reconnect "reconnect" [Session] ["w"] "Connects the agent stream anew and probes all services."
    Open "open" [Board Detail Agents Spans Causes Logs Cycles Over] ["enter"] "Opens or chooses what is under the cursor; folds a part."
    Back "back" [Everywhere Over] ["esc"] "Goes back: closes, clears a filter, follows the newest."
    NextFailure "next-failure" [Everywhere] ["]"] "Goes to the next failure."
    PreviousFailure "previous-failure" [Everywhere] ["["] "Goes to the previous failure."
    Up "up" [Everywhere Over] ["k" "up"] "Moves up."
    Down "down" [Everywhere Over] ["j" "down"] "Moves down."
    PageUp "page-up" [Everywhere Over] ["pageup" "ctrl-b"] "Moves up by a page."
    PageDown "page-down" [Everywhere Over] ["pagedown" "ctrl-f"] "Moves down by a page."
    Top "top" [Everywhere Over] ["g" "home"] "Moves to the beginning."
    Bottom "bottom" [Everywhere Over] ["G" "end"] "Moves to the end, and follows what is new there."
    Expand "expand" [Board Spans] ["l" "right"] "Shows what is in a module or an agent run."
    Collapse "collapse" [Board Spans] ["h" "left"] "Hides what is in a module or an agent run."
    FocusNext "focus-next" [Everywhere] ["tab"] "Goes to the next pane."
    FocusPrevious "focus-previous" [Everywhere] ["shift-tab"] "Goes to the previous pane."
    FocusTests "focus-tests" [Everywhere] ["1"] "Goes to the tests."
    FocusAgents "focus-agents" [Everywhere] ["2"] "Goes to the agent events."
    FocusDeploys "focus-deploys" [Everywhere] ["3"] "Goes to the deploy."
    FocusNews "focus-news" [Everywhere] ["4"] "Goes to what happened lately."
    FocusCauses "focus-causes" [Everywhere] ["5"] "Goes to the causes of what failed."
    FocusLogs "focus-logs" [Everywhere] ["6"] "Goes to the logs of the services."
    Cycles "cycles" [Everywhere] ["c"] "Shows the cycles: how they went, and what changed."
    MarkCycle "mark-cycle" [Cycles] ["m"] "Marks a cycle, to compare another one with it."
    HeatMap "heat-map" [Cycles] ["H"] "Shows every test across the cycles, or the table again."
    EarlierCycles "earlier-cycles" [Cycles] ["h" "left"] "Goes to the cycle before, or scrolls to earlier ones."
    LaterCycles "later-cycles" [Cycles] ["l" "right"] "Goes to the cycle after, or scrolls to later ones."
    Filter "filter" [Everywhere] ["/"] "Narrows tests, logs or runs to words, or searches in one."
    NextMatch "next-match" [Detail Logs Spans] ["n"] "Goes to the next place that was searched for."
    PreviousMatch "previous-match" [Detail Logs Spans] ["N"] "Goes to the previous place that was searched for."
    LogLevel "log-level" [Logs] ["e"] "Leaves out debug lines, then all but warnings, but errors."
    LogService "log-service" [Logs] ["S"] "Shows the log of one service after the other, or all."
    LogRun "log-run" [Logs] ["I"] "Shows the lines of this line's run, request or trace."
    RevisionLog "revision-log" [Everywhere] ["L"] "Shows what the revision wrote that was deployed last."
    LogAround "log-around" [Logs] ["m"] "Shows the lines around matches too, or matches alone."
    Mark "mark" [Spans] ["m"] "Marks an event; the time between two marks is measured."
    OneClock "one-clock" [Spans] ["t"] "Lays runs along one clock, or each from its beginning."
    Edit "edit" [Everywhere] ["o"] "Opens the failing line in the editor."
    Order "order" [Everywhere] ["v"] "Orders tests by what matters, or as files have them."
    Copy "copy" [Everywhere] ["y"] "Copies a test or cause, or the command to run it again."
    Note "note" [Session] ["i"] "Writes a note or a chain of whys on a test or cause."
    HandOff "hand-off" [Everywhere] ["Y"] "Hands a test or cause over as Markdown: copied or a file."
    Wrap "wrap" [Detail] ["z"] "Wraps long lines, or cuts them."
    FoldAll "fold-all" [Detail Spans] ["Z"] "Folds all parts of what is opened, or unfolds them."
    NextPart "next-part" [Detail] ["}"] "Goes to the next part of the opened test."
    PreviousPart "previous-part" [Detail] ["{"] "Goes to the previous part of the opened test."
    TogglePlay "toggle-play" [Recording] ["space"] "Plays the recording, or pauses it."
    StepForward "step-forward" [Recording] ["."] "Goes one entry on in the recording."
    StepBack "step-back" [Recording] [","] "Goes one entry back in the recording."
    SeekForward "seek-forward" [Recording] ["right"] "Goes ten seconds on in the recording."
    SeekBack "seek-back" [Recording] ["left"] "Goes ten seconds back in the recording."
    PlayFaster "play-faster" [Recording] ["+" "="] "Plays the recording twice as fast."
    PlaySlower "play-slower" [Recording] ["-"] "Plays the recording half as fast."
    Palette "palette" [Everywhere] [":" "ctrl-p"] "Finds any action, deploy or module by a few letters."
    Help "help" [Everywhere Over] ["?" "f1"] "Shows the keys."
    Redraw "redraw" [Everywhere Over] ["ctrl-l"] "Draws the whole screen anew."
    Quit "quit" [Everywhere Over] ["q" "ctrl-c"] "Leaves the console; asks first while something runs."
}

impl Action {
    /// Its row of the table.
    #[must_use]
    pub fn spec(self) -> &'static ActionSpec {
        &ACTIONS[self as usize]
    }

    /// Its name in configuration, palette and command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.spec().name
    }

    /// The action of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        ACTIONS.iter().find(|spec| spec.name == name).map(|spec| spec.action)
    }

    /// Whether it can be done in a recording: everything but what asks a session for something.
    #[must_use]
    pub fn is_for(self, recording: bool) -> bool {
        let only = |context| self.spec().contexts == [context];
        if recording { !only(Context::Session) } else { !only(Context::Recording) }
    }
}

/// The default keys as a Markdown table, for the README.
#[must_use]
pub fn key_table() -> String {
    let mut table = String::from("| key | action | what it does |\n| --- | --- | --- |\n");
    for spec in ACTIONS {
        let keys: Vec<String> = spec.keys.iter().map(|key| format!("`{key}`")).collect();
        table.push_str(&format!("| {} | `{}` | {} |\n", keys.join(" "), spec.name, spec.sentence));
    }
    table
}

/// The default keys of an action, parsed. The test below proves that all of them can be.
pub(super) fn default_chords(spec: &ActionSpec) -> impl Iterator<Item = Chord> + use<> {
    spec.keys.iter().filter_map(|key| key.parse().ok())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_action_has_a_place_a_name_a_sentence_and_keys_that_can_be_read() {
        let mut names = BTreeSet::new();
        for (place, spec) in ACTIONS.iter().enumerate() {
            assert_eq!(spec.action as usize, place);
            assert!(names.insert(spec.name), "{} is there twice", spec.name);
            assert!(spec.name.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{}", spec.name);
            assert!(spec.sentence.ends_with('.') && spec.sentence.len() > 8, "{}", spec.name);
            assert!(spec.sentence.len() <= 60, "{} is cut in a help of 80 columns", spec.name);
            assert!(!spec.contexts.is_empty() && !spec.keys.is_empty(), "{}", spec.name);
            for key in spec.keys {
                assert_eq!(key.parse::<Chord>().map(|chord| chord.to_string()).as_deref(), Ok(*key));
            }
        }
    }

    #[test]
    fn no_key_means_two_things_in_one_context() {
        let mut taken = BTreeSet::new();
        for spec in ACTIONS {
            for (key, context) in spec.keys.iter().flat_map(|key| spec.contexts.iter().map(move |at| (key, at))) {
                assert!(taken.insert((key, context)), "{key} is there twice {}", context.word());
            }
        }
    }

    #[test]
    fn the_key_table_has_a_row_for_every_action() {
        let table = key_table();
        assert_eq!(table.lines().count(), ACTIONS.len() + 2);
        assert!(table.contains("| `r` | `rerun-failed` | Runs again exactly what failed"), "{table}");
    }
}
