//! What came, as it is kept beside a verdict: numbered, in lines, so that an event can be looked up that a check names.

use serde::{Deserialize, Serialize};

use super::Judgement;
use super::ledger::Ledger;
use crate::domain::{Span, Text};

/// How many lines are kept, of all users together.
const KEPT: usize = 1_000;
/// How many of one user.
const KEPT_OF_ONE: usize = 400;
/// How much of what an event says is kept, in characters.
const SAID: usize = 300;

/// A line of what came: an event, our own message, or the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    /// The event's number, counted from 1; nothing for what is no event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<u32>,
    /// When, since the connection began.
    pub at: Span,
    /// What its sender calls it.
    pub name: Text,
    /// Which tool or agent it is about, and what it says.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub text: Text,
}

/// What came to one user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeardBy {
    /// Which of the users, counted from 1.
    pub user: u32,
    /// What came, in order.
    pub lines: Vec<Heard>,
    /// How much more came.
    #[serde(default)]
    pub left_out: u32,
}

impl Ledger {
    /// What came, as lines.
    fn heard(&self, user: u32) -> HeardBy {
        let since = |at: crate::domain::Moment| at.since(self.began);
        let mut lines: Vec<Heard> = self
            .numbered()
            .take(KEPT_OF_ONE)
            .map(|(number, event)| {
                let who = event.tool.as_ref().or(event.agent.as_ref()).map_or("", |who| who);
                let gap = if who.is_empty() || event.text.is_empty() { "" } else { "  " };
                let text = short(&format!("{who}{gap}{}", event.text));
                Heard { event: Some(number), at: since(event.at), name: event.type_name.clone(), text }
            })
            .collect();
        if let Some(sent) = &self.sent {
            let place = self.events.iter().take(lines.len()).position(|event| event.at >= sent.at);
            let ours = Heard { event: None, at: since(sent.at), name: "sent".into(), text: short(&sent.text) };
            lines.insert(place.unwrap_or(lines.len()), ours);
        }
        let ending = self.ending.to_string();
        lines.push(Heard { event: None, at: since(self.ended), name: "end".into(), text: short(&ending) });
        let left_out = self.events.len().saturating_sub(KEPT_OF_ONE) as u32 + self.left_out;
        HeardBy { user, lines, left_out }
    }
}

impl Judgement {
    /// Keeps what came, as far as there is room: of those users first whose events are named.
    pub(super) fn keep_heard(&mut self, ledgers: &[Ledger]) {
        let named = self.checks.iter().filter(|check| check.event.is_some()).map(|check| check.user.unwrap_or(1));
        let of_verdict =
            self.users.iter().position(|one| one.verdict == self.verdict).map_or(1, |place| place as u32 + 1);
        let mut order: Vec<u32> = vec![self.user.unwrap_or(of_verdict)];
        order.extend(named.chain(1..=ledgers.len() as u32));
        let mut room = KEPT;
        for user in order {
            let Some(ledger) = ledgers.get(user as usize - 1) else { continue };
            if self.heard.iter().any(|by| by.user == user) {
                continue;
            }
            let by = ledger.heard(user);
            if by.lines.len() > room {
                break;
            }
            room -= by.lines.len();
            self.heard.push(by);
        }
    }

    /// Whether what came to a user is kept.
    #[must_use]
    pub fn heard_by(&self, user: u32) -> Option<&HeardBy> {
        self.heard.iter().find(|by| by.user == user)
    }
}

fn short(text: &str) -> Text {
    match text.char_indices().nth(SAID) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
    }
}
