//! The facts of a session: everything that a report says, as values. Reports are written from these alone, so that no two
//! forms of one report can differ, and a template of a user's own has the same words as the built-in ones.
//!
//! Moments are told as text with their zone (UTC), spans in seconds. What is long is cut, and says how much is missing.

mod causes;
mod contracts;
mod cycles;
mod flight;
mod loose;
mod next;
mod origin;
mod status;
mod tests;

use serde::Serialize;

use super::time::stamp;
use crate::domain::{EnvironmentKind, Protection, State, Tally, Tier, TierId};

pub use causes::{CauseFact, ChangeFact, NoteFact, WhyFact};
pub use contracts::{CheckFact, ContractFact, ContractUserFact, LatencyFact};
pub use cycles::{CycleCauseFact, CycleFact, RunFact};
pub use flight::{DecisionFact, FixFact, FlightFact};
pub use loose::{CommitFact, DeployFact, ImportFact, ServiceFact};
pub use next::StepFact;
pub use origin::OriginFact;
pub use status::{Reason, Status, Word};
pub use tests::{EvidenceFact, HollowFact, TestFact, VerdictGroup, VerdictTest};

/// The version of the shape of these facts; a field that is new does not change it.
pub const FORMAT: u32 = 1;

/// What a report is told beside the state.
#[derive(Debug, Clone, Default)]
pub struct About {
    /// Lines of the journal that could not be understood.
    pub broken: u64,
    /// Whether the journal's last line was torn.
    pub torn: bool,
    /// Tiers whose hollow passes are no success; none: all of them.
    pub gate: Vec<String>,
    /// The journal's name.
    pub journal: Option<String>,
}

/// Everything that is reported of a session.
#[derive(Debug, Clone, Serialize)]
pub struct Facts {
    /// The version of this shape.
    pub format: u32,
    /// The program's version.
    pub program: &'static str,
    /// The project's name.
    pub project: String,
    /// Where the tests were aimed.
    pub environment: Option<EnvironmentFact>,
    /// When the session began.
    pub began: String,
    /// The time of the newest entry.
    pub until: String,
    /// How long lies in between, in seconds.
    pub took: f64,
    /// Whether the session was over.
    pub over: bool,
    /// The journal's name.
    pub journal: Option<String>,
    /// How many entries of the journal these facts follow from.
    pub entries: u64,
    /// How it stands, and why.
    pub status: Status,
    /// How all tests stand.
    pub totals: Totals,
    /// The runs that those numbers rest on.
    pub origin: OriginFact,
    /// How the priority groups stand.
    pub tiers: Vec<TierFact>,
    /// The cycles, oldest first.
    pub cycles: Vec<CycleFact>,
    /// The runs of this session, oldest first.
    pub runs: Vec<RunFact>,
    /// What each verdict was given to, the gravest first.
    pub verdicts: Vec<VerdictGroup>,
    /// Why tests fail, or failed: open causes in the order of risk, then fixed ones.
    pub causes: Vec<CauseFact>,
    /// The autopilot's newest flight, where it flew.
    pub flight: Option<FlightFact>,
    /// The deploys, oldest first.
    pub deploys: Vec<DeployFact>,
    /// What served at the end.
    pub services: Vec<ServiceFact>,
    /// What agents had to say, and did.
    pub contracts: Vec<ContractFact>,
    /// What passes are worth.
    pub evidence: EvidenceFact,
    /// The commits that runs were made of, oldest first.
    pub commits: Vec<CommitFact>,
    /// What was written on tests; what was written on causes stands with them.
    pub notes: Vec<NoteFact>,
    /// Results from elsewhere that this session was compared with.
    pub imports: Vec<ImportFact>,
    /// What of the console's own did not work as it should.
    pub troubles: Vec<String>,
    /// What is to be done, the most pressing first.
    pub next: Vec<StepFact>,
    /// How many steps more there are.
    pub more_next: u32,
    /// Every test.
    pub tests: Vec<TestFact>,
}

/// Where tests were aimed.
#[derive(Debug, Clone, Serialize)]
pub struct EnvironmentFact {
    /// Its name.
    pub name: String,
    /// Who else is hurt by a mistake: `local`, `shared`, `protected` or `locked`.
    pub kind: &'static str,
}

/// How tests stand: every test is counted once in the first eight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// All tests.
    pub tests: u32,
    /// Ran and held.
    pub passed: u32,
    /// Did not hold, or nobody knows whether they did.
    pub failed: u32,
    /// Skipped, or failed as they were marked to.
    pub set_aside: u32,
    /// Failed while a service was not well.
    pub environment: u32,
    /// Failed as it was accepted.
    pub known: u32,
    /// Ran while what serves was changing.
    pub straddled: u32,
    /// Have no result.
    pub without_result: u32,
    /// Of those that failed: began and never ended.
    pub lost: u32,
    /// Passed only when they were tried again; counted among the passed.
    pub flaky: u32,
    /// Show a result of a revision that no longer serves.
    pub stale: u32,
    /// Were selected by their last run, which never came to them.
    pub not_run: u32,
    /// Passed, and prove nothing about the environment.
    pub hollow: u32,
}

/// How a priority group stands.
#[derive(Debug, Clone, Serialize)]
pub struct TierFact {
    /// Its short name.
    pub name: String,
    /// Its name in full.
    pub title: String,
    /// What is lost where it fails.
    pub at_risk: Option<String>,
    /// `protected`, `at risk` or `not proved`.
    pub protection: &'static str,
    /// How its tests stand.
    pub totals: Totals,
    /// The runs that those numbers rest on.
    pub origin: OriginFact,
}

impl Facts {
    /// The facts of a session, from its state alone.
    #[must_use]
    pub fn of(state: &State, about: &About) -> Self {
        let project = &state.session.project;
        let status = status::judge(state, about);
        let causes = causes::all(state);
        let (next, more_next) = next::steps(state, &status, &causes);
        Self {
            format: FORMAT,
            program: env!("CARGO_PKG_VERSION"),
            project: project.name.to_string(),
            environment: project.environment.as_ref().map(|environment| EnvironmentFact {
                name: environment.name.to_string(),
                kind: match environment.kind {
                    EnvironmentKind::Local => "local",
                    EnvironmentKind::Shared => "shared",
                    EnvironmentKind::Protected => "protected",
                    EnvironmentKind::Locked => "locked",
                },
            }),
            began: stamp(state.session.started),
            until: stamp(state.at),
            took: state.at.since(state.session.started).as_secs_f64(),
            over: state.session.ended.is_some(),
            journal: about.journal.clone(),
            entries: state.seq,
            totals: Totals::of(state.inventory.tally()),
            origin: OriginFact::of(state.inventory.tests().map(|(_, test)| test)),
            tiers: state.inventory.tiers().iter().map(|(id, tier)| TierFact::of(state, id, tier, &status)).collect(),
            cycles: cycles::all(state, status.success, &causes),
            runs: cycles::runs(state),
            verdicts: tests::verdicts(state),
            causes,
            flight: flight::newest(state, status.success),
            deploys: loose::deploys(state),
            services: loose::services(state),
            contracts: contracts::all(state),
            evidence: tests::evidence(state),
            commits: loose::commits(state),
            notes: causes::notes_on_tests(state),
            imports: loose::imports(state),
            troubles: state.session.troubles.iter().map(|what| what.to_string()).collect(),
            next,
            more_next,
            tests: tests::all(state),
            status,
        }
    }
}

impl Totals {
    /// The counts of a tally.
    #[must_use]
    pub fn of(tally: &Tally) -> Self {
        use crate::domain::Outcome::{Flaky, Interrupted, Lost};
        Self {
            tests: tally.total(),
            passed: tally.passes(),
            failed: tally.failures(),
            set_aside: tally.set_aside(),
            environment: tally.environment,
            known: tally.known,
            straddled: tally.straddled,
            without_result: tally.total() - tally.finished(),
            lost: tally.of(Lost) + tally.of(Interrupted),
            flaky: tally.of(Flaky),
            stale: tally.stale,
            not_run: tally.not_run,
            hollow: tally.worths.hollow(),
        }
    }
}

impl TierFact {
    fn of(state: &State, id: TierId, tier: &Tier, status: &Status) -> Self {
        let tests = state.inventory.tests().map(|(_, test)| test);
        let protection = match state.protection(tier) {
            // A journal with holes is known to its reader alone.
            Protection::Protected if status.has("journal") => Protection::Unproved,
            other => other,
        };
        Self {
            name: tier.spec.name.to_string(),
            title: tier.spec.title.to_string(),
            at_risk: tier.spec.at_risk.as_ref().map(|what| what.to_string()),
            protection: protection.word(),
            totals: Totals::of(&tier.tally),
            origin: OriginFact::of(tests.filter(|test| test.tier == Some(id))),
        }
    }
}
