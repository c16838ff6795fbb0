//! A line that says what is protected and what is at risk now, the most important first.

use super::pen::{Line, Pen};
use crate::domain::{Protection, Tier};
use crate::ui::regions::Regions;
use crate::ui::scene::Scene;
use crate::ui::text::width;
use crate::ui::theme::{Mark, Role};

/// How much is said of a tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Words {
    /// `P1 ✘2`
    Brief,
    /// `P1 ✘2 $120K MRR`
    Value,
    /// `P1 ✘2 at risk: $120K MRR`
    Full,
}

pub(super) fn draw(pen: &mut Pen, scene: &Scene, regions: &Regions) {
    let area = regions.tiers;
    if area.is_empty() {
        return;
    }
    let tiers: Vec<(&Tier, Protection)> = shown(scene);
    let mut line = pen.line(area, area.y);
    line.gap(1).end_gap(1);
    let said = plan(&tiers, usize::from(line.room()));
    let gap = if said.iter().all(|words| *words == Words::Full) { 3 } else { 2 };
    for (tier, words) in tiers.into_iter().zip(said) {
        draw_tier(&mut line, tier, words);
        line.gap(gap);
    }
}

/// The tiers that have tests, and how each stands.
fn shown<'a>(scene: &'a Scene) -> Vec<(&'a Tier, Protection)> {
    let tiers = scene.state.inventory.tiers().iter().map(|(_, tier)| tier).filter(|tier| tier.tally.total() > 0);
    tiers.map(|tier| (tier, scene.state.protection(tier))).collect()
}

/// As much as there is room for: everything, else the values, else the values of what is at risk, the first ones first.
fn plan(tiers: &[(&Tier, Protection)], room: usize) -> Vec<Words> {
    let all = |words: Words, gap: usize| tiers.iter().map(|tier| wide(*tier, words) + gap).sum::<usize>();
    for (words, gap) in [(Words::Full, 3), (Words::Value, 2)] {
        if all(words, gap) <= room + gap {
            return vec![words; tiers.len()];
        }
    }
    let mut left = room.saturating_sub(all(Words::Brief, 2));
    let worth = |tier: (&Tier, Protection)| {
        let more = wide(tier, Words::Value) - wide(tier, Words::Brief);
        if matches!(tier.1, Protection::AtRisk(_)) && more <= left {
            left -= more;
            Words::Value
        } else {
            Words::Brief
        }
    };
    tiers.iter().copied().map(worth).collect()
}

/// How many columns a tier takes.
fn wide((tier, protection): (&Tier, Protection), words: Words) -> usize {
    let digits = |count: u32| count.to_string().len();
    let count = match protection {
        Protection::AtRisk(failures) => digits(failures),
        Protection::Protected | Protection::Unproved => 0,
    } + match tier.tally.known {
        0 => 0,
        known => digits(known) + 2,
    };
    let value = tier.spec.at_risk.as_deref().filter(|_| words >= Words::Value).map_or(0, |text| width(text) + 1);
    let word = if words == Words::Full { word(tier, protection).len() + 1 } else { 0 };
    width(&tier.spec.name) + 2 + count + value + word
}

fn word(tier: &Tier, protection: Protection) -> &'static str {
    match protection {
        Protection::AtRisk(_) if tier.spec.at_risk.is_some() => "at risk:",
        _ => protection.word(),
    }
}

fn draw_tier(line: &mut Line, (tier, protection): (&Tier, Protection), words: Words) {
    let (role, mark) = match protection {
        Protection::Protected => (Role::Good, Mark::Check),
        Protection::AtRisk(_) => (Role::Bad, Mark::Failed),
        Protection::Unproved if tier.tally.running > 0 => (Role::Running, Mark::Running),
        Protection::Unproved if tier.tally.stale > 0 => (Role::Stale, Mark::Stale),
        Protection::Unproved => (Role::Muted, Mark::Queued),
    };
    let at_risk = matches!(protection, Protection::AtRisk(_));
    line.put(if at_risk { Role::Strong } else { Role::Text }, &tier.spec.name).gap(1).mark(role, mark);
    if let Protection::AtRisk(failures) = protection {
        line.fmt(role, format_args!("{failures}"));
    }
    if tier.tally.known > 0 {
        line.gap(1).mark(Role::Known, Mark::Known).fmt(Role::Known, format_args!("{}", tier.tally.known));
    }
    if words == Words::Full {
        line.gap(1).put(role, word(tier, protection));
    }
    if let Some(value) = tier.spec.at_risk.as_deref().filter(|_| words >= Words::Value) {
        line.gap(1).put(if at_risk { Role::Strong } else { Role::Muted }, value);
    }
}
