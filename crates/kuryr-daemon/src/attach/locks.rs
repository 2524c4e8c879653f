//! Locks on pods and VLANs, taken several at a time.

use std::collections::{BTreeSet, HashSet};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::ports::PodKey;

/// What is locked. Whoever changes an attachment holds both of its keys; so holding either
/// is enough to know that nobody else changes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// An interface of a pod, by pod and name.
    Pod(PodKey, String),
    /// A VLAN of the trunk.
    Vlan(u16),
}

/// Locks by key. A set is taken whole or not at all, so that no two takers can wait for each
/// other.
#[derive(Debug)]
pub struct Locks<K> {
    held: Mutex<HashSet<K>>,
    freed: Notify,
}

impl<K> Default for Locks<K> {
    fn default() -> Self {
        Self {
            held: Mutex::default(),
            freed: Notify::new(),
        }
    }
}

/// A set of keys, held until dropped.
#[derive(Debug)]
pub struct Guard<K: Eq + Hash> {
    locks: Arc<Locks<K>>,
    keys: BTreeSet<K>,
}

impl<K: Eq + Hash + Ord + Clone> Locks<K> {
    /// Waits until all keys are free and takes them.
    pub async fn lock(self: &Arc<Self>, keys: BTreeSet<K>) -> Guard<K> {
        loop {
            let freed = self.freed.notified();
            let mut freed = std::pin::pin!(freed);
            // Before looking, so that a release in between is not missed.
            freed.as_mut().enable();
            if self.try_take(&keys) {
                return Guard {
                    locks: Arc::clone(self),
                    keys,
                };
            }
            freed.await;
        }
    }

    fn try_take(&self, keys: &BTreeSet<K>) -> bool {
        let mut held = self.held();
        if keys.iter().any(|k| held.contains(k)) {
            return false;
        }
        held.extend(keys.iter().cloned());
        true
    }
}

impl<K> Locks<K> {
    fn held(&self) -> MutexGuard<'_, HashSet<K>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash + Ord> Guard<K> {
    /// Whether all of these are held by it.
    #[must_use]
    pub fn covers(&self, keys: &BTreeSet<K>) -> bool {
        self.keys.is_superset(keys)
    }
}

impl<K: Eq + Hash> Drop for Guard<K> {
    fn drop(&mut self) {
        let mut held = self.locks.held();
        for key in &self.keys {
            held.remove(key);
        }
        drop(held);
        self.locks.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn crossed_sets_do_not_wait_for_each_other_forever() {
        let locks = Arc::new(Locks::default());
        let both: Vec<_> = (0..100)
            .map(|n| {
                let locks = Arc::clone(&locks);
                let keys = BTreeSet::from([n % 3, (n + 1) % 3]);
                tokio::spawn(async move {
                    let _guard = locks.lock(keys).await;
                    tokio::task::yield_now().await;
                })
            })
            .collect();
        for task in both {
            assert!(task.await.is_ok());
        }
        assert!(locks.held().is_empty());
    }
}
