//! A work queue, as data.

use std::collections::{HashSet, VecDeque};
use std::hash::Hash;

/// Those that wait for their turn, first come, first served; who waits already keeps its place.
#[derive(Clone, Debug)]
pub(crate) struct Line<K> {
    order: VecDeque<K>,
    members: HashSet<K>,
}

impl<K> Default for Line<K> {
    fn default() -> Self {
        Self {
            order: VecDeque::new(),
            members: HashSet::new(),
        }
    }
}

impl<K: Clone + Hash + Eq> Line<K> {
    /// Joins at the end.
    pub(crate) fn join(&mut self, key: &K) {
        if self.members.insert(key.clone()) {
            self.order.push_back(key.clone());
        }
    }

    /// Who is next; it stays in its place.
    pub(crate) fn first(&self) -> Option<&K> {
        self.order.front()
    }

    /// Who is next; it leaves the line.
    pub(crate) fn next(&mut self) -> Option<K> {
        let first = self.order.pop_front()?;
        self.members.remove(&first);
        Some(first)
    }

    /// One that was called and not served is first again.
    pub(crate) fn put_back(&mut self, key: &K) {
        if self.members.insert(key.clone()) {
            self.order.push_front(key.clone());
        }
    }

    pub(crate) fn contains(&self, key: &K) -> bool {
        self.members.contains(key)
    }

    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_keeps_its_place_and_who_was_not_served_is_first_again() {
        let mut line = Line::default();
        for name in ["a", "b", "a", "c"] {
            line.join(&name);
        }
        assert_eq!((line.len(), line.first()), (3, Some(&"a")));
        assert_eq!(line.next(), Some("a"));
        assert_eq!(line.next(), Some("b"));
        line.put_back(&"b");
        assert_eq!(line.next(), Some("b"));
        assert!(line.contains(&"c") && !line.contains(&"a"));
        assert_eq!((line.next(), line.next()), (Some("c"), None));
        assert!(line.is_empty());
    }
}
