//! A list that keeps its newest items and says how many it let go.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// The newest `capacity` items; older ones are dropped and counted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ring<T> {
    items: VecDeque<T>,
    capacity: usize,
    dropped: u64,
}

impl<T> Ring<T> {
    /// An empty ring for `capacity` items, at least one.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { items: VecDeque::new(), capacity: capacity.max(1), dropped: 0 }
    }

    /// Appends an item; the oldest one goes when the ring is full.
    pub fn push(&mut self, item: T) {
        if self.items.len() == self.capacity {
            self.items.pop_front();
            self.dropped += 1;
        }
        self.items.push_back(item);
    }

    /// How many items are held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// How many items were let go so far.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// How many items ever came.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.dropped + self.items.len() as u64
    }

    /// The item that came as the `ordinal`-th, counted from 0, while it is still held.
    #[must_use]
    pub fn nth(&self, ordinal: u64) -> Option<&T> {
        self.items.get(usize::try_from(ordinal.checked_sub(self.dropped)?).ok()?)
    }

    /// The item that came as the `ordinal`-th, to amend it.
    pub fn nth_mut(&mut self, ordinal: u64) -> Option<&mut T> {
        let place = usize::try_from(ordinal.checked_sub(self.dropped)?).ok()?;
        self.items.get_mut(place)
    }

    /// All held items, oldest first, to amend them.
    pub fn iter_mut(&mut self) -> std::collections::vec_deque::IterMut<'_, T> {
        self.items.iter_mut()
    }

    /// The newest item.
    #[must_use]
    pub fn last(&self) -> Option<&T> {
        self.items.back()
    }

    /// The newest item, to amend it.
    pub fn last_mut(&mut self) -> Option<&mut T> {
        self.items.back_mut()
    }

    /// All held items, oldest first.
    pub fn iter(&self) -> std::collections::vec_deque::Iter<'_, T> {
        self.items.iter()
    }

    /// The held items from place `start` (of those held) on.
    pub fn range(&self, start: usize) -> impl DoubleEndedIterator<Item = &T> {
        self.items.range(start.min(self.items.len())..)
    }

    /// Takes out the newest item that `is_it`, if it is among the newest `among`. It counts as dropped, so that later
    /// ordinals stay true.
    pub fn take_recent(&mut self, among: usize, is_it: impl Fn(&T) -> bool) -> Option<T> {
        let place = self.items.iter().rev().take(among).position(is_it)?;
        self.dropped += 1;
        self.items.remove(self.items.len() - 1 - place)
    }

    /// Forgets everything, the count of what was dropped too.
    pub fn clear(&mut self) {
        self.items.clear();
        self.dropped = 0;
    }
}

impl<'a, T> IntoIterator for &'a Ring<T> {
    type Item = &'a T;
    type IntoIter = std::collections::vec_deque::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_ring_drops_the_oldest_and_counts_it() {
        let mut ring = Ring::new(2);
        (0..5).for_each(|n| ring.push(n));
        assert_eq!(ring.iter().copied().collect::<Vec<_>>(), [3, 4]);
        assert_eq!((ring.dropped(), ring.total()), (3, 5));
        assert_eq!((ring.nth(2), ring.nth(3), ring.nth(5)), (None, Some(&3), None));
    }
}
