//! What is to be planned, and when.

use std::collections::{BTreeMap, BTreeSet};

use crate::Millis;
use crate::backoff::Backoff;

/// Who is to be planned anew (`K`), now or later; what is held off after a failure (`H`), and what its owners are told
/// meanwhile (`T`). It has the clock.
#[derive(Clone, Debug)]
pub(crate) struct Agenda<K: Ord, H: Ord, T> {
    now: Millis,
    due: BTreeSet<K>,
    later: BTreeSet<(Millis, K)>,
    backoff: Backoff<H>,
    trouble: BTreeMap<H, T>,
}

impl<K: Ord, H: Ord, T> Default for Agenda<K, H, T> {
    fn default() -> Self {
        Self {
            now: 0,
            due: BTreeSet::new(),
            later: BTreeSet::new(),
            backoff: Backoff::default(),
            trouble: BTreeMap::new(),
        }
    }
}

impl<K: Ord + Clone, H: Ord + Clone, T> Agenda<K, H, T> {
    /// The clock.
    pub(crate) fn now(&self) -> Millis {
        self.now
    }

    /// Moves the clock, and wakes what waited for it. What may be tried again is returned: who waits for it is to be planned.
    pub(crate) fn tick(&mut self, now: Millis) -> Vec<H> {
        let before = self.now;
        self.now = self.now.max(now);
        while let Some((at, _)) = self.later.first()
            && *at <= self.now
        {
            self.due.extend(self.later.pop_first().map(|(_, key)| key));
        }
        let ready = self.backoff.became_ready(before, self.now);
        ready.cloned().collect()
    }

    /// Something changed for `key`: it is to be planned.
    pub(crate) fn touch(&mut self, key: K) {
        self.due.insert(key);
    }

    /// Something changed for all of these.
    pub(crate) fn touch_all(&mut self, keys: impl IntoIterator<Item = K>) {
        self.due.extend(keys);
    }

    /// `key` is to be planned at a later moment.
    pub(crate) fn later(&mut self, at: Millis, key: K) {
        self.later.insert((at, key));
    }

    /// Who is to be planned; they are no more.
    pub(crate) fn take_due(&mut self) -> BTreeSet<K> {
        std::mem::take(&mut self.due)
    }

    /// Who is to be planned.
    #[cfg(test)]
    pub(crate) fn due(&self) -> &BTreeSet<K> {
        &self.due
    }

    /// When somebody is to be planned without anything new.
    pub(crate) fn next_wake(&self) -> Option<Millis> {
        let later = self.later.first().map(|(at, _)| *at);
        let held = self.backoff.next(self.now);
        later.into_iter().chain(held).min()
    }

    /// Whether the pause after a failure lasts: it is not tried again before.
    pub(crate) fn is_held(&self, held: &H) -> bool {
        !self.backoff.ready(held, self.now)
    }

    /// How often it failed in a row.
    pub(crate) fn failures(&self, held: &H) -> u32 {
        self.backoff.failures(held)
    }

    /// It failed: it is held off for a pause that grows with each failure up to `longest`, and for `after` at least.
    pub(crate) fn hold(&mut self, held: H, longest: Millis, after: Option<Millis>) {
        self.backoff.failed_within(longest, held, self.now, after);
    }

    /// It may be tried at once, and its failures are forgotten.
    pub(crate) fn release(&mut self, held: &H) {
        self.backoff.succeeded(held);
    }

    /// The same for all but those that are to stay held.
    pub(crate) fn release_all_but(&mut self, stays: impl Fn(&H) -> bool) {
        self.backoff.retain(stays);
    }

    /// Why it is held up, for who waits for it.
    pub(crate) fn tell(&mut self, held: H, trouble: T) {
        self.trouble.insert(held, trouble);
    }

    /// There is nothing to be told of it any more.
    pub(crate) fn untell(&mut self, held: &H) -> Option<T> {
        self.trouble.remove(held)
    }

    /// What is told of it.
    pub(crate) fn told(&self, held: &H) -> Option<&T> {
        self.trouble.get(held)
    }

    /// All that is told.
    pub(crate) fn troubles(&self) -> impl Iterator<Item = (&H, &T)> {
        self.trouble.iter()
    }

    /// Another term: what failed before may work now.
    pub(crate) fn start_term(&mut self) {
        self.backoff.retain(|_| false);
        self.trouble.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_for_a_moment_is_due_when_it_has_come() {
        let mut agenda: Agenda<&str, &str, ()> = Agenda::default();
        agenda.later(10, "b");
        agenda.touch("a");
        assert_eq!(agenda.next_wake(), Some(10));
        agenda.tick(9);
        assert_eq!(agenda.take_due(), ["a"].into());
        agenda.tick(10);
        assert_eq!(agenda.take_due(), ["b"].into());
        assert_eq!(agenda.next_wake(), None);
    }

    #[test]
    fn what_failed_is_held_until_its_pause_is_over_and_then_told_once() {
        let mut agenda: Agenda<&str, &str, &str> = Agenda::default();
        agenda.hold("create", 5_000, Some(100));
        agenda.tell("create", "quota");
        let until = agenda.next_wake().unwrap_or_default();
        assert!(until >= 100 && agenda.is_held(&"create"));
        assert_eq!(agenda.tick(until), ["create"]);
        assert_eq!(agenda.tick(until + 1), [""; 0]);
        assert!(!agenda.is_held(&"create"));
        assert_eq!(agenda.failures(&"create"), 1);
        agenda.start_term();
        assert_eq!(agenda.failures(&"create"), 0);
        assert_eq!(agenda.told(&"create"), None);
    }

    #[test]
    fn the_clock_does_not_go_back() {
        let mut agenda: Agenda<&str, &str, ()> = Agenda::default();
        agenda.tick(10);
        agenda.tick(5);
        assert_eq!(agenda.now(), 10);
    }
}
