//! What stood around a cycle, taken from the areas when its record is made, and once more when a deploy of it ends or
//! somebody writes a note.

use crate::domain::{
    Around, Command, ContractVerdict, CycleContract, CycleDeploy, CycleHealth, CycleNote, Deploy, DeployPhase, Event,
    Health, Moment, NoteAbout, Occasion, RunKind, SessionEvent, Spell, State, Text,
};

/// How many people, deploys, contracts, notes and commits are kept of a cycle.
const KEPT: usize = 16;
/// How many spells of a service's health.
const SPELLS: usize = 8;
/// How many of the newest runs are looked at, and of the newest deploys.
const RUNS_LOOKED_AT: usize = 64;
const DEPLOYS_LOOKED_AT: usize = 64;

impl State {
    /// A cycle goes on after its last run: with deploys, and with what people write.
    pub(super) fn review_record(&mut self, event: &Event) {
        let has_news = match event {
            Event::Deploy(_) => self.deploys.iter().rev().take(KEPT).any(|(_, deploy)| deploy.ended == Some(self.at)),
            Event::Session(SessionEvent::Asked { command: Command::WriteNote { .. }, .. }) => true,
            _ => false,
        };
        let number = self.cycle;
        let Some(record) = self.records.get(number).filter(|record| has_news && !record.is_imported()) else { return };
        // What an earlier session left is a record of its own time.
        if record.began < self.session.started {
            return;
        }
        let (began, known) = (record.began, record.around.clone());
        let mut around = self.around(number, began);
        // The commits are those that its runs were made of, not what came since.
        (around.commits, around.more_commits) = (known.commits, known.more_commits);
        let deployed = self.deploys_since(began, None).filter_map(|deploy| deploy.ended).max();
        if let Some(record) = self.records.get_mut(number) {
            record.ended = record.ended.max(deployed);
            record.around = around;
        }
    }

    /// What stood around a cycle that began then, until now.
    pub(super) fn around(&self, number: u32, began: Moment) -> Around {
        let is_present = number == self.cycle;
        let until = (!is_present).then_some(self.cycle_since);
        let deploys: Vec<CycleDeploy> =
            self.deploys_since(began, until).map(|deploy| self.deploy_of_cycle(deploy)).collect();
        // The newest runs, of which the first one of the cycle began it.
        let newest = self.runs.iter().rev().take(RUNS_LOOKED_AT).map(|(_, run)| run);
        let of_cycle = newest.filter(|run| run.cycle == number && run.kind == RunKind::Test);
        let by = of_cycle.min_by_key(|run| run.asked).and_then(|run| run.by);
        let by: Option<Text> = by.map(|by| self.viewer_name(Some(by)).into());
        let people = self.people_since(began, by.iter().chain(deploys.iter().map(|deploy| &deploy.by)));
        let written = self.notes.iter().filter(|note| note.at >= began && until.is_none_or(|until| note.at < until));
        let mut notes: Vec<_> = written.collect();
        notes.sort_by_key(|note| note.at);
        let notes = notes.into_iter().map(|note| CycleNote {
            about: match &note.about {
                NoteAbout::Test(node) => node.clone(),
                NoteAbout::Cause(key) => {
                    self.causes.keyed(key).map_or_else(|| key.clone(), |cause| cause.title().clone())
                }
            },
            author: note.author.clone(),
            line: note.text.root_cause().or(note.text.prose.first()).cloned().unwrap_or_default(),
        });
        Around {
            why: if is_present { self.cycle_why } else { Default::default() },
            by,
            people,
            health: self.health_since(began),
            contracts: self.contracts_of(number),
            notes: notes.take(KEPT).collect(),
            attempts: self.attempts_of(number),
            deploys: deploys.into_iter().take(KEPT).collect(),
            ..Around::default()
        }
    }

    fn deploys_since(&self, began: Moment, until: Option<Moment>) -> impl Iterator<Item = &Deploy> {
        let newest = self.deploys.iter().rev().take(DEPLOYS_LOOKED_AT).map(|(_, deploy)| deploy);
        let newest: Vec<&Deploy> = newest.take_while(|deploy| deploy.started >= began).collect();
        newest.into_iter().rev().filter(move |deploy| until.is_none_or(|until| deploy.started < until))
    }

    fn deploy_of_cycle(&self, deploy: &Deploy) -> CycleDeploy {
        let end = match &deploy.phase {
            DeployPhase::Live => "live",
            DeployPhase::Failed(_) => "failed",
            DeployPhase::NotServing(_) => "not serving",
            DeployPhase::Superseded(_) => "superseded",
            DeployPhase::TimedOut(_) => "timed out",
            DeployPhase::Cancelled => "cancelled",
            DeployPhase::Running | DeployPhase::Routing | DeployPhase::Proving => "under way",
        };
        let service = self.services.get(deploy.service);
        CycleDeploy {
            service: service.map_or_else(|| "service".into(), |known| known.spec.name.clone()),
            by: self.viewer_name(Some(deploy.by)).into(),
            from: deploy.from.clone(),
            to: deploy.to.clone(),
            began: deploy.started,
            ended: deploy.ended,
            end: end.into(),
        }
    }

    /// Who acted, who is attached, and who left since.
    fn people_since<'a>(&'a self, began: Moment, acted: impl Iterator<Item = &'a Text>) -> Vec<Text> {
        let left = self.session.left.iter().filter(|viewer| viewer.left.is_some_and(|left| left >= began));
        let happened = self.chronicle.happenings().iter().rev().take_while(|happening| happening.at >= began);
        let asked = happened.filter_map(|happening| match &happening.what {
            Occasion::Asked { who, .. } => Some(who),
            _ => None,
        });
        let attached = self.session.viewers.iter().chain(left).map(|viewer| &viewer.name);
        let mut people: Vec<Text> = Vec::new();
        for name in acted.chain(attached).chain(asked) {
            if people.len() < KEPT && !people.contains(name) {
                people.push(name.clone());
            }
        }
        people
    }

    fn contracts_of(&self, number: u32) -> Vec<CycleContract> {
        let ran = self.contracts.iter().filter_map(|(id, judgement)| {
            let test = self.inventory.test(*id)?;
            let latest = test.latest.as_ref()?;
            (latest.cycle == number && latest.run.is_some()).then_some((test, judgement))
        });
        let told = ran.take(KEPT).map(|(test, judgement)| CycleContract {
            name: test.name.clone(),
            verdict: judgement.verdict.word().into(),
            holds: judgement.verdict == ContractVerdict::Pass,
            why: judgement.why.clone(),
        });
        told.collect()
    }

    /// How many executions the tests took that ended last in that cycle.
    fn attempts_of(&self, number: u32) -> u32 {
        let latest = self.inventory.tests().filter_map(|(_, test)| test.latest.as_ref());
        latest.filter(|latest| latest.cycle == number && latest.run.is_some()).map(|latest| latest.tries.max(1)).sum()
    }

    /// What was believed of each service that is watched, from the beginning of a cycle on.
    fn health_since(&self, began: Moment) -> Vec<CycleHealth> {
        let watched = self.services.iter().filter(|(_, service)| service.spec.has_health);
        let told = watched.take(KEPT).map(|(id, service)| {
            let changes = self.chronicle.happenings().iter().filter_map(|happening| match &happening.what {
                Occasion::Health { service, health, .. } if *service == id => Some((happening.at, health)),
                _ => None,
            });
            let (before, during): (Vec<_>, Vec<_>) = changes.partition(|(at, _)| *at <= began);
            let first = before.last().map(|(at, health)| spell(*at, health));
            // Where its chronicle is too short to tell, the present belief may be older than the cycle.
            let first = first.or_else(|| during.is_empty().then(|| spell(service.since, &service.health)));
            let mut spells: Vec<Spell> =
                first.into_iter().chain(during.iter().map(|(at, health)| spell(*at, health))).collect();
            let left_out = spells.len().saturating_sub(SPELLS);
            if left_out > 0 {
                spells.drain(1..=left_out);
            }
            CycleHealth { service: service.spec.name.clone(), spells, left_out: left_out as u32 }
        });
        told.collect()
    }
}

fn spell(from: Moment, health: &Health) -> Spell {
    let told = match health {
        Health::Unknown => "unknown".into(),
        Health::Healthy => "healthy".into(),
        Health::Degraded(why) => format!("degraded: {why}").into(),
        Health::Unhealthy(why) => format!("unhealthy: {why}").into(),
        Health::Unreachable(why) => format!("unreachable: {why}").into(),
    };
    Spell { from, serves: health.serves(), health: told }
}
