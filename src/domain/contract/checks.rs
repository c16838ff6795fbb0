//! The checks on what came, one function each.

use std::collections::HashMap;

use super::ledger::{Ending, Ledger, is_agents};
use super::spec::{ContractSpec, Expected, TOOLS, Timed, is_called};
use super::{Fault, Finding};
use crate::domain::{AgentEvent, AgentKind, Pattern, Text, revision};

impl Ledger {
    pub(super) fn became_ready(&self, spec: &ContractSpec) -> Finding {
        let Some(ready) = self.ready_at() else { return Err(Fault::whole(self.why_blocked())) };
        let took = ready.since(self.began);
        if let Some(most) = spec.budgets.get(&Timed::Ready).filter(|most| took > **most) {
            return Err(Fault::whole(format!("ready after {took}, {most} are allowed")));
        }
        Ok(format!("ready after {took}"))
    }

    pub(super) fn has_required(&self, spec: &ContractSpec) -> Finding {
        let came = |name: &Text| {
            let names_tool = |event: &AgentEvent| &**name == TOOLS && event.tool.is_some();
            self.events.iter().any(|event| is_called(event, name) || names_tool(event))
        };
        let is_due = |name: &&Text| spec.only_if.get(*name).is_none_or(|others| others.iter().any(came));
        let due: Vec<&Text> = spec.required.iter().filter(is_due).collect();
        let missing: Vec<&str> = due.iter().filter(|name| !came(name)).map(|name| &***name).collect();
        let (wanted, seen) = (due.len(), due.len() - missing.len());
        let spared: Vec<&str> = spec.required.iter().filter(|name| !is_due(name)).map(|name| &**name).collect();
        if missing.is_empty() {
            let spared = if spared.is_empty() { String::new() } else { format!(", no need of {}", spared.join(", ")) };
            return Ok(format!("{wanted} of {wanted} came{spared}"));
        }
        let last = self.agent_events().next_back();
        let fault = format!("{seen} of {wanted} came, missing {}", missing.join(", "));
        Err(last.map_or_else(|| Fault::whole(fault.clone()), |(number, _)| Fault::at(number, fault.clone())))
    }

    pub(super) fn is_terminated(&self) -> Finding {
        match self.end() {
            Some((_, end)) => Ok(format!("ended by {}", end.type_name)),
            None => {
                let how = match &self.ending {
                    Ending::OutOfTime { limit } => format!("no end within {limit}"),
                    Ending::Settled => "no end".to_owned(),
                    Ending::Closed { code, reason } => format!("closed{} before its end", closing(*code, reason)),
                    Ending::Lost { why } => format!("lost before its end: {why}"),
                    Ending::Refused(refusal) => refusal.why.to_string(),
                };
                Err(match self.agent_events().next_back() {
                    Some((number, last)) => Fault::at(number, format!("{how}; the last event is {}", last.type_name)),
                    None => Fault::whole(how),
                })
            }
        }
    }

    /// A partial order: only the first of each listed event counts, since parallel tools interleave.
    pub(super) fn is_in_order(&self, spec: &ContractSpec) -> Finding {
        let mut before: Option<(u32, &str)> = None;
        for name in &spec.order {
            let Some((number, _)) = self.numbered().find(|(_, event)| is_called(event, name)) else { continue };
            if let Some((earlier, other)) = before
                && number < earlier
            {
                return Err(Fault::at(number, format!("{name} came before {other}")));
            }
            before = Some((number, name));
        }
        Ok("in order".to_owned())
    }

    /// Nothing to look at where no run ended.
    pub(super) fn is_silent_after_end(&self, spec: &ContractSpec) -> Option<Finding> {
        self.end()?;
        let mut ended: HashMap<Option<&str>, u32> = HashMap::new();
        for (number, event) in self.agent_events() {
            let run = event.run.as_deref();
            if let Some(end) = ended.get(&run)
                && event.kind != AgentKind::AgentStarted
                && !spec.is_shared(event)
            {
                let name = &event.type_name;
                return Some(Err(Fault::at(number, format!("{name} came after event {end}, the end of its run"))));
            }
            match event.kind {
                // With agents inside of agents, only what nothing follows is the end; another start opens it anew.
                AgentKind::AgentStarted => drop(ended.remove(&run)),
                AgentKind::AgentCompleted | AgentKind::AgentFailed if self.closes(event, number) => {
                    ended.insert(run, number);
                }
                _ => {}
            }
        }
        Some(Ok("nothing came after the end".to_owned()))
    }

    /// Whether as many agents of its run have ended with this event as had begun.
    fn closes(&self, end: &AgentEvent, number: u32) -> bool {
        let of_run = self.agent_events().take_while(|(n, _)| *n <= number).filter(|(_, event)| event.run == end.run);
        let (mut begun, mut over) = (0, 0);
        for (_, event) in of_run {
            begun += u32::from(event.kind == AgentKind::AgentStarted);
            over += u32::from(super::ledger::is_end(event.kind));
        }
        over >= begun
    }

    pub(super) fn is_unique(&self) -> Finding {
        let mut begun: HashMap<(AgentKind, Option<&str>, &str), u32> = HashMap::new();
        for (number, event) in self.agent_events() {
            let key = match (event.kind, &event.call) {
                (AgentKind::AgentStarted, _) => event.agent.as_deref().unwrap_or(""),
                (AgentKind::ToolExecuting | AgentKind::ToolCompleted, Some(call)) => call,
                _ => continue,
            };
            if let Some(first) = begun.insert((event.kind, event.run.as_deref(), key), number) {
                let what = if key.is_empty() { String::new() } else { format!(" of {key}") };
                let name = &event.type_name;
                return Err(Fault::at(number, format!("{name}{what} came twice, first as event {first}")));
            }
        }
        self.repeated_id().map_or_else(|| Ok("nothing came twice".to_owned()), Err)
    }

    /// Events of another run, of another user, or of more runs than were started.
    pub(super) fn is_correlated(&self, spec: &ContractSpec) -> Finding {
        let (mine, user) = (self.own_run(), self.own_user());
        for (number, event) in self.numbered().filter(|(_, event)| !spec.is_shared(event)) {
            let name = &event.type_name;
            if let (Some(mine), Some(theirs)) = (user, event.user.as_deref())
                && !is_same_user(mine, theirs)
            {
                return Err(Fault::at(number, format!("{name} is for user {theirs}, we are {mine}")));
            }
            if is_agents(event.kind)
                && let (Some(mine), Some(theirs)) = (mine, event.run.as_deref())
                && mine != theirs
            {
                return Err(Fault::at(number, format!("{name} belongs to run {theirs}, ours is {mine}")));
            }
        }
        Ok(mine.map_or_else(|| "no event names a run".to_owned(), |run| format!("everything belongs to {run}")))
    }

    /// The run that was asked for; where none was, the one of most events after our message, of two alike the first.
    pub(super) fn own_run(&self) -> Option<&str> {
        self.run.as_deref().or_else(|| self.most_heard(|event| event.run.as_deref()))
    }

    /// The thread of most events after our message.
    pub(super) fn own_thread(&self) -> Option<&str> {
        self.most_heard(|event| event.thread.as_deref())
    }

    /// Whose token it is; where nobody said that, whom the server greeted.
    pub(super) fn own_user(&self) -> Option<&str> {
        let greeted = || self.events.iter().find(|event| event.kind == AgentKind::Ready && event.user.is_some());
        self.user.as_deref().or_else(|| greeted()?.user.as_deref())
    }

    fn most_heard<'a>(&'a self, key: impl Fn(&'a AgentEvent) -> Option<&'a str>) -> Option<&'a str> {
        let from = self.sent.as_ref().map_or(self.began, |sent| sent.at);
        let mut counts: Vec<(&str, usize)> = Vec::new();
        for key in self.agent_events().filter(|(_, event)| event.at >= from).filter_map(|(_, event)| key(event)) {
            match counts.iter_mut().find(|(known, _)| *known == key) {
                Some((_, count)) => *count += 1,
                None => counts.push((key, 1)),
            }
        }
        counts.into_iter().rev().max_by_key(|(_, count)| *count).map(|(key, _)| key)
    }

    /// Nothing to look at where the protocol has no sequence numbers.
    pub(super) fn is_gapless(&self) -> Option<Finding> {
        let mut before: Option<u64> = None;
        for (number, event) in self.numbered() {
            let Some(sequence) = event.sequence else { continue };
            if let Some(before) = before
                && sequence != before + 1
            {
                let what = match sequence {
                    again if again <= before => format!("number {again} came after {before}"),
                    later => format!("{} missing between {before} and {later}", later - before - 1),
                };
                return Some(Err(Fault::at(number, what)));
            }
            before = Some(sequence);
        }
        before.map(|last| Ok(format!("no gap up to {last}")))
    }

    pub(super) fn has_payloads(&self, spec: &ContractSpec) -> Finding {
        for (number, event) in self.agent_events() {
            let says = match event.kind {
                AgentKind::AgentThinking | AgentKind::AgentCompleted => event.text.trim(),
                _ => continue,
            };
            let name = &event.type_name;
            if says.is_empty() || ["{}", "[]", "null", "\"\""].contains(&says) {
                return Err(Fault::at(number, format!("{name} says nothing")));
            }
            let says_so = says.to_lowercase();
            if spec.placeholders.iter().any(|placeholder| Pattern(placeholder.to_lowercase().into()).fits(&says_so)) {
                return Err(Fault::at(number, format!("{name} says only «{says}»")));
            }
        }
        Ok("every thought and answer says something".to_owned())
    }

    pub(super) fn has_no_errors(&self) -> Finding {
        let found = self.numbered().find(|(_, event)| matches!(event.kind, AgentKind::Error | AgentKind::AgentFailed));
        match found {
            None => Ok("no error came".to_owned()),
            Some((number, event)) if event.text.is_empty() => Err(Fault::at(number, event.type_name.to_string())),
            Some((number, event)) => Err(Fault::at(number, format!("{}: {}", event.type_name, event.text))),
        }
    }

    /// Nothing to look at where any revision may answer, or where none could because the connection never became ready.
    pub(super) fn is_expected_revision(&self, spec: &ContractSpec) -> Option<Finding> {
        let expected = spec.revision.as_ref()?;
        Some(match (self.wanted(spec), self.answered(spec)) {
            (Some(wanted), Some(answered)) if is_same_revision(wanted, answered) => Ok(format!("{answered} answered")),
            (Some(wanted), Some(answered)) if !revision::is_comparable(wanted, answered) => {
                Err(Fault::whole(format!("{answered} answered, which cannot be held against {wanted}")))
            }
            (Some(wanted), Some(answered)) => {
                let is = if *expected == Expected::Current { "serves" } else { "is expected" };
                let named =
                    self.numbered().find(|(_, event)| event.raw.contains(&**answered)).map(|(number, _)| number);
                Err(Fault { event: named, ..Fault::whole(format!("{answered} answered, {wanted} {is}")) })
            }
            (None, _) | (_, None) if self.ready_at().is_none() => return None,
            (None, _) => Err(Fault::whole("the service did not say which revision it serves")),
            (_, None) => Err(Fault::whole("nothing said which revision answered")),
        })
    }

    /// What happened, where all is well.
    pub(super) fn told(&self) -> String {
        let events = self.agent_events().count();
        match (self.sent.as_ref(), self.end()) {
            (Some(sent), Some((_, end))) => format!("{events} agent events in {}", end.at.since(sent.at)),
            _ => format!("{events} agent events"),
        }
    }
}

/// ` with 1008 (policy)`, ` with 1008`, or nothing.
pub(super) fn closing(code: Option<u16>, reason: &str) -> String {
    match (code, reason.is_empty()) {
        (Some(code), true) => format!(" with {code}"),
        (Some(code), false) => format!(" with {code} ({reason})"),
        (None, true) => String::new(),
        (None, false) => format!(" ({reason})"),
    }
}

/// Either of the two may be the shorter name.
fn is_same_revision(one: &str, other: &str) -> bool {
    revision::is_same(one, other) || revision::is_same(other, one)
}

/// Some servers cut a user's id short: `staging-...` is `staging-e2e-user-002`.
fn is_same_user(mine: &str, theirs: &str) -> bool {
    let beginning = theirs.trim_end_matches(['.', '…']);
    mine == theirs || (beginning.len() < theirs.len() && beginning.len() >= 4 && mine.starts_with(beginning))
}
