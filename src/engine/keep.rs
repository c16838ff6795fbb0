//! Files that people asked for: hand-offs, in the project's own folder.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::folder::stamp;
use crate::domain::{Moment, SessionEvent};

/// Where hand-offs are kept, as seen from the project's folder.
const FOLDER: &str = ".liveloop/handoff";
/// How many hand-offs are kept; the oldest go.
const KEPT: usize = 50;

/// Writes a hand-off into a file of its own, that nobody else can read; says where, or why not.
#[must_use]
pub fn hand_off(root: &Path, text: Option<&str>, now: Moment) -> SessionEvent {
    let Some(text) = text else {
        return SessionEvent::HandOffFailed { why: "there is nothing to hand off: it is not known here".into() };
    };
    let path = format!("{FOLDER}/{}.md", stamp(now));
    match write(root, &path, text) {
        Ok(()) => SessionEvent::HandOffKept { path: path.into(), bytes: text.len() as u64 },
        Err(error) => SessionEvent::HandOffFailed {
            why: format!("failed to write the hand-off to {path}: {error}; it can still be copied").into(),
        },
    }
}

fn write(root: &Path, path: &str, text: &str) -> std::io::Result<()> {
    let folder = root.join(FOLDER);
    fs::create_dir_all(&folder)?;
    forget_old(&folder);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(root.join(path))?;
    file.write_all(text.as_bytes())
}

fn forget_old(folder: &Path) {
    let files = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|extension| extension == "md")).collect();
    files.sort_unstable();
    let old = files.len().saturating_sub(KEPT - 1);
    files.iter().take(old).for_each(|path| {
        // One too many harms nobody.
        let _ = fs::remove_file(path);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hand_off_is_written_and_old_ones_go() {
        let project = tempfile::tempdir().expect("a folder");
        for n in 0..KEPT as u64 + 3 {
            let kept = hand_off(project.path(), Some("# x\n"), Moment(1_700_000_000_000_000 + n));
            assert!(matches!(kept, SessionEvent::HandOffKept { bytes: 4, .. }), "{kept:?}");
        }
        assert_eq!(fs::read_dir(project.path().join(FOLDER)).expect("a folder").count(), KEPT);
    }

    #[test]
    fn what_cannot_be_written_is_said() {
        let project = tempfile::tempdir().expect("a folder");
        fs::write(project.path().join(".liveloop"), "a file").expect("writable");
        let SessionEvent::HandOffFailed { why } = hand_off(project.path(), Some("x"), Moment(1)) else {
            panic!("it was written");
        };
        assert!(why.starts_with("failed to write the hand-off to .liveloop/handoff/"), "{why}");
    }
}
