//! Events that no agent made. A server whose agents are missing may play all five in perfect order, and every other
//! check holds. What gives it away are names, a beat that is too even, ids that are missing, an answer that only
//! repeats the question, and words by which it says so itself.

use serde::{Deserialize, Serialize};

use super::ledger::{Ledger, is_agents};
use super::spec::{ContractSpec, SyntheticRules, is_called};
use super::{Fault, Finding};
use crate::domain::{AgentEvent, AgentKind, Moment, Span, Text};

/// How many gaps between events have to be alike before their evenness tells something.
const GAPS_NEEDED: usize = 3;
/// How much shorter than this a question may be for its repetition to tell something, in characters.
const QUESTION_NEEDED: usize = 8;

/// What a name weighs that only the fallback uses.
const NAME: u32 = 2;
/// What every other sign weighs.
const OTHER: u32 = 1;

impl SyntheticRules {
    /// The agent of an event, where only the fallback is called so.
    fn agent_of<'e>(&self, event: &'e AgentEvent) -> Option<&'e Text> {
        event.agent.as_ref().filter(|agent| self.agents.contains(agent))
    }

    /// The tool of an event, where only the fallback's is called so.
    fn tool_of<'e>(&self, event: &'e AgentEvent) -> Option<&'e Text> {
        event.tool.as_ref().filter(|tool| self.tools.contains(tool))
    }

    /// Whether a server says by an event that it answers in place of its agents: by its name, by a value that is that
    /// word, or by a field of that name that is not denied.
    #[must_use]
    pub fn announces(&self, event: &AgentEvent) -> bool {
        let says = |name: &str| {
            let quoted = format!("\"{name}\"");
            event.raw.match_indices(&quoted).any(|(at, _)| {
                let behind = event.raw[at + quoted.len()..].trim_start();
                let denied = |value: &str| ["false", "null", "0"].iter().any(|no| value.trim_start().starts_with(no));
                match behind.strip_prefix(':') {
                    Some(value) => !denied(value),
                    None => matches!(event.kind, AgentKind::System | AgentKind::Ready),
                }
            })
        };
        self.announced_by.iter().any(|name| is_called(event, name) || says(name))
    }
}

/// The signs that a run gave, for who watches runs as they come. What was asked is not known there; all the other signs
/// weigh what they weigh in a contract.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Signs {
    agent: bool,
    tool: bool,
    announced: bool,
    even: bool,
    /// Whether an event of the run was heard, one that names its run, and one that says its type once.
    heard: bool,
    named: bool,
    once: bool,
}

impl Signs {
    /// Hears an event of the run; `announced` is whether its server said that it answers in place of its agents.
    pub(crate) fn hear(&mut self, rules: &SyntheticRules, event: &AgentEvent, announced: bool) {
        self.agent |= rules.agent_of(event).is_some();
        self.tool |= rules.tool_of(event).is_some();
        self.announced |= announced;
        if is_agents(event.kind) {
            self.heard = true;
            self.named |= event.run.is_some();
            self.once = self.once || !says_its_type_twice(event);
        }
    }

    /// Hears the times of all events of a run that is over.
    pub(crate) fn hear_beat(&mut self, times: &[Moment]) {
        self.even = beat(times).is_some();
    }

    /// Whether they are enough.
    #[must_use]
    pub(crate) fn are_enough(self, rules: &SyntheticRules) -> bool {
        let weigh = |sign: bool, weight: u32| if sign { weight } else { 0 };
        let is_bare = weigh(self.heard && !self.named, OTHER) + weigh(self.heard && !self.once, OTHER);
        let others = weigh(self.announced, OTHER) + weigh(self.even, OTHER) + is_bare;
        weigh(self.agent, NAME) + weigh(self.tool, NAME) + others >= rules.signs.max(1)
    }
}

/// The gap between events that come too evenly: all gaps within a tenth of each other, or within 10 ms.
fn beat(times: &[Moment]) -> Option<Span> {
    let gaps: Vec<Span> = times.windows(2).map(|pair| pair[1].since(pair[0])).collect();
    let (least, most) = (gaps.iter().min()?, gaps.iter().max()?);
    let spread = Span(most.0.saturating_sub(least.0));
    let even =
        gaps.len() >= GAPS_NEEDED && *least >= Span::millis(20) && spread <= Span(most.0 / 10).max(Span::millis(10));
    even.then(|| gaps[gaps.len() / 2])
}

impl Ledger {
    pub(super) fn is_genuine(&self, spec: &ContractSpec) -> Finding {
        let signs = self.signs(&spec.synthetic);
        let weight: u32 = signs.iter().map(|sign| sign.weight).sum();
        if !self.has_agent_events() || weight < spec.synthetic.signs {
            return Ok("nothing looks played".to_owned());
        }
        let words: Vec<&str> = signs.iter().map(|sign| sign.words.as_str()).collect();
        let first = signs.iter().find_map(|sign| sign.event);
        let told = format!("no agent ran, its events were played: {}", words.join("; "));
        Err(first.map_or_else(|| Fault::whole(told.clone()), |number| Fault::at(number, told.clone())))
    }

    fn signs(&self, rules: &SyntheticRules) -> Vec<Sign> {
        let mut signs = Vec::new();
        if let Some((number, agent)) = self.agent_events().find_map(|(n, event)| Some((n, rules.agent_of(event)?))) {
            signs.push(Sign::new(NAME, number, format!("the agent is {agent}, the fallback's")));
        }
        if let Some((number, tool)) = self.agent_events().find_map(|(n, event)| Some((n, rules.tool_of(event)?))) {
            signs.push(Sign::new(NAME, number, format!("the tool is {tool}, the fallback's")));
        }
        if let Some((number, event)) = self.numbered().find(|(_, event)| rules.announces(event)) {
            signs.push(Sign::new(OTHER, number, format!("announced by {}", event.type_name)));
        }
        if let Some((number, _)) = self.agent_events().next()
            && self.agent_events().all(|(_, event)| event.run.is_none())
        {
            signs.push(Sign::new(OTHER, number, "no event has a run id".to_owned()));
        }
        if let Some((number, _)) = self.agent_events().next()
            && self.agent_events().all(|(_, event)| says_its_type_twice(event))
        {
            signs.push(Sign::new(OTHER, number, "every event says its type twice".to_owned()));
        }
        signs.extend(self.even_beat());
        signs.extend(self.repeated_question());
        signs
    }

    fn even_beat(&self) -> Option<Sign> {
        let times: Vec<_> = self.agent_events().map(|(_, event)| event.at).collect();
        let gap = beat(&times)?;
        let (number, _) = self.agent_events().next()?;
        Some(Sign::new(OTHER, number, format!("an event every {gap}")))
    }

    /// The answer holds the question word for word, and little else.
    fn repeated_question(&self) -> Option<Sign> {
        let question = asked(&self.sent.as_ref()?.text)?;
        let (number, end) = self.end().filter(|(_, end)| end.kind == AgentKind::AgentCompleted)?;
        let answer = end.text.to_lowercase();
        let repeats =
            answer.contains(&question.to_lowercase()) && answer.chars().count() < question.chars().count() * 4;
        repeats.then(|| Sign::new(OTHER, number, "the answer repeats the question".to_owned()))
    }
}

/// Something that tells a played run.
struct Sign {
    weight: u32,
    event: Option<u32>,
    words: String,
}

impl Sign {
    fn new(weight: u32, event: u32, words: String) -> Self {
        Self { weight, event: Some(event), words }
    }
}

/// What stands behind a quoted name and its colon.
fn value_after<'a>(raw: &'a str, named: &str) -> Option<&'a str> {
    let at = raw.find(named)? + named.len();
    Some(raw[at..].trim_start().strip_prefix(':')?.trim_start())
}

/// Whether an event says its type in two fields, as the fallback of such backends does.
fn says_its_type_twice(event: &AgentEvent) -> bool {
    let says = |named: &str| {
        let value = value_after(&event.raw, named);
        value.is_some_and(|value| value.trim_start_matches('"').starts_with(&*event.type_name))
    };
    says("\"type\"") && says("\"event\"")
}

/// The longest text in a message that was sent: the question.
fn asked(message: &str) -> Option<&str> {
    let texts = message.split('"').skip(1).step_by(2);
    texts.filter(|text| text.contains(' ') && text.len() >= QUESTION_NEEDED).max_by_key(|text| text.len())
}
