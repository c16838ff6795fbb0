//! What the environment did while a test ran: decided when the test ends by what is known of its services then, and
//! once more when a probe notices an outage that may have begun before the failure.

use crate::domain::cause::{Leave, Met};
use crate::domain::service::Epoch;
use crate::domain::{
    Attempt, CauseClass, CauseId, Circumstance, Counted, Detail, Disturbance, Moment, Outage, Outcome, RunEnd, RunId,
    RunKind, RunPhase, RunnerId, ServiceId, Signature, Standing, State, TestCase, TestId, Tone, Trouble,
};

impl State {
    /// The life of a test that ends now: from when it was seen to begin, else from when its run did.
    pub(super) fn life(&self, run: RunId, standing: Standing, started: Moment, epoch: Epoch) -> Life {
        let run = self.runs.get(run);
        let runner = run.map(|run| run.runner);
        let run = run.filter(|_| standing != Standing::Running);
        match run.and_then(|run| Some((run.started?, run.epoch))) {
            Some((started, epoch)) => Life { started, epoch, is_seen: false, runner },
            None => Life { started, epoch, is_seen: true, runner },
        }
    }

    /// The circumstance of an attempt that ends now.
    pub(super) fn circumstance(&self, outcome: Outcome, detail: Option<&Detail>, life: Life) -> Circumstance {
        let Life { started, epoch, is_seen, runner } = life;
        if matches!(outcome, Outcome::Interrupted | Outcome::Lost) {
            // It did not come to an end that anything could explain.
            return Circumstance::Steady;
        }
        // What was only told in the end may have run at any time: it must look like the environment's doing.
        if !is_seen && Signature::of(outcome, detail).class != CauseClass::Environment && !outcome.is_pass() {
            return Circumstance::Steady;
        }
        // What its runner does not need explains nothing.
        let needed = self.needed_by(runner);
        if let Some(deploy) = self.deploys.under_way_at(started, &needed) {
            let service = self.services.get(deploy.service).filter(|_| outcome.is_failure());
            return service.map_or(Circumstance::Straddled, |service| {
                let (service, since) = (service.spec.name.clone(), deploy.started);
                Circumstance::Environment(Disturbance { service, why: Trouble::Deploying, since })
            });
        }
        if self.services.differ(epoch, &needed) || self.deploys.any_began_in(started, self.at, &needed) {
            return Circumstance::Straddled;
        }
        let outage = needed.iter().filter_map(|id| self.services.get(*id)).find_map(|service| {
            let outage = service.outages.during(started, self.at)?;
            Some(disturbance(&service.spec.name, outage))
        });
        outage.filter(|_| outcome.is_failure()).map_or(Circumstance::Steady, Circumstance::Environment)
    }

    /// A probe is the first to find a service down. Failures since the last good probe that look like it are
    /// explained by it after all.
    pub(super) fn explain_by_outage(&mut self, id: ServiceId) {
        let Some(service) = self.services.get(id) else { return };
        let Some(outage) = service.outages.present() else { return };
        let disturbance = disturbance(&service.spec.name, outage);
        let needs = |test: TestId| {
            self.inventory.runner_of(test).is_none_or(|runner| self.needed_by(Some(runner)).contains(&id))
        };
        let looks = |test: TestId| self.inventory.test(test).is_some_and(|test| is_explained(test, outage));
        let explained = |test: &TestId| looks(*test) && needs(*test);
        let causes = self.causes.iter().filter(|(_, cause)| cause.looks_like_outage());
        let tests: Vec<TestId> = causes.flat_map(|(_, cause)| cause.members()).filter(explained).collect();
        if tests.is_empty() {
            return;
        }
        for &test in &tests {
            self.explain(test, &disturbance);
        }
        let (count, name) = (tests.len(), &disturbance.service);
        let plural = if count == 1 { " before it is" } else { "s before it are" };
        self.say(Tone::Warning, format!("{count} failure{plural} the environment's: {name} was down"));
    }

    fn explain(&mut self, id: TestId, disturbance: &Disturbance) {
        let Some(latest) = self.inventory.test(id).and_then(|test| test.latest.as_ref()) else { return };
        let (run, outcome, met) = (latest.run, latest.outcome, met(latest, id));
        if let Some(run) = run.and_then(|run| self.runs.get_mut(run)) {
            run.tally.remove(Standing::Done(outcome));
            run.tally.add(Counted::Environment);
        }
        let cause = self.blame_environment(met, disturbance);
        self.inventory.explain(id, Circumstance::Environment(disturbance.clone()), Some(cause));
    }

    /// All failures that a disturbance explains are one cause.
    pub(super) fn blame_environment(&mut self, met: Met, disturbance: &Disturbance) -> CauseId {
        let cause = self.causes.find_disturbance(disturbance, met.cycle);
        self.causes.join(cause, met, false, Leave::Unknown);
        cause
    }

    /// The tests that a run was to execute and never came to.
    pub(super) fn missed(&mut self, id: RunId) -> Vec<TestId> {
        let Some(run) = self.runs.get(id).filter(|run| run.kind == RunKind::Test) else { return Vec::new() };
        let RunPhase::Ended(end) = &run.phase else { return Vec::new() };
        let missed: Vec<TestId> = match end {
            RunEnd::Complete | RunEnd::NothingRan(_) => return Vec::new(),
            RunEnd::CutShort(_) | RunEnd::Stopped | RunEnd::Crashed(_) | RunEnd::CouldNotStart(_) => {
                match (&run.selection, run.tests.is_empty()) {
                    (_, false) => run.unfinished().1,
                    (Some(selection), true) => selection.clone(),
                    (None, true) => {
                        let runner = run.runner;
                        let waits = |(_, test): &(TestId, &TestCase)| test.standing == Standing::Queued;
                        let queued = self.inventory.tests().filter(waits).map(|(id, _)| id);
                        queued.filter(|id| self.inventory.runner_of(*id) == Some(runner)).collect()
                    }
                }
            }
        };
        if let Some(run) = self.runs.get_mut(id) {
            let count = missed.len() as u32;
            run.integrity.not_run = count;
            run.integrity.selected = run.integrity.selected.max(count);
        }
        missed
    }

    /// What the environment spoilt can be run again as soon as nothing stands in its way.
    pub(super) fn offer_rerun(&mut self) {
        let (environment, straddled) = {
            let tally = self.inventory.tally();
            (tally.environment, tally.straddled)
        };
        let testing = self.runs.active().any(|(_, run)| run.kind == RunKind::Test);
        if environment + straddled == 0 || testing || self.proving().is_some() || !self.is_well() {
            return;
        }
        let plural = |count: u32| if count == 1 { "" } else { "s" };
        let text = match (environment, straddled) {
            (count, 0) => format!("{count} environment failure{} can be rerun: r", plural(count)),
            (0, count) => format!("{count} straddled result{} can be rerun: r", plural(count)),
            (one, other) => format!("{one} environment + {other} straddled can be rerun: r"),
        };
        self.say(Tone::Warning, text);
    }

    /// Whether no watched service is known to be down, and none is being deployed.
    #[must_use]
    pub fn is_well(&self) -> bool {
        !self.deploys.any_active() && self.services.iter().all(|(_, service)| service.outages.present().is_none())
    }
}

/// How much of a test's life is known.
pub(super) struct Life {
    started: Moment,
    /// Which revisions served then.
    epoch: Epoch,
    /// Whether its own beginning was seen, rather than that of its run.
    is_seen: bool,
    /// Whose run it was part of.
    runner: Option<RunnerId>,
}

/// A failure as far as its cause must know it.
pub(super) fn met(attempt: &Attempt, test: TestId) -> Met {
    Met { test, cycle: attempt.cycle, epoch: attempt.epoch, at: attempt.started.after(attempt.took) }
}

fn disturbance(service: &crate::domain::Text, outage: &Outage) -> Disturbance {
    Disturbance { service: service.clone(), why: Trouble::Down(outage.why.clone()), since: outage.from }
}

fn is_explained(test: &TestCase, outage: &Outage) -> bool {
    let Some(latest) = test.latest.as_ref().filter(|latest| latest.run.is_some()) else { return false };
    let is_own = latest.circumstance.is_steady() && latest.outcome.is_failure();
    let stopped = matches!(latest.outcome, Outcome::Interrupted | Outcome::Lost);
    let ended = match test.standing {
        Standing::Done(_) => test.since,
        Standing::NeverRun | Standing::Queued | Standing::Running => latest.started.after(latest.took),
    };
    is_own && !stopped && outage.may_explain(ended)
}
