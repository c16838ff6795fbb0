//! What git says of a project's files.

use super::sanitize;
use crate::domain::{Checkout, Commit, Distance};

/// What asks for the newest commits, one a line: hash, author and first line, apart by zero bytes.
pub const LOG: [&str; 4] = ["log", "-30", "--no-show-signature", "--format=%H%x00%an%x00%s"];
/// What asks for the branch and the changed files.
pub const STATUS: [&str; 4] = ["status", "--porcelain=v2", "--branch", "--untracked-files=normal"];

/// The state of the files, from what the two questions were answered; nothing where there is no commit.
#[must_use]
pub fn checkout(log: &str, status: Option<&str>) -> Option<Checkout> {
    let mut commits = log.lines().map_while(commit);
    let newest = commits.next()?;
    let is_change = |line: &&str| matches!(line.as_bytes(), [b'1' | b'2' | b'u' | b'?', b' ', ..]);
    let branch = status.and_then(|status| status.lines().find_map(|line| line.strip_prefix("# branch.head ")));
    Some(Checkout {
        commit: newest.hash,
        subject: newest.subject,
        author: Some(newest.author),
        earlier: commits.collect(),
        branch: branch.filter(|name| *name != "(detached)").map(|name| sanitize::text(name).into()),
        dirty: status.map(|status| u32::try_from(status.lines().filter(is_change).count()).unwrap_or(u32::MAX)),
    })
}

fn commit(line: &str) -> Option<Commit> {
    let (hash, rest) = line.split_once('\0')?;
    let (author, subject) = rest.split_once('\0')?;
    let is_hash = hash.len() >= 40 && hash.chars().all(|c| c.is_ascii_hexdigit());
    let clean = |text: &str| sanitize::text(text).into();
    is_hash.then(|| Commit { hash: hash.into(), author: clean(author), subject: clean(subject) })
}

/// What asks how far the checked out commit is from `commit`; nothing where that cannot be the name of one, so that no
/// answer of a service is ever taken for an option.
#[must_use]
pub fn distance_question(commit: &str) -> Option<[String; 4]> {
    let is_hash = (7..=64).contains(&commit.len()) && commit.chars().all(|c| c.is_ascii_hexdigit());
    let words = ["rev-list", "--left-right", "--count"].map(str::to_owned);
    let [list, sides, count] = words;
    is_hash.then(|| [list, sides, count, format!("{commit}...HEAD")])
}

/// How far it is, from what that question was answered.
#[must_use]
pub fn distance(answer: &str) -> Option<Distance> {
    let mut counts = answer.split_ascii_whitespace().map(str::parse);
    let (behind, ahead) = (counts.next()?.ok()?, counts.next()?.ok()?);
    Some(Distance { ahead, behind })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "0123456789abcdef0123456789abcdef01234567";
    const OLDER: &str = "fedcba9876543210fedcba9876543210fedcba98";

    #[test]
    fn changed_and_new_files_are_counted() {
        let status = "# branch.oid 0123\n# branch.head main\n# branch.upstream origin/main\n# branch.ab +0 -0\n\
                      1 .M N... 100644 100644 100644 a b src/lib.rs\n2 R. N... 1 1 1 a b R100 new\told\n? notes.txt\n\
                      ! ignored\n";
        let log = format!("{HASH}\0Ada \u{7}Lovelace\0Mend \u{1b}[31mit\n{OLDER}\0Grace\0Begin\nwarning: cut\n");
        let found = checkout(&log, Some(status)).expect("a commit");
        assert_eq!(found.author.as_deref(), Some("Ada Lovelace"));
        assert_eq!(found.earlier, [Commit { hash: OLDER.into(), author: "Grace".into(), subject: "Begin".into() }]);
        assert_eq!(found.branch.as_deref(), Some("main"));
        assert_eq!((found.dirty, &*found.subject, found.short()), (Some(3), "Mend it", "012345678"));
    }

    #[test]
    fn only_a_hash_is_asked_about() {
        assert_eq!(distance_question(HASH).map(|question| question[3].clone()), Some(format!("{HASH}...HEAD")));
        for wild in ["", "main", "--output=x", "abc12", "012345 -- x", &"a".repeat(65)] {
            assert_eq!(distance_question(wild), None, "{wild}");
        }
        assert_eq!(distance("2\t3\n"), Some(Distance { ahead: 3, behind: 2 }));
        assert_eq!(distance("fatal: bad revision"), None);
    }

    #[test]
    fn a_detached_head_has_no_branch_and_silence_is_not_clean() {
        let found = checkout(&format!("{HASH}\0a\0x"), Some("# branch.head (detached)\n")).expect("a commit");
        assert_eq!((found.branch, found.dirty), (None, Some(0)));
        assert_eq!(checkout(&format!("{HASH}\0a\0x"), None).expect("a commit").dirty, None);
        assert_eq!(checkout("fatal: not a git repository", None), None);
        assert_eq!(checkout("", Some("")), None);
    }
}
