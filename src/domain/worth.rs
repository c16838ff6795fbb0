//! What passes are worth: how far each went towards the environment, and whether it proved anything at all.
//!
//! A pass that touched nothing, and a pass that comes about without an environment too, are still passes; but a number
//! that counts them like any other says nothing. So passes are counted by [`Grade`], never as one number alone.

use serde::{Deserialize, Serialize};

use super::{Counted, Grade, Span, Standing, TestCase};

/// How short of its usual time a pass has to stay to be suspicious: less than one part of so many.
const SUSPICIOUS_PART: u64 = 10;
/// What usually takes less than this may as well be quick once.
const WORTH_TIMING: Span = Span::seconds(1);

/// What one pass is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Worth {
    /// How far it went; nothing where its runner does not measure that.
    pub grade: Option<Grade>,
    /// Whether the test passed a null run too.
    pub vacuous: bool,
}

impl Worth {
    /// Whether it proves nothing about the environment.
    #[must_use]
    pub fn is_hollow(self) -> bool {
        self.vacuous || self.grade == Some(Grade::None)
    }
}

/// Passes, counted by what they are worth. The last place is for those that were not measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Worths {
    passes: [u32; PLACES],
    vacuous: [u32; PLACES],
}

/// A place for every grade, and one for passes that were not measured.
const PLACES: usize = Grade::ALL.len() + 1;

impl Worths {
    /// How many passes are of that grade.
    #[must_use]
    pub fn of(&self, grade: Grade) -> u32 {
        self.passes[grade as usize]
    }

    /// How many passes of that grade prove something: those that did not pass a null run too.
    #[must_use]
    pub fn proved(&self, grade: Grade) -> u32 {
        match grade {
            Grade::None => 0,
            _ => self.passes[grade as usize] - self.vacuous[grade as usize],
        }
    }

    /// How many passes were measured.
    #[must_use]
    pub fn measured(&self) -> u32 {
        self.passes[..Grade::ALL.len()].iter().sum()
    }

    /// How many passes are of runners that do not measure.
    #[must_use]
    pub fn unmeasured(&self) -> u32 {
        self.passes[Grade::ALL.len()]
    }

    /// How many passes are of tests that passed a null run too.
    #[must_use]
    pub fn vacuous(&self) -> u32 {
        self.vacuous.iter().sum()
    }

    /// How many passes prove nothing: they are vacuous, or without evidence, or both.
    #[must_use]
    pub fn hollow(&self) -> u32 {
        self.of(Grade::None) + self.vacuous() - self.vacuous[Grade::None as usize]
    }

    /// Counts a pass.
    pub fn add(&mut self, worth: Worth) {
        let place = place(worth);
        self.passes[place] += 1;
        self.vacuous[place] += u32::from(worth.vacuous);
    }

    /// No longer counts a pass that was counted.
    pub fn remove(&mut self, worth: Worth) {
        let place = place(worth);
        self.passes[place] -= 1;
        self.vacuous[place] -= u32::from(worth.vacuous);
    }

    /// Adds others to these.
    pub fn merge(&mut self, other: &Self) {
        let mine = self.passes.iter_mut().chain(&mut self.vacuous);
        mine.zip(other.passes.iter().chain(&other.vacuous)).for_each(|(mine, theirs)| *mine += theirs);
    }
}

fn place(worth: Worth) -> usize {
    worth.grade.map_or(Grade::ALL.len(), |grade| grade as usize)
}

impl TestCase {
    /// What the result that it shows is worth; nothing where that is no pass.
    #[must_use]
    pub fn worth(&self) -> Option<Worth> {
        let latest = self.latest.as_ref()?;
        let shown = matches!(self.counted(), Counted::As(Standing::Done(outcome)) if outcome.is_pass());
        let grade = latest.evidence.as_ref().map(|evidence| evidence.grade);
        shown.then_some(Worth { grade, vacuous: self.is_vacuous() })
    }

    /// The same as people are shown it: where there is no environment to touch, that nothing was touched is no news.
    #[must_use]
    pub fn shown_worth(&self) -> Option<Worth> {
        let worth = self.worth()?;
        Some(Worth { grade: worth.grade.filter(|grade| self.aimed || *grade > Grade::None), ..worth })
    }

    /// Whether its latest attempt passed in a small part of the time that it used to take.
    #[must_use]
    pub fn is_suspiciously_quick(&self) -> bool {
        self.latest.as_ref().is_some_and(|latest| {
            let usual = self.expected.filter(|usual| *usual >= WORTH_TIMING);
            latest.outcome.is_pass()
                && usual.is_some_and(|usual| latest.took.0.saturating_mul(SUSPICIOUS_PART) < usual.0)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_is_hollow_once_however_many_reasons_there_are() {
        let mut worths = Worths::default();
        let pass = |grade, vacuous| Worth { grade, vacuous };
        worths.add(pass(Some(Grade::None), true));
        worths.add(pass(Some(Grade::None), false));
        worths.add(pass(Some(Grade::Http), true));
        worths.add(pass(Some(Grade::Websocket), false));
        worths.add(pass(None, false));
        assert_eq!((worths.hollow(), worths.vacuous(), worths.unmeasured(), worths.measured()), (3, 2, 1, 4));
        assert_eq!(Grade::ALL.map(|grade| worths.of(grade)), [2, 0, 1, 1]);
        assert_eq!(Grade::ALL.map(|grade| worths.proved(grade)), [0, 0, 0, 1]);
        worths.remove(pass(Some(Grade::None), true));
        assert_eq!((worths.hollow(), worths.vacuous(), worths.of(Grade::None)), (2, 1, 1));
    }
}
