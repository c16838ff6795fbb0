//! How somebody who looks elsewhere is called back, as it is written.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::config::template::Template;
use crate::config::timespan::Timespan;

/// `[notice]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoticeSettings {
    /// How the terminal does it.
    pub terminal: Call,
    /// A command that is given each notice.
    pub hook: Option<HookSettings>,
}

/// `[notice.hook]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HookSettings {
    /// The command. Never a shell line: the first word is the program.
    pub argv: Vec<Template>,
    /// Variables that the command sees, on top of the console's own environment.
    #[serde(default)]
    pub env: BTreeMap<String, Template>,
    /// Where it runs, relative to the project.
    pub directory: Option<Template>,
    /// How long it may take.
    #[serde(default = "hook_timeout")]
    pub timeout: Timespan,
}

fn hook_timeout() -> Timespan {
    Timespan::from_secs(10)
}

/// How a terminal calls somebody back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Call {
    /// Not at all.
    Off,
    /// By its bell.
    Bell,
    /// By a notification as iTerm2, kitty, `WezTerm` and Windows Terminal know it.
    Osc9,
    /// By a notification as urxvt, foot and Ghostty know it.
    Osc777,
}
