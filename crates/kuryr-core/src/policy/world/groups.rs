//! Security groups of ours, by mark and by the groups that their rules name.

use std::collections::{BTreeMap, BTreeSet};

use crate::policy::action::{SeenGroup, SeenRule};
use crate::policy::group::Rule;
use crate::policy::mark::Mark;
use crate::policy::model::Id;

/// A group and what we know of it.
#[derive(Clone, Debug)]
pub(in crate::policy) struct GroupState {
    pub(in crate::policy) mark: Mark,
    /// Rules, with their ids.
    pub(in crate::policy) rules: BTreeMap<Rule<Id>, Id>,
    /// Ids of rules that we would never ask for, or that are there twice.
    pub(in crate::policy) strange: BTreeSet<Id>,
    /// Rules that are being deleted.
    pub(in crate::policy) deleting: BTreeSet<Id>,
    /// Whether rules of it are being created, or it is being deleted.
    pub(in crate::policy) busy: bool,
    /// Whether how it is only a list can say: a call about it was not answered, or answered with surprise.
    pub(in crate::policy) doubt: bool,
    /// Whether its rules were once all that they are to be, or, of a member group, all of its members had it.
    pub(in crate::policy) established: bool,
    /// When it was last changed by us.
    pub(in crate::policy) touched: u64,
}

impl GroupState {
    /// Whether a call about it is under way.
    pub(in crate::policy) fn is_under_way(&self) -> bool {
        self.busy || !self.deleting.is_empty()
    }
}

/// The groups, with indexes.
#[derive(Clone, Debug, Default)]
pub(in crate::policy) struct Groups {
    all: BTreeMap<Id, GroupState>,
    of_mark: BTreeMap<Mark, BTreeSet<Id>>,
    /// The groups whose rules name a group.
    naming: BTreeMap<Id, BTreeSet<Id>>,
}

impl Groups {
    pub(in crate::policy) fn get(&self, id: &Id) -> Option<&GroupState> {
        self.all.get(id)
    }

    pub(in crate::policy) fn get_mut(&mut self, id: &Id) -> Option<&mut GroupState> {
        self.all.get_mut(id)
    }

    pub(in crate::policy) fn ids(&self) -> impl Iterator<Item = &Id> {
        self.all.keys()
    }

    /// All marks that there are groups of.
    pub(in crate::policy) fn marks(&self) -> impl Iterator<Item = Mark> + '_ {
        self.of_mark.keys().copied()
    }

    /// The groups of a mark: more than one if a creation whose answer was lost was sent again by another controller.
    pub(in crate::policy) fn of(&self, mark: &Mark) -> impl Iterator<Item = &Id> {
        self.of_mark.get(mark).into_iter().flatten()
    }

    /// Whether a rule of another group names it.
    pub(in crate::policy) fn is_named(&self, id: &Id) -> bool {
        let naming = self.naming.get(id).into_iter().flatten();
        naming.into_iter().any(|by| by != id)
    }

    /// The marks of the groups whose rules name it.
    pub(in crate::policy) fn named_by(&self, id: &Id) -> Vec<Mark> {
        let naming = self.naming.get(id).into_iter().flatten();
        let marks = naming.filter_map(|by| self.all.get(by).map(|g| g.mark));
        marks.collect()
    }

    /// What is seen of a group replaces what was.
    pub(in crate::policy) fn put(&mut self, seen: SeenGroup, touched: u64) {
        let before = self.remove(&seen.id);
        let mut state = GroupState {
            mark: seen.mark,
            rules: BTreeMap::new(),
            strange: BTreeSet::new(),
            deleting: BTreeSet::new(),
            busy: false,
            doubt: false,
            established: before.is_some_and(|b| b.established),
            touched,
        };
        state.take_rules(seen.rules);
        self.insert(seen.id, state);
    }

    /// Changes a group.
    pub(in crate::policy) fn change(&mut self, id: &Id, how: impl FnOnce(&mut GroupState)) {
        if let Some(mut state) = self.remove(id) {
            how(&mut state);
            self.insert(id.clone(), state);
        }
    }

    fn insert(&mut self, id: Id, state: GroupState) {
        for remote in state.rules.keys().filter_map(Rule::remote_group) {
            let naming = self.naming.entry(remote.clone()).or_default();
            naming.insert(id.clone());
        }
        self.of_mark
            .entry(state.mark)
            .or_default()
            .insert(id.clone());
        self.all.insert(id, state);
    }

    pub(in crate::policy) fn remove(&mut self, id: &Id) -> Option<GroupState> {
        let state = self.all.remove(id)?;
        for remote in state.rules.keys().filter_map(Rule::remote_group) {
            forget(&mut self.naming, remote, id);
        }
        forget(&mut self.of_mark, &state.mark, id);
        Some(state)
    }
}

impl GroupState {
    /// Takes rules in.
    pub(in crate::policy) fn take_rules(&mut self, rules: impl IntoIterator<Item = SeenRule>) {
        for SeenRule { id, rule } in rules {
            match rule {
                Some(rule) if !self.rules.contains_key(&rule) => {
                    self.rules.insert(rule, id);
                }
                Some(rule) if self.rules.get(&rule) == Some(&id) => {}
                _ => {
                    self.strange.insert(id);
                }
            }
        }
    }

    /// A rule is gone.
    pub(in crate::policy) fn drop_rule(&mut self, rule: &Id) {
        self.rules.retain(|_, id| id != rule);
        self.strange.remove(rule);
    }
}

/// Takes a value out of what is known of a key.
pub(in crate::policy) fn forget<K: Ord, V: Ord>(
    map: &mut BTreeMap<K, BTreeSet<V>>,
    key: &K,
    value: &V,
) -> bool {
    let Some(values) = map.get_mut(key) else {
        return false;
    };
    let was_there = values.remove(value);
    if values.is_empty() {
        map.remove(key);
    }
    was_there
}
