//! The parts of an agent run: the agents inside it, its calls of tools, and what it says on the way, each with its
//! beginning and mostly an end. Worked out from the run's own events when somebody looks.

use super::{AgentKind, AgentRun, Agents, Moment, Seen};

/// How deep agents inside agents are told apart; further ones stand beside the deepest.
const DEEPEST: usize = 8;

/// What a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartKind {
    /// An agent inside the run.
    Agent,
    /// A call of a tool.
    Tool,
    /// A moment: a thought, an answer, anything else.
    Said,
}

/// A part of an agent run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What it is.
    pub kind: PartKind,
    /// How many agents it is inside of, the run's own not counted.
    pub depth: usize,
    /// The ordinal of the event that it begins with.
    pub event: u64,
    /// The ordinal of the event that it ends with, once it came.
    pub until: Option<u64>,
    /// When it began.
    pub began: Moment,
    /// When it ended; a moment ends when it begins.
    pub ended: Option<Moment>,
    /// Whether it says that something went wrong.
    pub failed: bool,
}

impl Agents {
    /// The parts of a run in the order in which they began, as far as its events are kept.
    #[must_use]
    pub fn parts(&self, run: &AgentRun) -> Vec<Part> {
        let mut parts: Vec<Part> = Vec::with_capacity(run.events.len());
        // The agents that are open inside the run, by their place among the parts.
        let mut inside: Vec<usize> = Vec::new();
        let own = run.agent.as_deref().unwrap_or_default();
        for &event in run.events.iter() {
            let Some(seen) = self.events().nth(event) else { continue };
            let subject = self.subject(seen);
            let begins_inside =
                seen.kind == AgentKind::AgentStarted && !parts.is_empty() && !subject.is_empty() && subject != own;
            let ends = match seen.kind {
                // Which call comes back was decided as it came: calls of one tool at once may have ids of their own.
                AgentKind::ToolCompleted => match run.tools.iter().find(|call| call.events.1 == Some(event)) {
                    Some(call) => {
                        parts.iter().rposition(|part| part.kind == PartKind::Tool && part.event == call.events.0)
                    }
                    None => self.open(&parts, PartKind::Tool, subject),
                },
                AgentKind::AgentCompleted | AgentKind::AgentFailed => self.open(&parts, PartKind::Agent, subject),
                _ => None,
            };
            if let Some(place) = ends {
                let part = &mut parts[place];
                (part.until, part.ended) = (Some(event), Some(seen.at));
                part.failed |= seen.failed || seen.kind == AgentKind::AgentFailed;
                inside.retain(|&open| open < place || parts[open].ended.is_none());
                continue;
            }
            let kind = match seen.kind {
                AgentKind::ToolExecuting => PartKind::Tool,
                _ if begins_inside => PartKind::Agent,
                _ => PartKind::Said,
            };
            parts.push(begin(kind, self.depth(&parts, &inside, kind, subject), event, seen));
            if kind == PartKind::Agent {
                inside.push(parts.len() - 1);
            }
        }
        close(run, &mut parts);
        parts
    }

    /// The latest open part of that kind about that subject. Starts and ends without a name belong together too.
    fn open(&self, parts: &[Part], kind: PartKind, subject: &str) -> Option<usize> {
        let about = |part: &Part| self.events().nth(part.event).map_or("", |seen| self.subject(seen));
        parts.iter().rposition(|part| part.kind == kind && part.ended.is_none() && about(part) == subject)
    }

    /// Inside of how many agents something stands: of those that are open up to the one that it is about.
    fn depth(&self, parts: &[Part], inside: &[usize], kind: PartKind, subject: &str) -> usize {
        let about = |place: usize| self.events().nth(parts[place].event).map_or("", |seen| self.subject(seen));
        let depth = match kind {
            PartKind::Said if !subject.is_empty() => {
                inside.iter().position(|&place| about(place) == subject).map_or(0, |place| place + 1)
            }
            PartKind::Said | PartKind::Tool | PartKind::Agent => inside.len(),
        };
        depth.min(DEEPEST)
    }
}

fn begin(kind: PartKind, depth: usize, event: u64, seen: &Seen) -> Part {
    let ended = (kind == PartKind::Said).then_some(seen.at);
    Part { kind, depth, event, until: None, began: seen.at, ended, failed: seen.failed }
}

/// Calls that carry an id of their own were paired by it as they came.
fn close(run: &AgentRun, parts: &mut [Part]) {
    for part in parts.iter_mut().filter(|part| part.kind == PartKind::Tool) {
        let mut calls = run.tools.iter().filter(|call| call.started == part.began && call.call.is_some());
        if let (Some(call), None) = (calls.next(), calls.next()) {
            part.ended = call.ended;
        }
    }
}
