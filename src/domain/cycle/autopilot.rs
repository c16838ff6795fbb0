//! What the autopilot does next. After every entry its phase is looked at; where that is over, it decides anew.

use crate::domain::autopilot::{Autopilot, AutopilotEnd, AutopilotPhase, AutopilotPlan, Decision, FixEnd, FlightPace};
use crate::domain::command::Selection;
use crate::domain::effect::{Effect, Effects};
use crate::domain::event::FixEvent;
use crate::domain::prove::ProveEnd;
use crate::domain::{
    CauseClass, Counted, CycleWhy, DeployId, DeployPhase, FixId, Moment, Outcome, Run, RunEnd, RunKind, RunPhase,
    ServiceId, Span, Standing, State, TestCase, TestId, Text, Tone, ViewerId, plain,
};

/// What stands between now and green, the first that there is.
#[derive(Debug, Clone, PartialEq)]
enum Next {
    /// Tests run, for this reason.
    Run(Selection, Text),
    /// What fails is for the fix hook.
    Fix,
    /// It is over.
    End(AutopilotEnd),
}

impl State {
    pub(super) fn request_autopilot(
        &mut self,
        by: ViewerId,
        plan: &AutopilotPlan,
        resumes: bool,
        effects: &mut Effects,
    ) {
        if self.flying().is_some() {
            return self.say(Tone::Warning, "the autopilot flies already");
        }
        let unknown = plan.deploy.iter().find(|name| self.services.named(name).is_none());
        if let Some(name) = unknown {
            return self.say(Tone::Warning, format!("the autopilot is to deploy {name}, and there is no such service"));
        }
        let name = self.viewer_name(Some(by)).to_owned();
        self.say(Tone::Person, format!("{name} starts the autopilot"));
        let flown = self.flown.take().filter(|_| resumes).unwrap_or_default();
        let limit = Span(plan.time.0.saturating_sub(flown.before.0));
        self.autopilot = Some(Autopilot::new(by, plan.clone(), resumes, flown, self.at));
        effects.push(Effect::LimitFlight { began: self.at, limit });
    }

    /// Its time is over, whatever it waits for; what runs or is deployed goes on.
    pub(super) fn overdue_autopilot(&mut self, began: Moment, effects: &mut Effects) {
        let Some(flight) = self.flying().filter(|flight| flight.began == began) else { return };
        let why = flight.time_is_over();
        self.stop_fixing(effects);
        self.land(AutopilotEnd::Spent(why));
    }

    /// Pauses it, or lets it go on.
    pub(super) fn pace_autopilot(&mut self, pace: FlightPace) {
        let Some(flight) = self.flying_mut() else {
            return self.say(Tone::Warning, "the autopilot does not fly");
        };
        flight.pace = pace;
        let text = match pace {
            FlightPace::Free => "the autopilot goes on",
            FlightPace::OneStep => "the autopilot takes one step",
            FlightPace::Paused => "the autopilot pauses: what is under way goes on",
        };
        self.say(Tone::Person, text);
    }

    pub(super) fn stop_autopilot(&mut self, effects: &mut Effects) {
        if self.flying().is_none() {
            return self.say(Tone::Warning, "the autopilot does not fly");
        }
        self.stop_fixing(effects);
        self.land(AutopilotEnd::Cancelled);
    }

    fn stop_fixing(&mut self, effects: &mut Effects) {
        if let Some(AutopilotPhase::Fixing { fix }) = self.flying().map(|flight| &flight.phase) {
            effects.push(Effect::StopFix { fix: *fix });
        }
    }

    pub(super) fn apply_fix(&mut self, event: &FixEvent) {
        match event {
            FixEvent::Printed { fix, lines } => self.fixes.print(*fix, lines),
            FixEvent::CouldNotStart { fix, why } => self.fixes.close(*fix, FixEnd::GaveUp(why.clone()), &[], self.at),
            FixEvent::Ended { fix, exit, changed } => {
                self.fixes.close(*fix, FixEnd::of(*exit), changed, self.at);
            }
        }
    }

    /// Looks at what it does, and decides while that is over.
    pub(super) fn review_autopilot(&mut self, effects: &mut Effects) {
        // Each turn begins something that ends with a later entry, or ends the flight; the bound is a precaution.
        for _ in 0..8 {
            let Some(flight) = self.flying() else { return };
            if self.autopilot_waits() {
                return;
            }
            match &flight.phase {
                AutopilotPhase::Deciding => {
                    if self.is_any_under_way() || !self.session.recalled {
                        return;
                    }
                    self.decide(effects);
                }
                AutopilotPhase::Running { cycle } => {
                    let cycle = *cycle;
                    if self.runs.active().next().is_some() {
                        return;
                    }
                    self.end_running(cycle);
                }
                AutopilotPhase::Fixing { fix } => {
                    let fix = *fix;
                    let Some(end) = self.fixes.get(fix).and_then(|fix| fix.end.clone()) else { return };
                    self.end_fixing(fix, end, effects);
                }
                AutopilotPhase::Deploying { deploy, rest } => {
                    let (deploy, rest) = (*deploy, rest.clone());
                    if self.deploys.get(deploy).is_some_and(|deploy| deploy.is_active()) {
                        return;
                    }
                    self.end_deploying(deploy, rest, effects);
                }
                AutopilotPhase::Proving { prove } => {
                    let prove = self.prove.as_ref().filter(|chain| chain.id == *prove);
                    let Some(end) = prove.map_or(Some(ProveEnd::Cancelled), |chain| chain.end.clone()) else { return };
                    let cycle = prove.and_then(|chain| chain.cycle);
                    self.end_proving(end, cycle);
                }
            }
        }
    }

    fn flying(&self) -> Option<&Autopilot> {
        self.autopilot.as_ref().filter(|flight| flight.is_active())
    }

    fn flying_mut(&mut self) -> Option<&mut Autopilot> {
        self.autopilot.as_mut().filter(|flight| flight.is_active())
    }

    fn is_any_under_way(&self) -> bool {
        self.runs.active().next().is_some() || self.deploys.any_active()
    }

    fn enter(&mut self, phase: AutopilotPhase) {
        if let Some(flight) = self.flying_mut() {
            flight.phase = phase;
        }
    }

    fn decided(&mut self, text: impl Into<Text>) {
        let (at, text) = (self.at, text.into());
        if let Some(flight) = self.flying_mut() {
            flight.trail.push(Decision { at, text: text.clone() });
            if flight.pace == FlightPace::OneStep {
                flight.pace = FlightPace::Paused;
            }
        }
        self.say(Tone::Plain, format!("autopilot: {text}"));
    }

    fn land(&mut self, end: AutopilotEnd) {
        let (at, cycle) = (self.at, self.cycle);
        let tone = if end == AutopilotEnd::Green { Tone::Good } else { Tone::Bad };
        let doubt = self.reservation(&[]).filter(|_| end == AutopilotEnd::Green);
        let said = doubt.map_or_else(|| end.to_string(), |doubt| format!("{end}; not proved: {doubt}"));
        self.say(tone, format!("autopilot: {said}"));
        if let Some(flight) = self.flying_mut() {
            flight.trail.push(Decision { at, text: said.into() });
            (flight.end, flight.ended, flight.last_cycle) = (Some(end), Some(at), Some(cycle));
        }
    }

    fn decide(&mut self, effects: &mut Effects) {
        let Some(flight) = self.flying() else { return };
        let (by, resumes) = (flight.by, flight.resumes);
        if resumes {
            self.go_on_with_earlier(by, effects);
            return;
        }
        match self.next_step() {
            Next::Run(selection, why) => self.run_next(by, &selection, &why, effects),
            Next::Fix => self.call_fix(effects),
            Next::End(end) => self.land(end),
        }
    }

    /// First of all, the cycle that an earlier session did not end.
    fn go_on_with_earlier(&mut self, by: ViewerId, effects: &mut Effects) {
        self.flying_mut().into_iter().for_each(|flight| flight.resumes = false);
        self.request_resume(by, effects);
        let kept = self.resumed.unwrap_or_default();
        let cycle = self.cycle;
        if self.runs.active().next().is_some() {
            // A flight that is gone on with has counted this cycle when it began it.
            self.flying_mut().into_iter().for_each(|flight| flight.flown.cycles = flight.flown.cycles.max(1));
            self.decided(format!("goes on with cycle {cycle}, of which {kept} tests have ended"));
            self.enter(AutopilotPhase::Running { cycle });
        }
    }

    fn next_step(&self) -> Next {
        let Some(flight) = self.flying() else { return Next::End(AutopilotEnd::Cancelled) };
        // Where nothing is gone on with, a flight begins with a look of its own at what serves.
        let is_own = |test: &TestCase| test.latest.as_ref().is_some_and(|latest| latest.run.is_some());
        let has_results = self.inventory.tests().any(|(_, test)| {
            !test.gone && test.latest.is_some() && !test.is_stale() && (is_own(test) || self.resumed.is_some())
        });
        let is_whole = flight.whole.is_some_and(|epoch| self.services.is_current(epoch));
        if self.is_green() && is_whole {
            return Next::End(AutopilotEnd::Green);
        }
        if let Some(why) = flight.spent(self.at) {
            return Next::End(AutopilotEnd::Spent(why));
        }
        if !has_results {
            return Next::Run(Selection::All, "everything, as nothing is known of what serves".into());
        }
        let (left, own): (Vec<TestId>, Vec<TestId>) = self.inventory.unproved().partition(|id| self.is_left(*id));
        if !left.is_empty() {
            if flight.flown.disturbed >= flight.plan.patience {
                let why = format!(
                    "{} tests could not be brought to a result {} times in a row",
                    left.len(),
                    flight.flown.disturbed
                );
                return Next::End(AutopilotEnd::NoProgress(why.into()));
            }
            let why = format!("{} that have no result of their own", left.len());
            return Next::Run(Selection::Tests(left), why.into());
        }
        let stale: Vec<TestId> = self.inventory.stale().collect();
        if !stale.is_empty() {
            let why = format!("{} that are stale", stale.len());
            return Next::Run(Selection::Stale, why.into());
        }
        let retries = |id: TestId| flight.flown.retried.get(&self.inventory.test(id)?.node).copied();
        let may_retry = |id: &TestId| retries(*id).unwrap_or_default() < flight.plan.retries;
        let outside: Vec<TestId> =
            own.iter().copied().filter(|id| may_retry(id) && self.is_environments(*id)).collect();
        if !outside.is_empty() {
            let why = format!("{} that look like the environment's", outside.len());
            return Next::Run(Selection::Tests(outside), why.into());
        }
        let is_flaky = |id: &TestId| self.inventory.test(*id).is_some_and(|test: &TestCase| test.flake().is_some());
        let flaky: Vec<TestId> = own.iter().copied().filter(|id| may_retry(id) && is_flaky(id)).collect();
        if !flaky.is_empty() {
            let why = format!("{} that are known to be flaky", flaky.len());
            return Next::Run(Selection::Tests(flaky), why.into());
        }
        if own.is_empty() {
            return Next::Run(Selection::All, "everything, before it is called green".into());
        }
        if self.session.project.fix.is_none() {
            let fail = if own.len() == 1 { " fails" } else { "s fail" };
            let why = format!("{} test{fail} and no fix hook is configured", own.len());
            return Next::End(AutopilotEnd::GaveUp(why.into()));
        }
        let red = self.red(&own);
        if red == flight.flown.last_red && flight.flown.same + 1 >= flight.plan.patience {
            let tests = if own.len() == 1 { "test".to_owned() } else { format!("{} tests", own.len()) };
            let missed = flight.deploy_failed();
            let missed =
                missed.map(|why| format!(", and the last deploy did not come about: {why}")).unwrap_or_default();
            let why = format!("the same {tests} failed after {} fixes{missed}", flight.flown.same + 1);
            return Next::End(AutopilotEnd::NoProgress(why.into()));
        }
        if let Some(why) = flight.has_no_deploy_left() {
            return Next::End(AutopilotEnd::Spent(why));
        }
        Next::Fix
    }

    /// Whether a test is to be run again for nothing that it did: it never ran, was lost, or the environment spoilt it.
    fn is_left(&self, id: TestId) -> bool {
        self.inventory.test(id).is_some_and(|test| match test.counted() {
            _ if test.is_not_run() => true,
            Counted::Environment | Counted::Straddled => true,
            Counted::As(Standing::Done(outcome)) => matches!(outcome, Outcome::Lost | Outcome::Interrupted),
            Counted::As(_) | Counted::Known => false,
        })
    }

    /// Whether a test failed as tests do where something is not there, although no probe has noticed: not every host
    /// has one. It is run again before anybody is asked to mend it.
    fn is_environments(&self, id: TestId) -> bool {
        let cause = self.causes.of(id).and_then(|cause| self.causes.get(cause));
        cause.is_some_and(|cause| cause.signature.class == CauseClass::Environment)
    }

    fn red(&self, tests: &[TestId]) -> Vec<(Text, Option<Text>)> {
        let key = |id| Some(self.causes.get(self.causes.of(id)?)?.key.clone());
        tests.iter().filter_map(|id| Some((self.inventory.test(*id)?.node.clone(), key(*id)))).collect()
    }

    fn run_next(&mut self, by: ViewerId, selection: &Selection, why: &str, effects: &mut Effects) {
        if let Some(flight) = self.flying_mut() {
            flight.flown.cycles += 1;
        }
        if let Selection::Tests(tests) = selection {
            let left = tests.first().is_some_and(|id| self.is_left(*id));
            let nodes: Vec<Text> = tests.iter().filter_map(|id| Some(self.inventory.test(*id)?.node.clone())).collect();
            if let Some(flight) = self.flying_mut() {
                match left {
                    true => flight.flown.disturbed += 1,
                    false => {
                        nodes.into_iter().for_each(|node| *flight.flown.retried.entry(node).or_default() += 1);
                    }
                }
            }
        }
        if !self.begin_cycle(by, selection, effects) {
            let why = self.news.last().map_or_else(|| "the tests could not be run".into(), |news| news.text.clone());
            return self.land(AutopilotEnd::GaveUp(why));
        }
        self.cycle_why = CycleWhy::Autopilot;
        let cycle = self.cycle;
        self.decided(format!("cycle {cycle} runs {why}"));
        self.enter(AutopilotPhase::Running { cycle });
    }

    fn end_running(&mut self, cycle: u32) {
        if let Some((why, times)) = self.held_too_long(cycle).and_then(|why| Some((why, self.wait_on()?))) {
            self.decided(format!("{why}, still: it is waited for once more ({times})"));
            return self.enter(AutopilotPhase::Deciding);
        }
        let runs =
            || self.runs.iter().map(|(_, run)| run).filter(|run| run.cycle == cycle && run.kind == RunKind::Test);
        let broken = runs().find_map(|run| match &run.phase {
            RunPhase::Ended(RunEnd::CouldNotStart(why) | RunEnd::NothingRan(why)) => Some(why.clone()),
            _ => None,
        });
        let is_whole = runs().next().is_some()
            && runs().all(|run| run.selection.is_none() && run.phase == RunPhase::Ended(RunEnd::Complete));
        let epoch = self.services.epoch();
        let spoilt = self.inventory.unproved().any(|id| self.is_left(id));
        if let Some(flight) = self.flying_mut() {
            if is_whole {
                flight.whole = Some(epoch);
            }
            if !spoilt {
                flight.flown.disturbed = 0;
            }
        }
        match broken {
            Some(why) => self.land(AutopilotEnd::GaveUp(format!("the tests could not be run: {why}").into())),
            None => self.enter(AutopilotPhase::Deciding),
        }
    }

    /// What a run of that cycle waited for until its time was over, where it is to be waited for still.
    fn held_too_long(&self, cycle: u32) -> Option<String> {
        let of_cycle = |run: &&Run| run.cycle == cycle && run.kind == RunKind::Test && run.started.is_none();
        let mut held = self.runs.iter().map(|(_, run)| run).filter(of_cycle);
        held.find_map(|run| match &run.phase {
            RunPhase::Ended(RunEnd::CouldNotStart(_)) => self.hold_reason(run.runner),
            _ => None,
        })
    }

    /// An outage outlasts the time for which a run is held: that is the environment's, and is borne as often in a row as
    /// anything else of its. Answers how often it was, of how often it may be; nothing where patience is at its end.
    fn wait_on(&mut self) -> Option<String> {
        let flight = self.flying_mut()?;
        let patience = flight.plan.patience;
        if flight.flown.disturbed >= patience {
            return None;
        }
        flight.flown.disturbed += 1;
        Some(format!("{} of {patience}", flight.flown.disturbed))
    }

    fn call_fix(&mut self, effects: &mut Effects) {
        let own: Vec<TestId> = self.inventory.unproved().filter(|id| !self.is_left(*id)).collect();
        let red = self.red(&own);
        let fix = self.fixes.open(self.at);
        if let Some(flight) = self.flying_mut() {
            flight.flown.same = if flight.flown.last_red == red { flight.flown.same + 1 } else { 0 };
            flight.flown.last_red = red;
            flight.flown.fixes += 1;
            flight.flown.retried.clear();
        }
        let causes = self.causes.present().len();
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        let (tests, of) = (own.len(), format!("{causes} cause{}", plural(causes)));
        self.decided(format!("{tests} test{} fail for {of}: the fix hook is called", plural(tests)));
        self.enter(AutopilotPhase::Fixing { fix });
        effects.push(Effect::CallFix { fix });
    }

    fn end_fixing(&mut self, fix: FixId, end: FixEnd, effects: &mut Effects) {
        match end {
            FixEnd::NothingToDo => self.land(AutopilotEnd::GaveUp("the fix hook found nothing to do".into())),
            FixEnd::GaveUp(why) => {
                let words = self.fixes.get(fix).and_then(|fix| fix.last_words());
                let why = words.map_or_else(|| why.clone(), |words| format!("{why}: {}", plain(words)).into());
                self.land(AutopilotEnd::GaveUp(why));
            }
            FixEnd::Changed => {
                if let Some(why) = self.flying().and_then(|flight| flight.spent(self.at)) {
                    return self.land(AutopilotEnd::Spent(why));
                }
                if let Some(flight) = self.flying_mut() {
                    flight.flown.deploy_failed = None;
                }
                let services = self.to_deploy(fix);
                if services.is_empty() {
                    let Some(by) = self.flying().map(|flight| flight.by) else { return };
                    return self.run_next(by, &Selection::Failures, "what failed, as no service changed", effects);
                }
                self.deploy_the_next(services, effects);
            }
        }
    }

    /// The services to deploy after a fix, those first that others need.
    fn to_deploy(&self, fix: FixId) -> Vec<ServiceId> {
        let Some(flight) = self.flying() else { return Vec::new() };
        let changed = self.fixes.get(fix).map_or(&[][..], |fix| fix.changed.as_slice());
        let is_meant = |name: &Text, paths: &[Text]| {
            let touches = |changed: &Text| paths.iter().any(|path| is_under(changed, path));
            flight.plan.deploy.contains(name) || changed.iter().any(touches)
        };
        let meant = self
            .services
            .iter()
            .filter(|(_, service)| service.spec.deploy.is_some() && is_meant(&service.spec.name, &service.spec.paths));
        let meant: Vec<ServiceId> = meant.map(|(id, _)| id).collect();
        self.services.in_order(&meant)
    }

    /// Deploys the first of these; the last one is proved.
    fn deploy_the_next(&mut self, mut services: Vec<ServiceId>, effects: &mut Effects) {
        let Some(by) = self.flying().map(|flight| flight.by) else { return };
        if services.is_empty() {
            return self.enter(AutopilotPhase::Deciding);
        }
        if let Some(why) = self.flying().and_then(Autopilot::has_no_deploy_left) {
            return self.land(AutopilotEnd::Spent(why));
        }
        let service = services.remove(0);
        let name = self.services.get(service).map_or_else(|| "a service".into(), |service| service.spec.name.clone());
        if let Some(flight) = self.flying_mut() {
            flight.flown.deploys += 1;
        }
        if services.is_empty() {
            let before = self.prove.as_ref().map(|prove| prove.id);
            self.request_prove(by, service, &Selection::Failures, effects);
            let Some(prove) = self.prove.as_ref().map(|prove| prove.id).filter(|id| Some(*id) != before) else {
                return self.land_refused();
            };
            self.flying_mut().into_iter().for_each(|flight| flight.flown.cycles += 1);
            self.decided(format!("{name} is deployed, then what failed is proved"));
            return self.enter(AutopilotPhase::Proving { prove });
        }
        self.request_deploy(by, service, None, effects);
        let Some(deploy) = self.deploys.active(service) else { return self.land_refused() };
        self.decided(format!("{name} is deployed"));
        self.enter(AutopilotPhase::Deploying { deploy, rest: services });
    }

    fn land_refused(&mut self) {
        let why = self.news.last().map_or_else(|| "the deploy was refused".into(), |news| news.text.clone());
        self.land(AutopilotEnd::GaveUp(why));
    }

    fn end_deploying(&mut self, deploy: DeployId, rest: Vec<ServiceId>, effects: &mut Effects) {
        match self.deploys.get(deploy).map(|deploy| deploy.phase.clone()) {
            Some(DeployPhase::Live) => self.deploy_the_next(rest, effects),
            Some(DeployPhase::Cancelled) | None => self.land(AutopilotEnd::Cancelled),
            Some(phase) => self.miss_deploy(why_of(&phase)),
        }
    }

    fn end_proving(&mut self, end: ProveEnd, cycle: Option<u32>) {
        match end {
            ProveEnd::Proved => match cycle {
                Some(cycle) => self.end_running(cycle),
                None => self.enter(AutopilotPhase::Deciding),
            },
            ProveEnd::Cancelled => self.land(AutopilotEnd::Cancelled),
            ProveEnd::Failed(why) => self.miss_deploy(&why),
        }
    }

    /// A deploy that does not come about is the fix hook's next task.
    fn miss_deploy(&mut self, why: &str) {
        if let Some(flight) = self.flying_mut() {
            flight.flown.deploy_failed = Some(why.into());
        }
        self.decided(format!("the deploy failed: {why}"));
        self.enter(AutopilotPhase::Deciding);
    }
}

/// Why a deploy is not live.
fn why_of(phase: &DeployPhase) -> &str {
    match phase {
        DeployPhase::Failed(why)
        | DeployPhase::NotServing(why)
        | DeployPhase::Superseded(why)
        | DeployPhase::TimedOut(why) => why,
        DeployPhase::Running | DeployPhase::Routing | DeployPhase::Proving => "it is under way",
        DeployPhase::Live => "it is live",
        DeployPhase::Cancelled => "it was cancelled",
    }
}

/// Whether a changed file is one of those that a path means: the file itself, or a folder with all below it.
fn is_under(changed: &str, path: &str) -> bool {
    let path = path.trim_end_matches("/**").trim_end_matches('/');
    changed.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::is_under;

    #[test]
    fn a_path_means_a_file_or_all_below_a_folder() {
        assert!(is_under("backend/app/main.py", "backend"));
        assert!(is_under("backend/app/main.py", "backend/**"));
        assert!(is_under("Dockerfile", "Dockerfile"));
        assert!(!is_under("backend-old/main.py", "backend/"));
    }
}
