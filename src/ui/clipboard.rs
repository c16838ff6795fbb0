//! Text into a person's clipboard, by the first route that works: tmux's buffer, a tool of the desktop, or the
//! terminal itself (OSC 52). The route is named, because only some of them can be known to have worked.

use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use tokio::io::AsyncWriteExt;

/// How long a tool may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// The longest text that terminals take by OSC 52; xterm's limit, and nobody's is lower.
const OSC_LIMIT: usize = 74_994;

/// What decides the routes, as the environment's variables say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Surroundings {
    /// `TMUX`: inside tmux.
    pub tmux: bool,
    /// `SSH_CONNECTION` or `SSH_TTY`: the desktop is on another machine.
    pub ssh: bool,
    /// `WAYLAND_DISPLAY`.
    pub wayland: bool,
    /// `DISPLAY`.
    pub x11: bool,
    /// Whether this is macOS.
    pub mac: bool,
}

impl Surroundings {
    /// What the variables of this process say.
    #[must_use]
    pub fn of_process() -> Self {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        Self {
            tmux: set("TMUX"),
            ssh: set("SSH_CONNECTION") || set("SSH_TTY"),
            wayland: set("WAYLAND_DISPLAY"),
            x11: set("DISPLAY"),
            mac: cfg!(target_os = "macos"),
        }
    }
}

/// A way into the clipboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// A program that reads the text: its name for people, and how it is started.
    Tool(&'static str, &'static [&'static str]),
    /// The terminal.
    Terminal,
}

impl Route {
    /// Its name for people.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Tool(name, _) => name,
            Self::Terminal => "the terminal (OSC 52)",
        }
    }
}

/// The routes to try, in order. Over SSH the tools of this machine's desktop would fill the wrong clipboard.
#[must_use]
pub fn routes(around: Surroundings) -> Vec<Route> {
    let local = !around.ssh;
    let candidates = [
        (around.tmux, Route::Tool("tmux's buffer", &["tmux", "load-buffer", "-w", "-"])),
        (local && around.mac, Route::Tool("pbcopy", &["pbcopy"])),
        (local && around.wayland, Route::Tool("wl-copy", &["wl-copy"])),
        (local && around.x11, Route::Tool("xclip", &["xclip", "-selection", "clipboard"])),
        (local && around.x11, Route::Tool("xsel", &["xsel", "--clipboard", "--input"])),
    ];
    let there = candidates.into_iter().filter(|(there, _)| *there).map(|(_, route)| route);
    there.chain([Route::Terminal]).collect()
}

/// The sequence that asks the terminal to keep `text`; nothing where it is longer than terminals take.
#[must_use]
pub fn osc52(text: &str) -> Option<Vec<u8>> {
    let encoded = base64::engine::general_purpose::STANDARD.encode(text);
    (encoded.len() <= OSC_LIMIT).then(|| format!("\x1b]52;c;{encoded}\x07").into_bytes())
}

/// What became of a text that was to be copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Copied {
    /// A tool took it.
    Taken(Route),
    /// These bytes are to be written to the terminal, which then has it, if it allows that.
    Write(Vec<u8>),
    /// No route was left: why.
    Failed(String),
}

/// Copies by the first of the routes that works.
pub async fn copy(text: &str, routes: &[Route]) -> Copied {
    for route in routes {
        match route {
            Route::Tool(_, words) => {
                if pipe(words, text).await {
                    return Copied::Taken(*route);
                }
            }
            Route::Terminal => {
                return match osc52(text) {
                    Some(bytes) => Copied::Write(bytes),
                    None => Copied::Failed(format!("{} bytes are more than a terminal takes", text.len())),
                };
            }
        }
    }
    Copied::Failed("there is no way to a clipboard from here".to_owned())
}

async fn pipe(words: &[&str], text: &str) -> bool {
    let Some((program, arguments)) = words.split_first() else { return false };
    let mut command = tokio::process::Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let work = async {
        let mut child = command.spawn().ok()?;
        let mut stdin = child.stdin.take()?;
        stdin.write_all(text.as_bytes()).await.ok()?;
        drop(stdin);
        child.wait().await.ok().filter(std::process::ExitStatus::success)
    };
    matches!(tokio::time::timeout(PATIENCE, work).await, Ok(Some(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(around: Surroundings) -> Vec<&'static str> {
        routes(around).into_iter().map(Route::word).collect()
    }

    #[test]
    fn over_ssh_the_tools_of_the_far_desktop_are_left_alone() {
        let around = Surroundings { tmux: true, ssh: true, x11: true, ..Surroundings::default() };
        assert_eq!(named(around), ["tmux's buffer", "the terminal (OSC 52)"]);
        let around = Surroundings { wayland: true, x11: true, ..Surroundings::default() };
        assert_eq!(named(around), ["wl-copy", "xclip", "xsel", "the terminal (OSC 52)"]);
    }

    #[test]
    fn a_text_goes_to_the_terminal_encoded_and_bounded() {
        assert_eq!(osc52("hi\x1b").as_deref(), Some(b"\x1b]52;c;aGkb\x07".as_slice()));
        assert_eq!(osc52(&"x".repeat(60_000)), None);
    }

    #[tokio::test]
    async fn a_tool_that_is_not_there_gives_way_to_the_next() {
        let missing = Route::Tool("nothing", &["liveloop-no-such-tool"]);
        let cat = Route::Tool("cat", &["cat"]);
        assert_eq!(copy("text", &[missing, cat]).await, Copied::Taken(cat));
        assert!(matches!(copy("text", &[missing, Route::Terminal]).await, Copied::Write(_)));
    }
}
