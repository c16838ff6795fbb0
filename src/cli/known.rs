//! What a headless run says about known failures and tiers.

use serde_json::{Value, json};

use crate::config::date::last_day;
use crate::domain::{KnownFailure, Protection, State, Tally, TestCase, Tier};

/// A test's line, with why its failure is accepted, where it is.
pub(super) fn add(mut line: Value, state: &State, test: &TestCase) -> Value {
    if let Some(known) = test.known.and_then(|id| state.known.get(id)) {
        line["known"] = told(known);
    }
    line
}

fn told(known: &KnownFailure) -> Value {
    let mut told = json!({ "reason": &*known.spec.reason });
    for (name, text) in [("owner", &known.spec.owner), ("issue", &known.spec.issue), ("by", &known.by)] {
        if let Some(text) = text {
            told[name] = json!(&**text);
        }
    }
    if let Some(expires) = known.spec.expires {
        told["expires"] = json!(last_day(expires));
    }
    told
}

/// The tiers as a summary lists them.
pub(super) fn tiers(state: &State) -> Vec<Value> {
    let tell = |tier: &Tier| {
        let Tally { stale, .. } = tier.tally;
        json!({
            "name": &*tier.spec.name,
            "title": &*tier.spec.title,
            "at_risk": tier.spec.at_risk.as_deref(),
            "tests": tier.tally.total(),
            "finished": tier.tally.finished(),
            "passed": tier.tally.passes(),
            "failed": tier.tally.failures(),
            "known": tier.tally.known,
            "stale": stale,
            "protection": state.protection(tier).word(),
            "protected": state.protection(tier) == Protection::Protected,
        })
    };
    state.inventory.tiers().iter().map(|(_, tier)| tell(tier)).collect()
}

/// The same as lines for people: `P1 ✘ at risk: $120K MRR  23/25, 2 failed`.
pub(super) fn tier_lines(state: &State) -> Vec<String> {
    let tiers = || state.inventory.tiers().iter().map(|(_, tier)| tier).filter(|tier| tier.tally.total() > 0);
    let width = |text: fn(&Tier) -> &str| tiers().map(|tier| text(tier).chars().count()).max().unwrap_or(0);
    let (name, title) = (width(|tier| &tier.spec.name), width(|tier| &tier.spec.title));
    let mut lines: Vec<String> = tiers().map(|tier| line(tier, state.protection(tier), name, title)).collect();
    if !lines.is_empty() {
        lines.insert(0, "\ntiers".to_owned());
    }
    lines
}

fn line(tier: &Tier, protection: Protection, name: usize, title: usize) -> String {
    let (spec, tally) = (&tier.spec, &tier.tally);
    let mark = match protection {
        Protection::Protected => "✔",
        Protection::AtRisk(_) => "✘",
        Protection::Unproved => "·",
    };
    let word = protection.word();
    let counted = format!("{}/{}", tally.passes(), tally.total());
    let part = |count: u32, word: &str| if count > 0 { format!("  {count} {word}") } else { String::new() };
    let more = [
        part(tally.failures(), "failed"),
        part(tally.known, "known"),
        part(tally.stale, "stale"),
        part(tally.worths.hollow(), "prove nothing"),
    ]
    .concat();
    let at_risk = spec.at_risk.as_deref().unwrap_or_default();
    let line =
        format!("{mark} {:<name$}  {:<title$}  {counted:>7}  {word:<10}  {at_risk}{more}", spec.name, spec.title);
    line.trim_end().to_owned()
}

/// Why failures are accepted, a line for each known failure that excuses one now.
pub(super) fn sentences(state: &State) -> Vec<String> {
    let excused = |id| state.inventory.tests().filter(|(_, test)| !test.gone && test.known == Some(id)).count();
    let told = state.known.iter().filter(|(_, known)| known.is_active()).filter_map(|(id, known)| {
        let count = excused(id);
        let spec = &known.spec;
        let more: Vec<String> = [
            spec.owner.as_ref().map(|owner| format!("owner {owner}")),
            spec.issue.as_ref().map(|issue| issue.to_string()),
            spec.expires.map(|day| format!("until {}", last_day(day))),
        ]
        .into_iter()
        .flatten()
        .collect();
        let more = if more.is_empty() { String::new() } else { format!(" ({})", more.join(", ")) };
        let title = state.known_title(id);
        (count > 0).then(|| format!("⊘ {count:>3}  {title}: {}{more}", spec.reason))
    });
    let mut lines: Vec<String> = told.collect();
    if !lines.is_empty() {
        lines.insert(0, "\nknown failures, which do not count".to_owned());
    }
    lines
}
