//! Watches the project's folder, and tells which files changed once they are at rest. What git ignores, git's own
//! folder, our own and what editors leave for a moment are left out.
//!
//! On Linux each folder is watched by itself, so that build folders with thousands of others cost nothing; elsewhere the
//! system watches everything below the project at once.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ignore::WalkBuilder;
use ignore::gitignore::Gitignore;
use notify::event::{CreateKind, EventKind, ModifyKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::means::Means;
use crate::adapters::sanitize;
use crate::config::project::{Project, RunnerTool};
use crate::domain::{SessionEvent, Text, WATCH_PATHS};

/// How many reports of the system may wait; further ones are counted.
const REPORTS: usize = 4_096;
/// How many changed files are remembered until they are at rest; further ones are counted.
const MOST: usize = 4_096;
/// How many folders are watched.
const FOLDERS: usize = 20_000;
/// After this many times the wait for rest, files that never rest are told all the same.
const PATIENCE: u32 = 10;
/// Folders that tools fill while tests run, whether or not git was told to ignore them.
const TOOLS: [&str; 5] = [".git", ".liveloop", "__pycache__", ".pytest_cache", "node_modules"];

/// What is watched.
#[derive(Debug, Clone)]
pub struct WatchOrder {
    debounce: Duration,
    /// Files that our own runs write, as seen from the project's folder.
    written: Vec<PathBuf>,
}

impl WatchOrder {
    /// The project's files, but for those that runs and reports write.
    #[must_use]
    pub fn of(project: &Project) -> Self {
        let results = project.runners.iter().filter_map(|runner| match &runner.tool {
            RunnerTool::Command(spec) => {
                Some(Path::new(spec.command.directory.as_deref().unwrap_or_default()).join(&spec.path))
            }
            _ => None,
        });
        let written = project.reports.files.iter().map(PathBuf::from).chain(results).collect();
        Self { debounce: project.watch.debounce, written }
    }
}

/// A file that the system reported.
struct Report {
    path: PathBuf,
    /// Whether it came into being.
    is_new: bool,
}

/// Watches until `wanted` has no other end any more.
pub async fn watch(order: WatchOrder, means: Means, mut wanted: mpsc::Receiver<()>) {
    tokio::select! {
        _ = wanted.recv() => {}
        why = follow(&order, &means) => {
            let why = sanitize::text(&means.masks.mask(&why)).into();
            let _ = means.outbox.send(vec![SessionEvent::WatchEnded { why }.into()]).await;
        }
    }
}

/// Tells of changes for as long as it can; answers why it cannot.
async fn follow(order: &WatchOrder, means: &Means) -> String {
    let (sender, mut reports) = mpsc::channel(REPORTS);
    let lost = Arc::new(AtomicU64::new(0));
    let root = means.root.to_path_buf();
    let made = {
        let (lost, root) = (lost.clone(), root.clone());
        tokio::task::spawn_blocking(move || Eye::open(&root, sender, lost)).await
    };
    match made {
        Ok(Ok(eye)) => relay(eye, &mut reports, &lost, order, means).await,
        Ok(Err(error)) => format!("failed to watch {}: {}", root.display(), advise(&error)),
        Err(error) => format!("failed to watch {}: {error}", root.display()),
    }
}

/// Tells what is reported, once it is at rest; answers why that ends.
async fn relay(
    mut eye: Eye,
    reports: &mut mpsc::Receiver<Report>,
    lost: &AtomicU64,
    order: &WatchOrder,
    means: &Means,
) -> String {
    let root = means.root.to_path_buf();
    loop {
        let Some(first) = reports.recv().await else { return "the system no longer reports changes".to_owned() };
        let mut batch = Batch::default();
        batch.add(first);
        let begun = Instant::now();
        loop {
            let rest = (Instant::now() + order.debounce).min(begun + order.debounce * PATIENCE);
            tokio::select! {
                report = reports.recv() => match report {
                    Some(report) => batch.add(report),
                    None => break,
                },
                () = sleep_until(rest) => break,
            }
            if begun.elapsed() >= order.debounce * PATIENCE {
                break;
            }
        }
        let more = lost.swap(0, Ordering::Relaxed) + batch.more;
        let looked = {
            let (root, written) = (root.clone(), order.written.clone());
            tokio::task::spawn_blocking(move || {
                let paths = eye.settle(batch, &root, &written);
                (eye, paths)
            })
            .await
        };
        let paths;
        (eye, paths) = match looked {
            Ok(looked) => looked,
            Err(error) => return format!("failed to look at what changed: {error}"),
        };
        if paths.is_empty() && more == 0 {
            continue;
        }
        let more = more + paths.len().saturating_sub(WATCH_PATHS) as u64;
        let shown = paths.iter().take(WATCH_PATHS);
        let told = |path: &String| -> Text { sanitize::text(&means.masks.mask(path)).into() };
        let gone = shown.clone().filter(|path| !root.join(path).exists()).map(told).collect();
        let paths: Vec<Text> = shown.map(told).collect();
        let _ = means.outbox.send(vec![SessionEvent::FilesChanged { paths, more, gone }.into()]).await;
    }
}

/// The usual reason on Linux has a remedy that the system's own words do not name.
fn advise(error: &notify::Error) -> String {
    match error.kind {
        notify::ErrorKind::MaxFilesWatch => {
            "the system's limit of watches is reached: raise fs.inotify.max_user_watches".to_owned()
        }
        _ => error.to_string(),
    }
}

/// What was reported since files were last at rest.
#[derive(Default)]
struct Batch {
    /// Files, and whether they came into being meanwhile.
    files: BTreeMap<PathBuf, bool>,
    /// How many there are beside them.
    more: u64,
}

impl Batch {
    fn add(&mut self, report: Report) {
        if self.files.len() >= MOST && !self.files.contains_key(&report.path) {
            self.more += 1;
        } else {
            *self.files.entry(report.path).or_default() |= report.is_new;
        }
    }
}

/// The system's watcher, which ends when this is dropped.
struct Eye {
    watcher: RecommendedWatcher,
    folders: usize,
}

impl Eye {
    fn open(root: &Path, reports: mpsc::Sender<Report>, lost: Arc<AtomicU64>) -> notify::Result<Self> {
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| match event {
            Ok(event) if event.need_rescan() => {
                lost.fetch_add(1, Ordering::Relaxed);
            }
            Ok(event) => {
                let is_new = match event.kind {
                    EventKind::Create(_) | EventKind::Modify(ModifyKind::Name(_)) => true,
                    EventKind::Modify(ModifyKind::Metadata(_)) | EventKind::Access(_) | EventKind::Other => return,
                    EventKind::Modify(_) | EventKind::Remove(_) | EventKind::Any => false,
                };
                let is_folder = event.kind == EventKind::Create(CreateKind::Folder);
                for path in event.paths {
                    if reports.try_send(Report { path, is_new: is_new && !is_folder }).is_err() {
                        lost.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
            Err(_) => {
                lost.fetch_add(1, Ordering::Relaxed);
            }
        })?;
        let mut eye = Self { watcher, folders: 0 };
        if cfg!(target_os = "linux") {
            eye.add_below(root)?;
        } else {
            eye.watcher.watch(root, RecursiveMode::Recursive)?;
        }
        Ok(eye)
    }

    /// Watches a folder and those below it that git does not ignore; answers the files in them.
    fn add_below(&mut self, top: &Path) -> notify::Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for entry in walk(top).flatten() {
            if !entry.file_type().is_some_and(|kind| kind.is_dir()) {
                if files.len() < MOST {
                    files.push(entry.into_path());
                }
                continue;
            }
            if self.folders >= FOLDERS {
                return Err(notify::Error::generic(&format!("more than {FOLDERS} folders that git does not ignore")));
            }
            match self.watcher.watch(entry.path(), RecursiveMode::NonRecursive) {
                Ok(()) => self.folders += 1,
                // One that went away meanwhile needs no watch.
                Err(_) if !entry.path().exists() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(files)
    }

    /// The files that changed, as seen from the project's folder; new folders are watched from now on.
    fn settle(&mut self, batch: Batch, root: &Path, written: &[PathBuf]) -> Vec<String> {
        let mut rules = Rules::new(root);
        let mut changed = Vec::new();
        for (path, is_new) in batch.files {
            let Ok(within) = path.strip_prefix(root).map(Path::to_path_buf) else { continue };
            if is_passing(&within) || written.contains(&within) || rules.ignore(&path) {
                continue;
            }
            if path.is_dir() {
                // What was put into a new folder before it was watched was never reported.
                let met = if cfg!(target_os = "linux") { self.add_below(&path) } else { Ok(Vec::new()) };
                changed.extend(met.unwrap_or_default().into_iter().filter_map(|file| {
                    file.strip_prefix(root).ok().filter(|file| !is_passing(file)).map(Path::to_path_buf)
                }));
            } else if !is_new || path.exists() {
                changed.push(within);
            }
        }
        changed.sort_unstable();
        changed.dedup();
        changed.iter().map(|path| path.to_string_lossy().into_owned()).collect()
    }
}

fn walk(top: &Path) -> ignore::Walk {
    let mut builder = WalkBuilder::new(top);
    builder.hidden(false).ignore(false).require_git(false);
    builder.filter_entry(|entry| !TOOLS.iter().any(|name| entry.file_name() == *name));
    builder.build()
}

/// Whether a file is nobody's work: of a tool, or what an editor leaves while it writes.
fn is_passing(path: &Path) -> bool {
    let is_tool = path.components().any(|part| TOOLS.iter().any(|name| part.as_os_str() == *name));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let of_editor = name.ends_with('~') || name.starts_with(".#") || name == "4913";
    is_tool || of_editor || [".swp", ".swx", ".swo", ".pyc"].iter().any(|end| name.ends_with(end))
}

/// What git ignores, read anew for each batch, since the rules are files that change too.
struct Rules {
    /// The repository's folder, or the project's where there is none.
    top: PathBuf,
    of_folder: HashMap<PathBuf, Gitignore>,
    /// The repository's own list and the person's.
    others: [Gitignore; 2],
}

impl Rules {
    fn new(root: &Path) -> Self {
        let top = root.ancestors().find(|folder| folder.join(".git").exists()).unwrap_or(root).to_path_buf();
        let (of_person, _) = ignore::gitignore::GitignoreBuilder::new(&top).build_global();
        let mut of_repository = ignore::gitignore::GitignoreBuilder::new(&top);
        let _ = of_repository.add(top.join(".git/info/exclude"));
        let of_repository = of_repository.build().unwrap_or_else(|_| Gitignore::empty());
        Self { top, of_folder: HashMap::new(), others: [of_repository, of_person] }
    }

    /// Whether git ignores a file: the rules nearest to it decide.
    fn ignore(&mut self, path: &Path) -> bool {
        let is_folder = path.is_dir();
        for folder in path.ancestors().skip(1).take_while(|folder| folder.starts_with(&self.top)) {
            let rules = self.of_folder.entry(folder.to_path_buf());
            let rules = rules.or_insert_with(|| Gitignore::new(folder.join(".gitignore")).0);
            let found = rules.matched_path_or_any_parents(path, is_folder);
            if !found.is_none() {
                return found.is_ignore();
            }
        }
        self.others.iter().any(|rules| {
            path.starts_with(rules.path()) && rules.matched_path_or_any_parents(path, is_folder).is_ignore()
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tokio::time::timeout;

    use super::*;
    use crate::domain::Event;
    use crate::engine::clock::Clock;
    use crate::engine::masks::Masks;

    /// Far beyond what any machine takes.
    const BOUND: Duration = Duration::from_secs(30);

    /// What is told of what `act` does in a project with these files; `last` is a file that it changes in the end.
    fn changed(files: &[(&str, &str)], act: impl FnOnce(&Path), last: &str) -> Vec<String> {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().canonicalize().expect("a folder that is there");
        for (name, text) in files {
            let path = root.join(name);
            fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("writable");
            fs::write(path, text).expect("writable");
        }
        let (outbox, mut told) = mpsc::channel(64);
        let means = Means {
            root: root.as_path().into(),
            runtime: root.as_path().into(),
            supervisor: root.as_path().into(),
            bin: None,
            masks: Masks::new([]),
            clock: Clock::start(),
            outbox,
        };
        let order = WatchOrder { debounce: Duration::from_millis(50), written: vec!["report.md".into()] };
        let (sender, mut reports) = mpsc::channel(REPORTS);
        let lost = Arc::new(AtomicU64::new(0));
        let eye = Eye::open(&root, sender, lost.clone()).expect("a folder can be watched");
        act(&root);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let mut all = Vec::new();
        let hear = async {
            while !all.iter().any(|path| path == last) {
                let events = told.recv().await.expect("the watch goes on");
                for event in events {
                    let Event::Session(SessionEvent::FilesChanged { paths, more: 0, .. }) = event else {
                        panic!("another event: {event:?}");
                    };
                    all.extend(paths.iter().map(ToString::to_string));
                }
            }
        };
        runtime.block_on(async {
            tokio::select! {
                why = relay(eye, &mut reports, &lost, &order, &means) => panic!("{why}"),
                heard = timeout(BOUND, hear) => heard.expect("the change is told in time"),
            }
        });
        all.sort();
        all.dedup();
        all
    }

    #[test]
    fn what_changes_is_told_and_what_git_ignores_is_not() {
        let files = [
            (".gitignore", "*.log\nbuild/\n"),
            ("sub/.gitignore", "!keep.log\nlocal.txt\n"),
            ("main.py", "1"),
            ("old.py", "1"),
            ("sub/local.txt", "1"),
            ("build/out.js", "1"),
            (".git/HEAD", "ref"),
            (".liveloop/x", "1"),
            ("__pycache__/main.pyc", "1"),
        ];
        let act = |root: &Path| {
            let write = |name: &str| fs::write(root.join(name), "2").expect("writable");
            ["a.log", "sub/local.txt", "build/out.js", ".git/HEAD", ".liveloop/x", "__pycache__/main.pyc"]
                .into_iter()
                .for_each(write);
            ["report.md", ".main.py.swp", "main.py~", "sub/keep.log", "main.py"].into_iter().for_each(write);
            fs::remove_file(root.join("old.py")).expect("there");
            write("last.py");
        };
        assert_eq!(changed(&files, act, "last.py"), ["last.py", "main.py", "old.py", "sub/keep.log"]);
    }

    #[test]
    fn a_new_folder_is_watched_with_what_was_put_into_it() {
        let act = |root: &Path| {
            fs::create_dir_all(root.join("new/deep")).expect("writable");
            fs::write(root.join("new/deep/a.py"), "1").expect("writable");
        };
        assert_eq!(changed(&[("main.py", "1")], act, "new/deep/a.py"), ["new/deep/a.py"]);
    }

    #[test]
    fn a_file_that_an_editor_made_and_took_away_is_nothing() {
        let act = |root: &Path| {
            fs::write(root.join("tmp123"), "1").expect("writable");
            fs::rename(root.join("tmp123"), root.join("main.py")).expect("writable");
        };
        assert_eq!(changed(&[("main.py", "1")], act, "main.py"), ["main.py"]);
    }
}
