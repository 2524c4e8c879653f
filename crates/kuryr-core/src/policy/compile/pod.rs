//! What follows from one pod: the groups that its port carries, and those that are there because of it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use super::draft::Draft;
use super::prefixes::host;
use super::{Compiler, Part, operator};
use crate::policy::group::{GroupKey, Purpose, Remote, Rule, Traffic};
use crate::policy::model::{Direction, Family, Pod, PodKey};

impl Compiler<'_> {
    /// A pod comes.
    pub(super) fn add(&mut self, pod: &Arc<Pod>) {
        let own = self.frame.selecting(pod);
        for number in &own {
            let key = self.frame.drafted[*number].policy.key.clone();
            self.needs(&key).pods.insert(pod.key.clone());
            let selecting = self.out.selecting.entry(pod.key.clone()).or_default();
            selecting.insert(key.clone());
            self.touched.policies.insert(key);
        }
        let (effects, complains) = self.effects(pod, &own);
        for key in effects.iter().filter(|key| is_for_pods(key)) {
            *self.uses.entry(key.clone()).or_default() += 1;
        }
        let (carried, is_full) = self.within_limit(pod, &own, &effects);
        self.out.of_pod.insert(pod.key.clone(), carried);
        let part = Part {
            pod: pod.clone(),
            own,
            effects,
            complains: complains || is_full,
        };
        self.touched.is_partial |= part.complains;
        self.parts.insert(pod.key.clone(), part);
    }

    /// A pod goes, with what was there because of it alone.
    pub(super) fn remove(&mut self, pod: &PodKey) {
        let Some(part) = self.parts.remove(pod) else {
            return;
        };
        self.out.of_pod.remove(pod);
        for policy in self.out.selecting.remove(pod).unwrap_or_default() {
            self.needs(&policy).pods.remove(pod);
            self.touched.policies.insert(policy);
        }
        for key in part.effects.iter().filter(|key| is_for_pods(key)) {
            self.release(key);
        }
    }

    fn release(&mut self, key: &GroupKey) {
        let Some(uses) = self.uses.get_mut(key) else {
            return;
        };
        *uses -= 1;
        if *uses > 0 {
            return;
        }
        self.uses.remove(key);
        let rules = self.out.groups.remove(key);
        self.touched.groups.entry(key.clone()).or_insert(rules);
        if let Purpose::Named(of, _) = &key.purpose {
            self.needs(&of.policy).groups.remove(key);
        }
    }

    /// What lets packets of a pod pass, what matters most first; and whether a policy is complained of for it.
    fn effects(&mut self, pod: &Pod, own: &[usize]) -> (Vec<GroupKey>, bool) {
        let is_isolated = |direction: Direction| {
            let mut drafts = own.iter().filter_map(|n| self.frame.drafted.get(*n));
            drafts.any(|d| d.drafts.contains_key(&direction))
        };
        let isolated: Vec<Direction> = Direction::BOTH
            .into_iter()
            .filter(|d| is_isolated(*d))
            .collect();
        let has_among = !self.frame.among.is_empty();
        if isolated.is_empty() {
            let operator = self.settings.operator.iter().cloned();
            let operator = operator.map(|id| Purpose::Operator(id).into());
            let mut groups: Vec<GroupKey> = operator.collect();
            if has_among {
                let among = self.frame.among.clone();
                groups.extend(self.put(Purpose::Among, || among));
                groups.extend(self.hairpin(pod));
            }
            return (groups, false);
        }
        let mut groups = self.node(pod);
        for direction in Direction::BOTH {
            if !isolated.contains(&direction) {
                groups.extend(self.open(direction));
            }
        }
        if isolated.contains(&Direction::Ingress) || has_among {
            groups.extend(self.hairpin(pod));
        }
        groups.extend(self.allowed(pod, own));
        let mut complains = false;
        if isolated.contains(&Direction::Egress) {
            let (services, is_partly) = self.services(pod, own);
            groups.extend(services);
            complains = is_partly;
        }
        (groups, complains)
    }

    fn node(&mut self, pod: &Pod) -> Vec<GroupKey> {
        let node = pod.node.as_ref();
        let Some(node) = node.and_then(|name| self.facts.nodes.get(name)).cloned() else {
            return Vec::new();
        };
        let families = &self.settings.families;
        self.put(Purpose::Node(node.name.clone()), || {
            let own = node.addresses.iter().copied();
            let own = own.filter(|address| families.contains(&Family::of(*address)));
            let rules = own.flat_map(|address| {
                Direction::BOTH.map(|direction| with_address(direction, address))
            });
            rules.collect()
        })
    }

    fn open(&mut self, direction: Direction) -> Vec<GroupKey> {
        let (facts, settings) = (self.facts, self.settings);
        self.put(Purpose::Open(direction), || {
            operator::open(facts, settings, direction)
        })
    }

    fn hairpin(&mut self, pod: &Pod) -> Vec<GroupKey> {
        if self.frame.hairpins.is_empty() {
            return Vec::new();
        }
        let namespace = &pod.key.namespace;
        let vips = self.frame.hairpins.get(namespace).cloned();
        let families = &self.settings.families;
        self.put(Purpose::Hairpin(namespace.clone()), || {
            let vips = vips.unwrap_or_default().into_iter();
            let vips = vips.filter(|vip| families.contains(&Family::of(*vip)));
            let rules = vips.map(|vip| with_address(Direction::Ingress, vip));
            rules.collect()
        })
    }

    /// What its policies allow.
    fn allowed(&mut self, pod: &Pod, own: &[usize]) -> Vec<GroupKey> {
        let mut groups = Vec::new();
        for number in own {
            let selecting = self.frame.drafted[*number].selecting.clone();
            for direction in Direction::BOTH {
                let Some(draft) = self.frame.drafted[*number].drafts.get(&direction) else {
                    continue;
                };
                let numbers = draft.numbers(pod);
                let named = (!numbers.is_empty()).then(|| draft.rules_with(&numbers));
                groups.extend(self.parts_of(&Purpose::Policy(selecting.clone(), direction)));
                if let Some(rules) = named {
                    let purpose = Purpose::Named(selecting.clone(), Arc::new(numbers));
                    let named = self.put(purpose, || rules);
                    let needs = self.needs(&selecting.policy);
                    needs.groups.extend(named.iter().cloned());
                    groups.extend(named);
                }
            }
        }
        groups
    }

    /// What is allowed of Services beyond what each policy allows of them by itself; and whether one is allowed in part.
    fn services(&mut self, pod: &Pod, own: &[usize]) -> (Vec<GroupKey>, bool) {
        let frame = &mut *self.frame;
        let egress = own.iter().filter_map(|number| {
            let draft = frame.drafted.get(*number)?.drafts.get(&Direction::Egress)?;
            draft.may_allow.then_some((*number, draft))
        });
        let egress: BTreeMap<usize, &Draft> = egress.collect();
        if egress.values().any(|draft| draft.is_open) {
            return (Vec::new(), false);
        }
        let rules: Vec<&BTreeSet<Rule>> = egress.values().map(|draft| &draft.rules).collect();
        let verdict = frame
            .reach
            .verdict(egress.keys().copied().collect(), &rules);
        let mut groups = Vec::new();
        let mut together = verdict.vips.clone();
        let mut complaints = Vec::new();
        for (number, draft) in &egress {
            let alone = frame.reach.verdict([*number].into(), &[&draft.rules]);
            together.retain(|rule| !alone.vips.contains(rule));
            let both = alone.partly.iter();
            let both = both.filter(|c| verdict.partly.iter().any(|v| v.about == c.about));
            let both: Vec<_> = both.cloned().collect();
            complaints.push((frame.drafted[*number].policy.key.clone(), both));
        }
        if !together.is_empty() {
            let policies = complaints.iter().map(|(policy, _)| policy.clone());
            let purpose = Purpose::Together(Arc::new(policies.collect()));
            groups.extend(self.put(purpose, || together));
        }
        let complains = complaints.iter().any(|(_, own)| !own.is_empty());
        for (policy, own) in complaints {
            self.needs(&policy).complaints.extend(own);
        }
        let node = pod.node.as_ref();
        let node = node.and_then(|name| self.facts.nodes.get(name));
        let none = BTreeSet::new();
        let node = node.map_or(&none, |node| &node.addresses);
        for (key, rules) in self.frame.reach.own_groups(pod, node, &verdict) {
            groups.push(key.clone());
            self.put_part(key, rules);
        }
        (groups, complains)
    }
}

/// Whether a group is there because of pods, and not because of policies or the operator.
fn is_for_pods(key: &GroupKey) -> bool {
    !matches!(
        key.purpose,
        Purpose::Policy(..) | Purpose::Member(_) | Purpose::Operator(_)
    )
}

/// All traffic with one address.
fn with_address(direction: Direction, address: IpAddr) -> Rule {
    Rule {
        direction,
        family: Family::of(address),
        traffic: Traffic::Any,
        remote: Remote::Prefix(host(address)),
    }
}
