//! The hook: a command that is given each notice as JSON on its standard input.

use std::io;

use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use super::means::Means;
use super::process::{ExitStatus, Output, Process};
use crate::adapters::redact::KeyBlock;
use crate::config::project::HookSpec;
use crate::domain::{Notice, SessionEvent, Text};

/// How many hooks run at once; further notices are not sent, which is said.
pub(super) const AT_ONCE: usize = 4;

/// Gives a notice to the hook, and says that it took it, or why not; without a place among those that run, it does not.
pub(super) async fn send(
    spec: HookSpec,
    number: u64,
    notice: Notice,
    means: Means,
    place: Option<OwnedSemaphorePermit>,
) {
    let sent = match &place {
        Some(_) => run(&spec, number, &notice, &means).await,
        None => Err(format!("{AT_ONCE} of it are still running")),
    };
    let mut keys = KeyBlock::default();
    let why = sent.err().map(|why| {
        let why = means.masks.mask_line(&why, &mut keys);
        Text::from(format!("the hook for notices was not told of \"{}\": {why}", notice.text))
    });
    let _ = means.outbox.send(vec![SessionEvent::NoticeSent { number, why }.into()]).await;
}

async fn run(spec: &HookSpec, number: u64, notice: &Notice, means: &Means) -> Result<(), String> {
    let path = means.runtime.join(format!("notice-{number}.json"));
    let project = means.root.file_name().map(|name| name.to_string_lossy().into_owned());
    let line = json!({"type": "notice", "kind": notice.kind, "tone": notice.tone, "text": &*notice.text,
        "at_ms": notice.at.0 / 1_000, "project": project});
    let failed = |error: io::Error| format!("{} could not be written: {error}", path.display());
    std::fs::write(&path, format!("{line}\n")).map_err(failed)?;
    let mut command = means.command(&spec.command.argv, &spec.command.env, spec.command.directory.as_deref());
    command.input = Some(path.clone());
    let ended = match Process::spawn(&command).await {
        Ok(process) => timeout(spec.timeout, end_of(process)).await,
        Err(error) => Ok(Err(error.to_string())),
    };
    let _ = std::fs::remove_file(&path);
    ended.unwrap_or_else(|_| Err(format!("it took longer than {} s and was ended", spec.timeout.as_secs_f64())))
}

/// How the hook ended. What it prints is nobody's but for the last line, which may say why it failed.
async fn end_of(mut process: Process) -> Result<(), String> {
    let mut last = String::new();
    loop {
        match process.next().await {
            Some(Output::Lines(batch)) => {
                if let Some((_, line)) = batch.lines.last() {
                    last = line.text.to_string();
                }
            }
            Some(Output::Exited { status: ExitStatus::Code(0), .. }) => return Ok(()),
            Some(Output::Exited { status, .. }) => {
                let how = match status {
                    ExitStatus::Code(code) => format!("exit {code}"),
                    ExitStatus::Signal(signal) => format!("signal {signal}"),
                    ExitStatus::Unknown => "nobody knows how it ended".to_owned(),
                };
                return Err(if last.is_empty() { how } else { format!("{how}: {last}") });
            }
            None => return Err("nobody knows how it ended".to_owned()),
        }
    }
}
