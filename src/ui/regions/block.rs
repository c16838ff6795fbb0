//! A module's place on the board.

use std::ops::Range;

use crate::domain::{ModuleId, TestId};

/// How much room a module is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A frame of its own, with its tests.
    Card,
    /// A small frame with the test that runs.
    Tile,
    /// A line, and the listed tests below it.
    Line,
}

/// Why modules stand together. The order is the order on the board.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Some of its tests must be looked at.
    Failing,
    /// Some of its tests run.
    Running,
    /// Nothing is to be expected of it.
    Settled,
    /// Its tests wait for their turn, or were never run.
    Waiting,
}

/// Which tests of a module are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// None.
    Nothing,
    /// The first so many of those that failed.
    Failing(u32),
    /// The first of those that run.
    Running,
    /// All of them.
    All,
    /// Those that match the filter.
    Matching,
}

impl List {
    /// The place of a test in such a list.
    pub(super) fn place(self, listed: &[TestId], id: TestId) -> Option<usize> {
        match self {
            Self::Nothing => None,
            Self::Failing(_) | Self::Running | Self::All | Self::Matching => listed.iter().position(|&test| test == id),
        }
    }
}

/// A module's place on the board. Lines are counted from the board's first line, not from the screen's.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// Which module.
    pub module: ModuleId,
    /// How much room it is given.
    pub form: Form,
    /// Why it stands where it stands.
    pub group: Group,
    /// Its left edge on the screen.
    pub x: u16,
    /// Its width.
    pub width: u16,
    /// Its first line.
    pub top: u32,
    /// How many lines it takes.
    pub height: u32,
    /// How many lines its marks take, inside a frame.
    pub marks: u16,
    /// Which tests are listed.
    pub list: List,
    /// The first listed test's line.
    pub list_top: u32,
    /// The listed tests, as places in [`Board::tests`](super::Board::tests).
    pub listed: Range<usize>,
    /// How many failing tests are not listed.
    pub unlisted: u32,
    /// How many lines below the list say why the module could not be loaded.
    pub broken: u32,
    /// Which row of the board the module itself is.
    pub row: usize,
}

/// A word and a rule above a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heading {
    /// The word.
    pub word: &'static str,
    /// Its line.
    pub top: u32,
}
