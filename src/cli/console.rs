//! The console: an engine and a screen in one process, and the replay of a journal on the same screen.

use std::any::Any;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::{Path, PathBuf};

use color_eyre::eyre::eyre;
use futures_util::FutureExt as _;
use tokio::sync::mpsc;

use super::exit::Exit;
use super::headless::pass_signals;
use super::project::{Opening, own_name};
use super::screen;
use crate::attach::{Player, Recorded, feed};
use crate::domain::{Command, SessionEnd, SessionEvent, ViewerId};
use crate::engine::core::Call;
use crate::engine::{folder, journal, session};
use crate::ui::app::UiSettings;

/// Opens the console on a project.
///
/// # Errors
/// When the terminal cannot be taken.
pub async fn open(opening: Opening, settings: UiSettings) -> color_eyre::Result<Exit> {
    let session = match session::open(opening.session) {
        Ok(session) => session,
        Err(error) => {
            eprintln!("liveloop: {error}");
            return Ok(Exit::Environment);
        }
    };
    session.recall();
    let viewer = ViewerId(0);
    let (sender, feed) = feed(viewer, Player::Session, session.handle.requests.clone());
    let calls = session.handle.calls.clone();
    let name = own_name().into();
    let attached = calls.send(Call::Attach { feed: sender, name, drives: true }).await;
    let collect = SessionEvent::Asked { by: viewer, command: Command::Collect };
    let asked = calls.send(Call::Tell(collect.into())).await;
    if attached.is_err() || asked.is_err() {
        return Err(eyre!("the session ended before it began"));
    }
    let signals = tokio::spawn(pass_signals(calls.clone()));
    let engine = tokio::spawn(session.engine.run());
    let shown = AssertUnwindSafe(screen::show(feed, settings)).catch_unwind().await;
    // However the screen ended, the session ends in good order: children first, then the journal's last word.
    let how = match &shown {
        Ok(Ok(how)) => how.clone(),
        Ok(Err(error)) => SessionEnd::Panicked(format!("{error}").into()),
        Err(panic) => SessionEnd::Panicked(words_of(panic.as_ref()).into()),
    };
    let _ = calls.send(Call::End(how)).await;
    let ended = engine.await;
    signals.abort();
    drop(session.folder);
    match shown {
        Ok(shown) => drop(shown?),
        Err(panic) => resume_unwind(panic),
    }
    Ok(match ended {
        Ok(SessionEnd::Quit | SessionEnd::Done) => Exit::Green,
        Ok(SessionEnd::Signal(_) | SessionEnd::HungUp | SessionEnd::Panicked(_)) | Err(_) => Exit::Interrupted,
    })
}

/// What a panic said. Its report, with the place, is on the terminal already.
fn words_of(panic: &(dyn Any + Send)) -> String {
    let words = panic.downcast_ref::<&str>().map(|words| (*words).to_owned());
    words.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic without words".to_owned())
}

/// Shows a journal on the same screen; no engine runs in this process.
///
/// # Errors
/// When there is no journal, or it cannot be read, or the terminal cannot be taken.
pub async fn replay(file: Option<&Path>, root: &Path, settings: UiSettings) -> color_eyre::Result<Exit> {
    let file: PathBuf = match file {
        Some(file) => file.to_owned(),
        None => folder::journals(&root.join(".liveloop/sessions"))
            .into_iter()
            .next()
            .ok_or_else(|| eyre!("this project has no session to replay yet: {}", root.display()))?,
    };
    let recording = journal::read(&file).map_err(|error| eyre!("{}: {error}", file.display()))?;
    let viewer = ViewerId(0);
    let (requests, received) = mpsc::channel(64);
    let (sender, feed) = feed(viewer, Player::Recording, requests);
    let player = tokio::spawn(Recorded::new(recording.entries).play(sender, received));
    let shown = screen::show(feed, settings).await;
    player.abort();
    shown.map(|_| Exit::Green)
}
