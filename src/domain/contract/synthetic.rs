//! Events that no agent made. A server whose agents are missing may play all five in perfect order, and every other
//! check holds. What gives it away are names, a beat that is too even, ids that are missing, an answer that only
//! repeats the question, and words by which it says so itself.

use super::ledger::Ledger;
use super::spec::{ContractSpec, SyntheticRules, is_called};
use super::{Fault, Finding};
use crate::domain::{AgentEvent, AgentKind, Span};

/// How many gaps between events have to be alike before their evenness tells something.
const GAPS_NEEDED: usize = 3;
/// How much shorter than this a question may be for its repetition to tell something, in characters.
const QUESTION_NEEDED: usize = 8;

impl SyntheticRules {
    /// Whether an event bears a name that only the fallback uses.
    #[must_use]
    pub fn name_of_fallback(&self, event: &AgentEvent) -> bool {
        event.agent.as_ref().is_some_and(|agent| self.agents.contains(agent))
            || event.tool.as_ref().is_some_and(|tool| self.tools.contains(tool))
    }
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
        let named = |names: &[crate::domain::Text], name: Option<&crate::domain::Text>| {
            name.is_some_and(|name| names.contains(name))
        };
        if let Some((number, event)) = self.agent_events().find(|(_, event)| named(&rules.agents, event.agent.as_ref()))
        {
            let agent = event.agent.as_deref().unwrap_or_default();
            signs.push(Sign::new(2, number, format!("the agent is {agent}, the fallback's")));
        }
        if let Some((number, event)) = self.agent_events().find(|(_, event)| named(&rules.tools, event.tool.as_ref())) {
            let tool = event.tool.as_deref().unwrap_or_default();
            signs.push(Sign::new(2, number, format!("the tool is {tool}, the fallback's")));
        }
        if let Some((number, event)) = self.numbered().find(|(_, event)| announces(event, rules)) {
            signs.push(Sign::new(1, number, format!("announced by {}", event.type_name)));
        }
        if let Some((number, _)) = self.agent_events().next()
            && self.agent_events().all(|(_, event)| event.run.is_none())
        {
            signs.push(Sign::new(1, number, "no event has a run id".to_owned()));
        }
        let twice = |event: &AgentEvent| {
            let says = |field: &str| {
                let (name, named) = (&event.type_name, format!("\"{field}\""));
                value_after(&event.raw, &named).is_some_and(|value| value.trim_start_matches('"').starts_with(&**name))
            };
            says("type") && says("event")
        };
        if let Some((number, _)) = self.agent_events().next()
            && self.agent_events().all(|(_, event)| twice(event))
        {
            signs.push(Sign::new(1, number, "every event says its type twice".to_owned()));
        }
        signs.extend(self.even_beat());
        signs.extend(self.repeated_question());
        signs
    }

    /// All gaps between agent events within a tenth of each other, or within 10 ms.
    fn even_beat(&self) -> Option<Sign> {
        let times: Vec<_> = self.agent_events().map(|(_, event)| event.at).collect();
        let gaps: Vec<Span> = times.windows(2).map(|pair| pair[1].since(pair[0])).collect();
        let (least, most) = (gaps.iter().min()?, gaps.iter().max()?);
        let spread = Span(most.0.saturating_sub(least.0));
        let even = gaps.len() >= GAPS_NEEDED
            && *least >= Span::millis(20)
            && spread <= Span(most.0 / 10).max(Span::millis(10));
        let (number, _) = self.agent_events().next()?;
        even.then(|| Sign::new(1, number, format!("an event every {}", gaps[gaps.len() / 2])))
    }

    /// The answer holds the question word for word, and little else.
    fn repeated_question(&self) -> Option<Sign> {
        let question = asked(&self.sent.as_ref()?.text)?;
        let (number, end) = self.end().filter(|(_, end)| end.kind == AgentKind::AgentCompleted)?;
        let answer = end.text.to_lowercase();
        let repeats =
            answer.contains(&question.to_lowercase()) && answer.chars().count() < question.chars().count() * 4;
        repeats.then(|| Sign::new(1, number, "the answer repeats the question".to_owned()))
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

/// By its name, by a value that is that word, or by a field of that name that is not denied.
fn announces(event: &AgentEvent, rules: &SyntheticRules) -> bool {
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
    rules.announced_by.iter().any(|name| is_called(event, name) || says(name))
}

/// What stands behind a quoted name and its colon.
fn value_after<'a>(raw: &'a str, named: &str) -> Option<&'a str> {
    let at = raw.find(named)? + named.len();
    Some(raw[at..].trim_start().strip_prefix(':')?.trim_start())
}

/// The longest text in a message that was sent: the question.
fn asked(message: &str) -> Option<&str> {
    let texts = message.split('"').skip(1).step_by(2);
    texts.filter(|text| text.contains(' ') && text.len() >= QUESTION_NEEDED).max_by_key(|text| text.len())
}
