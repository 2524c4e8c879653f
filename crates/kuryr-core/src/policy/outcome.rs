//! What an action changes: when it is sent, and when its outcome is known.

use std::collections::BTreeSet;

use super::action::{Action, Answer, Outcome, SeenGroup, Trouble};
use super::claim::Content;
use super::mark::Mark;
use super::model::{Id, PolicyKey};
use super::world::{Held, Subject, World};
use crate::Millis;
use crate::reconcile::{Failure, FailureKind};

/// Longest pause before something is tried again that a policy waits for, milliseconds.
const SOON: Millis = 15_000;

impl World {
    /// The action is sent.
    pub(super) fn begin(&mut self, action: &Action) {
        match action {
            Action::List => {
                self.sequence += 1;
                self.list.begin(self.sequence);
            }
            Action::CreateGroup { key } => drop(self.creating.insert(Mark::of(key))),
            Action::CreateRules { group, .. } | Action::DeleteGroup { group } => {
                if let Some(group) = self.groups.get_mut(group) {
                    group.busy = true;
                }
            }
            Action::DeleteRule { group, rule } => {
                if let Some(group) = self.groups.get_mut(group) {
                    group.deleting.insert(rule.clone());
                }
            }
            Action::CreateClaim { policy, .. }
            | Action::WriteClaim { policy, .. }
            | Action::ReleaseClaim { policy, .. }
            | Action::DeleteOld { policy, .. } => self.claims.call_begins(policy.clone(), ()),
            // What is told is noted when it is decided.
            Action::Report { .. } => {}
        }
    }

    /// Its outcome is known.
    pub(super) fn conclude(&mut self, action: &Action, outcome: Outcome) {
        self.sequence += 1;
        let (group, held) = match action {
            Action::List => return self.finish_list(outcome),
            Action::CreateGroup { key } => return self.finish_create(&Mark::of(key), outcome),
            Action::CreateRules { group, .. } => (group, self.made(group)),
            Action::DeleteRule { group, rule } => {
                if let Some(group) = self.groups.get_mut(group) {
                    group.deleting.remove(rule);
                }
                (group, self.made(group))
            }
            Action::DeleteGroup { group } => (group, Some(Held::Delete(group.clone()))),
            Action::WriteClaim { policy, content } => {
                return self.finish_claim(policy, Some(content), outcome);
            }
            // One that was there already may say something else.
            Action::CreateClaim { policy, .. } | Action::ReleaseClaim { policy, .. } => {
                return self.finish_claim(policy, None, outcome);
            }
            Action::DeleteOld { policy, .. } => return self.finish_old(policy, outcome),
            Action::Report { .. } => return,
        };
        let Some((held, mark)) = held.zip(self.groups.get(group).map(|g| g.mark)) else {
            return;
        };
        let failure = outcome.as_ref().err().cloned();
        // What a rule named that goes now may have waited for that.
        self.touch_group(&mark);
        self.finish_group(group, action, outcome);
        self.settle(held, failure.as_ref());
        self.touch_group(&mark);
    }

    /// A KuryrNetworkPolicy was made, written with this content, or released.
    fn finish_claim(&mut self, policy: &PolicyKey, content: Option<&Content>, outcome: Outcome) {
        let ended = self.claims.call_ends(policy);
        let failure = match outcome {
            Ok(Answer::Claim(mut claim)) => {
                if let Some(content) = content {
                    claim.content = Some(content.clone());
                }
                if ended.is_current(&claim) {
                    self.apply_claim(claim);
                }
                None
            }
            Ok(_) => {
                self.delete_claim(policy, u64::MAX);
                None
            }
            Err(failure) => Some(failure),
        };
        self.settle(Held::Claim(policy.clone()), failure.as_ref());
        self.agenda.touch(Subject::Policy(policy.clone()));
    }

    fn finish_old(&mut self, policy: &PolicyKey, outcome: Outcome) {
        self.claims.call_ends(policy);
        if outcome.is_ok() {
            self.forget_old_group(policy);
        }
        let failure = outcome.err();
        self.settle(Held::Claim(policy.clone()), failure.as_ref());
        self.agenda.touch(Subject::Policy(policy.clone()));
    }

    fn made(&self, group: &Id) -> Option<Held> {
        self.groups.get(group).map(|g| Held::Make(g.mark))
    }

    fn finish_create(&mut self, mark: &Mark, outcome: Outcome) {
        self.creating.remove(mark);
        let failure = match outcome {
            Ok(Answer::Created(seen)) => {
                self.list.note_there(&seen.id);
                self.groups.put(seen, self.sequence);
                None
            }
            Ok(_) => {
                self.list.doubt(*mark, self.sequence);
                None
            }
            Err(failure) => {
                if failure.is_unknown() {
                    self.list.doubt(*mark, self.sequence);
                }
                Some(failure)
            }
        };
        self.settle(Held::Make(*mark), failure.as_ref());
        self.touch_group(mark);
    }

    fn finish_group(&mut self, group: &Id, action: &Action, outcome: Outcome) {
        let at = self.sequence;
        let is_sure = match &outcome {
            Ok(Answer::Rules(_)) => true,
            Ok(_) => !matches!(action, Action::CreateRules { .. }),
            Err(failure) => !failure.is_unknown() && !failure.is_surprise(),
        };
        let is_gone = matches!(action, Action::DeleteGroup { .. }) && outcome.is_ok();
        if !is_sure {
            self.list.want();
        }
        self.groups.change(group, |state| {
            state.touched = at;
            state.busy = false;
            state.doubt |= !is_sure;
            match (action, outcome) {
                (_, Ok(Answer::Rules(rules))) => state.take_rules(rules),
                (Action::DeleteRule { rule, .. }, Ok(_)) => state.drop_rule(rule),
                _ => {}
            }
        });
        if is_gone {
            self.drop_group(group);
        }
    }

    /// A group is gone from Neutron.
    fn drop_group(&mut self, id: &Id) {
        let naming = self.groups.named_by(id);
        if let Some(group) = self.groups.remove(id) {
            self.touch_group(&group.mark);
            naming.iter().for_each(|mark| self.touch_group(mark));
        }
        self.list.note_gone(id.clone());
        self.agenda.release(&Held::Delete(id.clone()));
    }

    fn finish_list(&mut self, outcome: Outcome) {
        let counts = self.list.end();
        let failure = outcome.as_ref().err().cloned();
        match outcome {
            Ok(Answer::All { groups, operator }) if counts => {
                for (id, rules) in operator {
                    self.operator_is(&id, rules);
                }
                self.observe(groups);
                self.list.resolved();
            }
            _ => self.list.want(),
        }
        self.settle(Held::List, failure.as_ref());
        self.touch_all();
    }

    /// Takes over a full list, except where we changed something after it began.
    fn observe(&mut self, groups: Vec<SeenGroup>) {
        let is_old = |world: &Self, id: &Id| {
            let group = world.groups.get(id);
            group.is_none_or(|g| !g.is_under_way() && world.list.knows(g.touched))
        };
        let listed: BTreeSet<&Id> = groups.iter().map(|g| &g.id).collect();
        let gone = self.groups.ids().filter(|id| !listed.contains(id));
        let gone: Vec<Id> = gone.filter(|id| is_old(self, id)).cloned().collect();
        for seen in groups {
            if is_old(self, &seen.id) && !self.list.went(&seen.id) {
                self.groups.put(seen, self.sequence);
            }
        }
        gone.iter().for_each(|id| self.drop_group(id));
        self.list.taken();
    }

    /// Notes success or failure of what `held` names.
    fn settle(&mut self, held: Held, failure: Option<&Failure>) {
        let Some(failure) = failure else {
            self.agenda.release(&held);
            self.agenda.untell(&held);
            return self.touch_held(&held);
        };
        if failure.kind == FailureKind::NotLeader {
            return self.list.want();
        }
        let trouble = match failure.kind {
            FailureKind::Quota { .. } => Trouble::QuotaReached,
            _ => Trouble::NeutronFailed,
        };
        self.agenda
            .tell(held.clone(), (trouble, failure.message.clone()));
        self.touch_held(&held);
        self.agenda.hold(held, SOON, failure.after);
    }
}
