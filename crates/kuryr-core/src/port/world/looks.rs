//! Looks at ports on trunks that are not ACTIVE yet: one call for all of them, soon and then with growing pauses.

use std::collections::BTreeMap;

use crate::Millis;
use crate::port::model::Id;

/// The ports that are waited for, and when they are looked at.
#[derive(Clone, Debug, Default)]
pub(crate) struct Looks {
    /// Since when each is.
    awaited: BTreeMap<Id, Millis>,
    under_way: bool,
    at: Millis,
    pause: Millis,
}

impl Looks {
    /// A port is on a trunk and not ACTIVE.
    pub(crate) fn await_port(&mut self, port: &Id, now: Millis) {
        self.awaited.entry(port.clone()).or_insert(now);
    }

    /// Since when a port is waited for.
    pub(crate) fn since(&self, port: &Id) -> Option<Millis> {
        self.awaited.get(port).copied()
    }

    /// A port is ACTIVE, or gone.
    pub(crate) fn forget(&mut self, port: &Id) {
        self.awaited.remove(port);
    }

    /// The ports to look at now, if it is time.
    pub(crate) fn due(&self, now: Millis) -> Option<Vec<Id>> {
        let due = self.next_wake().is_some_and(|at| at <= now);
        due.then(|| self.awaited.keys().cloned().collect())
    }

    /// When the next look is due, if there is one.
    pub(crate) fn next_wake(&self) -> Option<Millis> {
        (!self.under_way && !self.awaited.is_empty()).then_some(self.at)
    }

    /// A look is sent.
    pub(crate) fn begins(&mut self) {
        self.under_way = true;
    }

    /// A look was answered; how many are awaited before what it brought.
    pub(crate) fn ends(&mut self) -> usize {
        self.under_way = false;
        self.awaited.len()
    }

    /// How many are awaited.
    pub(crate) fn len(&self) -> usize {
        self.awaited.len()
    }

    /// Something is about to become ACTIVE: the next look is at this moment, and pauses begin with `first`.
    pub(crate) fn soon(&mut self, at: Millis, first: Millis) {
        (self.at, self.pause) = (at, first);
    }

    /// Nothing came of the last look: the next pause is longer, up to `longest`.
    pub(crate) fn slower(&mut self, now: Millis, first: Millis, longest: Millis) {
        let pause = self.pause.max(first);
        self.at = now + pause;
        self.pause = (pause * 8 / 5).min(longest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_until_something_is_active() {
        let mut looks = Looks::default();
        assert_eq!(looks.due(0), None);
        looks.await_port(&"a".into(), 0);
        looks.soon(10, 100);
        assert_eq!(looks.due(9), None);
        assert_eq!(looks.due(10), Some(vec!["a".into()]));
        looks.begins();
        assert_eq!((looks.due(10), looks.next_wake()), (None, None));
        looks.ends();
        looks.slower(20, 100, 250);
        assert_eq!(looks.next_wake(), Some(120));
        looks.slower(120, 100, 250);
        assert_eq!(looks.next_wake(), Some(280));
        looks.slower(280, 100, 250);
        assert_eq!(looks.next_wake(), Some(530), "not longer than the longest");
        looks.forget(&"a".into());
        assert_eq!(looks.next_wake(), None);
    }
}
