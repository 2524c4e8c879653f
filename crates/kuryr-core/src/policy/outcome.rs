//! What an action changes when it begins, and when its outcome is known.

use std::collections::BTreeSet;

use super::action::{Action, Failure, Outcome};
use super::complaint::Reason;
use super::group::GroupKey;
use super::model::Id;
use super::observed::SeenGroup;
use super::world::{Held, World};

impl World {
    /// The action is about to be carried out: what it concerns is busy until [`World::finish`].
    pub fn begin(&mut self, action: &Action) {
        match action {
            Action::List => {
                (self.listing, self.list_wanted) = (true, false);
                self.list_from = self.sequence;
                return;
            }
            Action::Report {
                policy, complaint, ..
            } => {
                if complaint.reason == Reason::InForce {
                    self.pending.remove(policy);
                } else {
                    let told = self.told.entry(policy.clone()).or_default();
                    told.insert(complaint.identity());
                }
                return;
            }
            Action::CreateGroup { key, .. } => drop(self.creating.insert(*key)),
            Action::CreateRules { group, .. } | Action::DeleteGroup { group } => {
                if let Some(state) = self.groups.get_mut(group) {
                    state.busy = true;
                }
            }
            Action::DeleteRule { group, rule } => {
                if let Some(state) = self.groups.get_mut(group) {
                    state.deleting.insert(rule.clone());
                }
            }
        }
        self.calls += 1;
    }

    /// The action's outcome is known.
    pub fn finish(&mut self, action: &Action, outcome: Outcome) {
        match action {
            Action::List => return self.finish_list(outcome),
            Action::Report { .. } => return,
            _ => self.calls = self.calls.saturating_sub(1),
        }
        self.sequence += 1;
        self.switch_wanted = true;
        match action {
            Action::CreateGroup { key, .. } => drop(self.creating.remove(key)),
            Action::CreateRules { group, .. } | Action::DeleteGroup { group } => {
                if let Some(state) = self.groups.get_mut(group) {
                    (state.busy, state.touched) = (false, self.sequence);
                }
            }
            Action::DeleteRule { group, rule } => {
                if let Some(state) = self.groups.get_mut(group) {
                    state.deleting.remove(rule);
                    state.touched = self.sequence;
                }
            }
            Action::List | Action::Report { .. } => {}
        }
        match outcome {
            Outcome::Failed(failure) => self.failed(action, &failure),
            outcome => self.succeeded(action, outcome),
        }
    }

    fn succeeded(&mut self, action: &Action, outcome: Outcome) {
        if let Some(held) = self.held_by(action) {
            self.backoff.succeeded(&held);
            self.trouble.remove(&held);
        }
        match (action, outcome) {
            (_, Outcome::Created(seen)) => self.groups.put(seen, self.sequence),
            (Action::CreateRules { group, .. }, Outcome::Rules(rules)) => {
                self.change(group, |seen| seen.rules.extend(rules));
            }
            (Action::DeleteRule { group, rule }, _) => {
                self.change(group, |seen| seen.rules.retain(|r| r.id != *rule));
            }
            (Action::DeleteGroup { group }, _) => {
                self.groups.remove(group);
                self.dead.insert(group.clone(), self.sequence);
            }
            // Done, but not said how it is now.
            (Action::CreateRules { group, .. }, _) => self.doubt(group),
            (Action::CreateGroup { .. }, _) => self.be_unsure(),
            _ => {}
        }
    }

    fn change(&mut self, group: &Id, how: impl FnOnce(&mut SeenGroup)) {
        if let Some(mut seen) = self.groups.get(group).map(|g| g.seen.clone()) {
            how(&mut seen);
            let doubt = self.groups.get(group).is_some_and(|g| g.doubt);
            self.groups.put(seen, self.sequence);
            if doubt {
                self.doubt(group);
            }
        }
    }

    /// Whether there is a new group, only a list can say.
    fn be_unsure(&mut self) {
        (self.unsure, self.unsure_at) = (true, self.sequence);
        self.list_wanted = true;
    }

    /// How the group is, only a list can say.
    fn doubt(&mut self, group: &Id) {
        self.list_wanted = true;
        if let Some(state) = self.groups.get_mut(group) {
            state.doubt = true;
        }
    }

    fn failed(&mut self, action: &Action, failure: &Failure) {
        match (action, failure) {
            (_, Failure::NotLeader) => self.list_wanted = true,
            (Action::CreateGroup { .. }, Failure::Unknown { .. }) => self.be_unsure(),
            (
                Action::CreateRules { group, .. }
                | Action::DeleteRule { group, .. }
                | Action::DeleteGroup { group },
                Failure::Unknown { .. } | Failure::Stale { .. },
            ) => self.doubt(group),
            (_, Failure::Stale { .. }) => self.list_wanted = true,
            _ => {}
        }
        if let Some(held) = self.held_by(action) {
            self.hold(held, failure);
        }
    }

    fn hold(&mut self, held: Held, failure: &Failure) {
        let (reason, after) = match failure {
            Failure::Quota { .. } => (Reason::QuotaReached, None),
            Failure::Again { after, .. } => (Reason::NeutronFailed, *after),
            _ => (Reason::NeutronFailed, None),
        };
        self.backoff.failed(held.clone(), self.now, after);
        let message = failure.message().to_owned();
        self.trouble.insert(held, (reason, message));
    }

    /// What a failure of the action holds up.
    fn held_by(&self, action: &Action) -> Option<Held> {
        let key = |group: &Id| self.groups.get(group).map(|g| g.seen.key);
        match action {
            Action::List => Some(Held::List),
            Action::CreateGroup { key, .. } => Some(Held::Make(*key)),
            Action::CreateRules { group, .. } | Action::DeleteRule { group, .. } => {
                Some(Held::Make(key(group)?))
            }
            Action::DeleteGroup { group } => Some(Held::Delete(group.clone())),
            Action::Report { .. } => None,
        }
    }

    fn finish_list(&mut self, outcome: Outcome) {
        self.listing = false;
        match outcome {
            Outcome::Listed(groups) if self.list_from >= self.led_from => {
                self.take_list(groups);
                self.backoff.succeeded(&Held::List);
                self.trouble.remove(&Held::List);
            }
            Outcome::Failed(failure) => {
                self.list_wanted = true;
                self.hold(Held::List, &failure);
            }
            _ => self.list_wanted = true,
        }
    }

    /// What was changed after the list began is newer than the list.
    fn take_list(&mut self, groups: Vec<SeenGroup>) {
        self.sequence += 1;
        let from = self.list_from;
        let there: BTreeSet<Id> = groups.iter().map(|g| g.id.clone()).collect();
        let keys: BTreeSet<GroupKey> = groups.iter().map(|g| g.key).collect();
        for seen in groups {
            let newer = self.groups.get(&seen.id);
            let newer = newer.is_some_and(|g| g.busy || !g.deleting.is_empty() || g.touched > from);
            let gone = self.dead.get(&seen.id).is_some_and(|at| *at > from);
            if !newer && !gone {
                self.groups.put(seen, from);
            }
        }
        let absent = |g: &&super::world::GroupState| {
            !there.contains(&g.seen.id) && !g.busy && g.deleting.is_empty() && g.touched <= from
        };
        let missing: Vec<Id> = self
            .groups
            .iter()
            .filter(absent)
            .map(|g| g.seen.id.clone())
            .collect();
        missing.iter().for_each(|id| self.groups.remove(id));
        self.dead.retain(|_, at| *at > from);
        // A creation without an answer that ended after the list began is in the next.
        self.unsure &= self.unsure_at > from;
        self.listed = true;
        self.switch_wanted = true;
        self.forget_troubles(&keys);
    }

    /// Troubles of what is no longer wanted or there are over.
    fn forget_troubles(&mut self, there: &BTreeSet<GroupKey>) {
        let Self {
            backoff,
            trouble,
            groups,
            compiled,
            ..
        } = self;
        let keep = |held: &Held| match held {
            Held::List => true,
            Held::Make(key) => compiled.groups.contains_key(key) || there.contains(key),
            Held::Delete(id) => groups.get(id).is_some(),
        };
        backoff.retain(keep);
        trouble.retain(|held, _| keep(held));
    }
}
