//! The one fold, and the only place where areas meet: an entry goes to its area, the fact that comes back decides what
//! follows elsewhere.

mod around;
mod autopilot;
mod baselines;
mod causes;
mod circumstances;
mod dependence;
mod deploy_queue;
mod deploys;
mod epochs;
mod flakes;
mod known;
mod logs;
mod notes;
mod null;
mod plan;
mod proves;
mod records;
mod repeats;
mod restart;
mod resume;
mod runs;
mod selection;
mod sending;
mod streams;
mod watch;

use super::command::Command;
use super::effect::{Effect, Effects};
use super::event::{Entry, Event, ServiceEvent, SessionEvent};
use super::{
    Agents, Dependence, Deploys, KnownFailures, Logs, Occasion, Services, State, Streams, TestId, Tone, ViewerId,
};

impl State {
    /// Folds one entry into the state and adds what is to be done about it. Total: no entry can make it fail, an
    /// entry about an identity that is unknown or no longer current changes nothing. Followers and replays drop the
    /// effects.
    pub fn apply(&mut self, entry: &Entry, effects: &mut Effects) {
        self.seq = entry.seq;
        self.at = entry.at;
        self.expire_known();
        let noticed = self.notices.total();
        match &entry.event {
            Event::Run(event) => {
                self.apply_run(event);
                self.review_repeat(event, effects);
            }
            Event::Stream(event) => {
                self.apply_stream(event);
                self.witness(event, effects);
            }
            Event::Service(ServiceEvent::Probed { service, probe }) => self.apply_probe(*service, probe, effects),
            Event::Service(ServiceEvent::BuiltFrom { service, built }) => {
                self.services.tell_built(*service, built.as_ref());
            }
            Event::Log(event) => self.apply_log(event),
            Event::Fix(event) => self.apply_fix(event),
            Event::Deploy(event) => self.apply_deploy(event, effects),
            Event::Session(event) => self.apply_session(event, effects),
        }
        self.review_reopenings(effects);
        self.review_prove(effects);
        self.review_autopilot(effects);
        self.review_watch(effects);
        self.review_record(&entry.event);
        self.want_reports(effects);
        // Who looks at it needs no call.
        if self.session.project.has_hook && self.session.viewers.iter().all(|viewer| viewer.looks != Some(true)) {
            let new = self.notices.since(noticed);
            effects.extend(new.map(|(number, notice)| Effect::SendNotice { number, notice: notice.clone() }));
        }
    }

    fn apply_session(&mut self, event: &SessionEvent, effects: &mut Effects) {
        self.session.apply(event, self.at);
        match event {
            SessionEvent::Opened { project } => {
                self.session.project = project.clone();
                self.session.started = self.at;
                self.services = Services::new(&project.services, self.at);
                self.deploys = Deploys::default();
                self.agents = Agents::new(
                    project.limits.agent_events,
                    project.streams.iter().map(|stream| stream.synthetic.clone()).collect(),
                );
                self.streams = Streams::new(&project.streams, self.at);
                let aimed = !project.services.is_empty() || !project.streams.is_empty();
                self.inventory.arrange(&project.tiers, aimed);
                let has_logs = project.services.iter().map(|service| service.has_logs);
                self.logs = Logs::new(has_logs, project.limits.log_lines, self.at);
                effects.extend(self.logs.iter().map(|(service, _)| Effect::FollowLog { service }));
                self.dependence = Dependence::new(&project.dependents);
                self.known = KnownFailures::new(&project.known, self.at);
                self.begin_watch(effects);
                effects.extend(
                    self.services
                        .iter()
                        .filter(|(_, service)| service.is_watched())
                        .map(|(service, _)| Effect::WatchClosely { service, closely: false }),
                );
                effects.extend(
                    self.streams.iter().map(|(stream, _)| Effect::OpenStream { stream, why: "session opened".into() }),
                );
            }
            SessionEvent::Recalled(memory) => {
                self.cycle = self.cycle.max(memory.cycle);
                let tests = self.renumber_grounds(memory);
                self.inventory.recall(&tests);
                self.inventory.recall_vacuous(&memory.vacuous);
                self.recall_known(&memory.known);
                self.notes.recall(&memory.notes);
                self.sent.recall(&memory.sent);
                self.held.recall(&memory.held);
                self.flown.clone_from(&memory.flown);
                self.inventory.recall_left(&memory.unproved);
                let known = self.inventory.tests().len() as u32;
                for n in 0..known {
                    self.review_cause(TestId(n));
                }
                for (name, took) in &memory.deploys {
                    if let Some(service) = self.services.named(name) {
                        self.deploys.recall(service, *took);
                    }
                }
                for (name, past) in &memory.past_deploys {
                    if let Some(service) = self.services.named(name) {
                        self.deploys.recall_past(service, past);
                    }
                }
                self.recall_lineage(&memory.live);
                memory.cycles.iter().for_each(|record| self.records.note(record.clone()));
                self.review_stale();
                self.put_in_order();
                self.begin_comparison(effects);
                if let Some(how) = &memory.unfinished {
                    self.say(Tone::Warning, how.clone());
                }
            }
            SessionEvent::Asked { by, command } => {
                self.note_asked(*by, command);
                self.obey(*by, command, effects);
            }
            SessionEvent::BaselineLoaded(loaded) => self.take_baseline(loaded),
            SessionEvent::BaselineMissing { baseline, why } => self.lose_baseline(baseline, why),
            SessionEvent::Troubled { what, over } => {
                let (tone, text) =
                    if *over { (Tone::Good, format!("{what}: over")) } else { (Tone::Bad, what.to_string()) };
                self.say(tone, text);
                self.chronicle.note(self.at, Occasion::Troubled { what: what.clone(), over: *over });
            }
            SessionEvent::Remarked { text } => self.say(Tone::Plain, text.clone()),
            SessionEvent::HandOffKept { path, .. } => self.say(Tone::Plain, format!("the hand-off is in {path}")),
            SessionEvent::HandOffFailed { why } => self.say(Tone::Bad, why.clone()),
            // What went as it should is no news each cycle.
            SessionEvent::ReportsWritten { failed, .. } => {
                failed.iter().for_each(|why| self.say(Tone::Bad, why.clone()));
            }
            SessionEvent::FilesChanged { paths, more, gone } => self.see_change(paths, *more, gone),
            SessionEvent::WatchEnded { why } => self.lose_watch(why),
            SessionEvent::SourceSeen(checkout) => {
                self.runs.see_source(checkout);
                self.review_stale();
            }
            SessionEvent::NoticeSent { why: Some(why), .. } => self.say(Tone::Warning, why.clone()),
            SessionEvent::NoticeSent { why: None, .. } => {}
            SessionEvent::ProveOverdue { prove, step } => self.overdue_prove(*prove, *step),
            SessionEvent::AutopilotOverdue { began } => self.overdue_autopilot(*began, effects),
            SessionEvent::ViewerJoined { .. } | SessionEvent::ViewerLooked { .. } | SessionEvent::ViewerLeft { .. } => {
            }
            SessionEvent::Ended { .. } => {}
        }
    }

    fn obey(&mut self, by: ViewerId, command: &Command, effects: &mut Effects) {
        if let Some(why) = self.refusal(command) {
            return self.say(Tone::Warning, why);
        }
        match command {
            Command::Run(selection) => self.request_run(by, selection, effects),
            Command::RunBatch { budget } => self.request_batch(by, *budget, effects),
            Command::Resume => self.request_resume(by, effects),
            Command::Repeat { selection, until } => self.request_repeat(by, selection, *until, effects),
            Command::CompareWith(baseline) => self.compare_with(baseline, effects),
            Command::NameCycle { cycle, name } => self.name_cycle(by, *cycle, name),
            Command::RunNull { kind, selection } => self.request_null_run(by, *kind, selection, effects),
            Command::Collect => self.request_collection(Some(by), effects),
            Command::ForceRun(run) => self.force_run(*run, effects),
            Command::StopRun(run) => self.stop_run(*run, effects),
            Command::DumpStacks(run) => effects.push(Effect::DumpStacks { run: *run }),
            Command::Deploy(service) => self.request_deploy(by, *service, None, effects),
            Command::Prove { service, selection } => self.request_prove(by, *service, selection, effects),
            Command::Autopilot { plan, resume } => self.request_autopilot(by, plan, *resume, effects),
            Command::PaceAutopilot(pace) => self.pace_autopilot(*pace),
            Command::StopAutopilot => self.stop_autopilot(effects),
            Command::Watch(on) => self.request_watch(by, *on, effects),
            Command::CancelProve => self.cancel_prove(),
            Command::RollBack { service, to } => self.request_deploy(by, *service, Some(to), effects),
            Command::DeployInOrder(services) => self.request_deploys(by, services, effects),
            Command::Restart(service) => self.request_restart(by, *service, effects),
            Command::CancelDeploy(deploy) => self.cancel_deploy(*deploy, effects),
            Command::StartAgent(stream) => effects.push(Effect::StartAgent { stream: *stream }),
            Command::Send { stream, what } => self.request_send(*stream, what, effects),
            Command::ReopenStream(stream) => {
                effects.push(Effect::OpenStream { stream: *stream, why: "asked for".into() });
            }
            Command::Mute(spec) => self.mute(by, spec),
            Command::Unmute(known) => self.unmute(by, *known),
            Command::ProbeServices => effects.push(Effect::ProbeServices),
            Command::WriteNote { about, text } => self.write_note(by, about, text),
            Command::KeepHandOff(what) => effects.push(Effect::KeepHandOff { what: *what }),
            Command::Quit => effects.push(Effect::EndSession),
        }
    }
}
