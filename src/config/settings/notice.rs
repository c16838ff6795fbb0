//! How somebody who looks elsewhere is called back, as it is written.

use serde::Deserialize;

/// `[notice]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoticeSettings {
    /// How the terminal does it.
    pub terminal: Call,
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
