//! What stands around the tests: deploys, services, commits, and results from elsewhere.

use serde::Serialize;

use crate::domain::{Baseline, Checkout, Deploy, DeployId, DeployPhase, Health, State, Surface};
use crate::report::time::stamp;

/// A deploy.
#[derive(Debug, Clone, Serialize)]
pub struct DeployFact {
    /// Its number in this session, counted from 1.
    pub number: u32,
    /// What was deployed.
    pub service: String,
    /// Who asked for it.
    pub by: String,
    /// The revision that served before.
    pub from: Option<String>,
    /// The revision that was put in place, or announced.
    pub to: Option<String>,
    /// When it was asked for.
    pub began: String,
    /// How long it took, in seconds.
    pub took: Option<f64>,
    /// How it ended, in a word.
    pub end: &'static str,
    /// Why it ended so.
    pub why: Option<String>,
    /// How far up the ladder of proof it came: `none`, `accepted`, `control_plane`, `data_plane` or `every_surface`.
    pub rung: &'static str,
    /// The rung that was asked for.
    pub goal: &'static str,
    /// The surfaces that have not shown the new revision, with what they showed.
    pub unproved: Vec<String>,
    /// How many connections in a row showed the new revision.
    pub streak: u32,
    /// How many were asked for.
    pub needed: u32,
}

/// A service at the end.
#[derive(Debug, Clone, Serialize)]
pub struct ServiceFact {
    /// Its name.
    pub name: String,
    /// What its probes said: `healthy`, `degraded`, `unhealthy`, `unreachable` or `unknown`.
    pub health: &'static str,
    /// Why, where it was not well.
    pub why: Option<String>,
    /// Since when.
    pub since: String,
    /// The revision that served.
    pub revision: Option<String>,
    /// Since when that was seen.
    pub revision_since: Option<String>,
}

/// A commit that runs were made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CommitFact {
    /// In full.
    pub commit: String,
    /// Short enough for a line.
    pub short: String,
    /// Its first line.
    pub subject: String,
    /// Who wrote it, where that is known.
    pub author: Option<String>,
    /// The branch.
    pub branch: Option<String>,
    /// How far the files differed from it, in words.
    pub state: String,
}

/// Results from elsewhere.
#[derive(Debug, Clone, Serialize)]
pub struct ImportFact {
    /// What it is called.
    pub title: String,
    /// When it was written.
    pub written: Option<String>,
    /// How many results it has.
    pub results: u32,
    /// How many of them match a test.
    pub matched: u32,
    /// Whether it was written before the runs of this session began, so that it says nothing of them.
    pub older_than_runs: bool,
}

pub(super) fn deploys(state: &State) -> Vec<DeployFact> {
    state.deploys.iter().map(|(id, deploy)| of_deploy(state, id, deploy)).collect()
}

fn of_deploy(state: &State, id: DeployId, deploy: &Deploy) -> DeployFact {
    let (end, why) = match &deploy.phase {
        DeployPhase::Live => ("live", None),
        DeployPhase::Failed(why) => ("failed", Some(why)),
        DeployPhase::NotServing(why) => ("not serving", Some(why)),
        DeployPhase::Superseded(why) => ("superseded", Some(why)),
        DeployPhase::TimedOut(why) => ("timed out", Some(why)),
        DeployPhase::Cancelled => ("cancelled", None),
        DeployPhase::Running | DeployPhase::Routing | DeployPhase::Proving => ("under way", None),
    };
    DeployFact {
        number: id.0 + 1,
        service: state.services.get(deploy.service).map_or_else(String::new, |known| known.spec.name.to_string()),
        by: state.viewer_name(Some(deploy.by)).to_owned(),
        from: deploy.from.as_ref().map(|from| from.to_string()),
        to: deploy.to.as_ref().map(|to| to.to_string()),
        began: stamp(deploy.started),
        took: deploy.ended.map(|ended| ended.since(deploy.started).as_secs_f64()),
        end,
        why: why.map(|why| why.to_string()),
        rung: deploy.rung().word(),
        goal: deploy.goal.word(),
        unproved: deploy.unproved().map(told).collect(),
        streak: deploy.streak,
        needed: deploy.needed,
    }
}

fn told(surface: &Surface) -> String {
    match (&surface.trouble, &surface.saw) {
        (Some(trouble), _) => format!("{}: {trouble}", surface.name),
        (None, Some(saw)) => format!("{}: {saw}", surface.name),
        (None, None) => format!("{}: not asked", surface.name),
    }
}

pub(super) fn services(state: &State) -> Vec<ServiceFact> {
    let services = state.services.iter().map(|(_, service)| {
        let (health, why) = match &service.health {
            Health::Unknown => ("unknown", None),
            Health::Healthy => ("healthy", None),
            Health::Degraded(why) => ("degraded", Some(why)),
            Health::Unhealthy(why) => ("unhealthy", Some(why)),
            Health::Unreachable(why) => ("unreachable", Some(why)),
        };
        ServiceFact {
            name: service.spec.name.to_string(),
            health,
            why: why.map(|why| why.to_string()),
            since: stamp(service.since),
            revision: service.revision.as_ref().map(|revision| revision.to_string()),
            revision_since: service.revision.as_ref().map(|_| stamp(service.revision_since)),
        }
    });
    services.collect()
}

impl CommitFact {
    pub(super) fn of(source: &Checkout) -> Self {
        Self {
            commit: source.commit.to_string(),
            short: source.short().to_owned(),
            subject: source.subject.to_string(),
            author: source.author.as_ref().map(|author| author.to_string()),
            branch: source.branch.as_ref().map(|branch| branch.to_string()),
            state: source.state(),
        }
    }
}

/// Each state of the files once, in the order in which runs met it.
pub(super) fn commits(state: &State) -> Vec<CommitFact> {
    let mut commits: Vec<CommitFact> = Vec::new();
    let sources = state.runs.iter().filter_map(|(_, run)| run.source.as_ref());
    for commit in sources.map(|source| CommitFact::of(source)) {
        if commits.last() != Some(&commit) {
            commits.push(commit);
        }
    }
    commits
}

pub(super) fn imports(state: &State) -> Vec<ImportFact> {
    let loaded = state.baseline.loaded.iter().filter(|loaded| matches!(loaded.baseline, Baseline::File(_)));
    let first = state.runs.iter().filter_map(|(_, run)| run.started).min();
    let imports = loaded.map(|loaded| ImportFact {
        title: loaded.title.to_string(),
        written: loaded.at.map(stamp),
        results: loaded.results.len() as u32,
        matched: state.baseline.matched,
        older_than_runs: loaded.at.zip(first).is_some_and(|(written, first)| written < first),
    });
    imports.collect()
}
