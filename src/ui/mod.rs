//! One person's window: a function of the shared state and a private view.
//!
//! Nothing here performs I/O but [`app`], [`terminal`], [`clipboard`] and [`editor`], and nothing knows the engine.

pub mod acting;
pub mod action;
pub mod app;
pub mod chord;
pub mod clipboard;
pub mod color;
mod copying;
pub mod draw;
pub mod editor;
#[cfg(test)]
pub(crate) mod fixture;
pub mod footer;
mod handing;
pub mod input;
pub mod keymap;
mod muting;
mod navigate;
pub mod overlay;
pub mod painter;
mod panes;
pub mod regions;
pub mod scene;
pub mod shell;
pub mod terminal;
pub mod text;
pub mod theme;
pub mod theme_file;
pub mod update;
pub mod view;
pub mod viewer;
