//! What is remembered of a cycle as a whole: enough to choose it as a baseline.

use serde::{Deserialize, Serialize};

use super::{Moment, Text};

/// How many cycles are remembered; those with a name are the last to go.
const KEPT: usize = 100;

/// One turn of the loop, in numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CycleRecord {
    /// Its number.
    pub number: u32,
    /// The name that a person gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Text>,
    /// When it began.
    pub began: Moment,
    /// What was asked for, in a few words.
    pub what: Text,
    /// How many tests finished.
    pub finished: u32,
    /// How many of them a person must look at.
    pub failed: u32,
    /// Whether everything was green after it.
    pub green: bool,
}

/// The newest cycles, oldest first, those of earlier sessions too.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Records(Vec<CycleRecord>);

impl Records {
    /// All of them, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &CycleRecord> + ExactSizeIterator {
        self.0.iter()
    }

    /// The cycle of that number.
    #[must_use]
    pub fn get(&self, number: u32) -> Option<&CycleRecord> {
        self.0.iter().find(|record| record.number == number)
    }

    /// The newest cycle of that name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&CycleRecord> {
        self.0.iter().rev().find(|record| record.name.as_deref() == Some(name))
    }

    /// Takes note of a cycle, in place of what was known of it; a name stays.
    pub(super) fn note(&mut self, record: CycleRecord) {
        match self.0.binary_search_by_key(&record.number, |known| known.number) {
            Ok(place) => {
                let name = record.name.clone().or_else(|| self.0[place].name.take());
                self.0[place] = CycleRecord { name, ..record };
            }
            Err(place) => self.0.insert(place, record),
        }
        if self.0.len() > KEPT {
            let unnamed = self.0.iter().position(|record| record.name.is_none()).unwrap_or(0);
            self.0.remove(unnamed);
        }
    }

    /// Gives a cycle a name; answers whether it is known.
    pub(super) fn name(&mut self, number: u32, name: &Text) -> bool {
        // A name means one cycle.
        self.0.iter_mut().filter(|record| record.name.as_ref() == Some(name)).for_each(|record| record.name = None);
        let found = self.0.iter_mut().find(|record| record.number == number);
        found.map(|record| record.name = Some(name.clone())).is_some()
    }
}
