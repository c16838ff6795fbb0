//! What belongs to a person rather than to a project.

use serde::Deserialize;

/// `[ui]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UiSettings {
    /// `auto`, a built-in theme, or the name of a file in the user's `themes` folder.
    pub theme: String,
    /// Clicks and the wheel; hold Shift to select text with the terminal's own mouse.
    pub mouse: bool,
    /// The most frames a second, where the terminal keeps up.
    pub frames_per_second: u16,
}

/// `[editor]`, in the user's own file only.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EditorSettings {
    /// `{file}` and `{line}` are put in; empty, `$VISUAL` or `$EDITOR` is used.
    pub command: Vec<String>,
}
