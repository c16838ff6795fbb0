//! What happened to something is something that happened.

use super::{DeployEvent, Event, FixEvent, LogEvent, RunEvent, ServiceEvent, SessionEvent, StreamEvent};

impl From<SessionEvent> for Event {
    fn from(event: SessionEvent) -> Self {
        Self::Session(event)
    }
}

impl From<RunEvent> for Event {
    fn from(event: RunEvent) -> Self {
        Self::Run(event)
    }
}

impl From<ServiceEvent> for Event {
    fn from(event: ServiceEvent) -> Self {
        Self::Service(event)
    }
}

impl From<DeployEvent> for Event {
    fn from(event: DeployEvent) -> Self {
        Self::Deploy(event)
    }
}

impl From<StreamEvent> for Event {
    fn from(event: StreamEvent) -> Self {
        Self::Stream(event)
    }
}

impl From<LogEvent> for Event {
    fn from(event: LogEvent) -> Self {
        Self::Log(event)
    }
}

impl From<FixEvent> for Event {
    fn from(event: FixEvent) -> Self {
        Self::Fix(event)
    }
}
