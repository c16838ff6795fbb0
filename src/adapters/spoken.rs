//! For tests of adapters: events as one short line each.

use super::tool::{Order, Source, Tool};
use crate::domain::{Detail, Event, Exit, RunEvent, RunId, RunKind, Wanted};

/// An order to run these tests; none: all.
pub(super) fn order(nodes: &[&str]) -> Order {
    let names = || nodes.iter().map(|node| (*node).into()).collect();
    let wanted = match nodes {
        [] => Wanted::All,
        _ => Wanted::Only { nodes: names(), modules: Vec::new() },
    };
    Order { run: RunId(1), kind: RunKind::Test, wanted }
}

/// Drives a tool through the given processes: for each what it says and how it ends. Answers the command lines, and
/// the events that came of it all.
pub(super) fn drive(tool: &mut dyn Tool, processes: &[(&str, Exit)]) -> (Vec<String>, Vec<String>) {
    let (mut commands, mut out) = (Vec::new(), Vec::new());
    let mut processes = processes.iter();
    while let Some(step) = tool.next(&mut out) {
        commands.push(step.argv.join(" "));
        let Some((text, exit)) = processes.next() else { break };
        match step.source {
            Source::Lines | Source::Socket => text.lines().for_each(|line| tool.read(line, &mut out)),
            Source::Whole | Source::File { .. } => tool.read(text, &mut out),
        }
        tool.ended(*exit, &mut out);
    }
    (commands, out.iter().map(short).collect())
}

fn short(event: &Event) -> String {
    let Event::Run(event) = event else { return format!("{event:?}") };
    let said = |detail: Option<&Detail>| match detail.map(|detail| &*detail.message).filter(|said| !said.is_empty()) {
        Some(message) => format!(": {}", message.lines().next().unwrap_or_default()),
        None => String::new(),
    };
    match event {
        RunEvent::Collected { tests, .. } => {
            let tests: Vec<_> = tests.iter().map(|found| format!("{} @{}", found.node, found.module)).collect();
            format!("found {}", tests.join(", "))
        }
        RunEvent::CollectionEnded { .. } => "listed".into(),
        RunEvent::Deselected { count, .. } => format!("{count} left out"),
        RunEvent::Missed { nodes, .. } => format!("missed {}", nodes.join(", ")),
        RunEvent::ModuleBroken { module, detail, .. } => format!("broken {module}{}", said(Some(detail))),
        RunEvent::TestStarted { n, .. } => format!("{n} started"),
        RunEvent::TestRetried { n, detail, .. } => format!("{n} again{}", said(detail.as_deref())),
        RunEvent::TestEnded { n, outcome, detail, .. } => {
            format!("{n} {}{}", outcome.word(), said(detail.as_deref()))
        }
        RunEvent::Printed { lines, .. } => format!("printed {}", lines.join("|")),
        RunEvent::Crashed { why, .. } => format!("died: {why}"),
        RunEvent::Warned { text, .. } => format!("warned: {text}"),
        RunEvent::EndAnnounced { why, .. } => format!("ends early: {why}"),
        other => format!("{other:?}"),
    }
}
