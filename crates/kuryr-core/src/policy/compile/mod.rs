//! From policies to groups.
//!
//! Each policy's directions become drafts, rules that name member groups; then each pod is asked which members it is of and which
//! policies select it. So the work grows with policies plus pods, not with their product: selectors are found by the labels that
//! they want.

mod draft;
mod index;
mod membership;
mod operator;
mod prefixes;
mod room;
mod services;
mod split;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use self::draft::{Draft, Drafter};
use self::index::Index;
use self::membership::Membership;
use self::prefixes::host;
use self::services::Reach;
use self::split::split;
use super::group::{Compiled, GroupKey, Member, Needs, Purpose, Remote, Rule, Selecting, Traffic};
use super::model::{Direction, Facts, Family, Id, Pod, Policy, PolicyKey};
use super::settings::Settings;

/// What the policies come to.
#[must_use]
pub fn compile(facts: &Facts, settings: &Settings) -> Compiled {
    let policies: Vec<&Policy> = facts.policies.values().map(|p| &**p).collect();
    let selected = selected(facts, &policies);
    let drafted = drafts(facts, settings, &policies, &selected);
    let mut named = named_in(&drafted);
    let among = operator::among(facts, settings);
    if !among.is_empty() && facts.pods.values().any(|pod| pod.counts()) {
        named.entry(operator::all_pods()).or_default();
    }
    let membership = Membership::new(named, facts);
    let members_at = members_at(facts, &membership);
    let mut compiler = Compiler {
        facts,
        settings,
        drafted: &drafted,
        reach: Reach::new(facts, &members_at),
        hairpins: services::hairpins(facts),
        among,
        out: Compiled::default(),
    };
    let members = membership.all().cloned();
    let members = members.map(|m| (Purpose::Member(m).into(), BTreeSet::new()));
    compiler.out.groups.extend(members);
    compiler.policies(&policies);
    let of_none = Vec::new();
    for (key, pod) in facts.pods.iter().filter(|(_, pod)| pod.counts()) {
        let own = selected.get(key).unwrap_or(&of_none);
        let effects = compiler.effects(pod, own);
        let carried = compiler.within_limit(pod, own, effects, &membership);
        compiler.out.of_pod.insert(key.clone(), carried);
    }
    compiler.out
}

/// The policies that select each pod, by number.
type Selected<'a> = HashMap<&'a super::model::PodKey, Vec<usize>>;

fn selected<'a>(facts: &'a Facts, policies: &[&Policy]) -> Selected<'a> {
    let mut by_namespace: HashMap<&Id, Index<usize>> = HashMap::new();
    for (number, policy) in policies.iter().enumerate() {
        let index = by_namespace.entry(&policy.key.namespace).or_default();
        index.add(&policy.pods, number);
    }
    let pods = facts.pods.iter().filter(|(_, pod)| pod.counts());
    let selected = pods.filter_map(|(key, pod)| {
        let index = by_namespace.get(&key.namespace)?;
        let mut own: Vec<usize> = index.selecting(&pod.labels).copied().collect();
        own.sort_unstable();
        (!own.is_empty()).then_some((key, own))
    });
    selected.collect()
}

/// A policy's directions as drafts: those in which it isolates. None of a policy that selects no pod.
struct Drafted<'a> {
    policy: &'a Policy,
    selecting: Arc<Selecting>,
    drafts: BTreeMap<Direction, Draft>,
}

fn drafts<'a>(
    facts: &Facts,
    settings: &Settings,
    policies: &[&'a Policy],
    selected: &Selected<'_>,
) -> Vec<Drafted<'a>> {
    let drafter = Drafter::new(facts, settings);
    let live: BTreeSet<usize> = selected.values().flatten().copied().collect();
    let drafted = policies.iter().enumerate().map(|(number, policy)| {
        let isolated = Direction::BOTH.into_iter();
        let isolated = isolated.filter(|d| live.contains(&number) && policy.isolates(*d));
        let drafts = isolated.map(|d| (d, drafter.draft(policy, d))).collect();
        Drafted {
            policy,
            selecting: Arc::new(Selecting {
                policy: policy.key.clone(),
                pods: policy.pods.clone(),
            }),
            drafts,
        }
    });
    drafted.collect()
}

/// Members, with the namespaces whose policies name them.
fn named_in(drafted: &[Drafted<'_>]) -> BTreeMap<Arc<Member>, BTreeSet<Id>> {
    let mut named: BTreeMap<Arc<Member>, BTreeSet<Id>> = BTreeMap::new();
    for drafted in drafted {
        for member in drafted.drafts.values().flat_map(Draft::members) {
            let of = named.entry(member.clone()).or_default();
            of.insert(drafted.policy.key.namespace.clone());
        }
    }
    named
}

fn members_at(facts: &Facts, membership: &Membership) -> HashMap<IpAddr, BTreeSet<Arc<Member>>> {
    let mut at = HashMap::new();
    let pods = facts.pods.values().filter(|pod| pod.counts());
    for pod in pods.filter(|_| !facts.services.is_empty()) {
        let members = membership.of(pod);
        let addresses = pod.addresses.iter();
        at.extend(addresses.map(|address| (*address, members.clone())));
    }
    at
}

struct Compiler<'a> {
    facts: &'a Facts,
    settings: &'a Settings,
    drafted: &'a [Drafted<'a>],
    reach: Reach<'a>,
    hairpins: HashMap<Id, BTreeSet<IpAddr>>,
    /// What the operator's groups let pass among pods.
    among: BTreeSet<Rule>,
    out: Compiled,
}

impl Compiler<'_> {
    /// The groups that follow from policies alone.
    fn policies(&mut self, policies: &[&Policy]) {
        for (number, policy) in policies.iter().enumerate() {
            let complaints = draft::wrong(policy);
            let needs = Needs {
                complaints,
                ..Needs::default()
            };
            self.out.of_policy.insert(policy.key.clone(), needs);
            let Some(drafted) = self.drafted.get(number) else {
                continue;
            };
            for (direction, draft) in &drafted.drafts {
                let mut rules = draft.rules.clone();
                if *direction == Direction::Egress && !draft.is_open {
                    let verdict = self.reach.verdict([number].into(), &[&draft.rules]);
                    rules.extend(verdict.vips.iter().cloned());
                }
                if draft.may_allow {
                    let purpose = Purpose::Policy(drafted.selecting.clone(), *direction);
                    let groups = self.put(&purpose, rules);
                    self.needs(&policy.key).groups.extend(groups);
                }
            }
        }
    }

    fn needs(&mut self, policy: &PolicyKey) -> &mut Needs {
        self.out.of_policy.entry(policy.clone()).or_default()
    }

    /// Notes a group, of several parts if need be.
    fn put(&mut self, purpose: &Purpose, rules: BTreeSet<Rule>) -> Vec<GroupKey> {
        let parts = split(purpose, rules, self.settings.limits.rules_per_group);
        let keys = parts.iter().map(|(key, _)| key.clone()).collect();
        self.out.groups.extend(parts);
        keys
    }

    /// What lets packets of a pod pass, what matters most first.
    fn effects(&mut self, pod: &Pod, own: &[usize]) -> Vec<GroupKey> {
        let is_isolated = |direction: Direction| {
            let mut drafts = own.iter().filter_map(|n| self.drafted.get(*n));
            drafts.any(|d| d.drafts.contains_key(&direction))
        };
        let isolated: Vec<Direction> = Direction::BOTH
            .into_iter()
            .filter(|d| is_isolated(*d))
            .collect();
        if isolated.is_empty() {
            let operator = self.settings.operator.iter().cloned();
            let operator = operator.map(|id| Purpose::Operator(id).into());
            let mut groups: Vec<GroupKey> = operator.collect();
            if !self.among.is_empty() {
                groups.extend(self.put(&Purpose::Among, self.among.clone()));
                groups.extend(self.hairpin(pod));
            }
            return groups;
        }
        let mut groups = self.node(pod);
        for direction in Direction::BOTH {
            if !isolated.contains(&direction) {
                groups.extend(self.open(direction));
            }
        }
        if isolated.contains(&Direction::Ingress) || !self.among.is_empty() {
            groups.extend(self.hairpin(pod));
        }
        groups.extend(self.allowed(pod, own));
        if isolated.contains(&Direction::Egress) {
            groups.extend(self.services(pod, own));
        }
        groups
    }

    fn node(&mut self, pod: &Pod) -> Vec<GroupKey> {
        let node = pod
            .node
            .as_ref()
            .and_then(|name| self.facts.nodes.get(name));
        let Some(node) = node else {
            return Vec::new();
        };
        let families = &self.settings.families;
        let own = node.addresses.iter().copied();
        let own = own.filter(|address| families.contains(&Family::of(*address)));
        let rules = own
            .flat_map(|address| Direction::BOTH.map(|direction| with_address(direction, address)));
        self.put(&Purpose::Node(node.name.clone()), rules.collect())
    }

    fn open(&mut self, direction: Direction) -> Vec<GroupKey> {
        let rules = operator::open(self.facts, self.settings, direction);
        self.put(&Purpose::Open(direction), rules)
    }

    fn hairpin(&mut self, pod: &Pod) -> Vec<GroupKey> {
        if self.hairpins.is_empty() {
            return Vec::new();
        }
        let namespace = &pod.key.namespace;
        let families = &self.settings.families;
        let vips = self.hairpins.get(namespace).into_iter().flatten().copied();
        let vips = vips.filter(|vip| families.contains(&Family::of(*vip)));
        let rules = vips.map(|vip| with_address(Direction::Ingress, vip));
        self.put(&Purpose::Hairpin(namespace.clone()), rules.collect())
    }

    /// What its policies allow.
    fn allowed(&mut self, pod: &Pod, own: &[usize]) -> Vec<GroupKey> {
        let mut groups = Vec::new();
        for drafted in own.iter().filter_map(|number| self.drafted.get(*number)) {
            let key = &drafted.policy.key;
            self.needs(key).pods.insert(pod.key.clone());
            let selecting = self.out.selecting.entry(pod.key.clone()).or_default();
            selecting.insert(key.clone());
            for (direction, draft) in &drafted.drafts {
                groups.extend(self.parts(Purpose::Policy(drafted.selecting.clone(), *direction)));
                let numbers = draft.numbers(pod);
                if !numbers.is_empty() {
                    let rules = draft.rules_with(&numbers);
                    let purpose = Purpose::Named(drafted.selecting.clone(), Arc::new(numbers));
                    let named = self.put(&purpose, rules);
                    self.needs(key).groups.extend(named.iter().cloned());
                    groups.extend(named);
                }
            }
        }
        groups
    }

    /// The parts that there are of a group.
    fn parts(&self, purpose: Purpose) -> Vec<GroupKey> {
        let from = GroupKey::from(purpose);
        let all = self.out.groups.range(&from..);
        let own = all.take_while(|(key, _)| key.purpose == from.purpose);
        own.map(|(key, _)| key.clone()).collect()
    }

    /// What is allowed of Services beyond what each policy allows of them by itself.
    fn services(&mut self, pod: &Pod, own: &[usize]) -> Vec<GroupKey> {
        let egress = own.iter().filter_map(|number| {
            let draft = self.drafted.get(*number)?.drafts.get(&Direction::Egress)?;
            draft.may_allow.then_some((*number, draft))
        });
        let egress: BTreeMap<usize, &Draft> = egress.collect();
        if egress.values().any(|draft| draft.is_open) {
            return Vec::new();
        }
        let rules: Vec<&BTreeSet<Rule>> = egress.values().map(|draft| &draft.rules).collect();
        let verdict = self.reach.verdict(egress.keys().copied().collect(), &rules);
        let mut groups = Vec::new();
        let mut policies = BTreeSet::new();
        let mut together = verdict.vips.clone();
        for (number, draft) in &egress {
            let alone = self.reach.verdict([*number].into(), &[&draft.rules]);
            together.retain(|rule| !alone.vips.contains(rule));
            let Some(drafted) = self.drafted.get(*number) else {
                continue;
            };
            policies.insert(drafted.policy.key.clone());
            let both = alone.partly.iter();
            let both = both.filter(|c| verdict.partly.iter().any(|v| v.about == c.about));
            let needs = self.needs(&drafted.policy.key);
            needs.complaints.extend(both.cloned());
        }
        if !together.is_empty() {
            groups.extend(self.put(&Purpose::Together(Arc::new(policies)), together));
        }
        let none = BTreeSet::new();
        let node = pod
            .node
            .as_ref()
            .and_then(|name| self.facts.nodes.get(name));
        let node = node.map_or(&none, |node| &node.addresses);
        let own = self.reach.own_groups(pod, node, &verdict);
        groups.extend(own.keys().cloned());
        self.out.groups.extend(own);
        groups
    }
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
