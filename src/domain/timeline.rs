//! What else happened while a test ran: agent events, streams, services, deploys, runs, people and other tests, on one
//! axis of time. Of service logs, warnings and errors are told. A function of the state; nothing here is kept.

use std::collections::HashMap;

use super::chronicle::{Occasion, TestEnd};
use super::{
    AgentKind, AgentRunId, Attempt, Circumstance, Deploy, DeployId, Detail, Health, Level, Moment, Outcome, Ring, Run,
    RunId, RunKind, Span, State, StepState, StreamId, TestCase, TestId, Text,
};

/// For how long before the test's start things may have a bearing on it.
const BEFORE: Span = Span::seconds(2);
/// For how long after its end they may: probes and agent events come late.
const AFTER: Span = Span::seconds(5);
/// How many points of one source are told.
const POINTS: usize = 120;
/// How many agent events of the window are looked at.
const EVENTS: usize = 20_000;
/// How many ends of other tests are looked at.
const ENDINGS: usize = 4_000;
/// How many other tests that failed are told one by one.
const FAILED: usize = 8;
/// How many bytes of each text are searched for ids.
const SEARCHED: usize = 256 * 1024;
/// How many agent runs of the window are looked for in the test's output.
const CANDIDATES: usize = 512;

/// What happened around one execution of a test.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Timeline {
    /// Where the axis begins.
    pub from: Moment,
    /// Where it ends.
    pub to: Moment,
    /// When the test began: where offsets are counted from.
    pub began: Moment,
    /// Everything that happened, in order of time.
    pub points: Vec<Point>,
    /// How many points more there were.
    pub left_out: usize,
    /// The agent runs whose run or thread id occurs in what the test left behind: they are its own.
    pub own: Vec<AgentRunId>,
    /// The other tests that ran at the same time.
    pub others: Others,
}

/// How many other tests ran at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Others {
    /// All that have ended since.
    pub ended: u32,
    /// Those that failed.
    pub failed: u32,
}

/// Something on the axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// When.
    pub at: Moment,
    /// What.
    pub what: What,
}

/// What a point stands for, by identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// The test began.
    Began,
    /// The test ended.
    Ended(Outcome),
    /// Agent events of one name and one agent run in a row.
    Agent {
        /// The first one, as an ordinal of [`Agents::events`](super::Agents::events).
        first: u64,
        /// How many there were.
        count: u32,
        /// Whether they belong to one of the test's own agent runs.
        own: bool,
    },
    /// Agent events of somebody else's agent run, together.
    OtherAgent {
        /// Whose.
        run: AgentRunId,
        /// How many events of it fall into the window.
        count: u32,
    },
    /// What the chronicle noted, as an ordinal of its happenings.
    Happened(u64),
    /// The same, noted before the window and still so when the test began.
    Since(u64),
    /// A deploy was asked for.
    DeployAsked(DeployId),
    /// A step of a deploy began.
    StepBegan(DeployId, u32),
    /// A step of a deploy failed.
    StepFailed(DeployId, u32),
    /// A deploy's command ended; what it put in place is not proved.
    CommandEnded(DeployId),
    /// A deploy was over.
    DeployEnded(DeployId),
    /// A run was asked for.
    RunAsked(RunId),
    /// A run's process started.
    RunStarted(RunId),
    /// A run ended.
    RunEnded(RunId),
    /// Another test that ran at the same time failed.
    OtherFailed(TestId, Outcome),
    /// A service wrote a warning or an error into its log: the number of the line.
    Logged(u64),
    /// Since this revision, noted by the chronicle after the window, the test's result no longer counts.
    Outdated(u64),
}

impl Timeline {
    /// The axis of a finished attempt.
    #[must_use]
    pub fn of_attempt(state: &State, test: TestId, attempt: &Attempt) -> Self {
        let ended = attempt.started.after(attempt.took);
        let mut texts = Vec::new();
        if let Some(detail) = attempt.detail.as_deref() {
            texts = texts_of(detail);
        }
        let mut axis = Axis::new(state, test, attempt.started, ended.after(AFTER));
        axis.push(attempt.started, What::Began);
        axis.push(ended, What::Ended(attempt.outcome));
        axis.fill(ended, &texts);
        if attempt.circumstance != Circumstance::Straddled && !state.services.is_current(attempt.epoch) {
            axis.tell_outdated(ended);
        }
        axis.finish()
    }

    /// The axis of a test that runs now.
    #[must_use]
    pub fn of_running(state: &State, id: TestId, test: &TestCase) -> Self {
        let printed = state.runs.active().filter_map(|(_, run)| run.live.as_ref()).find(|(test, _)| *test == id);
        let texts: Vec<&str> = printed.iter().flat_map(|(_, lines)| lines).map(|line| &**line).collect();
        let mut axis = Axis::new(state, id, test.since, state.at.after(Span(1)));
        axis.push(test.since, What::Began);
        axis.fill(state.at, &texts);
        axis.finish()
    }

    /// Whether nothing more can come, so that the axis need not be made anew.
    #[must_use]
    pub fn is_settled(&self, now: Moment) -> bool {
        self.to < now && self.points.iter().any(|point| matches!(point.what, What::Ended(_)))
    }

    /// Whether nothing is on it but the test itself.
    #[must_use]
    pub fn is_bare(&self) -> bool {
        self.points.iter().all(|point| matches!(point.what, What::Began | What::Ended(_)))
    }
}

fn texts_of(detail: &Detail) -> Vec<&str> {
    let sections = detail.sections.iter().map(|section| &*section.text);
    let parts = detail.subtests.iter().map(|part| &*part.message);
    [&*detail.message, &*detail.trace].into_iter().chain(sections).chain(parts).collect()
}

/// An axis that is being filled.
struct Axis<'a> {
    state: &'a State,
    test: TestId,
    line: Timeline,
}

impl<'a> Axis<'a> {
    fn new(state: &'a State, test: TestId, began: Moment, to: Moment) -> Self {
        let from = Moment(began.0.saturating_sub(BEFORE.0));
        Self { state, test, line: Timeline { from, to, began, ..Timeline::default() } }
    }

    fn push(&mut self, at: Moment, what: What) {
        self.line.points.push(Point { at, what });
    }

    fn holds(&self, at: Moment) -> bool {
        (self.line.from..=self.line.to).contains(&at)
    }

    /// Points of one source, the earliest ones where there are too many.
    fn take(&mut self, mut points: Vec<Point>) {
        points.sort_by_key(|point| point.at);
        self.line.left_out += points.len().saturating_sub(POINTS);
        points.truncate(POINTS);
        self.line.points.append(&mut points);
    }

    fn fill(&mut self, ended: Moment, texts: &[&str]) {
        self.line.own = own_runs(self.state, self.line.from, self.line.to, texts);
        self.fill_agents();
        self.fill_chronicle();
        self.fill_deploys();
        self.fill_runs();
        self.fill_others(ended);
        self.fill_logs();
    }

    fn finish(mut self) -> Timeline {
        // What stands first where times are equal: the cause before the test that met it, its end before what follows.
        let rank = |what: &What| match what {
            What::Since(_) => 0,
            What::RunAsked(_) | What::RunStarted(_) => 1,
            What::Began => 2,
            What::RunEnded(_) => 5,
            What::Ended(_) => 4,
            _ => 3,
        };
        self.line.points.sort_by_key(|point| (point.at, rank(&point.what)));
        let (points, left_out) = fold_rows(std::mem::take(&mut self.line.points), self.state);
        self.line.points = points;
        self.line.left_out += left_out;
        self.line
    }

    /// Agent events one by one; of other agent runs only the sum, where the test's own are known.
    fn fill_agents(&mut self) {
        let events = self.state.agents.events();
        let first = first_at(events, self.line.from, |seen| seen.at);
        let to = self.line.to;
        let mut points: Vec<Point> = Vec::new();
        let mut others: HashMap<AgentRunId, usize> = HashMap::new();
        let within = events.range(first).enumerate().take_while(|(_, seen)| seen.at <= to).take(EVENTS);
        for (n, seen) in within.filter(|(_, seen)| seen.kind != AgentKind::Heartbeat || seen.failed) {
            let own = seen.run.is_some_and(|run| self.line.own.contains(&run));
            let Some(run) = seen.run.filter(|_| !own && !self.line.own.is_empty()) else {
                let first = events.dropped() + (first + n) as u64;
                points.push(Point { at: seen.at, what: What::Agent { first, count: 1, own } });
                continue;
            };
            match others.get(&run).and_then(|place| points.get_mut(*place)) {
                Some(Point { what: What::OtherAgent { count, .. }, .. }) => *count += 1,
                _ => {
                    others.insert(run, points.len());
                    points.push(Point { at: seen.at, what: What::OtherAgent { run, count: 1 } });
                }
            }
        }
        let beyond = events.range(first + EVENTS).take_while(|seen| seen.at <= to);
        self.line.left_out += beyond.take(EVENTS).count();
        self.line.points.append(&mut points);
    }

    /// What the chronicle noted in the window, and what it noted before that was still so.
    fn fill_chronicle(&mut self) {
        let happenings = self.state.chronicle.happenings();
        let first = first_at(happenings, self.line.from, |happening| happening.at);
        let ordinal = |place: usize| happenings.dropped() + place as u64;
        let to = self.line.to;
        let within = happenings.range(first).take_while(|happening| happening.at <= to).enumerate();
        let points = within
            .filter(|(_, happening)| tells(&happening.what))
            .map(|(n, happening)| Point { at: happening.at, what: What::Happened(ordinal(first + n)) })
            .collect();
        self.take(points);
        let mut told = Vec::new();
        for place in (0..first).rev() {
            let Some(happening) = happenings.range(place).next() else { break };
            let Some((subject, is_trouble)) = standing(&happening.what) else { continue };
            if !told.contains(&subject) {
                told.push(subject);
                if is_trouble {
                    self.push(happening.at, What::Since(ordinal(place)));
                }
            }
            if told.len() == self.state.services.iter().len() + self.state.streams.iter().len() {
                break;
            }
        }
    }

    fn fill_deploys(&mut self) {
        let mut points = Vec::new();
        for (id, deploy) in self.state.deploys.iter() {
            // A deploy that was under way when the window opened is told from its own beginning.
            let reaches = deploy.started <= self.line.to && deploy.ended.is_none_or(|ended| ended >= self.line.from);
            if reaches {
                points.extend(points_of(id, deploy).into_iter().filter(|point| point.at <= self.line.to));
            }
        }
        self.take(points);
    }

    fn fill_runs(&mut self) {
        let mut points = Vec::new();
        let of_run = |(id, run): (RunId, &Run)| {
            [
                (Some(run.asked), What::RunAsked(id)),
                (run.started, What::RunStarted(id)),
                (run.ended, What::RunEnded(id)),
            ]
        };
        let test_runs = self.state.runs.iter().filter(|(_, run)| run.kind == RunKind::Test);
        for (at, what) in test_runs.flat_map(of_run) {
            if let Some(at) = at.filter(|at| self.holds(*at)) {
                points.push(Point { at, what });
            }
        }
        self.take(points);
    }

    /// Other tests whose time crosses the test's own.
    fn fill_others(&mut self, ended: Moment) {
        let endings = self.state.chronicle.endings();
        let began = self.line.began;
        let first = first_at(endings, began, |ending| ending.at);
        let is_itself = |ending: &&TestEnd| ending.test == self.test && ending.started == began;
        // The runner's clock may run ahead of what it said: tests that followed one another did not run together.
        let itself = endings.range(first).take(ENDINGS).find(is_itself);
        let ended = itself.map_or(ended, |itself| itself.at.min(ended));
        let crossing = endings
            .range(first)
            .take(ENDINGS)
            .filter(|ending| !is_itself(ending) && ending.started < ended && ending.at > began);
        let (mut others, mut failed) = (Others::default(), Vec::new());
        for ending in crossing {
            others.ended += 1;
            if ending.outcome.is_failure() {
                others.failed += 1;
                if failed.len() < FAILED {
                    failed.push(Point { at: ending.at, what: What::OtherFailed(ending.test, ending.outcome) });
                }
            }
        }
        self.line.others = others;
        self.take(failed);
    }

    /// Warnings and errors of the services. Lines that came before the window cannot have been written in it.
    fn fill_logs(&mut self) {
        let logs = &self.state.logs;
        let came = logs.back_from(None, logs.end()).take_while(|logged| logged.came >= self.line.from);
        let telling = came.filter(|logged| logged.line.level >= Level::Warning && self.holds(logged.at()));
        let points = telling.map(|logged| Point { at: logged.at(), what: What::Logged(logged.number) }).collect();
        self.take(points);
    }

    /// The change of revision that made the result stale, where it came later.
    fn tell_outdated(&mut self, ended: Moment) {
        let happenings = self.state.chronicle.happenings();
        let first = first_at(happenings, ended, |happening| happening.at);
        let moved = |what: &Occasion| matches!(what, Occasion::Revision { from: Some(_), .. });
        let Some(n) = happenings.range(first).position(|happening| moved(&happening.what)) else { return };
        let ordinal = happenings.dropped() + (first + n) as u64;
        let at = happenings.nth(ordinal).map_or(ended, |happening| happening.at);
        self.line.points.retain(|point| point.what != What::Happened(ordinal));
        self.push(at, What::Outdated(ordinal));
    }
}

/// Folds agent events of one name and one agent run that stand in a row, three and more, into one point.
fn fold_rows(points: Vec<Point>, state: &State) -> (Vec<Point>, usize) {
    let agents = &state.agents;
    let named = |point: &Point| match point.what {
        What::Agent { first, .. } => agents.events().nth(first).map(|seen| (seen.run, agents.name(seen), seen.failed)),
        _ => None,
    };
    let (mut folded, mut left_out, mut told) = (Vec::new(), 0, 0);
    for row in points.chunk_by(|one, next| named(one).is_some() && named(one) == named(next)) {
        let is_agent = matches!(row[0].what, What::Agent { .. } | What::OtherAgent { .. });
        if is_agent && told >= POINTS {
            left_out += row.len();
            continue;
        }
        match (row, row[0].what) {
            ([first, _, _, ..], What::Agent { first: ordinal, own, .. }) => {
                let what = What::Agent { first: ordinal, count: row.len() as u32, own };
                folded.push(Point { what, ..*first });
                told += 1;
            }
            _ => {
                folded.extend_from_slice(row);
                told += if is_agent { row.len() } else { 0 };
            }
        }
    }
    (folded, left_out)
}

fn points_of(id: DeployId, deploy: &Deploy) -> Vec<Point> {
    let mut points = vec![Point { at: deploy.started, what: What::DeployAsked(id) }];
    for (n, step) in deploy.steps.iter().enumerate() {
        points.push(Point { at: step.started, what: What::StepBegan(id, n as u32) });
        if let (StepState::Failed, Some(at)) = (step.state, step.ended) {
            points.push(Point { at, what: What::StepFailed(id, n as u32) });
        }
    }
    let proving = deploy.command_ended.filter(|at| deploy.ended.is_none_or(|ended| ended > *at));
    points.extend(proving.map(|at| Point { at, what: What::CommandEnded(id) }));
    points.extend(deploy.ended.map(|at| Point { at, what: What::DeployEnded(id) }));
    points
}

/// Whether an occasion is told by itself, rather than by what it belongs to.
fn tells(what: &Occasion) -> bool {
    match what {
        // The first revision of a service is learnt, not changed.
        Occasion::Revision { from, .. } => from.is_some(),
        Occasion::Asked { .. }
        | Occasion::Health { .. }
        | Occasion::Connected { .. }
        | Occasion::Disconnected { .. }
        | Occasion::Refused { .. }
        | Occasion::GaveUp { .. }
        | Occasion::Troubled { .. } => true,
    }
}

/// What an occasion says of how something stands until the next one about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subject {
    Service(super::ServiceId),
    Stream(StreamId),
}

fn standing(what: &Occasion) -> Option<(Subject, bool)> {
    match what {
        Occasion::Health { service, health, .. } => {
            Some((Subject::Service(*service), matches!(health, Health::Unhealthy(_) | Health::Unreachable(_))))
        }
        Occasion::Connected { stream, .. } => Some((Subject::Stream(*stream), false)),
        Occasion::Disconnected { stream, .. } | Occasion::Refused { stream, .. } | Occasion::GaveUp { stream, .. } => {
            Some((Subject::Stream(*stream), true))
        }
        Occasion::Asked { .. } | Occasion::Revision { .. } | Occasion::Troubled { .. } => None,
    }
}

/// The first place whose time is not before `from`, in a list ordered by time.
fn first_at<T>(ring: &Ring<T>, from: Moment, at: impl Fn(&T) -> Moment) -> usize {
    let (mut low, mut high) = (0, ring.len());
    while low < high {
        let middle = low + (high - low) / 2;
        if ring.range(middle).next().is_some_and(|item| at(item) < from) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

/// The agent runs of that time whose run id, or thread id, occurs as a word in what the test said.
fn own_runs(state: &State, from: Moment, to: Moment, texts: &[&str]) -> Vec<AgentRunId> {
    let mut ids: HashMap<&str, Vec<AgentRunId>> = HashMap::new();
    let in_time = state.agents.runs().rev().filter(|(_, run)| run.started <= to && run.last >= from);
    for (id, run) in in_time.take(CANDIDATES) {
        for text in [Some(&run.key), run.thread.as_ref()].into_iter().flatten().filter(|text| is_telling(text)) {
            ids.entry(text).or_default().push(id);
        }
    }
    if ids.is_empty() {
        return Vec::new();
    }
    let mut own: Vec<AgentRunId> = Vec::new();
    for text in texts {
        for word in beginning(text).split(|c: char| !is_of_id(c)) {
            if let Some(found) = ids.get(word.trim_matches(['.', ':', '-'])) {
                own.extend(found);
            }
        }
    }
    own.sort_unstable();
    own.dedup();
    own
}

fn beginning(text: &str) -> &str {
    let mut end = text.len().min(SEARCHED);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

fn is_of_id(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':')
}

/// Whether an id is one that would not stand in any text by chance, such as `1` or `main`.
fn is_telling(id: &Text) -> bool {
    id.len() >= 5 && id.chars().all(is_of_id) && (id.len() >= 12 || id.chars().any(|c| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests;
