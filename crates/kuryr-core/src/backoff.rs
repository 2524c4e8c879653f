//! When to try a failed thing again.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use crate::Millis;

/// First and longest wait, milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps {
    /// Wait after the first failure.
    pub first: Millis,
    /// No wait is longer.
    pub longest: Millis,
}

impl Default for Steps {
    fn default() -> Self {
        Self {
            first: 250,
            longest: 30_000,
        }
    }
}

/// Failures so far, by key.
#[derive(Clone, Debug)]
pub struct Backoff<K: Ord> {
    steps: Steps,
    failed: BTreeMap<K, (u32, Millis)>,
    /// The same keys by when they become ready.
    due: BTreeMap<Millis, BTreeSet<K>>,
}

impl<K: Ord> Default for Backoff<K> {
    fn default() -> Self {
        Self {
            steps: Steps::default(),
            failed: BTreeMap::new(),
            due: BTreeMap::new(),
        }
    }
}

impl<K: Ord + Clone> Backoff<K> {
    /// With other waits than the usual.
    #[must_use]
    pub fn new(steps: Steps) -> Self {
        Self {
            steps,
            failed: BTreeMap::new(),
            due: BTreeMap::new(),
        }
    }

    /// Whether `key` may be tried.
    #[must_use]
    pub fn ready(&self, key: &K, now: Millis) -> bool {
        self.failed.get(key).is_none_or(|(_, at)| *at <= now)
    }

    /// Notes a failure; `at_least` is a wait that the other side asked for (Retry-After).
    pub fn failed(&mut self, key: K, now: Millis, at_least: Option<Millis>) {
        self.failed_within(Millis::MAX, key, now, at_least);
    }

    /// The same for a key whose own waits are no longer than `longest`.
    pub fn failed_within(
        &mut self,
        longest: Millis,
        key: K,
        now: Millis,
        at_least: Option<Millis>,
    ) {
        let count = self.failures(&key);
        let wait = self
            .steps
            .first
            .saturating_mul(1 << count.min(20))
            .min(self.steps.longest)
            .min(longest);
        let at = now + wait.max(at_least.unwrap_or(0));
        self.succeeded(&key);
        self.due.entry(at).or_default().insert(key.clone());
        self.failed.insert(key, (count + 1, at));
    }

    /// Forgets the failures of `key`.
    pub fn succeeded(&mut self, key: &K) {
        let Some((_, at)) = self.failed.remove(key) else {
            return;
        };
        if let Some(keys) = self.due.get_mut(&at) {
            keys.remove(key);
            if keys.is_empty() {
                self.due.remove(&at);
            }
        }
    }

    /// How often `key` failed in a row.
    #[must_use]
    pub fn failures(&self, key: &K) -> u32 {
        self.failed.get(key).map_or(0, |(n, _)| *n)
    }

    /// Drops keys that are no longer of interest.
    pub fn retain(&mut self, keep: impl Fn(&K) -> bool) {
        let gone: Vec<K> = self.failed.keys().filter(|k| !keep(k)).cloned().collect();
        gone.iter().for_each(|key| self.succeeded(key));
    }

    /// The keys that became ready after `from`, up to `to`.
    pub fn became_ready(&self, from: Millis, to: Millis) -> impl Iterator<Item = &K> {
        let after = (Bound::Excluded(from), Bound::Included(to.max(from)));
        let due = (to > from).then(|| self.due.range(after));
        due.into_iter().flatten().flat_map(|(_, keys)| keys)
    }

    /// The soonest moment after `now` at which a key becomes ready.
    #[must_use]
    pub fn next(&self, now: Millis) -> Option<Millis> {
        let later = (Bound::Excluded(now), Bound::Unbounded);
        self.due.range(later).next().map(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_end_with_success() {
        let mut b = Backoff::new(Steps {
            first: 100,
            longest: 300,
        });
        for (now, until) in [(0, 100), (100, 300), (300, 600), (600, 900)] {
            b.failed("k", now, None);
            assert!(!b.ready(&"k", until - 1) && b.ready(&"k", until));
        }
        b.succeeded(&"k");
        assert!(b.ready(&"k", 0));
    }

    #[test]
    fn keys_are_told_once_when_they_become_ready() {
        let mut b = Backoff::default();
        b.failed("a", 0, Some(1_000));
        b.failed("b", 0, Some(2_000));
        b.failed("a", 0, Some(3_000));
        let told = |from, to| b.became_ready(from, to).copied().collect::<Vec<_>>();
        assert_eq!(told(0, 2_000), ["b"]);
        assert_eq!(told(2_000, 3_000), ["a"]);
        assert!(told(3_000, 3_000).is_empty());
    }

    #[test]
    fn the_other_side_may_ask_for_longer() {
        let mut b = Backoff::default();
        b.failed(1, 0, Some(9_000));
        assert_eq!(b.next(0), Some(9_000));
    }
}
