//! Whether every tool call that began came back: by id where there is one, else by the tool's name.

use super::ledger::Ledger;
use super::{Fault, Finding, Weight};
use crate::domain::{AgentEvent, AgentKind};

impl Ledger {
    /// Nothing to look at where no tool was called and none came back.
    pub(super) fn pairs(&self) -> Option<Finding> {
        let mut open: Vec<(u32, &AgentEvent)> = Vec::new();
        let mut paired = 0_u32;
        for (number, event) in self.agent_events() {
            match event.kind {
                AgentKind::ToolExecuting => open.push((number, event)),
                AgentKind::ToolCompleted => match open.iter().rposition(|(_, begun)| belongs(event, begun)) {
                    Some(place) => {
                        open.remove(place);
                        paired += 1;
                    }
                    None => {
                        let detail = format!("{} came back without having been called", tool(event));
                        return Some(Err(Fault::at(number, detail).by_name(event)));
                    }
                },
                _ => {}
            }
        }
        match open.first() {
            Some((number, begun)) => {
                Some(Err(Fault::at(*number, format!("{} never came back", tool(begun))).by_name(begun)))
            }
            None if paired == 0 => None,
            None => Some(Ok(format!("{paired} tool calls came back"))),
        }
    }
}

impl Fault {
    /// Where only names tell which call came back, calls of the same tool beside each other may have been mixed up.
    fn by_name(self, event: &AgentEvent) -> Self {
        let weight = if event.call.is_some() { self.weight } else { Weight::Mild };
        Self { weight, ..self }
    }
}

/// Whether a tool that came back is the one that was called.
pub(super) fn belongs(end: &AgentEvent, begun: &AgentEvent) -> bool {
    let same_run = end.run == begun.run || end.run.is_none() || begun.run.is_none();
    let same_call = match (&end.call, &begun.call) {
        (Some(end), Some(begun)) => end == begun,
        _ => end.tool == begun.tool,
    };
    same_run && same_call
}

fn tool(event: &AgentEvent) -> String {
    match (&event.tool, &event.call) {
        (Some(tool), Some(call)) => format!("{tool} ({call})"),
        (Some(name), None) | (None, Some(name)) => name.to_string(),
        (None, None) => "a tool".to_owned(),
    }
}
