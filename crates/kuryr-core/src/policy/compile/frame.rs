//! What all pods have in common: it follows from policies, namespaces, Services and the operator's groups, and of pods from a few
//! things only, which [`Frame::depends_on`] names.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use super::draft::{Draft, Drafter};
use super::index::Index;
use super::membership::Membership;
use super::services::{self, Reach};
use super::{Part, operator};
use crate::policy::group::{Member, Rule, Selecting};
use crate::policy::model::{Direction, Facts, Id, Pod, Policy, Ports, Protocol};
use crate::policy::settings::Settings;

/// A policy's directions as drafts: those in which it isolates. None of a policy that selects no pod.
#[derive(Clone, Debug)]
pub(super) struct Drafted {
    pub(super) policy: Arc<Policy>,
    pub(super) selecting: Arc<Selecting>,
    pub(super) drafts: BTreeMap<Direction, Draft>,
}

/// What all pods have in common.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    selectors: HashMap<Id, Index<usize>>,
    pub(super) drafted: Vec<Arc<Drafted>>,
    pub(super) membership: Membership,
    pub(super) reach: Reach,
    pub(super) hairpins: HashMap<Id, BTreeSet<IpAddr>>,
    /// What the operator's groups let pass among pods.
    pub(super) among: BTreeSet<Rule>,
    /// Ports that egress rules name.
    names: BTreeSet<(Id, Protocol)>,
    /// How many pods each policy selects.
    selected: Vec<usize>,
    /// How many pods count.
    pods: usize,
}

impl Frame {
    pub(super) fn new(facts: &Facts, settings: &Settings) -> Self {
        let policies: Vec<&Arc<Policy>> = facts.policies.values().collect();
        let selectors = selectors(&policies);
        let mut selected = vec![0; policies.len()];
        let mut pods = 0;
        for pod in counted(facts) {
            pods += 1;
            for number in selecting(&selectors, pod) {
                selected[number] += 1;
            }
        }
        let names = names(&policies);
        let drafted = drafts(facts, settings, &policies, &selected, &names);
        let mut named = named_in(&drafted);
        let among = operator::among(facts, settings);
        if !among.is_empty() && pods > 0 {
            named.entry(operator::all_pods()).or_default();
        }
        let membership = Membership::new(named, facts);
        let behind = services::behind(facts);
        let members_at = members_at(facts, &membership, &behind);
        Self {
            selectors,
            drafted,
            membership,
            reach: Reach::new(facts, members_at, behind),
            hairpins: services::hairpins(facts),
            among,
            names,
            selected,
            pods,
        }
    }

    /// The policies that select a pod, by number.
    pub(super) fn selecting(&self, pod: &Pod) -> Vec<usize> {
        selecting(&self.selectors, pod)
    }

    /// Pods come, go and change: whether what they have in common stays as it is. A policy that selects its first pod or loses its
    /// last does not; nor does a pod behind a Service that becomes a member of others, or a port that egress names.
    pub(super) fn stays(&mut self, changes: &[(Option<&Part>, Option<&Arc<Pod>>)]) -> bool {
        let mut selected = self.selected.clone();
        let mut pods = self.pods;
        for (old, new) in changes {
            if self.depends_on(*old, *new) {
                return false;
            }
            for number in old.iter().flat_map(|part| &part.own) {
                selected[*number] -= 1;
            }
            for number in new.iter().flat_map(|pod| self.selecting(pod)) {
                selected[number] += 1;
            }
            pods = pods + usize::from(new.is_some()) - usize::from(old.is_some());
        }
        let mut both = self.selected.iter().zip(&selected);
        let is_same = both.all(|(before, after)| (*before > 0) == (*after > 0));
        let stays = is_same && (self.pods > 0) == (pods > 0);
        if stays {
            (self.selected, self.pods) = (selected, pods);
        }
        stays
    }

    fn depends_on(&self, old: Option<&Part>, new: Option<&Arc<Pod>>) -> bool {
        let before = old.map(|part| &part.pod);
        if old.is_some_and(|part| part.complains) {
            return true;
        }
        let both = before.into_iter().chain(new);
        let mut ports = both.clone().flat_map(|pod| &pod.ports);
        if ports.any(|port| self.names.contains(&(port.name.clone(), port.protocol))) {
            return true;
        }
        let mut addresses = both.flat_map(|pod| &pod.addresses);
        if !addresses.any(|address| self.reach.is_behind(address)) {
            return false;
        }
        let Some((before, new)) = before.zip(new) else {
            return true;
        };
        before.addresses != new.addresses || self.membership.of(before) != self.membership.of(new)
    }
}

fn selectors(policies: &[&Arc<Policy>]) -> HashMap<Id, Index<usize>> {
    let mut by_namespace: HashMap<Id, Index<usize>> = HashMap::new();
    for (number, policy) in policies.iter().enumerate() {
        let index = by_namespace.entry(policy.key.namespace.clone());
        index.or_default().add(&policy.pods, number);
    }
    by_namespace
}

fn selecting(selectors: &HashMap<Id, Index<usize>>, pod: &Pod) -> Vec<usize> {
    let index = selectors.get(&pod.key.namespace).into_iter();
    let mut own: Vec<usize> = index
        .flat_map(|i| i.selecting(&pod.labels))
        .copied()
        .collect();
    own.sort_unstable();
    own
}

/// Ports that egress rules have by name.
fn names(policies: &[&Arc<Policy>]) -> BTreeSet<(Id, Protocol)> {
    let rules = policies
        .iter()
        .flat_map(|policy| policy.rules(Direction::Egress));
    let ports = rules.flat_map(|rule| &rule.ports);
    let names = ports.filter_map(|port| match &port.ports {
        Ports::Named(name) => Some((name.clone(), port.protocol)),
        _ => None,
    });
    names.collect()
}

fn drafts(
    facts: &Facts,
    settings: &Settings,
    policies: &[&Arc<Policy>],
    selected: &[usize],
    names: &BTreeSet<(Id, Protocol)>,
) -> Vec<Arc<Drafted>> {
    let drafter = Drafter::new(facts, settings, names);
    let drafted = policies.iter().zip(selected).map(|(policy, selected)| {
        let isolated = Direction::BOTH.into_iter();
        let isolated = isolated.filter(|d| *selected > 0 && policy.isolates(*d));
        let drafts = isolated.map(|d| (d, drafter.draft(policy, d))).collect();
        Arc::new(Drafted {
            policy: Arc::clone(policy),
            selecting: Arc::new(Selecting {
                policy: policy.key.clone(),
                pods: policy.pods.clone(),
            }),
            drafts,
        })
    });
    drafted.collect()
}

/// Members, with the namespaces whose policies name them.
fn named_in(drafted: &[Arc<Drafted>]) -> BTreeMap<Arc<Member>, BTreeSet<Id>> {
    let mut named: BTreeMap<Arc<Member>, BTreeSet<Id>> = BTreeMap::new();
    for drafted in drafted {
        for member in drafted.drafts.values().flat_map(Draft::members) {
            let of = named.entry(member.clone()).or_default();
            of.insert(drafted.policy.key.namespace.clone());
        }
    }
    named
}

fn members_at(
    facts: &Facts,
    membership: &Membership,
    wanted: &HashSet<IpAddr>,
) -> HashMap<IpAddr, BTreeSet<Arc<Member>>> {
    let mut at = HashMap::new();
    for pod in counted(facts) {
        for address in pod.addresses.iter().filter(|a| wanted.contains(a)) {
            at.insert(*address, membership.of(pod));
        }
    }
    at
}

/// The pods that policies are about.
pub(super) fn counted(facts: &Facts) -> impl Iterator<Item = &Arc<Pod>> {
    facts.pods.values().filter(|pod| pod.counts())
}
