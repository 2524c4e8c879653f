//! When to try a failed thing again.

use std::collections::BTreeMap;

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
}

impl<K: Ord> Default for Backoff<K> {
    fn default() -> Self {
        Self {
            steps: Steps::default(),
            failed: BTreeMap::new(),
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
        }
    }

    /// Whether `key` may be tried.
    #[must_use]
    pub fn ready(&self, key: &K, now: Millis) -> bool {
        self.failed.get(key).is_none_or(|(_, at)| *at <= now)
    }

    /// Notes a failure; `at_least` is a wait that the other side asked for (Retry-After).
    pub fn failed(&mut self, key: K, now: Millis, at_least: Option<Millis>) {
        let (count, at) = self.failed.entry(key).or_insert((0, 0));
        let wait = self
            .steps
            .first
            .saturating_mul(1 << (*count).min(20))
            .min(self.steps.longest);
        *count += 1;
        *at = now + wait.max(at_least.unwrap_or(0));
    }

    /// Forgets the failures of `key`.
    pub fn succeeded(&mut self, key: &K) {
        self.failed.remove(key);
    }

    /// How often `key` failed in a row.
    #[must_use]
    pub fn failures(&self, key: &K) -> u32 {
        self.failed.get(key).map_or(0, |(n, _)| *n)
    }

    /// Drops keys that are no longer of interest.
    pub fn retain(&mut self, keep: impl Fn(&K) -> bool) {
        self.failed.retain(|k, _| keep(k));
    }

    /// Whether a key became ready after `from`, up to `to`.
    #[must_use]
    pub fn became_ready(&self, from: Millis, to: Millis) -> bool {
        self.failed.values().any(|(_, at)| *at > from && *at <= to)
    }

    /// The soonest moment after `now` at which a key becomes ready.
    #[must_use]
    pub fn next(&self, now: Millis) -> Option<Millis> {
        self.failed
            .values()
            .map(|(_, at)| *at)
            .filter(|at| *at > now)
            .min()
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
    fn the_other_side_may_ask_for_longer() {
        let mut b = Backoff::default();
        b.failed(1, 0, Some(9_000));
        assert_eq!(b.next(0), Some(9_000));
    }
}
