//! The one table of actions: name, sentence, contexts, default keys. Keymap, help, palette and footer are made from it.

/// Something that a person can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Leave the console.
    Quit,
}
