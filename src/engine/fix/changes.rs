//! Which files of a project differ from before, as git sees them: those of new commits, and those that are changed and
//! not committed. Outside a repository nobody knows, and no file counts as changed.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::SystemTime;

use crate::adapters::sanitize;
use crate::domain::Text;
use crate::engine::masks::Masks;
use crate::engine::source::ask;

/// More changed files than that are a change of everything; the others are left out.
const MOST: usize = 2_000;

/// The state of a project's files.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Snapshot {
    head: String,
    /// Files that differ from the commit, with when they were written and how long they are.
    dirty: BTreeMap<String, Option<(SystemTime, u64)>>,
}

impl Snapshot {
    /// The state now; nothing outside a repository.
    pub(super) async fn take(root: &Path) -> Option<Self> {
        let head = ask(root, &["rev-parse", "HEAD"]).await?.trim().to_owned();
        let status =
            ask(root, &["status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--", "."]).await?;
        let names = status.split('\0').filter_map(|row| row.get(3..)).filter(|name| !name.starts_with(".liveloop/"));
        let written = |name: &str| {
            let found = std::fs::symlink_metadata(root.join(name)).ok()?;
            Some((found.modified().ok()?, found.len()))
        };
        let dirty = names.take(MOST).map(|name| (name.to_owned(), written(name))).collect();
        Some(Self { head, dirty })
    }

    /// The files that are otherwise now.
    pub(super) async fn changed_since(self, root: &Path, masks: &Masks) -> Vec<Text> {
        let Some(now) = Self::take(root).await else { return Vec::new() };
        let range = format!("{}..{}", self.head, now.head);
        let committed = match self.head == now.head {
            true => None,
            false => ask(root, &["diff", "--name-only", "-z", "--no-renames", "--relative", &range]).await,
        };
        let mut changed: Vec<String> = committed
            .iter()
            .flat_map(|names| names.split('\0'))
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect();
        let differs = |name: &&String| self.dirty.get(*name) != now.dirty.get(*name);
        changed.extend(now.dirty.keys().chain(self.dirty.keys()).filter(differs).cloned());
        changed.sort_unstable();
        changed.dedup();
        changed.truncate(MOST);
        changed.iter().map(|name| sanitize::text(&masks.mask(name)).into()).collect()
    }
}
