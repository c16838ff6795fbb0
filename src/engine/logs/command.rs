//! A log that a command prints: `tail -F`, `kubectl logs -f`, `gcloud … tail`.

use super::follow::Reader;
use super::until;
use crate::config::project::CommandSpec;
use crate::engine::process::{self, ExitStatus, Output, Process};

/// Reads what the command prints until it ends, and says how it did.
pub(super) async fn read(spec: &CommandSpec, reader: &mut Reader) -> String {
    let command = reader.means.command(&spec.argv, &spec.env, spec.directory.as_deref());
    let mut process = match Process::spawn(&process::CommandSpec { merge: true, ..command }).await {
        Ok(process) => process,
        Err(error) => return format!("{} {error}", spec.argv.first().map_or("", String::as_str)),
    };
    reader.greet().await;
    loop {
        let due = reader.gather.due();
        tokio::select! {
            biased;
            () = until(due) => reader.hand_over().await,
            output = process.next() => match output {
                Some(Output::Lines(batch)) => {
                    reader.gather.miss(batch.dropped);
                    batch.lines.iter().for_each(|(_, line)| reader.gather.push(&line.text));
                }
                Some(Output::Exited { status, .. }) => return ended(spec, status),
                None => return ended(spec, ExitStatus::Unknown),
            },
        }
    }
}

fn ended(spec: &CommandSpec, status: ExitStatus) -> String {
    let name = spec.argv.first().map_or("the command", String::as_str);
    match status {
        ExitStatus::Code(code) => format!("{name} ended with code {code}"),
        ExitStatus::Signal(signal) => format!("{name} was ended by signal {signal}"),
        ExitStatus::Unknown => format!("{name} ended, nobody knows how"),
    }
}
