//! Security groups of ours, by key and by the groups that their rules name.

use std::collections::{BTreeMap, BTreeSet};

use crate::Millis;
use crate::policy::group::GroupKey;
use crate::policy::model::Id;
use crate::policy::observed::{SeenGroup, SeenRule};

/// A group and what we know of it.
#[derive(Clone, Debug)]
pub(crate) struct GroupState {
    pub(crate) seen: SeenGroup,
    /// Whether its rules are exactly those it is to have.
    pub(crate) complete: bool,
    /// Rules being deleted.
    pub(crate) deleting: BTreeSet<Id>,
    /// Whether rules are being created, or it is being deleted.
    pub(crate) busy: bool,
    /// Whether a call about it was not answered, or answered with surprise: a list will say.
    pub(crate) doubt: bool,
    /// Since when nobody wants or uses it.
    pub(crate) idle_since: Option<Millis>,
    /// Last change by us, to tell old lists from new facts.
    pub(crate) touched: u64,
}

/// The groups, with indexes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Groups {
    all: BTreeMap<Id, GroupState>,
    of_key: BTreeMap<GroupKey, BTreeSet<Id>>,
    /// Of several groups with one key, the one that is used.
    chosen: BTreeMap<GroupKey, Id>,
    /// How many rules name a group.
    named: BTreeMap<Id, usize>,
}

impl Groups {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &GroupState> {
        self.all.values()
    }

    pub(crate) fn get(&self, id: &Id) -> Option<&GroupState> {
        self.all.get(id)
    }

    pub(crate) fn get_mut(&mut self, id: &Id) -> Option<&mut GroupState> {
        self.all.get_mut(id)
    }

    pub(crate) fn id_of(&self, key: &GroupKey) -> Option<&Id> {
        self.chosen.get(key)
    }

    pub(crate) fn is_named(&self, id: &Id) -> bool {
        self.named.contains_key(id)
    }

    /// Since when groups are idle.
    pub(crate) fn idle(&self) -> impl Iterator<Item = Millis> {
        self.all.values().filter_map(|g| g.idle_since)
    }

    /// What is seen of a group replaces what was.
    pub(crate) fn put(&mut self, seen: SeenGroup, touched: u64) {
        let id = seen.id.clone();
        let before = self.take(&id);
        for remote in remotes(&seen.rules) {
            *self.named.entry(remote.clone()).or_default() += 1;
        }
        self.of_key.entry(seen.key).or_default().insert(id.clone());
        self.chosen.entry(seen.key).or_insert_with(|| id.clone());
        let state = GroupState {
            complete: false,
            deleting: before
                .as_ref()
                .map(|b| b.deleting.clone())
                .unwrap_or_default(),
            busy: before.as_ref().is_some_and(|b| b.busy),
            doubt: false,
            idle_since: before.and_then(|b| b.idle_since),
            seen,
            touched,
        };
        self.all.insert(id, state);
    }

    pub(crate) fn remove(&mut self, id: &Id) {
        let Some(state) = self.take(id) else {
            return;
        };
        let key = state.seen.key;
        let others = self.of_key.entry(key).or_default();
        others.remove(id);
        let next = others.first().cloned();
        if next.is_none() {
            self.of_key.remove(&key);
        }
        if self.chosen.get(&key) == Some(id) {
            match next {
                Some(next) => drop(self.chosen.insert(key, next)),
                None => drop(self.chosen.remove(&key)),
            }
        }
    }

    /// Of several groups with one key the one that is used already is chosen, else the first.
    pub(crate) fn choose(&mut self, is_carried: impl Fn(&Id) -> bool) {
        for (key, ids) in self.of_key.iter().filter(|(_, ids)| ids.len() > 1) {
            let used = |id: &&Id| is_carried(id) || self.named.contains_key(*id);
            if self.chosen.get(key).as_ref().is_some_and(used) {
                continue;
            }
            if let Some(id) = ids.iter().find(used).or_else(|| ids.first()) {
                self.chosen.insert(*key, id.clone());
            }
        }
    }

    fn take(&mut self, id: &Id) -> Option<GroupState> {
        let state = self.all.remove(id)?;
        for remote in remotes(&state.seen.rules) {
            if let Some(count) = self.named.get_mut(remote) {
                *count -= 1;
                if *count == 0 {
                    self.named.remove(remote);
                }
            }
        }
        Some(state)
    }
}

fn remotes(rules: &[SeenRule]) -> impl Iterator<Item = &Id> {
    let known = rules.iter().filter_map(|r| r.rule.as_ref());
    known.filter_map(|rule| rule.remote_group())
}
