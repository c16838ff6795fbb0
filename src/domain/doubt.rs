//! What stands against results that look well by themselves, and whether what a priority group guards is protected: decided
//! here for the screen, for summaries and for reports, so that none of them says a word that another one refuses.

use super::{
    Check, CheckResult, CheckVerdict, ContractVerdict, Deploy, DeployId, DeployPhase, Judgement, Protection, Run,
    RunEnd, RunId, RunKind, RunPhase, Rung, State, Tally, TestId, Text, Tier,
};

/// Passes that were to guard something and prove nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hollow {
    /// Those that came about without an environment too.
    pub vacuous: u32,
    /// Those that touched nothing outside their process.
    pub untouched: u32,
}

impl State {
    /// Whether what a priority group guards is protected: all its tests held and prove something, and nothing makes the
    /// session's results doubtful as a whole.
    #[must_use]
    pub fn protection(&self, tier: &Tier) -> Protection {
        match tier.protection() {
            Protection::Protected if self.is_in_doubt() => Protection::Unproved,
            other => other,
        }
    }

    /// Whether results have to be doubted however well they look: what serves was not proved, a run they rest on was not
    /// whole, or nothing real answered.
    #[must_use]
    pub fn is_in_doubt(&self) -> bool {
        let is_doubtful = |run: &Run| run.disagreement.is_some() || run.is_truncated();
        self.newest_runs().any(|(_, run)| is_doubtful(run))
            || self.unproved_deploys().next().is_some()
            || self.newest_null_run().is_some()
            || self.played_contracts().next().is_some()
    }

    /// The passes that prove nothing where they were to guard something: of the tiers of these names, or of all tiers
    /// where no name is given, or of all tests in a project without tiers.
    #[must_use]
    pub fn hollow(&self, gate: &[String]) -> Hollow {
        if gate.is_empty() && self.inventory.tiers().is_empty() {
            return Hollow::of(self.inventory.tally());
        }
        let all = self.gating(gate).map(|tier| Hollow::of(&tier.tally));
        all.fold(Hollow::default(), |sum, hollow| Hollow {
            vacuous: sum.vacuous + hollow.vacuous,
            untouched: sum.untouched + hollow.untouched,
        })
    }

    fn gating(&self, gate: &[String]) -> impl Iterator<Item = &Tier> {
        let named = |tier: &Tier| gate.iter().any(|name| tier.spec.name.eq_ignore_ascii_case(name));
        self.inventory.tiers().iter().map(|(_, tier)| tier).filter(move |tier| gate.is_empty() || named(tier))
    }

    /// What keeps results that are green from being proved, in a few words; nothing where they are. `gate` as in
    /// [`hollow`](Self::hollow). Reports tell the same at length.
    #[must_use]
    pub fn reservation(&self, gate: &[String]) -> Option<Text> {
        let Hollow { vacuous, untouched } = self.hollow(gate);
        let with = |tier: &&Tier| tier.tally.worths.hollow() > 0;
        let names: Vec<&str> = self.gating(gate).filter(with).map(|tier| &*tier.spec.name).collect();
        let of = if names.is_empty() { String::new() } else { format!(" of {}", names.join(", ")) };
        let passes = |count: u32| format!("{count} {}{of}", if count == 1 { "pass" } else { "passes" });
        let mut said = Vec::new();
        if self.newest_null_run().is_some() {
            said.push("the newest run was a null run".to_owned());
        }
        if let Some((_, deploy)) = self.unproved_deploys().next() {
            let name = self.services.get(deploy.service).map_or("a service", |service| &*service.spec.name);
            said.push(format!("the deploy of {name} is not"));
        }
        if self.played_contracts().next().is_some() {
            said.push("the events of a contract were played".to_owned());
        }
        if vacuous > 0 {
            said.push(format!("{} without an environment too", passes(vacuous)));
        }
        if untouched > 0 {
            said.push(format!("{} touched nothing", passes(untouched)));
        }
        (!said.is_empty()).then(|| said.join(", ").into())
    }

    /// The runs that results rest on: in the cycle of the newest run, the newest one of each runner.
    pub fn newest_runs(&self) -> impl Iterator<Item = (RunId, &Run)> {
        let cycle = self.runs.newest().map(|(_, run)| run.cycle);
        let of_cycle = move || {
            let tests = self.runs.iter().rev().filter(|(_, run)| run.kind == RunKind::Test);
            tests.take_while(move |(_, run)| Some(run.cycle) == cycle)
        };
        of_cycle().filter(move |(id, run)| {
            let newer = of_cycle().take_while(|(other, _)| other != id);
            newer.into_iter().all(|(_, other)| other.runner != run.runner)
        })
    }

    /// Of each service, its newest deploy, where no connection has proved it.
    pub fn unproved_deploys(&self) -> impl Iterator<Item = (DeployId, &Deploy)> {
        let newest = |(service, _)| self.deploys.iter().rev().find(|(_, deploy)| deploy.service == service);
        let is_proved = |deploy: &Deploy| deploy.phase == DeployPhase::Live && deploy.rung() >= Rung::DataPlane;
        self.services.iter().filter_map(newest).filter(move |(_, deploy)| !is_proved(deploy))
    }

    /// The newest run, where it was one without the environment.
    #[must_use]
    pub fn newest_null_run(&self) -> Option<RunId> {
        let newest = self.runs.iter().rev().find(|(_, run)| run.kind.executes());
        newest.filter(|(_, run)| run.kind.is_null()).map(|(id, _)| id)
    }

    /// The contracts whose events something played that is no agent.
    pub fn played_contracts(&self) -> impl Iterator<Item = (TestId, &Judgement)> {
        let is_played = |result: &CheckResult| {
            result.check == Check::Synthetic && matches!(result.verdict, CheckVerdict::Fail | CheckVerdict::Warn)
        };
        let judged = self.contracts.iter().map(|(id, judgement)| (*id, &**judgement));
        judged.filter(move |(_, judgement)| {
            judgement.verdict == ContractVerdict::Synthetic || judgement.checks.iter().any(is_played)
        })
    }
}

impl Hollow {
    fn of(tally: &Tally) -> Self {
        let vacuous = tally.worths.vacuous();
        Self { vacuous, untouched: tally.worths.hollow() - vacuous }
    }
}

impl Run {
    /// Whether it is over without having been whole.
    #[must_use]
    pub fn is_truncated(&self) -> bool {
        matches!(&self.phase, RunPhase::Ended(end) if *end != RunEnd::Complete)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::{Command, Outcome, RunEvent, Selection, Span, TierSpec};
    use crate::ui::fixture::{self, Story};

    fn tier(name: &str, tests: &str) -> TierSpec {
        TierSpec { name: name.into(), title: name.into(), tests: vec![tests.into()], at_risk: None }
    }

    /// `P1 protected, P2 at risk`
    fn told(story: &Story) -> String {
        let word = |(_, tier): (_, &Tier)| format!("{} {}", tier.spec.name, story.state.protection(tier).word());
        story.state.inventory.tiers().iter().map(word).collect::<Vec<_>>().join(", ")
    }

    /// Two groups of two tests each; the second one's are about to run.
    fn half_way() -> Story {
        let mut project = fixture::staging();
        project.tiers = vec![tier("P1", "*cart*"), tier("P2", "*orders*")];
        let mut story = Story::of(project);
        story.healthy().connect().ask(Command::Run(Selection::All));
        let run = story.run();
        story.tell(RunEvent::Started { run, pid: 1 }).collect(&[("cart", 2), ("orders", 2)]);
        story.tell(RunEvent::CollectionEnded { run });
        story.end(0, Outcome::Passed, 300, None).end(1, Outcome::Passed, 300, None);
        story
    }

    #[test]
    fn a_group_is_protected_by_whole_results_alone() {
        let mut story = half_way();
        assert_eq!(told(&story), "P1 protected, P2 not proved");
        story.end(2, Outcome::Passed, 300, None).end(3, Outcome::Failed, 300, Some("no order")).exit(1, "tests failed");
        assert_eq!(told(&story), "P1 protected, P2 at risk");
        // Nobody knows what serves while a deploy is not proved.
        let deploy = story.deploy(0);
        assert_eq!(told(&story), "P1 not proved, P2 at risk");
        story.prove(deploy, "backend-00004");
        assert!(!story.state.is_in_doubt());
    }

    #[test]
    fn a_run_that_was_cut_short_protects_nothing() {
        let mut story = half_way();
        story.exit(3, "internal error");
        assert_eq!(told(&story), "P1 not proved, P2 not proved");
    }

    #[test]
    fn passes_that_prove_nothing_protect_nothing() {
        let mut story = half_way();
        let (run, outcome, evidence) = (story.run(), Outcome::Passed, Some(Arc::default()));
        story.end(2, Outcome::Passed, 300, None);
        story.tell(RunEvent::TestEnded { run, n: 3, outcome, took: Span::millis(1), detail: None, evidence });
        story.exit(0, "all passed");
        assert_eq!(told(&story), "P1 protected, P2 not proved");
        // They are green all the same, and whoever says so says this too.
        assert!(story.state.is_green());
        assert_eq!(story.state.reservation(&[]).as_deref(), Some("1 pass of P2 touched nothing"));
        assert_eq!(story.state.reservation(&["p1".to_owned()]), None);
        assert_eq!(story.state.hollow(&["P2".to_owned()]), Hollow { vacuous: 0, untouched: 1 });
    }
}
