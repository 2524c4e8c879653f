//! What is next for each group: to be made, completed, put right, deleted.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::policy::action::Action;
use crate::policy::group::{Group, GroupKey, Rule};
use crate::policy::model::Id;
use crate::policy::world::{GroupState, Held, World};

/// What a group's rules need.
struct Diff {
    /// Rules that it is not to have.
    extra: Vec<Id>,
    /// Rules that it lacks; none while a group that one of them names is not there.
    missing: Option<Vec<Rule<Id>>>,
}

impl World {
    /// Finds out which groups are complete, and which nobody needs.
    pub(super) fn judge(&mut self) {
        if !self.switch_wanted {
            return;
        }
        let Self { groups, ports, .. } = self;
        groups.choose(|id| ports.is_carried(id));
        let judged: Vec<(Id, bool, bool)> = self.groups.iter().map(|g| self.judged(g)).collect();
        for (id, complete, idle) in judged {
            if let Some(group) = self.groups.get_mut(&id) {
                group.complete = complete;
                let since = group.idle_since.unwrap_or(self.now);
                group.idle_since = idle.then_some(since);
            }
        }
    }

    fn judged(&self, group: &GroupState) -> (Id, bool, bool) {
        let id = &group.seen.id;
        let wanted = self.is_wanted(group);
        let desired = self.compiled.groups.get(&group.seen.key);
        let complete = wanted && !group.doubt && {
            let diff = desired.map(|d| self.diff(group, d));
            diff.is_some_and(|d| d.extra.is_empty() && d.missing.is_some_and(|m| m.is_empty()))
        };
        let idle = !wanted && !self.ports.is_carried(id) && !self.groups.is_named(id);
        (id.clone(), complete, idle)
    }

    fn diff(&self, group: &GroupState, desired: &Group) -> Diff {
        let wanted: Vec<Option<Rule<Id>>> = desired
            .rules
            .iter()
            .map(|rule| rule.named(|key| self.groups.id_of(key).cloned()))
            .collect();
        let whole = wanted.iter().all(Option::is_some);
        let mut missing: BTreeSet<Rule<Id>> = wanted.into_iter().flatten().collect();
        // What is left in `missing` is not there; a rule that is there twice is extra once.
        let seen = group.seen.rules.iter();
        let extra = seen.filter(|r| !r.rule.as_ref().is_some_and(|rule| missing.remove(rule)));
        let extra = extra.map(|r| r.id.clone()).collect();
        Diff {
            extra,
            missing: whole.then(|| missing.into_iter().collect()),
        }
    }

    /// Groups that are to be, made and completed. Members come first: others name them.
    pub(super) fn make(&self, actions: &mut Vec<Action>) {
        let mut room = self.settings.calls_at_once.saturating_sub(self.calls);
        let mut groups: Vec<(&GroupKey, &Arc<Group>)> = self.compiled.groups.iter().collect();
        groups.sort_by_key(|(key, group)| (group.kind, **key));
        for (key, group) in groups {
            if room == 0 {
                return;
            }
            if self.is_held(&Held::Make(*key)) {
                continue;
            }
            let state = self.groups.id_of(key).and_then(|id| self.groups.get(id));
            let next = match state {
                None => self.create(*key, group),
                Some(state) => self.complete(state, group),
            };
            let next = next.into_iter().take(room);
            let before = actions.len();
            actions.extend(next);
            room -= actions.len() - before;
        }
    }

    fn create(&self, key: GroupKey, group: &Arc<Group>) -> Vec<Action> {
        // One that was created without an answer is found by a list first.
        if self.unsure || self.creating.contains(&key) {
            return Vec::new();
        }
        let group = group.clone();
        vec![Action::CreateGroup { key, group }]
    }

    /// A group that ports carry loses what it is not to have before it gets what it lacks: what
    /// it allows on the way, it allows in the end.
    fn complete(&self, state: &GroupState, group: &Group) -> Vec<Action> {
        if state.complete || state.busy || state.doubt {
            return Vec::new();
        }
        let diff = self.diff(state, group);
        let id = &state.seen.id;
        let first = diff.extra.is_empty() || !self.ports.is_carried(id);
        let missing = diff.missing.filter(|m| first && !m.is_empty());
        let create = missing.map(|rules| Action::CreateRules {
            group: id.clone(),
            rules,
        });
        let extra = diff.extra.into_iter();
        let extra = extra.filter(|rule| !state.deleting.contains(rule));
        let delete = extra.map(|rule| Action::DeleteRule {
            group: id.clone(),
            rule,
        });
        create.into_iter().chain(delete).collect()
    }

    /// Groups that nobody wants, no port carries and no rule names are deleted.
    pub(super) fn unmake(&self, actions: &mut Vec<Action>) {
        let room = self
            .settings
            .calls_at_once
            .saturating_sub(self.calls + actions.len());
        let due = self.groups.iter().filter(|group| {
            let since = group.idle_since;
            let rested = since.is_some_and(|at| at + self.settings.linger <= self.now);
            let held = Held::Delete(group.seen.id.clone());
            rested
                && !group.busy
                && !group.doubt
                && group.deleting.is_empty()
                && !self.is_held(&held)
        });
        actions.extend(due.take(room).map(|group| Action::DeleteGroup {
            group: group.seen.id.clone(),
        }));
    }
}
