//! Tokens that are at hand: in a variable, in a file, or printed by a command.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;
use tokio::time::timeout;

use super::{LONGEST, Means, TokenTrouble};

pub(super) fn variable(name: &str, means: &Means) -> Result<String, TokenTrouble> {
    let value = (means.variables)(name).filter(|value| !value.is_empty()).ok_or_else(|| TokenTrouble {
        what: format!("the variable {name} is not set"),
        what_to_do: format!("set {name} in the environment in which liveloop starts"),
        may_pass: false,
    })?;
    means.secrets.learn(value.trim());
    Ok(value)
}

pub(super) fn read_file(file: &Path) -> Result<String, TokenTrouble> {
    let unset = |what: String, what_to_do: &str| TokenTrouble { what, what_to_do: what_to_do.into(), may_pass: false };
    let length = fs::metadata(file).map(|file| file.len());
    if length.as_ref().is_ok_and(|length| *length > LONGEST) {
        return Err(unset(
            format!("the file {} is too long for a token", file.display()),
            "name the file that holds only the token",
        ));
    }
    length.and_then(|_| fs::read_to_string(file)).map_err(|error| {
        unset(
            format!("the file {} cannot be read: {error}", file.display()),
            "write the token to it, or correct its path",
        )
    })
}

/// Runs a token command in a process group of its own, which ends with its deadline.
pub(super) async fn run(argv: &[String], deadline: Duration, means: &Means) -> Result<String, TokenTrouble> {
    let name = argv.first().map_or("", String::as_str);
    let trouble =
        |what: String, what_to_do: &str, may_pass| TokenTrouble { what, what_to_do: what_to_do.into(), may_pass };
    let [program, arguments @ ..] = argv else {
        return Err(trouble("the token command is empty".into(), "name a program", false));
    };
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| {
            trouble(format!("the command `{name}` cannot start: {error}"), "correct the token command", false)
        })?;
    let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let finished = timeout(deadline, async {
        let (printed, complained) = tokio::join!(read_some(stdout), read_some(stderr));
        (child.wait().await, printed, complained)
    })
    .await;
    match finished {
        Ok((Ok(status), printed, _)) if status.success() => Ok(printed),
        Ok((status, _, complained)) => {
            let ended = status.map_or_else(|error| error.to_string(), |status| status.to_string());
            let said: Vec<String> =
                means.secrets.shown(&complained).trim().lines().rev().take(5).map(Into::into).collect();
            let said = said.into_iter().rev().collect::<Vec<_>>().join("\n");
            Err(trouble(
                format!("the command `{name}` ended with {ended}: {said}"),
                "run it by hand and see what it wants",
                true,
            ))
        }
        Err(_) => {
            if let Some(group) = group {
                // It may be gone by now, which is as good.
                let _ended = kill_process_group(group, Signal::KILL);
            }
            let what = format!("the command `{name}` took longer than {} s", deadline.as_secs_f32());
            Err(trouble(what, "run it by hand: it may wait for an answer at a terminal", true))
        }
    }
}

async fn read_some(pipe: Option<impl AsyncRead + Unpin>) -> String {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        // What was read before an error is still worth showing.
        let _read = pipe.take(LONGEST).read_to_end(&mut bytes).await;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
