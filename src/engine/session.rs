//! A session from its folder to its engine.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::clock::{self, Clock};
use super::core::{Call, Engine, Handle};
use super::executor::Executor;
use super::folder::{Folder, Holder, NotOpened};
use super::history::keeper::{Keeper, Place};
use super::history::schema;
use super::journal::{Header, Journal};
use super::masks::Masks;
use super::means::Means;
use super::source;
use crate::adapters::deployer;
use crate::config::project::{self as config, EnvironmentKind, Project, Transport};
use crate::domain::{
    self, AutopilotPlan, DeploySpec, EnvironmentSpec, Limits, ProjectSpec, RestartSpec, RunnerSpec, SavedMessage,
    ServiceSpec, SessionEvent, Span, StreamId, StreamSpec, SurfaceSpec, SyntheticRules, Text,
};

/// How long the next agent event may take before the wait is worth a colour.
const AGENT_BUDGET: Span = Span::seconds(2);

/// What a session is opened with.
#[derive(Debug)]
pub struct SessionOptions {
    /// The project's folder, absolute.
    pub root: PathBuf,
    /// The project as configured, its runners found.
    pub project: Project,
    /// The words that start the project's Python.
    pub python: Vec<String>,
    /// Why that Python was chosen, and why its runners.
    pub why: String,
    /// What holds the project: `console`, `run`, …
    pub what: &'static str,
    /// Whether nothing may be changed, tests aside.
    pub read_only: bool,
    /// Our own program, which supervises every child.
    pub program: PathBuf,
}

/// An open session: its engine, ready to run.
#[derive(Debug)]
pub struct Session {
    /// The engine; nothing happens until it runs.
    pub engine: Engine,
    /// How the engine is reached.
    pub handle: Handle,
    /// The session's folders, locked while this lives.
    pub folder: Folder,
    /// Where the journal is.
    pub journal: PathBuf,
    /// What knows the session's secrets.
    pub masks: Masks,
}

/// Opens a session: locks the project, begins the journal, and takes the first event.
///
/// # Errors
/// When another session holds the project, or its folder cannot be written.
pub fn open(options: SessionOptions) -> Result<Session, NotOpened> {
    let clock = Clock::start();
    let now = clock.now();
    let since = clock::local_now().strftime("%H:%M:%S").to_string();
    let holder = Holder { pid: std::process::id(), what: options.what.to_owned(), since };
    let folder = Folder::open(&options.root, &holder)?;
    let path = folder.journal(now);
    let journal = Journal::create(&path, &Header::new(now), options.project.journal.bytes)
        .map_err(|error| NotOpened::Io { what: format!("failed to make {}", path.display()), error })?;
    let masks = Masks::new(options.project.secrets.iter().map(|secret| secret.reveal().to_owned()));
    let spec = describe(&options, &masks);
    let project = Arc::new(options.project);
    let (engine, handle) = Engine::new(clock, journal, |outbox| {
        let means = Means {
            root: options.root.as_path().into(),
            runtime: folder.runtime().into(),
            supervisor: options.program.as_path().into(),
            bin: bin_of(&options.python).map(Into::into),
            masks: masks.clone(),
            clock,
            outbox,
        };
        Executor::new(project, options.python, means)
    });
    let mut session = Session { engine, handle, folder, journal: path, masks };
    let place = Place {
        file: schema::path(session.folder.state()),
        sessions: session.folder.sessions(),
        journal: session.journal.clone(),
    };
    // A system without a thread to spare runs tests all the same.
    if let Ok(keeper) = Keeper::start(place, session.handle.calls.clone()) {
        session.engine.keep_history(keeper);
    }
    session.engine.begin(SessionEvent::Opened { project: Arc::new(spec) });
    Ok(session)
}

impl Session {
    /// Reads what earlier sessions left, and which state the project's files are in, in the background, and tells the
    /// engine.
    pub fn recall(&self) {
        if !self.engine.recall() {
            // Nobody remembers anything; who waits for it must not wait for ever.
            let nothing = SessionEvent::Recalled(Arc::default());
            let _ = self.handle.calls.try_send(Call::Tell(nothing.into()));
        }
        let (root, masks, calls) = (self.folder.root().to_owned(), self.masks.clone(), self.handle.calls.clone());
        tokio::spawn(async move {
            if let Some(seen) = source::look(&root, &masks).await {
                let _ = calls.send(Call::Tell(seen.into())).await;
            }
        });
    }
}

/// The folder of an interpreter that is given by its whole path: its virtual environment's `bin`.
fn bin_of(python: &[String]) -> Option<&Path> {
    let program = Path::new(python.first()?);
    program.parent().filter(|folder| folder.is_absolute())
}

/// Where else a new revision of a service has to be seen: its other addresses, and its streams that name a revision.
fn surfaces(project: &Project, service: &config::ServiceSpec, shown: &dyn Fn(&str) -> Text) -> Vec<SurfaceSpec> {
    let urls = service.surfaces.iter().map(|url| SurfaceSpec::Url(shown(url)));
    let says = |stream: &config::StreamSpec| {
        stream.revision.is_some() && stream.service.as_deref() == Some(service.name.as_str())
    };
    let streams = (0..).zip(&project.streams).filter(|(_, stream)| says(stream));
    urls.chain(streams.map(|(n, stream)| SurfaceSpec::Stream { stream: StreamId(n), name: shown(&stream.name) }))
        .collect()
}

/// The project as everybody may know it.
/// By which signs runs on that stream are known that no agent made: those of the first contract about it.
fn played_by(project: &Project, stream: &str) -> SyntheticRules {
    let mut about = project.contracts.iter().filter(|plan| &*plan.spec.stream == stream);
    about.next().map_or_else(SyntheticRules::default, |plan| plan.spec.synthetic.clone())
}

fn describe(options: &SessionOptions, masks: &Masks) -> ProjectSpec {
    let project = &options.project;
    let shown = |text: &str| -> Text { crate::adapters::sanitize::text(&masks.mask(text)).into() };
    let name = options.root.file_name().map_or_else(|| "/".into(), |name| name.to_string_lossy());
    let aimed = !project.services.is_empty() || !project.streams.is_empty();
    ProjectSpec {
        name: shown(&name),
        root: shown(&options.root.to_string_lossy()),
        environment: aimed.then(|| EnvironmentSpec {
            name: shown(&project.environment.name),
            kind: match project.environment.kind {
                EnvironmentKind::Local => domain::EnvironmentKind::Local,
                EnvironmentKind::Shared => domain::EnvironmentKind::Shared,
                EnvironmentKind::Protected => domain::EnvironmentKind::Protected,
                EnvironmentKind::Locked => domain::EnvironmentKind::Locked,
            },
        }),
        runners: project
            .runners
            .iter()
            .map(|runner| {
                let command = runner.tool.command(&options.python).argv.join(" ");
                RunnerSpec {
                    name: shown(&runner.name),
                    tool: runner.tool.word().into(),
                    command: shown(&command),
                    why: shown(&options.why),
                    services: runner.services.as_ref().map(|names| names.iter().map(|name| shown(name)).collect()),
                }
            })
            .collect(),
        services: project
            .services
            .iter()
            .map(|service| ServiceSpec {
                name: shown(&service.name),
                url: shown(&service.url),
                has_health: service.health.is_some(),
                has_revision: service.revision.is_some(),
                has_logs: service.logs.is_some(),
                deploy: service.deploy.as_ref().map(|deploy| DeploySpec {
                    command: deployer::words(deploy).iter().map(|word| shown(word)).collect(),
                    timeout: deploy.timeout.into(),
                    streak: deploy.proof.streak,
                    proof_timeout: deploy.proof.timeout.into(),
                    platform: deploy.platform.as_ref().map(|platform| platform.name().into()),
                    rollback: deployer::words_back(deploy).iter().map(|word| shown(word)).collect(),
                }),
                restart: service.restart.as_ref().map(|restart| RestartSpec {
                    command: restart.command.argv.iter().map(|word| shown(word)).collect(),
                    streak: restart.proof.streak,
                }),
                needs: service.needs.iter().map(|name| shown(name)).collect(),
                damping: service.damping,
                paths: service.paths.iter().map(|path| shown(path)).collect(),
                live_at: service.deploy.as_ref().and_then(|deploy| deploy.proof.live_at),
                surfaces: surfaces(project, service, &shown),
            })
            .collect(),
        streams: project
            .streams
            .iter()
            .map(|stream| StreamSpec {
                name: shown(&stream.name),
                url: shown(&stream.url),
                service: stream.service.as_deref().map(shown),
                start: stream.start.as_deref().map(shown),
                messages: stream
                    .messages
                    .iter()
                    .map(|(name, text)| SavedMessage { name: shown(name), text: shown(text) })
                    .collect(),
                over_http: stream.transport != Transport::Websocket,
                budget: AGENT_BUDGET,
                ping_interval: if stream.transport == Transport::Websocket {
                    stream.ping_interval.into()
                } else {
                    Span::ZERO
                },
                synthetic: played_by(project, &stream.name),
            })
            .collect(),
        baseline: project.baseline.clone(),
        baseline_file: project.baseline_file.as_deref().map(shown),
        fix: project.autopilot.fix.as_ref().map(|fix| fix.command.argv.iter().map(|word| shown(word)).collect()),
        autopilot: AutopilotPlan {
            cycles: project.autopilot.cycles,
            time: project.autopilot.time.into(),
            deploys: project.autopilot.deploys,
            patience: project.autopilot.patience,
            retries: project.autopilot.retries,
            deploy: project.autopilot.deploy.iter().map(|name| shown(name)).collect(),
        },
        hold_limit: if project.run.hold_on_unhealthy { project.run.hold_limit.into() } else { Span::ZERO },
        batch: project.run.batch.into(),
        has_reports: !project.reports.files.is_empty(),
        has_hook: project.hook.is_some(),
        watch: project.watch.spec.clone(),
        tiers: project.tiers.clone(),
        known: project.known.clone(),
        dependents: project.dependents.clone(),
        read_only: options.read_only,
        limits: Limits {
            deploy_lines: project.limits.deploy_lines,
            agent_events: project.limits.agent_events,
            log_lines: project.limits.log_lines,
        },
    }
}
