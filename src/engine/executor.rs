//! The executor: performs effects by telling drivers, and never waits for them.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use super::baseline::{self, Sources};
use super::contract::{self, ContractRun};
use super::deploy::{self, DeployOrder, Proof};
use super::http::{Http, HttpSettings};
use super::links::Links;
use super::logs::follow;
use super::means::Means;
use super::probe::{self, ProbeOrder};
use super::reports::Reports;
use super::runner::{self, Launch, RunOrder};
use super::watch::{self, WatchOrder};
use super::{fix, hook, keep, source};
use crate::adapters::redact::KeyBlock;
use crate::adapters::sanitize;
use crate::config::project::{ContractPlan, LogSpec, Project, RevisionSpec, RunnerTool};
use crate::domain::{
    Baseline, DeployEvent, DeployId, Effect, Event, FixEvent, FixId, Moment, NOTE_LIMIT, Notice, RunEvent, RunId,
    RunKind, Rung, ServiceId, SessionEvent, Span, State, Text, Wanted,
};
use crate::report::{About, Facts};

/// How many orders may wait for a driver; further ones are dropped, as a driver that does not listen is ending.
const ORDERS: usize = 8;

/// Performs effects.
#[derive(Debug)]
pub struct Executor {
    project: Arc<Project>,
    python: Vec<String>,
    means: Means,
    http: OnceCell<Option<Http>>,
    tasks: JoinSet<()>,
    runs: HashMap<RunId, mpsc::Sender<RunOrder>>,
    deploys: HashMap<DeployId, mpsc::Sender<()>>,
    fixes: HashMap<FixId, mpsc::Sender<()>>,
    proofs: HashMap<DeployId, mpsc::Sender<()>>,
    probes: HashMap<ServiceId, mpsc::Sender<ProbeOrder>>,
    links: Links,
    logs: Vec<mpsc::Sender<()>>,
    hooks: Arc<Semaphore>,
    reports: Reports,
    watch: Option<mpsc::Sender<()>>,
}

impl Executor {
    /// An executor for a project, whose Python is `python`.
    #[must_use]
    pub fn new(project: Arc<Project>, python: Vec<String>, means: Means) -> Self {
        let links = Links::new(project.clone(), means.clone());
        Self {
            project,
            python,
            means,
            http: OnceCell::new(),
            tasks: JoinSet::new(),
            runs: HashMap::new(),
            deploys: HashMap::new(),
            fixes: HashMap::new(),
            proofs: HashMap::new(),
            probes: HashMap::new(),
            links,
            logs: Vec::new(),
            hooks: Arc::new(Semaphore::new(hook::AT_ONCE)),
            reports: Reports::default(),
            watch: None,
        }
    }

    /// Performs an effect. Whatever comes of it arrives as an event.
    pub fn perform(&mut self, effect: Effect) {
        // Drivers that have ended no longer take orders.
        while self.tasks.try_join_next().is_some() {}
        self.runs.retain(|_, orders| !orders.is_closed());
        self.deploys.retain(|_, cancel| !cancel.is_closed());
        self.fixes.retain(|_, stop| !stop.is_closed());
        match effect {
            Effect::StartRun { run, runner, kind, wanted } => {
                let Some(spec) = self.project.runners.get(runner.index()).cloned() else { return };
                let (orders, receiver) = mpsc::channel(ORDERS);
                self.runs.insert(run, orders);
                if kind == RunKind::Test {
                    self.tasks.spawn(source::report(self.means.clone()));
                }
                if let RunnerTool::Contracts(contracts) = spec.tool {
                    return self.start_contracts(run, kind, wanted, contracts, receiver);
                }
                let (python, stopping) = (self.python.clone(), self.project.run.clone());
                let launch = Launch { run, kind, wanted, runner: spec, python, stopping };
                self.tasks.spawn(runner::execute(launch, self.means.clone(), receiver));
            }
            Effect::LoadBaseline(baseline) => self.load_baseline(baseline),
            Effect::LimitHold { run, limit } => self.remind(limit, RunEvent::HeldTooLong { run }.into()),
            Effect::LimitProve { prove, step, limit } => {
                self.remind(limit, SessionEvent::ProveOverdue { prove, step }.into());
            }
            Effect::LimitFlight { began, limit } => {
                self.remind(limit, SessionEvent::AutopilotOverdue { began }.into());
            }
            Effect::SendNotice { number, notice } => self.send_notice(number, notice),
            Effect::StopRun { run } => self.tell_run(run, RunOrder::Stop),
            Effect::DumpStacks { run } => self.tell_run(run, RunOrder::DumpStacks),
            Effect::StartDeploy { deploy, service, back_to } => self.start_deploy(deploy, service, back_to),
            Effect::StartRestart { deploy, service } => self.start_restart(deploy, service),
            Effect::CancelDeploy { deploy } => {
                if let Some(cancel) = self.deploys.get(&deploy) {
                    let _ = cancel.try_send(());
                }
            }
            Effect::BeginProof { deploy, service, from } => self.begin_proof(deploy, service, from),
            Effect::EndProof { deploy } => drop(self.proofs.remove(&deploy)),
            Effect::WatchClosely { service, closely } => self.watch(service, closely),
            Effect::ProbeServices => self.probes.values().for_each(|orders| {
                let _ = orders.try_send(ProbeOrder::Now);
            }),
            Effect::FollowLog { service } => self.follow_log(service),
            Effect::OpenStream { stream, why } => {
                let http = self.http();
                self.links.open(stream, &why, http.as_ref());
            }
            Effect::ExpectDrops { stream, expected } => self.links.expect_drops(stream, expected),
            Effect::StartAgent { stream } => self.links.start_agent(stream),
            Effect::StopFix { fix } => {
                if let Some(stop) = self.fixes.get(&fix) {
                    let _ = stop.try_send(());
                }
            }
            Effect::Send { stream, what } => self.links.send(stream, what),
            Effect::WatchFiles => self.watch_files(),
            Effect::EndWatch => self.watch = None,
            // The engine knows the state that a hand-off is made of, and ends itself.
            Effect::KeepHandOff { .. } | Effect::WriteReports | Effect::CallFix { .. } | Effect::EndSession => {}
        }
    }

    /// Calls the fix hook with what fails.
    pub fn call_fix(&mut self, fix: FixId, bundle: serde_json::Value) {
        let Some(spec) = self.project.autopilot.fix.clone() else {
            let why = "no fix hook is configured: write [autopilot.fix] into liveloop.toml".into();
            return self.remind(Span::ZERO, FixEvent::CouldNotStart { fix, why }.into());
        };
        let (stop, receiver) = mpsc::channel(1);
        self.fixes.insert(fix, stop);
        self.tasks.spawn(fix::call(fix, spec, bundle, self.means.clone(), receiver));
    }

    fn send_notice(&mut self, number: u64, notice: Notice) {
        let Some(spec) = self.project.hook.clone() else { return };
        // Taken here, so that a session that ends now waits for it.
        let place = Arc::clone(&self.hooks).try_acquire_owned().ok();
        self.tasks.spawn(hook::send(spec, number, notice, self.means.clone(), place));
    }

    /// Writes a hand-off into a file.
    pub fn keep(&mut self, text: Option<String>, now: Moment) {
        let (root, outbox) = (self.means.root.clone(), self.means.outbox.clone());
        self.tasks.spawn(async move {
            let kept = tokio::task::spawn_blocking(move || keep::hand_off(&root, text.as_deref(), now)).await;
            let event = kept.unwrap_or_else(|error| SessionEvent::HandOffFailed { why: error.to_string().into() });
            let _ = outbox.send(vec![event.into()]).await;
        });
    }

    /// Writes the reports that the project asks for. Facts are taken here, pages are made beside the loop.
    pub fn write_reports(&mut self, state: &State) {
        let number = state.seq;
        let task = self.reports.write(&self.project.reports, Facts::of(state, &About::default()), number, &self.means);
        self.tasks.spawn(task);
    }

    /// A note that a person typed, as it may enter the journal: bounded, cleaned and masked as all text from outside.
    #[must_use]
    pub fn clean_note(&self, typed: &str) -> Text {
        let end = (0..=(2 * NOTE_LIMIT).min(typed.len())).rev().find(|&at| typed.is_char_boundary(at)).unwrap_or(0);
        let mut keys = KeyBlock::default();
        let lines = typed[..end].lines().map(|line| sanitize::text(&self.means.masks.mask_line(line, &mut keys)));
        lines.collect::<Vec<_>>().join("\n").into()
    }

    /// Whether a text holds a secret that the session knows, so that it must not enter the journal.
    #[must_use]
    pub fn is_telling(&self, text: &str) -> bool {
        let mut keys = KeyBlock::default();
        text.lines().any(|line| self.means.masks.mask_line(line, &mut keys) != *line)
    }

    /// Whether no child is left.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let hooks = self.hooks.available_permits() == hook::AT_ONCE;
        hooks
            && self.reports.is_idle()
            && self.runs.values().all(mpsc::Sender::is_closed)
            && self.deploys.values().chain(self.fixes.values()).all(mpsc::Sender::is_closed)
    }

    /// Asks all children to end, and the drivers of everything else too.
    pub fn end_all(&mut self) {
        self.tell_runs(RunOrder::Stop);
        for cancel in self.deploys.values().chain(self.fixes.values()) {
            let _ = cancel.try_send(());
        }
        self.proofs.clear();
        self.probes.clear();
        self.logs.clear();
        self.watch = None;
        self.links.close();
    }

    /// Ends all children at once.
    pub fn kill_all(&mut self) {
        self.tell_runs(RunOrder::Kill);
        self.links.close();
    }

    fn tell_runs(&self, order: RunOrder) {
        for orders in self.runs.values() {
            let _ = orders.try_send(order);
        }
    }

    fn tell_run(&self, run: RunId, order: RunOrder) {
        if let Some(orders) = self.runs.get(&run) {
            let _ = orders.try_send(order);
        }
    }

    /// The client is made when it is first needed: reading the system's certificates takes its time, and a project
    /// without an environment never needs it. Without a client nothing is probed, and that is said.
    fn http(&self) -> Option<Http> {
        self.http.get_or_init(|| self.make_http()).clone()
    }

    fn make_http(&self) -> Option<Http> {
        let made = Http::new(&HttpSettings::from(&self.project.http));
        let trouble = match &made {
            Ok(http) => http.note.clone(),
            Err(error) => Some(format!("failed to {error}")),
        };
        if let Some(what) = trouble {
            let event = SessionEvent::Troubled { what: what.into(), over: false };
            let _ = self.means.outbox.try_send(vec![event.into()]);
        }
        made.ok()
    }

    fn load_baseline(&mut self, baseline: Baseline) {
        let root = self.means.root.to_path_buf();
        let sources = Sources { sessions: root.join(".liveloop/sessions"), root, masks: self.means.masks.clone() };
        let outbox = self.means.outbox.clone();
        self.tasks.spawn_blocking(move || {
            let _ = outbox.blocking_send(vec![baseline::load(&sources, baseline).into()]);
        });
    }

    fn remind(&mut self, after: Span, event: Event) {
        let outbox = self.means.outbox.clone();
        self.tasks.spawn(async move {
            tokio::time::sleep(Duration::from(after)).await;
            let _ = outbox.send(vec![event]).await;
        });
    }

    fn start_contracts(
        &mut self,
        run: RunId,
        kind: RunKind,
        wanted: Wanted,
        contracts: Vec<ContractPlan>,
        orders: mpsc::Receiver<RunOrder>,
    ) {
        let Some(http) = self.http() else {
            let why = "there is no HTTP client to connect with".into();
            return self.remind(Span::ZERO, RunEvent::CouldNotStart { run, why }.into());
        };
        let with_revision = |plan: ContractPlan| {
            let service =
                self.project.services.iter().find(|service| Some(&service.name) == plan.stream.service.as_ref());
            let revision = service.and_then(|service| service.revision.clone());
            (plan, revision)
        };
        let contracts = contracts.into_iter().map(with_revision).collect();
        let order = ContractRun { run, kind, wanted, contracts, http };
        self.tasks.spawn(contract::execute(order, self.means.clone(), orders));
    }

    fn start_deploy(&mut self, id: DeployId, service: ServiceId, back_to: Option<Text>) {
        let spec = self.project.services.get(service.index()).and_then(|spec| spec.deploy.clone());
        let Some(spec) = spec else {
            let why = "no deploy command is configured".into();
            return self.remind(Span::ZERO, DeployEvent::CouldNotStart { deploy: id, why }.into());
        };
        // Only a platform is asked by HTTP: a plain command needs no client.
        let http = spec.platform.is_some().then(|| self.http()).flatten();
        let (cancel, receiver) = mpsc::channel(1);
        self.deploys.insert(id, cancel);
        let order = DeployOrder { deploy: id, spec, back_to };
        self.tasks.spawn(deploy::run(order, self.means.clone(), http, receiver));
    }

    fn start_restart(&mut self, id: DeployId, service: ServiceId) {
        let spec = self.project.services.get(service.index()).and_then(|spec| spec.restart.clone());
        let Some(spec) = spec else {
            let why = "no restart command is configured".into();
            return self.remind(Span::ZERO, DeployEvent::CouldNotStart { deploy: id, why }.into());
        };
        let (cancel, receiver) = mpsc::channel(1);
        self.deploys.insert(id, cancel);
        self.tasks.spawn(deploy::restart(id, spec, self.means.clone(), receiver));
    }

    fn begin_proof(&mut self, deploy: DeployId, service: ServiceId, from: Option<Text>) {
        let Some(spec) = self.project.services.get(service.index()) else { return };
        let of_restart = || spec.restart.as_ref().map(|restart| restart.proof.clone());
        let Some(proof) = spec.deploy.as_ref().map(|deploy| deploy.proof.clone()).or_else(of_restart) else { return };
        let Some(http) = self.http() else { return };
        let (done, receiver) = mpsc::channel(1);
        self.proofs.insert(deploy, done);
        // The other surfaces are asked in the same way, on their own addresses.
        let is_asked = proof.live_at.is_none_or(|live_at| live_at >= Rung::EverySurface);
        let masks = &self.means.masks;
        let surface = |url: &String, revision: &RevisionSpec| {
            (sanitize::text(&masks.mask(url)).into(), RevisionSpec { url: url.clone(), ..revision.clone() })
        };
        let asked = spec.surfaces.iter().filter(|_| is_asked);
        let surfaces = asked.filter_map(|url| Some(surface(url, spec.revision.as_ref()?))).collect();
        let proof = Proof { deploy, revision: spec.revision.clone(), surfaces, spec: proof, from };
        self.tasks.spawn(deploy::prove(proof, http.client, receiver, self.means.outbox.clone()));
    }

    fn watch_files(&mut self) {
        let (wanted, receiver) = mpsc::channel(1);
        self.watch = Some(wanted);
        let order = WatchOrder::of(&self.project);
        self.tasks.spawn(watch::watch(order, self.means.clone(), receiver));
    }

    fn follow_log(&mut self, id: ServiceId) {
        let Some(spec) = self.project.services.get(id.index()).and_then(|spec| spec.logs.clone()) else { return };
        let client = match &spec {
            LogSpec::Command(_) => None,
            LogSpec::Http(_) => self.http().map(|http| http.client),
        };
        let (wanted, receiver) = mpsc::channel(1);
        self.logs.push(wanted);
        self.tasks.spawn(follow::follow(id, spec, client, self.means.clone(), receiver));
    }

    fn watch(&mut self, id: ServiceId, closely: bool) {
        if let Some(orders) = self.probes.get(&id) {
            let _ = orders.try_send(ProbeOrder::Watch { closely });
            return;
        }
        let Some(spec) = self.project.services.get(id.index()).cloned() else { return };
        let Some(http) = self.http() else { return };
        let (orders, receiver) = mpsc::channel(ORDERS);
        self.probes.insert(id, orders);
        self.tasks.spawn(probe::watch(id, spec, http, receiver, self.means.clone()));
    }
}
