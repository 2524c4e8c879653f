//! What another set of groups changes for a port: whether more passes, or less.

use std::collections::BTreeSet;

use crate::policy::group::Rule;
use crate::policy::meet::is_within;
use crate::policy::model::{Direction, Id};
use crate::policy::world::World;

/// From one set of groups to another.
#[derive(Debug)]
pub(super) struct Change {
    /// The groups that let less pass than before, or as much, and nothing more.
    pub(super) closed: BTreeSet<Id>,
    /// The directions in which something passes no more.
    pub(super) closes: BTreeSet<Direction>,
    /// Whether something passes that did not.
    pub(super) opens: bool,
}

impl World {
    /// What changes for a port that carries `from` and is to carry `to`.
    pub(super) fn change(&self, from: &BTreeSet<Id>, to: &BTreeSet<Id>) -> Change {
        let (mut closes, mut opens) = (BTreeSet::new(), false);
        let both: BTreeSet<Id> = from.intersection(to).cloned().collect();
        let mut closed = both.clone();
        for direction in Direction::BOTH {
            let (old, new) = (self.rules_of(from, direction), self.rules_of(to, direction));
            let less = !old.iter().all(|rule| is_within(rule, &new));
            let more = !new.iter().all(|rule| is_within(rule, &old));
            closes.extend(less.then_some(direction));
            opens |= more;
            // Those of the operator let packets of both directions pass, so that others stand for them here.
            let candidates: Vec<&Id> = match (less, more) {
                (false, false) => from.union(to).collect(),
                (true, false) => to.iter().collect(),
                (false, true) => from.iter().collect(),
                (true, true) => both.iter().collect(),
            };
            let candidates = candidates.into_iter();
            let candidates = candidates.filter(|id| !self.has_other_direction(id, direction));
            closed.extend(candidates.filter(|id| !self.is_member(id)).cloned());
        }
        for id in to.difference(from).filter(|id| self.is_member(id)) {
            // Of a group that is being founded no rule is in use that names it.
            if self.is_founded(id) {
                closed.insert(id.clone());
            } else {
                opens = true;
            }
        }
        // What a pod and its node send each other is nobody else's: no order is needed.
        closed.extend(from.union(to).filter(|id| self.is_node(id)).cloned());
        // Whose rules name it is not looked at: it may be either direction.
        let is_left = |id: &Id| self.is_member(id) && self.groups.is_named(id);
        if from.difference(to).any(is_left) {
            closes.extend(Direction::BOTH);
        }
        Change {
            closed,
            closes,
            opens,
        }
    }

    fn rules_of(&self, groups: &BTreeSet<Id>, direction: Direction) -> Vec<Rule<Id>> {
        let mut rules = Vec::new();
        for id in groups.iter().filter(|id| !self.is_node(id)) {
            if let Some(group) = self.groups.get(id) {
                rules.extend(group.rules.keys().cloned());
            } else if let Some(operators) = self.facts.operator.get(id) {
                let named = operators
                    .iter()
                    .filter_map(|r| r.named(|key| self.id_of(key)));
                rules.extend(named);
            }
        }
        rules.retain(|rule| rule.direction == direction);
        rules
    }

    /// Whether a group lets packets of the other direction pass.
    fn has_other_direction(&self, id: &Id, direction: Direction) -> bool {
        let other = match direction {
            Direction::Ingress => Direction::Egress,
            Direction::Egress => Direction::Ingress,
        };
        !self.rules_of(&[id.clone()].into(), other).is_empty()
    }

    /// Whether a group is for being named only.
    pub(super) fn is_member(&self, id: &Id) -> bool {
        let group = self.groups.get(id);
        group.is_some_and(|group| match self.wanted.get(&group.mark) {
            Some(key) => key.purpose.is_member(),
            None => group.rules.is_empty(),
        })
    }

    /// Whether it is a node's: others let packets of one direction pass.
    fn is_node(&self, id: &Id) -> bool {
        let group = self.groups.get(id);
        group.is_some_and(|group| {
            let has = |d| group.rules.keys().any(|rule| rule.direction == d);
            Direction::BOTH.into_iter().all(has)
        })
    }

    /// Whether not all of its members have it yet.
    pub(super) fn is_founded(&self, id: &Id) -> bool {
        let mark = self.groups.get(id).map(|group| group.mark);
        mark.is_some_and(|mark| self.founded.contains_key(&mark))
    }
}
