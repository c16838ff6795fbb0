//! What is true, and what follows from an event.
//!
//! Values in, values out: no clock, no files, no network, no randomness. What cannot do I/O cannot fail, so nothing
//! here returns an error; trouble is an outcome that can be drawn. Each area (tests, services, streams) folds its own
//! slice of the [`State`] and reports a small fact; only [`cycle`](State::apply) connects areas.

mod agent;
mod agent_parts;
mod autopilot;
mod baseline;
mod cause;
mod checkout;
mod chronicle;
mod circumstance;
mod command;
mod contract;
mod contrast;
mod course;
mod cycle;
mod damping;
mod dependence;
mod deploy;
mod deploy_queue;
mod doubt;
mod earlier;
mod effect;
mod event;
mod evidence;
mod flake;
mod gap;
mod gate;
mod ids;
mod inventory;
mod known;
mod leavings;
mod lineage;
mod log;
mod moment;
mod need;
mod news;
mod note;
mod notice;
mod null;
mod origin;
mod outage;
mod outcome;
mod outgoing;
mod pattern;
mod plain;
mod plan;
mod platform;
mod precedent;
mod project;
mod prove;
mod record;
mod repeat;
mod report_form;
pub mod revision;
mod ring;
mod run;
mod service;
mod sighting;
mod signature;
mod stage;
mod state;
mod stream;
mod tier;
mod timeline;
mod unproved;
mod uptime;
mod usage;
mod verdict;
mod watch;
mod worth;

pub use agent::{AgentEvent, AgentKind, AgentRun, AgentRunEnd, AgentRunStanding, Agents, CRITICAL, Seen, ToolCall};
pub use agent_parts::{Part, PartKind};
pub use autopilot::{
    Autopilot, AutopilotEnd, AutopilotPhase, AutopilotPlan, Decision, Fix, FixEnd, Fixes, FlightPace, Flown,
};
pub use baseline::{Baseline, BaselineResult, Comparison, LoadedBaseline, Measure};
pub use cause::{Cause, CauseEnd, CauseStatus, Causes};
pub use checkout::Checkout;
pub use chronicle::{Chronicle, Happening, Occasion, TestEnd};
pub use circumstance::{Circumstance, Counted, Disturbance, Trouble};
pub use command::{Command, HandOff, Selection};
pub use contract::{
    ANY_TYPE, Allowed, Check, CheckResult, CheckVerdict, ContractSpec, ContractVerdict, Ending, Expected, Heard,
    HeardBy, Held, HeldBefore, Judgement, Latency, Ledger, Sent, Severity, Sizes, SyntheticRules, TOOLS, Timed,
    UserResult, Wire, concerns, judge_crowd, usual_budgets,
};
pub use contrast::{Change, contrast};
pub use course::{Course, Stop, Why as CourseWhy};
pub use damping::{Damping, Quorum};
pub use dependence::{Dependence, DependentSpec};
pub use deploy::{
    Awaited, Deploy, DeployPhase, Deploys, OutputLine, PROOF, Pace, Source, Step, StepState, Stuck, Surface,
};
pub use deploy_queue::{DeployQueue, QueueEnd};
pub use doubt::Hollow;
pub use effect::{Effect, Effects, Wanted};
pub use event::{
    DeployEvent, Entry, Event, FixEvent, Found, Recalled, Recollection, RunEvent, ServiceEvent, SessionEnd,
    SessionEvent, StreamEvent,
};
pub use evidence::{Evidence, Grade, Value};
pub use flake::{FlakeRate, Ground, Grounds, On, Served, told};
pub use gap::{Gap, Gaps};
pub use gate::Gate;
pub use ids::{
    AgentRunId, CauseId, DeployId, FixId, KnownId, ModuleId, ProveId, RunId, RunnerId, ServiceId, StreamId, TestId,
    TierId, ViewerId,
};
pub use inventory::{Attempt, Detail, Frame, Inventory, Module, Section, Standing, SubtestRow, TestCase};
pub use known::{KnownFailure, KnownFailures, KnownSpec, RecalledKnown, Record, Unmuted};
pub use lineage::{Earlier, Lineage, LiveOnce};
pub use log::{Level, LevelCounts, LogEvent, LogLine, Logged, Logs, ServiceLog};
pub use moment::{Moment, Span};
pub use news::{News, Tone};
pub use note::{NOTE_LIMIT, Note, NoteAbout, NoteText, Notes, Why};
pub use notice::{Notice, NoticeKind, Notices};
pub use null::{Vacuous, VacuousTest};
pub use origin::{Built, Distance, Placed};
pub use outage::{Outage, Outages};
pub use outcome::{Outcome, Tally};
pub use outgoing::{MESSAGE_LIMIT, Outgoing, SavedMessage, SentBefore};
pub use pattern::Pattern;
pub use plain::plain;
pub use plan::{Due, Estimate, Outlook, Plan, Planned};
pub use platform::{PlatformSaid, PlatformVerdict, Rung};
pub use precedent::{DEPLOYS_KEPT, PastDeploy, Precedents, Typical};
pub use project::{
    DeploySpec, EnvironmentKind, EnvironmentSpec, Limits, ProjectSpec, RestartSpec, RunnerSpec, ServiceSpec,
    StreamSpec, SurfaceSpec,
};
pub use prove::{Prove, ProveDelta, ProveEnd, ProveLink, ProveStage, ProveStep, ProveWait};
pub use record::{
    Around, CauseChange, Commit, CycleCause, CycleContract, CycleCounts, CycleDeploy, CycleHealth, CycleNote,
    CycleRecord, CycleWhy, Records, Spell,
};
pub use repeat::{MOST_REPETITIONS, Repeat, RepeatEnd, RepeatUntil};
pub use report_form::ReportForm;
pub use ring::Ring;
pub use run::{Exit, Integrity, Lane, NullKind, Run, RunEnd, RunKind, RunPhase, Runs, Signal};
pub use service::{Beat, Epoch, Health, Probe, Service, Services};
pub use sighting::Sightings;
pub use signature::{CauseClass, Signature};
pub use stage::Stage;
pub use state::{Session, State, Viewer};
pub use stream::{Link, Refusal, RefusalClass, Stream, Streams};
pub use tier::{Protection, Tier, TierSpec, Tiers};
pub use timeline::{Others, Point, Timeline, What};
pub use unproved::{LeftOver, Unproved};
pub use uptime::{Rate, UPTIME_WINDOW, Uptime};
pub use usage::Usage;
pub use verdict::{Verdict, Verdicts};
pub use watch::{Changed, WATCH_PATHS, Watch, WatchRule, WatchSpec};
pub use worth::{Worth, Worths};

/// Text that is shared by every copy of the state that holds it. Text from outside has passed the sanitizer before it
/// becomes one.
pub type Text = std::sync::Arc<str>;
