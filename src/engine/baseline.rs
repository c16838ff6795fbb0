//! Baselines: what a past cycle or a file of results says of each test. The only place that knows where that is kept.

use std::collections::HashMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use super::folder;
use super::history::{import as past, schema};
use super::journal::scan;
use super::masks::Masks;
use crate::adapters::results::import;
use crate::domain::{
    Baseline, BaselineResult, Entry, Event, LoadedBaseline, Moment, Recollection, RunEvent, SessionEvent, Signature,
    State, Text,
};

/// How many bytes of journals are read back at most.
const BYTES: u64 = 256 << 20;
/// The largest file of results that is read.
const LARGEST: u64 = 128 << 20;

/// Where baselines are found.
#[derive(Debug, Clone)]
pub struct Sources {
    /// The project's folder.
    pub root: PathBuf,
    /// The journals of all sessions, this one's too.
    pub sessions: PathBuf,
    /// Masks what must not be seen.
    pub masks: Masks,
}

/// Reads a baseline; the event tells what came of it.
#[must_use]
pub fn load(sources: &Sources, baseline: Baseline) -> SessionEvent {
    let read = match &baseline {
        Baseline::Previous => Err("it needs nothing to be read".to_owned()),
        Baseline::File(path) => read_file(sources, path, &baseline),
        Baseline::Green => read_cycle(sources, &baseline, Sought::Green),
        Baseline::Cycle(number) => match imported(sources, *number) {
            Some(loaded) => Ok(loaded),
            None => read_cycle(sources, &baseline, Sought::Number(*number)),
        },
        Baseline::Named(name) => read_cycle(sources, &baseline, Sought::Name(name)),
    };
    match read {
        Ok(loaded) => SessionEvent::BaselineLoaded(Arc::new(loaded)),
        Err(why) => SessionEvent::BaselineMissing { baseline, why: why.into() },
    }
}

fn read_file(sources: &Sources, path: &str, baseline: &Baseline) -> Result<LoadedBaseline, String> {
    let whole = sources.root.join(path);
    let failed = |error: std::io::Error| format!("{} cannot be read: {error}", whole.display());
    let file = std::fs::File::open(&whole).map_err(failed)?;
    let facts = file.metadata().map_err(failed)?;
    if facts.is_dir() {
        return Err(format!("{} is a folder: name one file of results in it", whole.display()));
    }
    if facts.len() > LARGEST {
        return Err(format!("{} is larger than {} MB", whole.display(), LARGEST >> 20));
    }
    let mut bytes = Vec::new();
    file.take(LARGEST).read_to_end(&mut bytes).map_err(failed)?;
    let text = String::from_utf8_lossy(&bytes);
    let format = import::format_of(path, &text);
    let exists = |path: &str| sources.root.join(path).is_file();
    let results = import::import(format, &text, &exists, &|text| sources.masks.mask(text).into_owned())
        .map_err(|why| format!("{} is no file of results that can be read: {why}", whole.display()))?;
    let written = facts.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let at = written.map(|since| Moment(u64::try_from(since.as_micros()).unwrap_or(u64::MAX)));
    let name = Path::new(path).file_name().map_or_else(|| path.into(), |name| name.to_string_lossy());
    let title = crate::adapters::sanitize::text(&sources.masks.mask(&name)).into();
    Ok(LoadedBaseline { baseline: baseline.clone(), title, cycle: None, results, at })
}

/// A cycle that a file brought in is in the history alone. It says what that file said, no more.
fn imported(sources: &Sources, number: u32) -> Option<LoadedBaseline> {
    let file = schema::path(sources.sessions.parent()?);
    let connection = schema::open_to_read(&file).ok()?;
    // A history that cannot be read is said elsewhere; the journals are asked then.
    let (results, began) = past::results_of(&connection, number).ok()??;
    let title = format!("cycle {number} (imported)").into();
    Some(LoadedBaseline { baseline: Baseline::Cycle(number), title, cycle: Some(number), results, at: Some(began) })
}

/// Folds a journal into the state that its session had, as far as `goes_on` says so after each entry. Of what that
/// session recalled itself only the cycles count: the rest is in the journals before it.
fn fold(path: &Path, mut goes_on: impl FnMut(&State, &Event) -> bool) -> Option<State> {
    let mut state = State::default();
    let mut effects = Vec::new();
    let mut over = false;
    let take = |mut entry: Entry| {
        if over {
            return;
        }
        if let Event::Session(SessionEvent::Recalled(recalled)) = &mut entry.event {
            let (cycle, cycles) = (recalled.cycle, recalled.cycles.clone());
            *recalled = Arc::new(Recollection { cycle, cycles, ..Recollection::default() });
        }
        state.apply(&entry, &mut effects);
        effects.clear();
        over = !goes_on(&state, &entry.event);
    };
    scan(path, take).ok()?;
    Some(state)
}

/// Which cycle is looked for.
#[derive(Clone, Copy)]
enum Sought<'a> {
    Green,
    Number(u32),
    Name(&'a str),
}

/// How the tests stood after a cycle. A test that did not run in it stood as it did before.
fn read_cycle(sources: &Sources, baseline: &Baseline, sought: Sought) -> Result<LoadedBaseline, String> {
    let journals = within_budget(folder::journals(&sources.sessions));
    let number = match sought {
        Sought::Green => None,
        Sought::Number(number) => Some(number),
        Sought::Name(name) => {
            // The newest journal knows all names that were ever given.
            let find = |path: &PathBuf| fold(path, |_, _| true)?.records.named(name).map(|record| record.number);
            let found = journals.iter().find_map(find);
            Some(found.ok_or_else(|| format!("no cycle is called {name}; a name is given with name-cycle"))?)
        }
    };
    let mut tests: HashMap<Text, Option<BaselineResult>> = HashMap::new();
    let mut found: Option<(u32, Option<Text>, Moment)> = None;
    for path in &journals {
        let Some(number) = number else {
            if let Some((green, cycle)) = last_green(path) {
                tests = green;
                found = Some(cycle);
                break;
            }
            continue;
        };
        let Some(state) = fold(path, |state, _| state.cycle <= number) else { continue };
        learn(&state, number, &mut tests);
        if let Some(record) = state.records.get(number).filter(|_| found.is_none()) {
            found = Some((number, record.name.clone(), record.began));
        }
    }
    let results: Vec<BaselineResult> = {
        let mut results: Vec<_> = tests.into_values().flatten().collect();
        results.sort_unstable_by(|a, b| a.node.cmp(&b.node));
        results
    };
    let why = || match sought {
        Sought::Green => "no cycle that was green is remembered".to_owned(),
        Sought::Number(number) => format!("no cycle {number} is remembered"),
        Sought::Name(name) => format!("nothing is remembered of the cycle {name}"),
    };
    let (number, name, began) = found.filter(|_| !results.is_empty()).ok_or_else(why)?;
    let title = match (sought, name) {
        (Sought::Green, _) => format!("green cycle {number}"),
        (_, Some(name)) => format!("cycle {number} {name}"),
        (_, None) => format!("cycle {number}"),
    };
    Ok(LoadedBaseline {
        baseline: baseline.clone(),
        title: title.into(),
        cycle: Some(number),
        results,
        at: Some(began),
    })
}

/// What a session knows of the tests after a cycle, where newer sessions do not know better.
fn learn(state: &State, number: u32, tests: &mut HashMap<Text, Option<BaselineResult>>) {
    for (_, test) in state.inventory.tests() {
        let attempts = test.latest.iter().chain(test.earlier.iter().rev());
        let mut known = attempts.filter(|attempt| attempt.run.is_some() && attempt.cycle <= number);
        let Some(latest) = known.next() else { continue };
        tests.entry(test.node.clone()).or_insert_with(|| {
            let module = state.inventory.module(test.module).filter(|_| !test.gone)?;
            let failed = latest.outcome.is_failure();
            let cause = latest.cause.and_then(|id| state.causes.get(id));
            // The cause's own signature: a test that failed because of another one fails for the same reason then.
            let signature = cause.map_or_else(
                || Signature::of(latest.outcome, latest.detail.as_deref()),
                |cause| cause.signature.clone(),
            );
            Some(BaselineResult {
                node: test.node.clone(),
                module: module.path.clone(),
                also: Vec::new(),
                outcome: latest.outcome,
                signature: failed.then(|| Arc::new(signature)),
                message: latest.detail.as_ref().filter(|_| failed).map(|detail| detail.message.clone()),
            })
        });
    }
}

type Green = (HashMap<Text, Option<BaselineResult>>, (u32, Option<Text>, Moment));

/// How the tests stood when everything was green for the last time in a session.
fn last_green(path: &Path) -> Option<Green> {
    let mut found = None;
    let mut take = |state: &State, event: &Event| {
        if matches!(event, Event::Run(RunEvent::Exited { .. })) && state.is_green() {
            let mut tests = HashMap::new();
            learn(state, state.cycle, &mut tests);
            let name = state.records.get(state.cycle).and_then(|record| record.name.clone());
            found = Some((tests, (state.cycle, name, state.cycle_since)));
        }
        true
    };
    fold(path, &mut take)?;
    found
}

/// The newest journals, as many as may be read.
fn within_budget(journals: Vec<PathBuf>) -> Vec<PathBuf> {
    let mut left = BYTES;
    let mut fits = |path: &PathBuf| {
        let size = std::fs::metadata(path).map_or(0, |found| found.len());
        let fits = size <= left;
        left = left.saturating_sub(size);
        fits
    };
    journals.into_iter().take_while(|path| fits(path)).collect()
}
