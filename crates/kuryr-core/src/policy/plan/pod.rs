//! What a pod's port is to carry now.

use std::collections::BTreeSet;

use super::group::Standing;
use crate::policy::group::GroupKey;
use crate::policy::mark::Mark;
use crate::policy::model::{Direction, Id, PodKey};
use crate::policy::world::{Closing, Dress, Subject, World};

/// What a pod's port is to carry, as far as there is such a group.
#[derive(Debug, Default)]
struct Target {
    groups: BTreeSet<Id>,
    /// Groups that are not there, or not ready.
    waits_for: BTreeSet<Mark>,
    /// Whether one of them is about what the pod may do, and is being made.
    is_early: bool,
    /// Member groups that its port does not carry.
    lacks: BTreeSet<Mark>,
}

impl World {
    /// Notes which member groups a pod's port lacks, and whether it is to let less pass than it does. This is done for all pods before
    /// one lets more pass.
    pub(super) fn note_closing(&mut self, pod: &PodKey) {
        let desired = self.compiled.of_pod.get(pod);
        let carried = self.ports.of_pod(pod).map(|port| port.groups.clone());
        let Some((desired, carried)) = desired.zip(carried) else {
            self.lack(pod, BTreeSet::new());
            return self.close_pod(pod, BTreeSet::new());
        };
        let target = self.target(&pod.namespace, desired, Some(&carried));
        let closes = self.change(&carried, &target.groups).closes;
        self.lack(pod, target.lacks);
        self.close_pod(pod, closes);
    }

    pub(super) fn plan_pod(&mut self, pod: &PodKey) {
        let Some(desired) = self.compiled.of_pod.get(pod) else {
            return self.undress(pod);
        };
        let carried = self.ports.of_pod(pod).map(|port| port.groups.clone());
        let target = self.target(&pod.namespace, desired, carried.as_ref());
        let dress = match &carried {
            None => self.first(pod, &target),
            Some(carried) => self.next(pod, carried, &target),
        };
        let is_behind = carried.is_some_and(|c| c != target.groups || !target.waits_for.is_empty());
        self.fall_behind(pod, is_behind);
        self.waiting.set(pod, target.waits_for);
        if self.dress.get(pod) != Some(&dress) {
            self.dress.insert(pod.clone(), dress);
            self.changed.insert(pod.clone());
        }
    }

    fn lack(&mut self, pod: &PodKey, groups: BTreeSet<Mark>) {
        let whole = self.lacking.set(pod, groups);
        self.agenda.touch_all(whole.into_iter().map(Subject::Group));
    }

    /// Notes whether the policies that select a pod are not in force on it.
    fn fall_behind(&mut self, pod: &PodKey, is_behind: bool) {
        let selecting = self.compiled.selecting.get(pod);
        let policies = selecting.filter(|_| is_behind).cloned();
        if is_behind || self.behind.has_pod(pod) {
            let concerned = selecting.into_iter().flatten().cloned();
            self.agenda.touch_all(concerned.map(Subject::Policy));
        }
        self.behind.set(pod, policies.unwrap_or_default());
    }

    /// A pod that policies are not about any more.
    fn undress(&mut self, pod: &PodKey) {
        self.waiting.set(pod, BTreeSet::new());
        self.fall_behind(pod, false);
        self.lack(pod, BTreeSet::new());
        self.close_pod(pod, BTreeSet::new());
        self.withhold(pod, false);
        if self.dress.remove(pod).is_some() {
            self.changed.insert(pod.clone());
        }
    }

    fn target(
        &self,
        namespace: &Id,
        desired: &BTreeSet<GroupKey>,
        carried: Option<&BTreeSet<Id>>,
    ) -> Target {
        let mut target = Target::default();
        let has = |id: &Option<Id>| {
            let id = id
                .as_ref()
                .filter(|id| carried.is_some_and(|c| c.contains(*id)));
            id.cloned()
        };
        for key in desired {
            let (is_coming, id) = match self.standing(key) {
                Standing::Ready(id) => {
                    self.note_lack(key, &id, carried, &mut target);
                    target.groups.insert(id);
                    continue;
                }
                Standing::Coming(id) => (true, id),
                Standing::Stuck(id) => (false, id),
            };
            target.waits_for.extend(self.marks.get(key));
            match has(&id) {
                // What it carries it keeps while that is being put right.
                Some(id) => drop(target.groups.insert(id)),
                None if key.purpose.is_member() => target.lacks.extend(self.marks.get(key)),
                None => target.is_early |= is_coming,
            }
        }
        // Rules that name what nobody wants any more are on their way out; until then it lets in whom it did.
        let stale = carried.into_iter().flatten();
        let stale = stale.filter(|id| {
            let mark = self.groups.get(id).map(|group| group.mark);
            let is_wanted = mark.is_some_and(|mark| self.wanted.contains_key(&mark));
            !is_wanted && self.is_member(id) && self.groups.is_named(id)
        });
        target.groups.extend(stale.cloned());
        if let Some(carried) = carried {
            self.note_growing(desired, carried, &mut target, namespace);
        }
        target
    }

    /// What one group is about to allow may be what another allowed that goes: that one waits.
    fn note_growing(
        &self,
        desired: &BTreeSet<GroupKey>,
        carried: &BTreeSet<Id>,
        target: &mut Target,
        namespace: &Id,
    ) {
        if carried.is_subset(&target.groups) {
            return;
        }
        let closes = self.change(carried, &target.groups).closes;
        // What lets more pass in one direction waits for what lets less pass in the other: nobody waits for both.
        let is_other = |_: &Subject, closing: &Closing| !closing.directions.is_subset(&closes);
        if closes.len() > 1 || self.closes_until(namespace, is_other).is_some() {
            return;
        }
        let grows = |key: &&GroupKey| closes.iter().any(|d| self.is_growing(key, *d));
        for key in desired.iter().filter(grows) {
            target.waits_for.extend(self.marks.get(key));
            target.is_early = true;
        }
    }

    fn note_lack(
        &self,
        key: &GroupKey,
        id: &Id,
        carried: Option<&BTreeSet<Id>>,
        target: &mut Target,
    ) {
        if key.purpose.is_member() && carried.is_some_and(|c| !c.contains(id)) {
            target.lacks.extend(self.marks.get(key));
        }
    }

    /// What a port gets before its pod sends or receives anything.
    fn first(&mut self, pod: &PodKey, target: &Target) -> Dress {
        self.close_pod(pod, BTreeSet::new());
        if target.is_early {
            self.withhold(pod, false);
            return Dress::Wait;
        }
        let is_withheld = self.others_close(pod);
        self.withhold(pod, is_withheld);
        let mut groups = target.groups.clone();
        if is_withheld {
            groups.retain(|id| {
                self.facts.operator.contains_key(id) || !self.is_of(id, Direction::Egress)
            });
        }
        Dress::Groups(groups)
    }

    fn is_of(&self, id: &Id, direction: Direction) -> bool {
        let group = self.groups.get(id);
        group.is_some_and(|g| g.rules.keys().any(|rule| rule.direction == direction))
    }

    /// What a port carries next, of a pod that may be talking.
    fn next(&mut self, pod: &PodKey, carried: &BTreeSet<Id>, target: &Target) -> Dress {
        if target.groups == *carried && !target.is_early {
            self.close_pod(pod, BTreeSet::new());
            self.withhold(pod, false);
            return Dress::Groups(carried.clone());
        }
        let change = self.change(carried, &target.groups);
        if target.is_early {
            // It becomes a member where that changes nothing yet, and keeps what it has until all is there.
            self.close_pod(pod, change.closes);
            self.withhold(pod, false);
            let founded = target.groups.iter();
            let founded = founded.filter(|id| self.is_member(id) && self.is_founded(id));
            let all = carried.iter().chain(founded).cloned();
            return Dress::Groups(all.collect());
        }
        self.close_pod(pod, change.closes);
        let is_withheld = change.opens && self.others_close(pod);
        self.withhold(pod, is_withheld);
        Dress::Groups(match is_withheld {
            true => change.closed,
            false => target.groups.clone(),
        })
    }

    /// Whether other pods of its namespace are to let less pass than they do.
    fn others_close(&mut self, pod: &PodKey) -> bool {
        let own = Subject::Pod(pod.clone());
        let until = self.closes_until(&pod.namespace, |other, _| *other != own);
        if let Some(until) = until {
            self.agenda.later(until, Subject::Pod(pod.clone()));
        }
        until.is_some()
    }

    fn close_pod(&mut self, pod: &PodKey, directions: BTreeSet<Direction>) {
        self.close(&pod.namespace, Subject::Pod(pod.clone()), directions);
    }

    fn withhold(&mut self, pod: &PodKey, is_withheld: bool) {
        let of = self.withheld.entry(pod.namespace.clone()).or_default();
        match is_withheld {
            true => of.insert(pod.clone()),
            false => of.remove(pod),
        };
        if of.is_empty() {
            self.withheld.remove(&pod.namespace);
        }
    }
}
