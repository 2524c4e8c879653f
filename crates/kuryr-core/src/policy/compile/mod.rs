//! From policies to groups.
//!
//! Each policy's directions become drafts, rules that name member groups; then each pod is asked
//! which members it is of and which policies select it. So the work grows with policies plus pods,
//! not with their product: selectors are found by the labels that they want.

mod draft;
mod effect;
mod index;
mod member;
mod service;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use self::draft::{Draft, Drafter};
use self::effect::Groups;
use self::index::Index;
use self::member::Membership;
use self::service::Reach;
use super::complaint::{Complaint, Reason};
use super::group::{Assigned, Compiled, GroupKey, GroupKind, Needs, Remote};
use super::model::{Direction, Facts, Id, Pod, PodKey, Policy, PolicyKey, Protocol};
use super::settings::Settings;

/// What the policies come to.
#[must_use]
pub fn compile(facts: &Facts, settings: &Settings) -> Compiled {
    let mut drafter = Drafter::new(facts, &settings.families);
    let mut of_policy = BTreeMap::new();
    let mut selecting: HashMap<Id, Index<Arc<Drafted>>> = HashMap::new();
    for policy in facts.policies.values() {
        let (drafted, needs) = drafted(&mut drafter, policy);
        let index = selecting.entry(policy.key.namespace.clone()).or_default();
        index.add(&policy.pods, Arc::new(drafted));
        of_policy.insert(policy.key.clone(), needs);
    }
    let membership = Membership::new(&drafter.members, facts);
    let mut compiler = Compiler {
        facts,
        settings,
        groups: Groups(drafter.members.groups().collect()),
        of_draft: HashMap::new(),
        of_policy,
        reach: Reach::new(facts, &membership),
    };
    let mut of_pod = BTreeMap::new();
    for (key, pod) in facts.pods.iter().filter(|(_, p)| p.counts()) {
        let index = selecting.get(&key.namespace);
        let policies = index.into_iter().flat_map(|i| i.selecting(&pod.labels));
        let policies: Vec<Arc<Drafted>> = policies.cloned().collect();
        let assigned = compiler.assign(pod, &policies, membership.of(pod));
        of_pod.insert(key.clone(), Arc::new(assigned));
    }
    let groups = compiler.groups.0.into_iter();
    Compiled {
        groups: groups.map(|(key, group)| (key, Arc::new(group))).collect(),
        of_pod,
        of_policy: compiler.of_policy,
    }
}

/// A policy's directions as drafts.
struct Drafted {
    policy: PolicyKey,
    /// Those in which it isolates.
    drafts: BTreeMap<Direction, Draft>,
}

fn drafted(drafter: &mut Drafter<'_>, policy: &Policy) -> (Drafted, Needs) {
    let mut needs = Needs::default();
    let isolating = Direction::BOTH.into_iter().filter(|d| policy.isolates(*d));
    let drafts: BTreeMap<Direction, Draft> = isolating
        .map(|d| (d, drafter.draft(policy, d, &mut needs.complaints)))
        .collect();
    let remotes = drafts.values().flat_map(Draft::remotes);
    needs.groups = remotes
        .filter_map(|remote| match remote {
            Remote::Group(key) => Some(*key),
            _ => None,
        })
        .collect();
    let policy = policy.key.clone();
    (Drafted { policy, drafts }, needs)
}

/// A draft, and the numbers of its named ports.
type DraftOf = (PolicyKey, Direction, BTreeSet<(Id, Protocol, u16)>);

struct Compiler<'a> {
    facts: &'a Facts,
    settings: &'a Settings,
    groups: Groups,
    of_draft: HashMap<DraftOf, Option<GroupKey>>,
    of_policy: BTreeMap<PolicyKey, Needs>,
    reach: Reach<'a>,
}

impl Compiler<'_> {
    fn assign(
        &mut self,
        pod: &Pod,
        policies: &[Arc<Drafted>],
        members: BTreeSet<GroupKey>,
    ) -> Assigned {
        for drafted in policies {
            if let Some(needs) = self.of_policy.get_mut(&drafted.policy) {
                needs.pods.insert(pod.key.clone());
            }
        }
        let operator = policies.iter().all(|p| p.drafts.is_empty());
        let mut groups = Vec::new();
        if !operator {
            for direction in Direction::BOTH {
                groups.extend(self.direction(pod, policies, direction));
            }
        }
        // What no policy is to blame for has room in any case.
        groups.sort_by_key(|key| {
            let group = self.groups.0.get(key);
            group.is_some_and(|g| matches!(g.kind, GroupKind::Effect(_)))
        });
        groups.extend(members);
        Assigned {
            operator,
            groups: self.within_limit(&pod.key, groups),
        }
    }

    /// The groups for one direction of a pod that some policy selects.
    fn direction(
        &mut self,
        pod: &Pod,
        policies: &[Arc<Drafted>],
        direction: Direction,
    ) -> Vec<GroupKey> {
        let isolating = policies
            .iter()
            .filter(|p| p.drafts.contains_key(&direction));
        let isolating: Vec<&Arc<Drafted>> = isolating.collect();
        if isolating.is_empty() {
            return vec![self.groups.all(direction, &self.settings.families)];
        }
        let mut groups = Vec::new();
        if direction == Direction::Ingress {
            let node = pod.node.as_ref().and_then(|n| self.facts.nodes.get(n));
            groups.extend(node.and_then(|n| self.groups.node(n, &self.settings.families)));
        }
        for drafted in &isolating {
            groups.extend(self.effect(pod, drafted, direction));
        }
        if direction == Direction::Egress {
            let policies: Vec<&PolicyKey> = isolating.iter().map(|d| &d.policy).collect();
            groups.extend(self.services(&groups.iter().copied().collect(), &policies));
        }
        groups
    }

    fn effect(&mut self, pod: &Pod, drafted: &Drafted, direction: Direction) -> Option<GroupKey> {
        let draft = drafted.drafts.get(&direction)?;
        let numbers = match draft.is_common() {
            true => BTreeSet::new(),
            false => draft.numbers(pod),
        };
        let of = (drafted.policy.clone(), direction, numbers);
        if let Some(known) = self.of_draft.get(&of) {
            return *known;
        }
        let rules = draft.rules(&of.2);
        let needs = self.of_policy.entry(drafted.policy.clone()).or_default();
        let most = self.settings.limits.rules_per_group;
        let key = if rules.len() > most {
            needs
                .complaints
                .insert(too_many_rules(direction, rules.len(), most));
            None
        } else {
            self.groups.effect(direction, rules)
        };
        needs.groups.extend(key);
        self.of_draft.insert(of, key);
        key
    }

    /// A group for the Services that a pod with these groups reaches.
    fn services(
        &mut self,
        egress: &BTreeSet<GroupKey>,
        policies: &[&PolicyKey],
    ) -> Option<GroupKey> {
        let most = self.settings.limits.rules_per_group;
        let (key, complaints) = self.reach.of(egress, &mut self.groups, most);
        for policy in policies {
            if let Some(needs) = self.of_policy.get_mut(*policy) {
                needs.groups.extend(key);
                needs.complaints.extend(complaints.iter().cloned());
            }
        }
        key
    }

    /// As many of the groups as a port may have; those that let nothing in or out go last.
    fn within_limit(&mut self, pod: &PodKey, groups: Vec<GroupKey>) -> BTreeSet<GroupKey> {
        let most = self.settings.limits.groups_per_port;
        let mut kept: BTreeSet<GroupKey> = BTreeSet::new();
        let mut left_out = BTreeSet::new();
        for key in groups {
            match kept.len() < most || kept.contains(&key) {
                true => kept.insert(key),
                false => left_out.insert(key),
            };
        }
        if left_out.is_empty() {
            return kept;
        }
        let message = format!(
            "pod {pod} would need {} security groups, and a port may have {most}: \
             not all that this policy allows with this pod is allowed",
            kept.len() + left_out.len()
        );
        for needs in self.of_policy.values_mut() {
            if !needs.groups.is_disjoint(&left_out) {
                let complaint = Complaint::new(Reason::TooManyGroups, "", message.clone());
                // One pod is example enough.
                let told = needs
                    .complaints
                    .iter()
                    .any(|c| c.reason == complaint.reason);
                if !told {
                    needs.complaints.insert(complaint);
                }
            }
        }
        kept
    }
}

fn too_many_rules(direction: Direction, rules: usize, most: usize) -> Complaint {
    let message = format!(
        "{direction}: {rules} rules, and a security group may have {most}: \
         the pods are isolated, and none of the {direction} rules is in force"
    );
    Complaint::new(Reason::TooManyRules, direction.word(), message)
}
