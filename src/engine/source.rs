//! Which commit the project's files are at, and how many of them differ: asked of git at the beginning of a session and
//! of each run. Without git, or outside a repository, nothing is known and nothing is said.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::process::Command;
use tokio::time::timeout;

use super::masks::Masks;
use super::means::Means;
use crate::adapters::git;
use crate::domain::{Checkout, Commit, SessionEvent};

/// How long git may take for an answer; what takes longer is not known.
const PATIENCE: Duration = Duration::from_secs(4);
/// How much of an answer is read: some ten thousand changed files.
const ANSWER: u64 = 1 << 20;

/// Looks at the project's files, and reports what was found.
pub async fn report(means: Means) {
    if let Some(event) = look(&means.root, &means.masks).await {
        let _ = means.outbox.send(vec![event.into()]).await;
    }
}

/// Looks at the files of a project.
pub async fn look(root: &Path, masks: &Masks) -> Option<SessionEvent> {
    let log = ask(root, &git::LOG).await?;
    let status = ask(root, &git::STATUS).await;
    let found = git::checkout(&log, status.as_deref())?;
    let masked = |text: &str| masks.mask(text).as_ref().into();
    Some(SessionEvent::SourceSeen(std::sync::Arc::new(Checkout {
        subject: masked(&found.subject),
        branch: found.branch.as_deref().map(masked),
        author: found.author.as_deref().map(masked),
        earlier: found
            .earlier
            .iter()
            .map(|commit| Commit {
                author: masked(&commit.author),
                subject: masked(&commit.subject),
                hash: commit.hash.clone(),
            })
            .collect(),
        ..found
    })))
}

/// What git answers. It takes no locks, so that nobody's own git is in its way, and starts no helper of the project's.
pub(super) async fn ask(root: &Path, question: &[impl AsRef<OsStr>]) -> Option<String> {
    let mut command = Command::new("git");
    command.args(["--no-optional-locks", "-c", "core.fsmonitor=false"]).args(question).current_dir(root);
    command.env("LC_ALL", "C").env("GIT_TERMINAL_PROMPT", "0");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let work = async {
        let mut child = command.spawn().ok()?;
        let mut answer = Vec::new();
        child.stdout.take()?.take(ANSWER).read_to_end(&mut answer).await.ok()?;
        let ended = child.wait().await.ok()?;
        // Somebody who is cut off says so by a signal: the answer is long, not wrong.
        (ended.success() || answer.len() as u64 == ANSWER).then(|| String::from_utf8_lossy(&answer).into_owned())
    };
    timeout(PATIENCE, work).await.ok().flatten()
}
