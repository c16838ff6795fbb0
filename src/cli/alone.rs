//! A session without a screen: one viewer, that drives, follows it to its end and says how the program ends.

use crate::attach::{Feed, Player, feed};
use crate::domain::{SessionEnd, ViewerId};
use crate::engine::core::Call;
use crate::engine::session::Session;

use super::exit::Exit;
use super::headless::pass_signals;
use super::project::own_name;

/// Reads what earlier sessions left, and attaches the viewer; nothing where the engine is gone already.
pub(super) async fn attach(session: &Session) -> Option<Feed> {
    session.recall();
    let (sender, feed) = feed(ViewerId(0), Player::Session, session.handle.requests.clone());
    let call = Call::Attach { feed: sender, name: own_name().into(), drives: true };
    session.handle.calls.send(call).await.ok().map(|()| feed)
}

/// Runs the session while `follow` watches it; a signal decides over what that says.
pub(super) async fn see_through(session: Session, follow: impl Future<Output = Exit> + Send + 'static) -> Exit {
    let signals = pass_signals(session.handle.calls.clone());
    let (watch, signals) = (tokio::spawn(follow), tokio::spawn(signals));
    let ended = session.engine.run().await;
    signals.abort();
    let exit = watch.await.unwrap_or(Exit::Environment);
    drop(session.folder);
    match ended {
        SessionEnd::Signal(_) => Exit::Interrupted,
        SessionEnd::Quit | SessionEnd::HungUp | SessionEnd::Panicked(_) | SessionEnd::Done => exit,
    }
}
