//! One person's window: a function of the shared state and a private view.
//!
//! Nothing here performs I/O but [`app`], [`terminal`], [`clipboard`] and [`editor`], and nothing knows the engine.

pub mod acting;
pub mod action;
pub mod app;
mod calling;
pub mod changing;
pub mod chord;
pub mod clipboard;
pub mod color;
mod comparing;
mod copying;
pub mod cycles;
pub mod difference;
pub mod draw;
pub mod editor;
mod failures;
#[cfg(test)]
pub(crate) mod fixture;
pub mod footer;
pub mod gate;
mod handing;
pub mod input;
pub mod keymap;
pub mod logs;
mod muting;
mod navigate;
mod nulling;
pub mod overlay;
pub mod painter;
mod panes;
mod piloting;
mod proving;
pub mod reading;
pub mod regions;
mod repeating;
pub mod scene;
pub mod shell;
pub mod spans;
pub mod terminal;
pub mod text;
pub mod theme;
pub mod theme_file;
pub mod update;
pub mod view;
pub mod viewer;
