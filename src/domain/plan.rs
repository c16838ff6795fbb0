//! The plan over many tests: which of them have a result that counts on what serves now, in which order the others
//! follow, how long that takes, and how many of them fit in a given time.

use std::fmt;

use super::{Attempt, Outcome, RunKind, Span, State, TestCase, TestId, TierId};

/// What a test is assumed to take where nobody knows of any test how long it takes.
pub(in crate::domain) const ASSUMED: Span = Span::seconds(5);
/// More than that beside its tests is no property of a run: somebody was waited for.
const MOST_BESIDE: Span = Span::seconds(60);
/// How far back a failure still counts as lately, in cycles of the test.
const LATELY: usize = 5;

/// Why a test has no result that counts now, the reason to run it soonest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Due {
    /// What it was proved on has changed since: what serves, or its own source.
    Changed,
    /// Its result says nothing, or its turn never came: lost, stopped, spoilt by the environment, passed over.
    Unproved,
    /// Nothing is known of it.
    NeverRun,
}

/// A test that is to be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planned {
    /// Which.
    pub test: TestId,
    /// Why.
    pub due: Due,
    /// Whether it failed lately.
    pub failed_lately: bool,
    /// How long it usually takes; of one that never passed, what the others usually take.
    pub usual: Span,
    /// How long it takes at worst, but for one time in ten.
    pub at_worst: Span,
}

/// How long something will probably take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Estimate {
    /// As things usually go.
    pub usual: Span,
    /// As they go at worst, but for one time in ten.
    pub at_worst: Span,
}

/// What there is to do until every test has a result that counts on what serves now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// Tests that have such a result, be it good or bad.
    pub covered: u32,
    /// The others, in the order in which they are to be run.
    pub to_go: Vec<Planned>,
    /// How many tests run at once, as the newest run had it.
    pub workers: u32,
    /// Whether it is known what serves.
    pub is_deployed: bool,
    /// Whether it is known of any test how long it takes.
    pub is_timed: bool,
    /// What a run takes beside its tests: its start, the search for tests, its end; as the newest one had it.
    pub beside: Span,
}

impl Plan {
    /// The plan as things stand. Looks at every test: not for every frame.
    #[must_use]
    pub fn of(state: &State) -> Self {
        let durations = Durations::of(state);
        let mut plan = Self {
            workers: state.runs.newest().map_or(1, |(_, run)| run.workers.max(1)),
            is_deployed: state.services.revisions(state.services.epoch()).next().is_some(),
            is_timed: durations.is_known(),
            beside: beside(state),
            ..Self::default()
        };
        let mut to_go: Vec<(Place, Planned)> = Vec::new();
        for (id, test) in state.inventory.tests().filter(|(_, test)| !test.gone) {
            match due(test) {
                None => plan.covered += 1,
                Some(due) => {
                    let (usual, at_worst) = durations.of_test(test);
                    let planned = Planned { test: id, due, failed_lately: failed_lately(test), usual, at_worst };
                    to_go.push((Place::of(test, &planned), planned));
                }
            }
        }
        to_go.sort_by_key(|(place, _)| *place);
        plan.to_go = to_go.into_iter().map(|(_, planned)| planned).collect();
        plan
    }

    /// All tests that there are.
    #[must_use]
    pub fn total(&self) -> usize {
        self.covered as usize + self.to_go.len()
    }

    /// How long all that is to go will take; nothing where nothing is to go, or no test is known that passed.
    #[must_use]
    pub fn estimate(&self) -> Option<Estimate> {
        (self.is_timed && !self.to_go.is_empty()).then(|| self.estimate_of(&self.to_go))
    }

    /// The next tests: as many, in order, as end within `budget` even at worst, and at least one where any is to go.
    #[must_use]
    pub fn batch(&self, budget: Span) -> Vec<TestId> {
        let (mut sum, mut longest, mut count) = (0_u64, 0_u64, 0);
        for planned in &self.to_go {
            sum = sum.saturating_add(planned.at_worst.0);
            longest = longest.max(planned.at_worst.0);
            if self.spread(sum, longest) > budget && count > 0 {
                break;
            }
            count += 1;
        }
        self.to_go[..count].iter().map(|planned| planned.test).collect()
    }

    /// How long the first `count` tests that are to go will take; nothing as for [`Plan::estimate`].
    #[must_use]
    pub fn estimate_first(&self, count: usize) -> Option<Estimate> {
        let first = &self.to_go[..count.min(self.to_go.len())];
        (self.is_timed && !first.is_empty()).then(|| self.estimate_of(first))
    }

    fn estimate_of(&self, tests: &[Planned]) -> Estimate {
        let together = |span: fn(&Planned) -> Span| {
            let spans = || tests.iter().map(|planned| span(planned).0);
            self.spread(spans().fold(0, u64::saturating_add), spans().max().unwrap_or(0))
        };
        Estimate { usual: together(|planned| planned.usual), at_worst: together(|planned| planned.at_worst) }
    }

    /// What so much work takes when the workers share it: no test is shared. What a run takes beside its tests is in it.
    fn spread(&self, sum: u64, longest: u64) -> Span {
        Span(self.beside.0.saturating_add(shared(sum, longest, self.workers)))
    }
}

/// The plan in a sentence: `158 tests, 122 on what serves now, 36 to go, ~0:40 to 1:10`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outlook {
    /// All tests.
    pub total: usize,
    /// Those with a result that counts.
    pub covered: u32,
    /// The others.
    pub to_go: usize,
    /// Whether it is known what serves.
    pub is_deployed: bool,
    /// How long these will take, where anybody knows.
    pub estimate: Option<Estimate>,
}

impl Plan {
    /// The plan in a sentence.
    #[must_use]
    pub fn outlook(&self) -> Outlook {
        let (total, to_go) = (self.total(), self.to_go.len());
        Outlook { total, covered: self.covered, to_go, is_deployed: self.is_deployed, estimate: self.estimate() }
    }
}

impl fmt::Display for Outlook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.total == 1 { "test" } else { "tests" };
        let counts = if self.is_deployed { "on what serves now" } else { "run" };
        write!(f, "{} {word}, {} {counts}, {} to go", self.total, self.covered, self.to_go)?;
        match self.estimate {
            Some(estimate) => write!(f, ", {estimate}"),
            None if self.to_go > 0 => write!(f, ", nobody knows how long: {ASSUMED} a test are assumed"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Estimate {
    /// `~0:40 to 1:10`, in whole seconds: more would be a guess dressed up as knowledge.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (usual, at_worst) = (clock(self.usual), clock(self.at_worst));
        if usual == at_worst { write!(f, "~{usual}") } else { write!(f, "~{usual} to {at_worst}") }
    }
}

fn clock(span: Span) -> String {
    let seconds = span.0.div_ceil(1_000_000);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// Where a test stands in the order: its priority group, why it is due, what failed lately before what held; the last
/// word has the order in which tests were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    tier: (bool, Option<TierId>),
    due: Due,
    held: bool,
    test: TestId,
}

impl Place {
    fn of(test: &TestCase, planned: &Planned) -> Self {
        Self {
            tier: (test.tier.is_none(), test.tier),
            due: planned.due,
            held: !planned.failed_lately,
            test: planned.test,
        }
    }
}

fn failed_lately(test: &TestCase) -> bool {
    let fails = |outcome: Outcome| outcome.is_failure();
    test.outcome().is_some_and(fails)
        || test.course.iter().rev().take(LATELY).any(|stop| !stop.spoilt && fails(stop.outcome))
}

/// Why a test is due; nothing where its result counts.
fn due(test: &TestCase) -> Option<Due> {
    let Some(latest) = &test.latest else { return Some(Due::NeverRun) };
    let tells = !matches!(latest.outcome, Outcome::Lost | Outcome::Interrupted);
    if test.missed || !tells || !latest.circumstance.is_steady() {
        return Some(Due::Unproved);
    }
    (test.stale || test.rewritten).then_some(Due::Changed)
}

fn shared(sum: u64, longest: u64, workers: u32) -> u64 {
    (sum / u64::from(workers.max(1))).max(longest)
}

/// What the newest whole run took beside its tests; where this session had none, the last cycle whose tests tell all of it.
fn beside(state: &State) -> Span {
    let ran = state.runs.iter().rev().find_map(|(id, run)| {
        let took = run.ended?.since(run.started?);
        let (count, work) = work(state, |attempt| attempt.run == Some(id), run.workers);
        (run.kind == RunKind::Test && count as usize == run.tests.len()).then(|| took.0.saturating_sub(work))
    });
    let remembered = || {
        let record = state.records.iter().next_back()?;
        let (count, work) = work(state, |attempt| attempt.cycle == record.number, 1);
        // Where a test ran twice, or more than tests happened, the difference would say nothing.
        (count > 0 && count == record.finished).then(|| record.took().map(|took| took.0.saturating_sub(work)))?
    };
    Span(ran.or_else(remembered).unwrap_or(0)).min(MOST_BESIDE)
}

/// How many tests ended last in what is asked for, and what they took together.
fn work(state: &State, is_it: impl Fn(&Attempt) -> bool, workers: u32) -> (u32, u64) {
    let tests = state.inventory.tests().filter_map(|(_, test)| test.latest.as_ref());
    // Who met an outage waited in between, which is nothing that a run does by itself.
    let tests = tests.filter(|latest| is_it(latest) && latest.circumstance.is_steady());
    let (count, sum, longest) = tests.fold((0, 0_u64, 0), |(count, sum, longest), latest| {
        (count + 1, sum.saturating_add(latest.took.0), latest.took.0.max(longest))
    });
    (count, shared(sum, longest, workers))
}

/// How long tests take, for those of which nobody knows.
struct Durations {
    usual: Option<Span>,
    at_worst: Option<Span>,
}

impl Durations {
    fn of(state: &State) -> Self {
        let tests = state.inventory.tests().filter(|(_, test)| !test.gone);
        let mut known: Vec<Span> = tests.filter_map(|(_, test)| test.usual.or(test.expected)).collect();
        known.sort_unstable();
        Self { usual: quantile(&known, 50), at_worst: quantile(&known, 90) }
    }

    fn is_known(&self) -> bool {
        self.usual.is_some()
    }

    /// What a test usually takes, and what it takes at worst.
    fn of_test(&self, test: &TestCase) -> (Span, Span) {
        let Some(usual) = test.usual.or(test.expected) else {
            let usual = self.usual.unwrap_or(ASSUMED);
            return (usual, self.at_worst.unwrap_or(usual).max(usual));
        };
        let tells =
            |attempt: &&Attempt| !matches!(attempt.outcome, Outcome::Lost | Outcome::Interrupted | Outcome::Skipped);
        let mut took: Vec<Span> =
            test.earlier.iter().chain(&test.latest).filter(tells).map(|attempt| attempt.took).collect();
        took.sort_unstable();
        (usual, quantile(&took, 90).unwrap_or(usual).max(usual))
    }
}

/// The value that `percent` of the sorted ones do not exceed.
fn quantile(sorted: &[Span], percent: usize) -> Option<Span> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests;
