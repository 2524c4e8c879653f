//! What is next for a group: to be made, to get its rules in an order that opens nothing, to be deleted.

use std::collections::BTreeSet;

use crate::policy::action::{Action, Trouble};
use crate::policy::group::{GroupKey, Purpose, Rule};
use crate::policy::mark::Mark;
use crate::policy::meet::{is_within, meet};
use crate::policy::model::{Direction, Id};
use crate::policy::world::{Dress, GroupState, Held, Subject, World};

/// How far a group is from what it is to be.
#[derive(Debug, Default)]
pub(super) struct Diff {
    /// What it is to have, as far as it can be said.
    wanted: BTreeSet<Rule<Id>>,
    /// Rules that it lacks.
    missing: Vec<Rule<Id>>,
    /// Whether a rule names a group that is not there yet, and is being made.
    is_unsaid: bool,
    /// Rules that it is not to have and that let more pass than what it is to have.
    open: Vec<(Option<Rule<Id>>, Id)>,
    /// Those that only say again what others say.
    idle: Vec<Id>,
}

impl Diff {
    fn is_none(&self) -> bool {
        self.missing.is_empty() && !self.is_unsaid && self.open.is_empty() && self.idle.is_empty()
    }
}

/// Whether ports can carry a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Ready(Id),
    /// It is being made, or put right.
    Coming(Option<Id>),
    /// It can't be made, or not yet put right.
    Stuck(Option<Id>),
}

impl World {
    /// The next calls for the groups of a mark.
    pub(super) fn plan_group(&mut self, mark: &Mark) -> Vec<Action> {
        self.establish(mark);
        let chosen = self.chosen(mark).cloned();
        let wanted = self.wanted.get(mark).cloned();
        let others = self.groups.of(mark).cloned();
        let others: Vec<Id> = others
            .filter(|id| wanted.is_none() || chosen.as_ref() != Some(id))
            .collect();
        let mut actions = Vec::new();
        for id in others {
            actions.extend(self.undo(&id));
        }
        match (wanted, chosen) {
            (Some(key), None) => actions.extend(self.make(mark, key)),
            (Some(key), Some(id)) => actions.extend(self.edit(mark, &key, &id)),
            (None, _) => {}
        }
        actions
    }

    /// A group that nobody wants goes when nobody uses it.
    fn undo(&mut self, id: &Id) -> Option<Action> {
        if self.groups.is_named(id) {
            return None;
        }
        if self.ports.is_carried(id) {
            let pods = self.ports.pods_with(id).cloned();
            let pods: Vec<Subject> = pods.map(Subject::Pod).collect();
            // What they carry without being asked to any more they may leave now.
            let stale = pods.into_iter().filter(|pod| self.keeps(pod, id));
            let stale: Vec<Subject> = stale.collect();
            self.agenda.touch_all(stale);
            return None;
        }
        let group = self.groups.get(id)?;
        let is_free = !group.is_under_way() && !group.doubt;
        let may = is_free && !self.agenda.is_held(&Held::Delete(id.clone()));
        may.then(|| Action::DeleteGroup { group: id.clone() })
    }

    /// Whether what a pod is to carry has the group still.
    fn keeps(&self, subject: &Subject, id: &Id) -> bool {
        let Subject::Pod(pod) = subject else {
            return false;
        };
        match self.dress.get(pod) {
            Some(Dress::Groups(groups)) => groups.contains(id),
            _ => true,
        }
    }

    fn make(&self, mark: &Mark, key: GroupKey) -> Option<Action> {
        let is_known = self.creating.contains(mark) || self.list.is_in_doubt(mark);
        let may = !is_known && !self.agenda.is_held(&Held::Make(*mark));
        may.then_some(Action::CreateGroup { key })
    }

    /// The next calls that bring a group nearer to what it is to be.
    fn edit(&self, mark: &Mark, key: &GroupKey, id: &Id) -> Vec<Action> {
        let held = Held::Make(*mark);
        let Some(group) = self.groups.get(id) else {
            return Vec::new();
        };
        let is_full = matches!(self.agenda.told(&held), Some((Trouble::QuotaReached, _)));
        let is_held = self.agenda.is_held(&held);
        if group.is_under_way() || group.doubt || is_held && !is_full {
            return Vec::new();
        }
        let diff = self.diff(group, key);
        if group.established && self.waits_for_egress(key) {
            return Vec::new();
        }
        let (add, delete) = if group.established && self.waits_for_ingress(key) {
            let both = both(group, &diff);
            let open = diff.open.iter().map(|(_, id)| id.clone());
            (both, open.collect())
        } else {
            let all = diff.open.iter().map(|(_, id)| id).chain(&diff.idle);
            let all: Vec<Id> = all.cloned().collect();
            let settled = !group.established || !diff.is_unsaid && self.has_members(key);
            let all = if settled || is_full { all } else { Vec::new() };
            (diff.missing, all)
        };
        let group = id.clone();
        match add.is_empty() || is_held {
            false => vec![Action::CreateRules { group, rules: add }],
            true => delete
                .into_iter()
                .map(|rule| Action::DeleteRule {
                    group: group.clone(),
                    rule,
                })
                .collect(),
        }
    }

    pub(super) fn diff(&self, group: &GroupState, key: &GroupKey) -> Diff {
        let mut diff = Diff::default();
        for rule in self.compiled.groups.get(key).into_iter().flatten() {
            match rule.named(|key| self.id_of(key)) {
                Some(rule) => drop(diff.wanted.insert(rule)),
                None => {
                    let remote = rule.remote_group().and_then(|key| self.marks.get(key));
                    diff.is_unsaid |= !remote.is_some_and(|mark| self.is_stuck(mark));
                }
            }
        }
        let missing = diff
            .wanted
            .iter()
            .filter(|rule| !group.rules.contains_key(rule));
        diff.missing = missing.cloned().collect();
        let extra = group
            .rules
            .iter()
            .filter(|(rule, _)| !diff.wanted.contains(rule));
        for (rule, id) in extra {
            if is_within(rule, &diff.wanted) {
                diff.idle.push(id.clone());
            } else {
                diff.open.push((Some(rule.clone()), id.clone()));
            }
        }
        diff.open
            .extend(group.strange.iter().map(|id| (None, id.clone())));
        diff
    }

    /// Whether a group is not to be had for now, or its rules are not.
    fn is_stuck(&self, mark: &Mark) -> bool {
        let held = Held::Make(*mark);
        let told = self.agenda.told(&held);
        told.is_some_and(|(trouble, _)| {
            *trouble == Trouble::QuotaReached
                || self.agenda.failures(&held) >= self.settings.failures
        })
    }

    /// The id that a rule names a group by.
    pub(super) fn id_of(&self, key: &GroupKey) -> Option<Id> {
        if let Purpose::Operator(id) = &key.purpose {
            return Some(id.clone());
        }
        self.chosen(self.marks.get(key)?).cloned()
    }

    /// Ingress changes when egress lets no more pass than both of old and new: else a packet could pass that leaves by the new
    /// rules and arrives by the old ones.
    fn waits_for_egress(&self, key: &GroupKey) -> bool {
        let is_ingress = matches!(key.purpose, Purpose::Policy(_, Direction::Ingress));
        is_ingress && self.has_partner(key, Direction::Egress, |diff| !diff.open.is_empty())
    }

    /// Egress lets more pass when ingress has changed.
    fn waits_for_ingress(&self, key: &GroupKey) -> bool {
        let is_egress = matches!(key.purpose, Purpose::Policy(_, Direction::Egress));
        is_egress && self.has_partner(key, Direction::Ingress, |diff| !diff.is_none())
    }

    /// Whether a group of the same policy that is in use differs in this way from what it is to be, and can be changed.
    fn has_partner(
        &self,
        key: &GroupKey,
        direction: Direction,
        is: impl Fn(&Diff) -> bool,
    ) -> bool {
        let partners = self.partners(key).into_iter();
        let mut partners = partners.filter_map(|mark| {
            let key = self.wanted.get(&mark)?;
            let group = self.groups.get(self.chosen(&mark)?)?;
            Some((mark, key, group))
        });
        partners.any(|(mark, key, group)| {
            let is_there = matches!(key.purpose, Purpose::Policy(_, of) if of == direction);
            let is_held = self.agenda.is_held(&Held::Make(mark));
            is_there && group.established && !is_held && is(&self.diff(group, key))
        })
    }

    /// Whether all that its rules name is established: who is to be let in is a member already.
    fn has_members(&self, key: &GroupKey) -> bool {
        let rules = self.compiled.groups.get(key).into_iter().flatten();
        let mut remotes = rules.filter_map(Rule::remote_group);
        remotes.all(|key| {
            let mark = self.marks.get(key);
            mark.is_none_or(|mark| !self.founded.contains_key(mark))
        })
    }

    /// Whether ports can carry a group.
    pub(super) fn standing(&self, key: &GroupKey) -> Standing {
        if let Purpose::Operator(id) = &key.purpose {
            return Standing::Ready(id.clone());
        }
        let Some(mark) = self.marks.get(key) else {
            return Standing::Stuck(None);
        };
        let is_stuck = self.is_stuck(mark);
        let Some(id) = self.chosen(mark) else {
            return match is_stuck {
                true => Standing::Stuck(None),
                false => Standing::Coming(None),
            };
        };
        let id = id.clone();
        let Some(group) = self.groups.get(&id) else {
            return Standing::Coming(None);
        };
        let diff = self.diff(group, key);
        let is_coming = !group.established
            && (diff.is_unsaid || !diff.missing.is_empty() || !self.has_members(key));
        match (diff.open.is_empty(), is_coming, is_stuck) {
            (true, false, _) | (true, true, true) => Standing::Ready(id),
            (_, _, false) => Standing::Coming(Some(id)),
            (false, _, true) => Standing::Stuck(Some(id)),
        }
    }

    /// Whether a group is about to get more rules.
    pub(super) fn is_growing(&self, key: &GroupKey) -> bool {
        let Some(mark) = self.marks.get(key).filter(|mark| !self.is_stuck(mark)) else {
            return false;
        };
        let group = self.chosen(mark).and_then(|id| self.groups.get(id));
        group.is_some_and(|group| {
            let diff = self.diff(group, key);
            diff.is_unsaid || !diff.missing.is_empty()
        })
    }

    /// Notes that a group is as it is to be for the first time, and tells who waits for that.
    fn establish(&mut self, mark: &Mark) {
        let Some(key) = self.wanted.get(mark).cloned() else {
            return;
        };
        let Some(id) = self.chosen(mark).cloned() else {
            return;
        };
        let Some(group) = self.groups.get(&id) else {
            return;
        };
        if key.purpose.is_member() {
            let Some(since) = self.founded.get(mark).copied() else {
                return;
            };
            let until = since + self.settings.patience;
            let is_known = group.rules.is_empty() && group.strange.is_empty();
            if is_known && !self.lacking.has(mark) || until <= self.agenda.now() {
                self.founded.remove(mark);
                self.touch_group(mark);
            } else {
                self.agenda.later(until, Subject::Group(*mark));
            }
            return;
        }
        let is_used = self.ports.is_carried(&id);
        if !group.established
            && (is_used || self.diff(group, &key).is_none() && self.has_members(&key))
        {
            self.groups.change(&id, |group| group.established = true);
            self.touch_group(mark);
        }
    }
}

/// What a group lacks of what its rules and those that it is to have let pass both, before the ones that let more pass go.
fn both(group: &GroupState, diff: &Diff) -> Vec<Rule<Id>> {
    let stays = |rule: &Rule<Id>| {
        let goes = diff
            .open
            .iter()
            .any(|(open, _)| open.as_ref() == Some(rule));
        !goes
    };
    let staying: Vec<&Rule<Id>> = group.rules.keys().filter(|rule| stays(rule)).collect();
    let open = diff.open.iter().filter_map(|(rule, _)| rule.as_ref());
    let both = open.flat_map(|rule| diff.wanted.iter().filter_map(move |w| meet(rule, w)));
    let both: BTreeSet<Rule<Id>> = both
        .filter(|rule| !is_within(rule, staying.iter().copied()))
        .collect();
    both.into_iter().collect()
}
