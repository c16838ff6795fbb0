//! The one gate: what may be changed where the tests are aimed, and what a person does before it is.

use super::{Command, EnvironmentKind, State, Text};

/// What a person does before something is changed that others feel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// Nothing.
    Open,
    /// They say yes to a question that shows what would happen.
    Confirm,
    /// They type the environment's name besides.
    TypeName,
    /// Nothing helps: it may not be changed from here.
    Locked,
}

impl EnvironmentKind {
    /// What changing something there takes.
    #[must_use]
    pub fn gate(self) -> Gate {
        match self {
            Self::Local => Gate::Open,
            Self::Shared => Gate::Confirm,
            Self::Protected => Gate::TypeName,
            Self::Locked => Gate::Locked,
        }
    }

    /// How careful one has to be there, for people.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Local => "your own",
            Self::Shared => "shared with the team",
            Self::Protected => "protected: others rely on it",
            Self::Locked => "locked: nothing may be changed",
        }
    }
}

impl Command {
    /// Whether it changes what serves, so that the gate asks first.
    #[must_use]
    pub fn is_gated(&self) -> bool {
        match self {
            Self::Deploy(_)
            | Self::DeployInOrder(_)
            | Self::Prove { .. }
            | Self::Autopilot { .. }
            | Self::RollBack { .. }
            | Self::Restart(_) => true,
            Self::Run(_)
            | Self::Resume
            | Self::Repeat { .. }
            | Self::CompareWith(_)
            | Self::NameCycle { .. }
            | Self::RunNull { .. }
            | Self::Collect
            | Self::ForceRun(_)
            | Self::StopRun(_)
            | Self::DumpStacks(_)
            | Self::CancelDeploy(_)
            | Self::CancelProve
            | Self::PaceAutopilot(_)
            | Self::StopAutopilot
            | Self::Watch(_)
            | Self::StartAgent(_)
            | Self::Send { .. }
            | Self::ReopenStream(_)
            | Self::Mute(_)
            | Self::Unmute(_)
            | Self::ProbeServices
            | Self::WriteNote { .. }
            | Self::KeepHandOff(_)
            | Self::RunBatch { .. }
            | Self::Quit => false,
        }
    }

    /// Whether it does something to the environment rather than look at it. Tests count as looking.
    #[must_use]
    pub fn is_felt(&self) -> bool {
        self.is_gated() || matches!(self, Self::StartAgent(_) | Self::Send { .. })
    }
}

impl State {
    /// What changing something takes here. An environment that nobody described is asked about.
    #[must_use]
    pub fn gate(&self) -> Gate {
        let environment = self.session.project.environment.as_ref();
        environment.map_or(Gate::Confirm, |environment| environment.kind.gate())
    }

    /// Why this may not be done here at all, and what would have to be otherwise.
    #[must_use]
    pub fn refusal(&self, command: &Command) -> Option<Text> {
        if !command.is_felt() {
            return None;
        }
        let what = match command {
            Command::StartAgent(_) => "no agent is started",
            Command::Send { .. } => "nothing is sent",
            Command::RollBack { .. } => "nothing is rolled back",
            Command::Restart(_) => "nothing is restarted",
            Command::Autopilot { .. } => "the autopilot does not fly",
            _ => "nothing is deployed",
        };
        let project = &self.session.project;
        if project.read_only {
            return Some(format!("{what}: this session is read-only; start it without --read-only").into());
        }
        let environment = project.environment.as_ref().filter(|environment| environment.kind.gate() == Gate::Locked)?;
        let name = &environment.name;
        Some(
            format!("{what}: {name} is locked; set another [environment] kind in liveloop.toml and start again").into(),
        )
    }
}
