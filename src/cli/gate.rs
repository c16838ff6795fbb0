//! `--gate P1,P2`: the tiers that alone decide how a headless run ends.

use super::exit::Exit;
use crate::domain::{Outcome, Run, RunEnd, RunId, RunPhase, State, TestCase, TierId};

/// The tiers that gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Gate {
    tiers: Vec<TierId>,
}

impl Gate {
    /// The tiers of those names.
    ///
    /// # Errors
    /// When the project has no such tier.
    pub(super) fn new(state: &State, names: &[String]) -> Result<Self, String> {
        let tiers = state.inventory.tiers();
        let known: Vec<&str> = tiers.iter().map(|(_, tier)| &*tier.spec.name).collect();
        let named = |name: &String| {
            tiers.named(name.trim()).ok_or_else(|| match known.as_slice() {
                [] => format!("--gate {name}: this project has no tiers; write [[tier]] tables into its liveloop.toml"),
                known => format!("--gate {name}: there is no tier of that name; there are {}", known.join(", ")),
            })
        };
        Ok(Self { tiers: names.iter().map(named).collect::<Result<_, _>>()? })
    }

    /// Whether a test is of a tier that gates.
    pub(super) fn has(&self, test: &TestCase) -> bool {
        test.tier.is_some_and(|tier| self.tiers.contains(&tier))
    }

    /// How a run ended, judged by the gating tests among its own; nothing where it has none of them. What keeps a whole
    /// runner from working is not excused.
    pub(super) fn exit(&self, state: &State, id: RunId, run: &Run) -> Option<Exit> {
        match &run.phase {
            RunPhase::Ended(RunEnd::Complete | RunEnd::CutShort(_)) if run.disagreement.is_none() => {}
            _ => return Some(Exit::of(run)),
        }
        let selected = run.selection.as_deref().unwrap_or(&run.tests);
        let tests = selected.iter().filter_map(|id| state.inventory.test(*id)).filter(|test| self.has(test));
        let of_test = |test: &TestCase| match &test.latest {
            Some(latest) if latest.run != Some(id) => Exit::TestsFailed,
            Some(latest) if !latest.circumstance.is_steady() => Exit::Environment,
            Some(_) if !test.fails() => Exit::Green,
            Some(_) | None => Exit::TestsFailed,
        };
        let exits: Vec<Exit> = tests.map(of_test).collect();
        let failed = run.integrity.missing > 0 || exits.contains(&Exit::TestsFailed);
        let exit = if failed { Exit::TestsFailed } else { Exit::heaviest(exits.iter().copied()) };
        (!exits.is_empty()).then_some(exit)
    }

    /// What is to be said of that: what decides, and what failed without deciding anything.
    pub(super) fn sentences(&self, state: &State) -> Vec<String> {
        let names: Vec<&str> =
            self.tiers.iter().filter_map(|id| state.inventory.tiers().get(*id)).map(|tier| &*tier.spec.name).collect();
        let ran = |test: &TestCase| test.latest.as_ref().is_some_and(|latest| latest.run.is_some());
        let failed =
            state.inventory.tests().map(|(_, test)| test).filter(|test| !test.gone && ran(test) && test.fails());
        let (inside, outside): (Vec<&TestCase>, Vec<&TestCase>) = failed.partition(|test| self.has(test));
        let lost = outside.iter().filter(|test| test.outcome() == Some(Outcome::Lost)).count();
        let mut sentences = vec![format!("gate {}: {} failed", names.join(", "), inside.len())];
        if !outside.is_empty() {
            let plural = if outside.len() == 1 { "" } else { "s" };
            let lost = if lost > 0 { format!(", {lost} of them lost") } else { String::new() };
            sentences.push(format!(
                "{} failure{plural} outside {} shown and {} not gate{lost}",
                outside.len(),
                names.join(", ") + if outside.len() == 1 { " is" } else { " are" },
                if outside.len() == 1 { "does" } else { "do" },
            ));
        }
        sentences
    }
}
