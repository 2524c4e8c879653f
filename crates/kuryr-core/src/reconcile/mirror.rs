//! Custom objects of our own, as Kubernetes has them.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

/// An object that the API server gives a version: a number that grows with each write.
pub(crate) trait Versioned {
    fn version(&self) -> u64;
}

/// The objects of one kind, which a watch tells of and which we write ourselves. The answer to a write and the watch bring
/// the same object in any order; what is known is always the newest of what was seen, our own writes included.
///
/// `C` is what a call under way is about. Moments are numbers of the reconciler's own that grow with each change.
#[derive(Clone, Debug)]
pub(crate) struct Mirror<K, V, C = ()> {
    objects: HashMap<K, Seen<V>>,
    /// Objects that a call is under way for.
    calls: HashMap<K, C>,
    /// Versions of the deletions that were seen while such a call was under way: its answer may be older.
    gone: HashMap<K, u64>,
    /// When the list under way began.
    list_from: u64,
    listed: bool,
}

#[derive(Clone, Debug)]
struct Seen<V> {
    object: V,
    /// When it was last written or told of.
    at: u64,
}

/// A call that has ended.
pub(crate) struct Ended<C> {
    /// What it was about, if it was under way.
    pub(crate) call: Option<C>,
    gone: Option<u64>,
}

impl<C> Ended<C> {
    /// Whether the object that was answered is there still: its deletion may have been seen before the answer.
    pub(crate) fn is_current(&self, answered: &impl Versioned) -> bool {
        self.gone.is_none_or(|at| answered.version() > at)
    }
}

impl<K, V, C> Default for Mirror<K, V, C> {
    fn default() -> Self {
        Self {
            objects: HashMap::new(),
            calls: HashMap::new(),
            gone: HashMap::new(),
            list_from: 0,
            listed: false,
        }
    }
}

impl<K: Hash + Eq + Clone + Ord, V: Versioned + PartialEq, C> Mirror<K, V, C> {
    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.objects.get(key).map(|seen| &seen.object)
    }

    pub(crate) fn contains(&self, key: &K) -> bool {
        self.objects.contains_key(key)
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &K> {
        self.objects.keys()
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.objects.values().map(|seen| &seen.object)
    }

    /// Whether an object would be news. One that is not is noted as seen at this moment; an older one than is known is left
    /// aside.
    pub(crate) fn is_news(&mut self, key: &K, object: &V, at: u64) -> bool {
        let Some(seen) = self.objects.get_mut(key) else {
            return true;
        };
        if seen.object.version() > object.version() {
            return false;
        }
        seen.at = at;
        seen.object != *object
    }

    /// Puts an object that is news in its place; returns the one that was there.
    pub(crate) fn put(&mut self, key: K, object: V, at: u64) -> Option<V> {
        let seen = Seen { object, at };
        self.objects.insert(key, seen).map(|seen| seen.object)
    }

    /// An object was deleted at this version; one that is newer was made since, and stays. Returns whether it is gone.
    pub(crate) fn is_gone(&self, key: &K, version: u64) -> bool {
        self.get(key).is_none_or(|known| known.version() <= version)
    }

    /// Takes out an object that was deleted at this version.
    pub(crate) fn remove(&mut self, key: &K, version: u64) -> Option<V> {
        if self.calls.contains_key(key) {
            self.gone.insert(key.clone(), version);
        }
        self.objects.remove(key).map(|seen| seen.object)
    }

    /// A list begins.
    pub(crate) fn list_begins(&mut self, at: u64) {
        self.list_from = at;
    }

    /// The list that began last is complete; whether it is the first.
    pub(crate) fn list_ends(&mut self) -> bool {
        !std::mem::replace(&mut self.listed, true)
    }

    /// Objects that are not in the list that began last, and were not written since it began.
    pub(crate) fn absent(&self, there: &BTreeSet<K>) -> Vec<K> {
        let absent =
            |(key, seen): &(&K, &Seen<V>)| !there.contains(*key) && seen.at <= self.list_from;
        let all = self.objects.iter().filter(absent);
        all.map(|(key, _)| key.clone()).collect()
    }

    /// Whether a list was complete once, so that absence means something.
    pub(crate) fn is_listed(&self) -> bool {
        self.listed
    }

    /// A call about an object begins.
    pub(crate) fn call_begins(&mut self, key: K, call: C) {
        self.calls.insert(key, call);
    }

    /// The call under way for an object.
    pub(crate) fn call(&self, key: &K) -> Option<&C> {
        self.calls.get(key)
    }

    /// The call about an object has ended.
    pub(crate) fn call_ends(&mut self, key: &K) -> Ended<C> {
        Ended {
            call: self.calls.remove(key),
            gone: self.gone.remove(key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug, PartialEq)]
    struct Object(u64, &'static str);

    impl Versioned for Object {
        fn version(&self) -> u64 {
            self.0
        }
    }

    fn seen(mirror: &mut Mirror<&'static str, Object>, object: Object, at: u64) -> bool {
        let news = mirror.is_news(&"a", &object, at);
        if news {
            mirror.put("a", object, at);
        }
        news
    }

    #[test]
    fn an_older_version_is_left_aside_and_the_same_is_no_news() {
        let mut mirror = Mirror::default();
        assert!(seen(&mut mirror, Object(2, "x"), 1));
        assert!(!seen(&mut mirror, Object(1, "old"), 2));
        assert!(!seen(&mut mirror, Object(2, "x"), 3));
        assert!(seen(&mut mirror, Object(3, "y"), 4));
        assert_eq!(mirror.get(&"a"), Some(&Object(3, "y")));
    }

    #[test]
    fn a_deletion_that_is_older_than_the_object_is_of_an_earlier_one() {
        let mut mirror = Mirror::default();
        seen(&mut mirror, Object(5, "x"), 1);
        assert!(!mirror.is_gone(&"a", 4));
        assert!(mirror.is_gone(&"a", 6));
    }

    #[test]
    fn an_answer_that_is_older_than_the_deletion_brings_nothing_back() {
        let mut mirror = Mirror::default();
        seen(&mut mirror, Object(1, "x"), 1);
        mirror.call_begins("a", ());
        mirror.remove(&"a", 3);
        let ended = mirror.call_ends(&"a");
        assert!(!ended.is_current(&Object(2, "x")));
        assert!(ended.is_current(&Object(4, "made again")));
        assert!(mirror.call(&"a").is_none());
    }

    #[test]
    fn what_was_written_after_a_list_began_is_not_missed_in_it() {
        let mut mirror = Mirror::default();
        seen(&mut mirror, Object(1, "x"), 1);
        mirror.list_begins(1);
        assert_eq!(mirror.absent(&BTreeSet::new()), ["a"]);
        seen(&mut mirror, Object(1, "x"), 2);
        assert!(mirror.absent(&BTreeSet::new()).is_empty(), "answered since");
        assert!(mirror.list_ends() && !mirror.list_ends());
    }
}
