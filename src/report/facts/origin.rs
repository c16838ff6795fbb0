//! Which runs a number rests on: whoever reads it can go and look.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::domain::TestCase;

/// The runs whose results were counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct OriginFact {
    /// Runs of this session, by number.
    pub runs: Vec<u32>,
    /// How many of the counted tests show a result of an earlier session.
    pub earlier: u32,
}

impl OriginFact {
    /// Where the results of these tests come from.
    pub(super) fn of<'a>(tests: impl Iterator<Item = &'a TestCase>) -> Self {
        let (mut runs, mut earlier) = (BTreeSet::new(), 0);
        for latest in tests.filter(|test| !test.gone).filter_map(|test| test.latest.as_ref()) {
            match latest.run {
                Some(run) => drop(runs.insert(run.0 + 1)),
                None => earlier += 1,
            }
        }
        Self { runs: runs.into_iter().collect(), earlier }
    }
}
