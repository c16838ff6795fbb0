//! What work with a model used up, where its events say so: tokens and money.

use serde::{Deserialize, Serialize};

/// Tokens and money. What nobody told is zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens that were read.
    #[serde(default)]
    pub input: u64,
    /// Tokens that were written.
    #[serde(default)]
    pub output: u64,
    /// All of them; more than the sum where the sender counts others too.
    #[serde(default)]
    pub tokens: u64,
    /// Money, in millionths of whatever the sender counts in, which is dollars nearly always.
    #[serde(default)]
    pub cost: u64,
}

impl Usage {
    /// Whether nothing was told.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Something more was used.
    pub(crate) fn add(&mut self, more: Self) {
        self.input = self.input.saturating_add(more.input);
        self.output = self.output.saturating_add(more.output);
        self.tokens = self.tokens.saturating_add(more.tokens);
        self.cost = self.cost.saturating_add(more.cost);
    }

    /// The end tells of the whole, which is at least what was told on the way.
    pub(super) fn conclude(&mut self, whole: Self) {
        self.input = self.input.max(whole.input);
        self.output = self.output.max(whole.output);
        self.tokens = self.tokens.max(whole.tokens);
        self.cost = self.cost.max(whole.cost);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up_and_the_end_is_not_counted_twice() {
        let part = Usage { input: 100, output: 20, tokens: 120, cost: 5 };
        let mut usage = Usage::default();
        usage.add(part);
        usage.add(part);
        usage.conclude(Usage { input: 200, output: 40, tokens: 240, cost: 12 });
        assert_eq!(usage, Usage { input: 200, output: 40, tokens: 240, cost: 12 });
    }
}
