//! What is next for a group: to be made, to get its rules in an order that opens nothing, to be deleted.

use std::collections::BTreeSet;

use crate::policy::action::{Action, Trouble};
use crate::policy::group::{GroupKey, Purpose, Rule};
use crate::policy::mark::Mark;
use crate::policy::meet::{is_within, meet};
use crate::policy::model::{Direction, Id, PodKey};
use crate::policy::world::{Closing, Dress, GroupState, Held, Subject, World};

/// How far a group is from what it is to be.
#[derive(Debug, Default)]
pub(super) struct Diff {
    /// What it is to have, as far as it can be said.
    wanted: BTreeSet<Rule<Id>>,
    /// Rules that it lacks.
    missing: Vec<Rule<Id>>,
    /// The directions in which a rule names a group that is not there yet, and is being made.
    unsaid: BTreeSet<Direction>,
    /// Rules that it is not to have and that let more pass than what it is to have.
    open: Vec<(Option<Rule<Id>>, Id)>,
    /// Those that only say again what others say.
    idle: Vec<Id>,
}

impl Diff {
    pub(super) fn is_none(&self) -> bool {
        self.missing.is_empty()
            && self.unsaid.is_empty()
            && self.open.is_empty()
            && self.idle.is_empty()
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
            (Some(key), Some(id)) => {
                let is_gated = self.is_gated(mark, &key);
                actions.extend(self.edit(mark, &key, &id, is_gated));
            }
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
            // What they carry without being asked to any more they may leave now.
            let stale = self.ports.pods_with(id).filter(|pod| self.keeps(pod, id));
            let stale: Vec<Subject> = stale.cloned().map(Subject::Pod).collect();
            self.agenda.touch_all(stale);
            return None;
        }
        let group = self.groups.get(id)?;
        let is_free = !group.is_under_way() && !group.doubt;
        let may = is_free && !self.agenda.is_held(&Held::Delete(id.clone()));
        may.then(|| Action::DeleteGroup { group: id.clone() })
    }

    /// Whether what a pod is to carry has the group still, as far as that is known.
    fn keeps(&self, pod: &PodKey, id: &Id) -> bool {
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
    fn edit(&self, mark: &Mark, key: &GroupKey, id: &Id, is_gated: bool) -> Vec<Action> {
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
        let (add, delete) = if group.established && is_gated {
            let both = both(group, &diff);
            let open = diff.open.iter().map(|(_, id)| id.clone());
            (both, open.collect())
        } else {
            let all = diff.open.iter().map(|(_, id)| id).chain(&diff.idle);
            let all: Vec<Id> = all.cloned().collect();
            let settled = !group.established || diff.unsaid.is_empty() && self.has_members(key);
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

    /// Whether a policy's rules wait for ports and policies of its namespace that are to let less pass in the other direction: else a
    /// packet could leave by the new rules and arrive by the old ones.
    fn is_gated(&mut self, mark: &Mark, key: &GroupKey) -> bool {
        let Purpose::Policy(of, direction) = &key.purpose else {
            return false;
        };
        let namespace = &of.policy.namespace;
        let is_other = |_: &Subject, closing: &Closing| {
            let mut directions = closing.directions.iter();
            directions.any(|d| d != direction)
        };
        let Some(until) = self.closes_until(namespace, is_other) else {
            return false;
        };
        let gated = self.gated.entry(namespace.clone()).or_default();
        gated.insert(*mark);
        self.agenda.later(until, Subject::Group(*mark));
        true
    }

    pub(super) fn diff(&self, group: &GroupState, key: &GroupKey) -> Diff {
        let mut diff = Diff::default();
        for rule in self.compiled.groups.get(key).into_iter().flatten() {
            match rule.named(|key| self.id_of(key)) {
                Some(rule) => drop(diff.wanted.insert(rule)),
                None => {
                    let remote = rule.remote_group().and_then(|key| self.marks.get(key));
                    let is_stuck = remote.is_some_and(|mark| self.is_stuck(mark));
                    diff.unsaid.extend((!is_stuck).then_some(rule.direction));
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

    /// Notes whether a policy's rules are to let less pass than they do. This is done for all groups before one lets more pass.
    pub(super) fn note_group_closing(&mut self, mark: &Mark) {
        self.establish(mark);
        let Some(key) = self.wanted.get(mark) else {
            return;
        };
        let Purpose::Policy(of, direction) = &key.purpose else {
            return;
        };
        let group = self.chosen(mark).and_then(|id| self.groups.get(id));
        let group = group.filter(|group| group.established && !self.is_stuck(mark));
        let closes = group.is_some_and(|group| !self.diff(group, key).open.is_empty());
        let directions = closes.then_some(*direction).into_iter().collect();
        let namespace = of.policy.namespace.clone();
        self.close(&namespace, Subject::Group(*mark), directions);
    }

    /// Whether all that its rules name is established: who is to be let in is a member already.
    pub(super) fn has_members(&self, key: &GroupKey) -> bool {
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
            && (!diff.unsaid.is_empty() || !diff.missing.is_empty() || !self.has_members(key));
        match (diff.open.is_empty(), is_coming, is_stuck) {
            (true, false, _) | (true, true, true) => Standing::Ready(id),
            (_, _, false) => Standing::Coming(Some(id)),
            (false, _, true) => Standing::Stuck(Some(id)),
        }
    }

    /// Whether a group is about to get more rules of a direction.
    pub(super) fn is_growing(&self, key: &GroupKey, direction: Direction) -> bool {
        let Some(mark) = self.marks.get(key).filter(|mark| !self.is_stuck(mark)) else {
            return false;
        };
        let group = self.chosen(mark).and_then(|id| self.groups.get(id));
        group.is_some_and(|group| {
            let diff = self.diff(group, key);
            let mut missing = diff.missing.iter();
            diff.unsaid.contains(&direction) || missing.any(|rule| rule.direction == direction)
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
