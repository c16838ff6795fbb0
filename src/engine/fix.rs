//! The fix hook: a command that is handed what fails and mends it in the project, or says that it cannot.

mod changes;

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use self::changes::Snapshot;
use super::deploy::exit;
use super::means::Means;
use super::process::{Output, Process};
use super::supervisor::Signal;
use crate::adapters::redact::KeyBlock;
use crate::config::project::FixSpec;
use crate::domain::{FixEvent, FixId, Text};

/// How long it has to end by itself once it was asked to.
const GRACE: Duration = Duration::from_secs(10);

/// Calls the hook with the bundle on its standard input, until it ends. A message on `stop` asks it to end.
pub async fn call(fix: FixId, spec: FixSpec, bundle: Value, means: Means, stop: mpsc::Receiver<()>) {
    let before = Snapshot::take(&means.root).await;
    let event = match run(fix, &spec, &bundle, &means, stop).await {
        Ok(exit) => {
            let changed = match before {
                Some(before) => before.changed_since(&means.root, &means.masks).await,
                None => Vec::new(),
            };
            FixEvent::Ended { fix, exit, changed }
        }
        Err(why) => FixEvent::CouldNotStart { fix, why },
    };
    super::source::report(means.clone()).await;
    let _ = means.outbox.send(vec![event.into()]).await;
}

async fn run(
    fix: FixId,
    spec: &FixSpec,
    bundle: &Value,
    means: &Means,
    mut stop: mpsc::Receiver<()>,
) -> Result<crate::domain::Exit, Text> {
    let input = keep(fix, bundle, means).await?;
    let argv: Vec<String> = spec.command.argv.clone();
    let mut command = means.command(&argv, &spec.command.env, spec.command.directory.as_deref());
    (command.input, command.merge) = (Some(input), true);
    let mut process = Process::spawn(&command).await.map_err(|error| Text::from(format!("the fix hook {error}")))?;
    let mut keys = KeyBlock::default();
    let mut deadline = Instant::now() + spec.timeout;
    let mut asked = false;
    loop {
        tokio::select! {
            output = process.next() => match output {
                Some(Output::Lines(batch)) => {
                    let mut lines: Vec<Text> = Vec::with_capacity(batch.lines.len() + 1);
                    if batch.dropped > 0 {
                        lines.push(format!("{} lines dropped: they came too fast", batch.dropped).into());
                    }
                    lines.extend(batch.lines.iter().map(|(_, line)| means.masks.mask_line(&line.text, &mut keys).into()));
                    let _ = means.outbox.send(vec![FixEvent::Printed { fix, lines }.into()]).await;
                }
                Some(Output::Exited { status, .. }) => return Ok(exit(status)),
                None => return Ok(crate::domain::Exit::Signal(9)),
            },
            Some(()) = stop.recv(), if !asked => {
                asked = true;
                process.signal(Signal::Interrupt);
                deadline = Instant::now() + GRACE;
            }
            () = sleep_until(deadline) => {
                let text = if asked { "it does not end: it is killed" } else { "the fix hook took longer than it may: it is stopped" };
                let _ = means.outbox.send(vec![FixEvent::Printed { fix, lines: vec![text.into()] }.into()]).await;
                process.signal(if asked { Signal::Kill } else { Signal::Interrupt });
                (asked, deadline) = (true, Instant::now() + GRACE);
            }
        }
    }
}

/// The bundle as a file of the session's own folder, which nobody else can read and which goes with the session.
async fn keep(fix: FixId, bundle: &Value, means: &Means) -> Result<PathBuf, Text> {
    let path = means.runtime.join(format!("fix-{}.json", fix.0));
    let mut text = bundle.to_string();
    text.push('\n');
    let written = tokio::fs::write(&path, text).await;
    written.map_err(|error| format!("failed to write what the fix hook reads to {}: {error}", path.display()))?;
    Ok(path)
}
