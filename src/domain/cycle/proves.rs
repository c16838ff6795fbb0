//! Redeploy and prove: what moves the chain on. After every entry the present step is looked at once more, so that no
//! area has to know of it; a step that came about lets the next one begin at once.

use crate::domain::command::Selection;
use crate::domain::effect::{Effect, Effects};
use crate::domain::prove::{Prove, ProveDelta, ProveEnd, ProveStage, ProveStep};
use crate::domain::run::{RunEnd, RunPhase};
use crate::domain::stream::Link;
use crate::domain::{
    CycleWhy, DeployPhase, Moment, NoticeKind, ProveId, Repeat, RunId, RunKind, ServiceId, Span, State, StreamId,
    TestCase, TestId, Text, Tone, ViewerId,
};

/// How long a healthy probe, or the end of a run that is in the way, is waited for where the project sets no limit.
const PATIENCE: Span = Span::seconds(600);
/// How long streams are waited for: tests connect by themselves, so that they are no condition.
const STREAMS: Span = Span::seconds(20);

/// What a look at a step comes to.
enum Look {
    /// It goes on, for this reason and at most until then.
    Waits(Text, Option<Moment>),
    /// It is over.
    Over(ProveStage),
}

impl State {
    /// A deploy, and everything up to what it changed.
    pub(super) fn request_prove(
        &mut self,
        by: ViewerId,
        service: ServiceId,
        selection: &Selection,
        effects: &mut Effects,
    ) {
        if self.proving().is_some() {
            return self.say(Tone::Warning, "a deploy is being proved already: x ends that");
        }
        if self.deploys.active(service).is_some() {
            return self.say(Tone::Warning, "it is being deployed already: X cancels that");
        }
        self.request_deploy(by, service, None, effects);
        let Some(deploy) = self.deploys.active(service) else { return };
        let id = ProveId(self.prove.as_ref().map_or(0, |prove| prove.id.0 + 1));
        self.prove = Some(Prove::new(id, by, deploy, (service, selection.clone()), self.at));
    }

    /// Nothing further of the chain begins; what is under way of it has ways of its own to be stopped.
    pub(super) fn cancel_prove(&mut self) {
        match self.proving() {
            None => self.say(Tone::Warning, "no deploy is being proved"),
            Some(_) => self.close_prove(ProveStage::Cancelled),
        }
    }

    /// A step took too long. What others can do without is passed over.
    pub(super) fn overdue_prove(&mut self, id: ProveId, step: ProveStep) {
        let Some(link) = self.proving().filter(|prove| prove.id == id).and_then(Prove::present) else { return };
        let ProveStage::UnderWay(wait) = &link.stage else { return };
        // What runs by now is no longer in anybody's way.
        if link.step != step || link.first_run.is_some() {
            return;
        }
        let why: Text = format!("waited too long: {}", wait.why).into();
        match step {
            ProveStep::Streams => self.settle_prove(ProveStage::PassedOver(why)),
            ProveStep::Deploy | ProveStep::Health | ProveStep::Rerun | ProveStep::Stale => {
                self.close_prove(ProveStage::Failed(why));
            }
        }
    }

    /// Looks at the present step, and at those after it while each is over at once.
    pub(super) fn review_prove(&mut self, effects: &mut Effects) {
        while let Some(step) = self.proving().and_then(Prove::present).map(|link| link.step) {
            let look = match step {
                ProveStep::Deploy => self.look_at_deploy(),
                ProveStep::Health => self.look_at_health(effects),
                ProveStep::Streams => self.look_at_streams(effects),
                ProveStep::Rerun | ProveStep::Stale => self.look_at_tests(step, effects),
            };
            match look {
                Look::Waits(why, until) => {
                    let at = self.at;
                    return self.prove.iter_mut().for_each(|prove| prove.wait(&why, until, at));
                }
                Look::Over(stage @ (ProveStage::Failed(_) | ProveStage::Cancelled)) => return self.close_prove(stage),
                Look::Over(stage) => self.settle_prove(stage),
            }
        }
        if self.proving().is_some() {
            self.end_prove(ProveEnd::Proved);
        }
    }

    fn look_at_deploy(&self) -> Look {
        let deploy = self.proving().and_then(|prove| self.deploys.get(prove.deploy));
        let Some(deploy) = deploy else { return Look::Over(ProveStage::Cancelled) };
        let spec = self.services.get(deploy.service).and_then(|service| service.spec.deploy.as_ref());
        let limit = |from: Moment, limit: Option<Span>| limit.map(|limit| from.after(limit));
        match &deploy.phase {
            DeployPhase::Running => {
                Look::Waits("its command".into(), limit(deploy.started, spec.map(|spec| spec.timeout)))
            }
            DeployPhase::Routing => {
                Look::Waits("its platform".into(), limit(deploy.started, spec.map(|spec| spec.timeout)))
            }
            DeployPhase::Proving => {
                let from = deploy.command_ended.unwrap_or(deploy.started);
                Look::Waits("the new revision".into(), limit(from, spec.map(|spec| spec.proof_timeout)))
            }
            DeployPhase::Live => Look::Over(ProveStage::Done),
            DeployPhase::Cancelled => Look::Over(ProveStage::Cancelled),
            DeployPhase::Failed(why)
            | DeployPhase::NotServing(why)
            | DeployPhase::Superseded(why)
            | DeployPhase::TimedOut(why) => Look::Over(ProveStage::Failed(why.clone())),
        }
    }

    /// Healthy is what a probe says that began after the new revision served.
    fn look_at_health(&mut self, effects: &mut Effects) -> Look {
        let Some(prove) = self.proving() else { return Look::Over(ProveStage::Cancelled) };
        let live = self.deploys.get(prove.deploy).and_then(|deploy| deploy.ended).unwrap_or(self.at);
        let Some(service) = self.services.get(prove.service).filter(|service| service.spec.has_health) else {
            return Look::Over(ProveStage::PassedOver("it has no health probe".into()));
        };
        let fresh = service.beats.last().is_some_and(|beat| beat.at >= live.after(beat.latency));
        if fresh && service.latest.serves() && service.is_available() {
            return Look::Over(ProveStage::Done);
        }
        let why = match (fresh, service.latest.why()) {
            (true, Some(why)) => why.clone(),
            (true, None) => "it is not healthy".into(),
            (false, _) => "a health probe".into(),
        };
        if self.is_ahead() {
            effects.push(Effect::ProbeServices);
        }
        let until = self.limit_prove(self.patience(), effects);
        Look::Waits(why, until)
    }

    /// The streams of the service, on connections that were opened since another revision serves.
    fn look_at_streams(&mut self, effects: &mut Effects) -> Look {
        let Some(prove) = self.proving() else { return Look::Over(ProveStage::Cancelled) };
        let Some(service) = self.services.get(prove.service) else { return Look::Over(ProveStage::Done) };
        let streams = self.streams_of(&service.spec.name);
        if streams.is_empty() {
            return Look::Over(ProveStage::PassedOver("it has no stream".into()));
        }
        let live = self.deploys.get(prove.deploy).and_then(|deploy| deploy.ended).unwrap_or(self.at);
        let moved = if service.revision_since >= prove.began { service.revision_since } else { live };
        let asked = prove.present().filter(|link| link.stage != ProveStage::Ahead).map(|link| link.since);
        let link = |id: &StreamId| self.streams.get(*id);
        let is_open = |id: &StreamId| link(id).is_some_and(|link| link.link == Link::Open && link.since >= moved);
        let given_up = |id: &StreamId| {
            let stopped = |since: Moment| asked.is_some_and(|asked| since > asked);
            link(id).is_some_and(|link| matches!(link.link, Link::Stopped { .. }) && stopped(link.since))
        };
        let missing: Vec<StreamId> = streams.into_iter().filter(|id| !is_open(id)).collect();
        if let Some(waiting) = missing.iter().find(|id| !given_up(id)) {
            let name = link(waiting).map_or_else(|| "a stream".into(), |link| link.spec.name.clone());
            let under_way =
                |id: &StreamId| link(id).is_some_and(|link| link.link == Link::Connecting && link.since >= moved);
            if asked.is_none() {
                let stale = missing.iter().filter(|id| !under_way(id));
                let why: Text = "another revision serves".into();
                effects.extend(stale.map(|&stream| Effect::OpenStream { stream, why: why.clone() }));
            }
            let until = self.limit_prove(STREAMS, effects);
            return Look::Waits(name, until);
        }
        match missing.first().and_then(link) {
            None => Look::Over(ProveStage::Done),
            Some(stream) => {
                let why =
                    stream.refusal.as_ref().map_or_else(|| "it was given up".into(), |refusal| refusal.why.clone());
                Look::Over(ProveStage::PassedOver(format!("{}: {why}", stream.spec.name).into()))
            }
        }
    }

    fn look_at_tests(&mut self, step: ProveStep, effects: &mut Effects) -> Look {
        let Some(prove) = self.proving() else { return Look::Over(ProveStage::Cancelled) };
        if let Some(first) = prove.present().and_then(|link| link.first_run) {
            return self.look_at_runs(first);
        }
        if let Some(why) = self.in_the_way() {
            let until = self.limit_prove(self.patience(), effects);
            return Look::Waits(why, until);
        }
        let (by, selection) = (prove.by, prove.selection.clone());
        let selection = if step == ProveStep::Stale { Selection::Stale } else { selection };
        if self.select(&selection).is_empty() {
            let why = match selection {
                Selection::Failures => "nothing is unproved",
                Selection::Stale => "nothing is stale",
                Selection::All | Selection::Module(_) | Selection::Tests(_) => "nothing is selected",
            };
            return Look::Over(ProveStage::PassedOver(why.into()));
        }
        self.run_tests(by, &selection, effects)
    }

    /// What has to end before tests of the chain can run.
    fn in_the_way(&self) -> Option<Text> {
        let running = self.runs.active().find(|(_, run)| run.kind.executes());
        let repeating = self.repeat.as_ref().filter(|repeat| Repeat::is_active(repeat));
        running
            .map(|(_, run)| format!("{} is running", self.runner_name(run.runner)).into())
            .or_else(|| repeating.map(|_| "a selection is being repeated".into()))
    }

    fn run_tests(&mut self, by: ViewerId, selection: &Selection, effects: &mut Effects) -> Look {
        let selected = self.select(selection);
        let tests: Vec<TestId> = match selection {
            Selection::All => self.inventory.tests().filter(|(_, test)| !test.gone).map(|(id, _)| id).collect(),
            _ => selected.into_iter().filter_map(|(_, tests)| tests).flatten().collect(),
        };
        let first = RunId(self.runs.iter().len() as u32);
        let (at, is_first) = (self.at, self.proving().is_some_and(|prove| prove.cycle.is_none()));
        let known = |id: &TestId| -> Option<(TestId, &TestCase)> { Some((*id, self.inventory.test(*id)?)) };
        if let Some(prove) = &mut self.prove {
            prove.remember(tests.iter().filter_map(known));
        }
        // Both parts of a rerun are one turn of the loop.
        if !is_first {
            self.begin_runs(by, selection, effects);
        } else if !self.begin_cycle(by, selection, effects) {
            let why = self.news.last().map_or_else(|| "the tests could not be run".into(), |news| news.text.clone());
            return Look::Over(ProveStage::Failed(why));
        } else {
            self.cycle_why = CycleWhy::Proof;
        }
        let cycle = self.cycle;
        if let Some(prove) = &mut self.prove {
            prove.cycle = Some(cycle);
            if let Some(link) = prove.present_mut() {
                (link.first_run, link.tests, link.since) = (Some(first), tests.len() as u32, at);
            }
        }
        self.look_at_runs(first)
    }

    fn look_at_runs(&self, first: RunId) -> Look {
        let cycle = self.proving().and_then(|prove| prove.cycle);
        let own = |id: RunId| self.runs.get(id).filter(|run| run.kind == RunKind::Test && Some(run.cycle) == cycle);
        let count = self.runs.iter().len() as u32;
        let runs = || (first.0..count).filter_map(|n| own(RunId(n)));
        if let Some(active) = runs().find(|run| run.is_active()) {
            return match &active.phase {
                RunPhase::Held { why } => {
                    Look::Waits(why.clone(), Some(active.asked.after(self.session.project.hold_limit)))
                }
                _ => Look::Waits("the run".into(), None),
            };
        }
        let ends = || {
            runs().filter_map(|run| match &run.phase {
                RunPhase::Ended(end) => Some(end),
                _ => None,
            })
        };
        if ends().any(|end| *end == RunEnd::Stopped) {
            return Look::Over(ProveStage::Cancelled);
        }
        let broken = ends().find_map(|end| match end {
            RunEnd::CouldNotStart(why) | RunEnd::Crashed(why) | RunEnd::NothingRan(why) => Some(why.clone()),
            RunEnd::Complete | RunEnd::CutShort(_) | RunEnd::Stopped => None,
        });
        Look::Over(broken.map_or(ProveStage::Done, ProveStage::Failed))
    }

    fn is_ahead(&self) -> bool {
        self.proving().and_then(Prove::present).is_some_and(|link| link.stage == ProveStage::Ahead)
    }

    fn patience(&self) -> Span {
        let limit = self.session.project.hold_limit;
        if limit == Span::ZERO { PATIENCE } else { limit }
    }

    /// Until when the present step may wait; where it begins now, that time is kept.
    fn limit_prove(&self, limit: Span, effects: &mut Effects) -> Option<Moment> {
        let prove = self.proving()?;
        let link = prove.present()?;
        if link.stage == ProveStage::Ahead {
            effects.push(Effect::LimitProve { prove: prove.id, step: link.step, limit });
            return Some(self.at.after(limit));
        }
        Some(link.since.after(limit))
    }

    fn settle_prove(&mut self, stage: ProveStage) {
        let at = self.at;
        if let Some(prove) = &mut self.prove {
            prove.settle(stage, at);
        }
    }

    /// The chain ends at its present step.
    fn close_prove(&mut self, stage: ProveStage) {
        let end = match &stage {
            ProveStage::Failed(why) => ProveEnd::Failed(why.clone()),
            _ => ProveEnd::Cancelled,
        };
        self.settle_prove(stage);
        self.end_prove(end);
    }

    fn end_prove(&mut self, end: ProveEnd) {
        let Some(prove) = self.proving() else { return };
        let prove_ran = prove.cycle.is_some();
        let ran = prove_ran || end == ProveEnd::Proved;
        let delta = ran.then(|| self.prove_delta(prove));
        let service = self.services.get(prove.service);
        let name = service.map_or_else(|| "the service".into(), |service| service.spec.name.clone());
        let revision = self.deploys.get(prove.deploy).and_then(|deploy| deploy.to.clone());
        let what = revision.unwrap_or_else(|| name.clone());
        let changed = delta.as_ref().map(ProveDelta::to_string);
        let (tone, text) = match (&end, changed) {
            (ProveEnd::Proved, changed) => {
                let tone = if delta.as_ref().is_some_and(ProveDelta::is_clean) { Tone::Good } else { Tone::Bad };
                (tone, format!("{what} is proved: {}", changed.unwrap_or_default()))
            }
            (ProveEnd::Failed(why), None) => (Tone::Bad, format!("{name} is not proved: {why}")),
            (ProveEnd::Failed(why), Some(changed)) => (Tone::Bad, format!("{what} is not proved: {why}; {changed}")),
            (ProveEnd::Cancelled, None) => (Tone::Person, format!("{name} is not proved: the chain was ended")),
            (ProveEnd::Cancelled, Some(changed)) => {
                (Tone::Person, format!("{what} is not proved: the chain was ended; {changed}"))
            }
        };
        self.say(tone, text);
        if prove_ran {
            self.notice(NoticeKind::Run);
        }
        let (cycle, at) = (self.cycle, self.at);
        if let Some(prove) = &mut self.prove {
            prove.finish(end, delta, cycle, at);
        }
    }
}
