//! What ports carry and are to carry, in comparable form.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Part;
use crate::policy::group::{Assigned, GroupKey, Remote, Rule};
use crate::policy::model::{Direction, Family, Id, PodKey};
use crate::policy::observed::SeenPort;
use crate::policy::world::{PortGroups, World};

/// What a port still has to do.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) port: Id,
    /// Parts that are to let more pass.
    pub(super) more: BTreeSet<Part>,
    /// Parts that are to let less pass.
    pub(super) less: BTreeSet<Part>,
    /// Memberships that are kept a while longer.
    pub(super) kept: BTreeSet<Id>,
    /// Whether it carries the operator's groups.
    operator_now: bool,
    /// Groups that it carries, by part; one that has rules of both directions is in both.
    now: BTreeMap<Part, BTreeSet<Id>>,
    /// Groups that it is to carry, by part, as far as they are there.
    then: BTreeMap<Part, BTreeSet<Id>>,
    /// Memberships to come that no rule names yet.
    fresh: BTreeSet<Id>,
}

impl Change {
    /// What is to be lost is lost, and nothing is gained that could matter.
    pub(super) fn half_way(&self, target: &PortGroups) -> PortGroups {
        let mut groups: BTreeSet<Id> = self.kept.union(&self.fresh).cloned().collect();
        for part in Part::ALL {
            let (now, then) = (&self.now[&part], &self.then[&part]);
            let both = now.intersection(then).cloned();
            match (self.more.contains(&part), self.less.contains(&part)) {
                _ if part == Part::Member => groups.extend(both),
                (true, true) => groups.extend(both),
                (true, false) => groups.extend(now.iter().cloned()),
                (false, true) => groups.extend(then.iter().cloned()),
                // The same in other words. The operator's groups are for both directions, so
                // the port can't keep them for one.
                (false, false) if self.operator_now => groups.extend(then.iter().cloned()),
                (false, false) => groups.extend(now.iter().cloned()),
            }
        }
        PortGroups {
            operator: self.operator_now && target.operator,
            groups,
        }
    }
}

/// All groups by id and by key, with their rules in terms of keys.
pub(super) struct View<'a> {
    world: &'a World,
    everything: BTreeMap<Direction, BTreeSet<Rule>>,
    /// Rules of groups that no policy asks for any more.
    old: HashMap<&'a Id, BTreeSet<Rule>>,
    /// Members that rules name which are carried, or about to be.
    named: BTreeSet<&'a Id>,
}

impl<'a> View<'a> {
    pub(super) fn new(world: &'a World) -> Self {
        let answered = world.answers.values().flat_map(|a| &a.groups);
        let in_use: BTreeSet<&Id> = world.ports.carried().chain(answered).collect();
        let groups = in_use.into_iter().filter_map(|id| world.groups.get(id));
        let rules = groups.flat_map(|g| &g.seen.rules);
        let rules = rules.filter_map(|r| r.rule.as_ref());
        let named = rules.filter_map(|rule| rule.remote_group()).collect();
        let everything = Direction::BOTH.map(|d| (d, all_of(d, &world.settings.families)));
        let mut view = Self {
            world,
            everything: everything.into(),
            old: HashMap::new(),
            named,
        };
        for state in world.groups.iter() {
            if !world.compiled.groups.contains_key(&state.seen.key) {
                let rules = state.seen.rules.iter().filter_map(|r| r.rule.as_ref());
                let named = |id: &Id| world.groups.get(id).map(|g| g.seen.key);
                let rules = rules.filter_map(|rule| rule.named(named));
                view.old.insert(&state.seen.id, rules.collect());
            }
        }
        view
    }

    /// Pods whose ports are to carry other groups than they do.
    pub(super) fn changes(&self) -> BTreeMap<PodKey, Change> {
        let pods = self.world.compiled.of_pod.iter();
        let changes = pods.filter_map(|(pod, assigned)| {
            let port = self.world.ports.of_pod(pod)?;
            let there = self.world.final_groups(pod);
            let same = there.is_some_and(|t| self.world.carries(port, &t));
            (!same).then(|| (pod.clone(), self.change(port, assigned)))
        });
        changes.collect()
    }

    fn change(&self, port: &SeenPort, assigned: &Assigned) -> Change {
        let groups = &self.world.groups;
        let (ours, others): (Vec<&Id>, Vec<&Id>) =
            port.groups.iter().partition(|id| groups.get(id).is_some());
        let wanted: BTreeMap<GroupKey, Option<&Id>> = assigned
            .groups
            .iter()
            .map(|key| (*key, groups.id_of(key)))
            .collect();
        let mut change = Change {
            port: port.id.clone(),
            more: BTreeSet::new(),
            less: BTreeSet::new(),
            kept: BTreeSet::new(),
            operator_now: !others.is_empty(),
            now: BTreeMap::new(),
            then: BTreeMap::new(),
            fresh: BTreeSet::new(),
        };
        for direction in Direction::BOTH {
            self.compare(direction, &ours, &wanted, assigned.operator, &mut change);
        }
        self.compare_members(&ours, &wanted, &mut change);
        change
    }

    /// What the port lets in, or out, now and then.
    fn compare(
        &self,
        direction: Direction,
        ours: &[&Id],
        wanted: &BTreeMap<GroupKey, Option<&Id>>,
        operator: bool,
        change: &mut Change,
    ) {
        let part = Part::Lets(direction);
        let sets = ours.iter().map(|id| self.rules(id));
        let now = self.sum(direction, sets, change.operator_now);
        let sets = wanted.keys().map(|key| self.wanted_rules(key));
        let then = self.sum(direction, sets, operator);
        if !within(&now, &then) {
            change.less.insert(part);
        }
        if !within(&then, &now) {
            change.more.insert(part);
        }
        let has = |rules: &BTreeSet<Rule>| rules.iter().any(|r| r.direction == direction);
        let now = ours.iter().filter(|id| has(self.rules(id)));
        change
            .now
            .insert(part, now.map(|id| (*id).clone()).collect());
        let then = wanted.iter().filter(|(key, _)| has(self.wanted_rules(key)));
        let then = then.filter_map(|(_, id)| id.cloned());
        change.then.insert(part, then.collect());
    }

    /// What groups let pass together; none is everything.
    fn sum<'s>(
        &self,
        direction: Direction,
        sets: impl Iterator<Item = &'s BTreeSet<Rule>>,
        everything: bool,
    ) -> Option<BTreeSet<&'s Rule>> {
        let rules = sets.flatten().filter(|r| r.direction == direction);
        let rules: BTreeSet<&Rule> = rules.collect();
        let all = &self.everything[&direction];
        let everything = everything || all.iter().all(|rule| rules.contains(rule));
        (!everything).then_some(rules)
    }

    fn compare_members(
        &self,
        ours: &[&Id],
        wanted: &BTreeMap<GroupKey, Option<&Id>>,
        change: &mut Change,
    ) {
        let now: BTreeSet<Id> = ours
            .iter()
            .filter(|id| self.rules(id).is_empty())
            .map(|id| (*id).clone())
            .collect();
        let then: BTreeSet<Id> = wanted
            .iter()
            .filter(|(key, _)| self.wanted_rules(key).is_empty())
            .filter_map(|(_, id)| id.cloned())
            .collect();
        for id in then.difference(&now) {
            if self.named.contains(id) {
                change.more.insert(Part::Member);
            } else {
                change.fresh.insert(id.clone());
            }
        }
        for id in now.difference(&then) {
            let group = self.world.groups.get(id);
            if group.is_some_and(|g| self.world.is_wanted(g)) {
                change.less.insert(Part::Member);
            } else if self.named.contains(id) {
                change.kept.insert(id.clone());
            }
        }
        change.now.insert(Part::Member, now);
        change.then.insert(Part::Member, then);
    }

    /// Rules of a group of ours that is there.
    fn rules(&self, id: &Id) -> &BTreeSet<Rule> {
        let group = self.world.groups.get(id);
        let wanted = group.and_then(|g| self.world.compiled.groups.get(&g.seen.key));
        let old = || self.old.get(id).unwrap_or(&NO_RULES);
        wanted.map_or_else(old, |g| &g.rules)
    }

    fn wanted_rules(&self, key: &GroupKey) -> &BTreeSet<Rule> {
        let group = self.world.compiled.groups.get(key);
        group.map_or(&NO_RULES, |g| &g.rules)
    }
}

static NO_RULES: BTreeSet<Rule> = BTreeSet::new();

/// Whether all that `a` lets pass passes with `b`, as far as the rules' texts tell.
fn within(a: &Option<BTreeSet<&Rule>>, b: &Option<BTreeSet<&Rule>>) -> bool {
    match (a, b) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(a), Some(b)) => a.is_subset(b),
    }
}

/// Everything in a direction.
fn all_of(direction: Direction, families: &BTreeSet<Family>) -> BTreeSet<Rule> {
    let rule = |family: &Family| Rule {
        direction,
        family: *family,
        protocol: None,
        ports: None,
        remote: Remote::Any,
    };
    families.iter().map(rule).collect()
}
