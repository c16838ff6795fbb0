//! Probes that are no HTTP: a connection, and a command.

use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::adapters::health;
use crate::config::project::CommandSpec;
use crate::domain::{Health, Text};
use crate::engine::deploy::exit;
use crate::engine::means::Means;
use crate::engine::process::{Output, Process};

/// Whether something accepts connections there.
pub(super) async fn connect(address: &str, limit: Duration) -> Health {
    match timeout(limit, TcpStream::connect(address)).await {
        Ok(Ok(_)) => Health::Healthy,
        Ok(Err(error)) => Health::Unreachable(in_words(&error).into()),
        Err(_) => Health::Unreachable(no_answer(limit)),
    }
}

fn in_words(error: &std::io::Error) -> String {
    // Without the number of the system's error, which says nothing to a person.
    let words = error.to_string();
    words.split(" (os error").next().unwrap_or_default().to_lowercase()
}

/// Whether the command ends well, in time. Dropped when its time is over, it is killed with all that it started.
pub(super) async fn run(command: &CommandSpec, limit: Duration, means: &Means) -> Health {
    let spec = means.command(&command.argv, &command.env, command.directory.as_deref());
    let ask = async {
        let mut process = match Process::spawn(&spec).await {
            Ok(process) => process,
            Err(error) => return Health::Unreachable(error.to_string().into()),
        };
        let mut first_line: Option<String> = None;
        while let Some(output) = process.next().await {
            match output {
                Output::Lines(batch) => {
                    let mut said = batch.lines.iter().map(|(_, line)| line.text.trim()).filter(|line| !line.is_empty());
                    if first_line.is_none() {
                        first_line = said.next().map(|line| means.masks.mask(line).to_string());
                    }
                }
                Output::Exited { status, .. } => return health::of_command(exit(status), first_line.as_deref()),
            }
        }
        Health::Unreachable("the command ended without a word".into())
    };
    timeout(limit, ask).await.unwrap_or_else(|_| Health::Unreachable(no_answer(limit)))
}

fn no_answer(limit: Duration) -> Text {
    format!("no answer within {} s", limit.as_secs_f32()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn a_port_that_accepts_is_well_and_a_closed_one_says_so() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its address").to_string();
        assert_eq!(connect(&address, Duration::from_secs(5)).await, Health::Healthy);
        drop(listener);
        assert_eq!(connect(&address, Duration::from_secs(5)).await, Health::Unreachable("connection refused".into()));
    }
}
