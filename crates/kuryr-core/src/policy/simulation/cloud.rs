//! Neutron, and what Kubernetes has.

use std::collections::{BTreeMap, HashSet};

use super::*;
use std::collections::BTreeSet;

/// The operator's own group: it lets everything in and out.
pub(super) const OWN: &str = "operators";

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Works,
    Refused,
    Quota,
    DoneButAnswerLost,
    NeverSent,
}

#[derive(Clone, Debug)]
struct NeutronGroup {
    key: GroupKey,
    rules: BTreeMap<Id, Option<Rule<Id>>>,
}

pub(super) struct Cloud {
    pub(super) facts: Facts,
    groups: BTreeMap<Id, NeutronGroup>,
    pub(super) ports: BTreeMap<PodKey, BTreeSet<Id>>,
    made: usize,
    /// What some policies since the last rest allowed.
    allowed: HashSet<Flow>,
    flows: Vec<Flow>,
}

impl Cloud {
    pub(super) fn new() -> Self {
        let mut cloud = Self {
            facts: cluster(),
            groups: BTreeMap::new(),
            ports: BTreeMap::new(),
            made: 0,
            allowed: HashSet::new(),
            flows: Vec::new(),
        };
        let pods = cloud.facts.pods.keys();
        cloud.ports = pods.map(|pod| (pod.clone(), [id(OWN)].into())).collect();
        let v4: Vec<_> = everywhere(&cloud.facts)
            .into_iter()
            .filter(std::net::IpAddr::is_ipv4)
            .collect();
        let all = super::super::fixtures::flows(&v4, &[80, 81]);
        cloud.flows = all
            .into_iter()
            .filter(|f| f.protocol != Protocol::Sctp)
            .collect();
        cloud.rest();
        cloud
    }

    /// From now on only what is allowed now counts.
    pub(super) fn rest(&mut self) {
        self.allowed.clear();
        self.allowed_now();
    }

    pub(super) fn allowed_now(&mut self) {
        let now = self
            .flows
            .iter()
            .filter(|f| meaning::allows(&self.facts, f));
        self.allowed.extend(now.copied());
    }

    /// A pod that is there gets other labels; its named ports stay, as do its addresses.
    pub(super) fn relabel(&mut self, like: &Pod) {
        if let Some(pod) = self.facts.pods.get(&like.key) {
            let pod = Pod {
                labels: like.labels.clone(),
                ..(**pod).clone()
            };
            put(&mut self.facts, pod);
            self.allowed_now();
        }
    }

    fn next(&mut self, what: &str) -> Id {
        self.made += 1;
        id(&format!("{what}{:04}", self.made))
    }

    pub(super) fn list(&self) -> Vec<SeenGroup> {
        self.groups.keys().map(|id| self.seen(id)).collect()
    }

    fn seen(&self, id: &Id) -> SeenGroup {
        let group = &self.groups[id];
        let rules = group.rules.iter().map(|(id, rule)| SeenRule {
            id: id.clone(),
            rule: rule.clone(),
        });
        SeenGroup {
            id: id.clone(),
            key: group.key,
            rules: rules.collect(),
        }
    }

    pub(super) fn carry_out(&mut self, action: &Action, fate: Fate) -> Outcome {
        let message = "no".to_owned();
        let failed = |failure| Outcome::Failed(failure);
        match fate {
            Fate::Refused => failed(Failure::Again {
                message,
                after: None,
            }),
            Fate::Quota => failed(Failure::Quota { message }),
            Fate::NeverSent => failed(Failure::Unknown { message }),
            Fate::DoneButAnswerLost => {
                self.works(action);
                failed(Failure::Unknown { message })
            }
            Fate::Works => self.works(action),
        }
    }

    fn works(&mut self, action: &Action) -> Outcome {
        let stale = |message: &str| {
            let message = message.to_owned();
            Outcome::Failed(Failure::Stale { message })
        };
        match action {
            Action::List => Outcome::Listed(self.list()),
            Action::CreateGroup { key, .. } => self.create_group(*key),
            Action::CreateRules { group, rules } => self.create_rules(group, rules),
            Action::DeleteRule { group, rule } => {
                if let Some(group) = self.groups.get_mut(group) {
                    group.rules.remove(rule);
                }
                Outcome::Done
            }
            Action::DeleteGroup { group } if self.in_use(group) => stale("in use"),
            Action::DeleteGroup { group } => {
                self.groups.remove(group);
                Outcome::Done
            }
            Action::Report { .. } => Outcome::Done,
        }
    }

    /// With the rules that Neutron gives to each group.
    fn create_group(&mut self, key: GroupKey) -> Outcome {
        let id = self.next("g");
        let mut rules = BTreeMap::new();
        for family in [Family::V4, Family::V6] {
            let rule = Rule {
                direction: Direction::Egress,
                family,
                protocol: None,
                ports: None,
                remote: Remote::Any,
            };
            rules.insert(self.next("r"), Some(rule));
        }
        self.groups.insert(id.clone(), NeutronGroup { key, rules });
        Outcome::Created(self.seen(&id))
    }

    /// All or none.
    fn create_rules(&mut self, group: &Id, rules: &[Rule<Id>]) -> Outcome {
        let stale = |message: &str| {
            let message = message.to_owned();
            Outcome::Failed(Failure::Stale { message })
        };
        let Some(there) = self.groups.get(group) else {
            return stale("gone");
        };
        let remotes = rules.iter().filter_map(|r| r.remote_group());
        if !remotes.into_iter().all(|id| self.groups.contains_key(id)) {
            return stale("remote group is gone");
        }
        let exists = |rule| there.rules.values().flatten().any(|r| r == rule);
        if rules.iter().any(exists) {
            return stale("exists");
        }
        let mut seen = Vec::new();
        for rule in rules {
            let id = self.next("r");
            let rule = Some(rule.clone());
            let of = &mut self.groups.get_mut(group).unwrap().rules;
            of.insert(id.clone(), rule.clone());
            seen.push(SeenRule { id, rule });
        }
        Outcome::Rules(seen)
    }

    fn in_use(&self, group: &Id) -> bool {
        let named = self.groups.iter().filter(|(id, _)| *id != group);
        let mut rules = named.flat_map(|(_, g)| g.rules.values().flatten());
        self.ports.values().any(|g| g.contains(group))
            || rules.any(|r| r.remote_group() == Some(group))
    }

    /// False if one of the groups is gone.
    pub(super) fn put_port(&mut self, pod: &PodKey, answer: &PortGroups) -> bool {
        if !answer.groups.iter().all(|id| self.groups.contains_key(id)) {
            return false;
        }
        let own = answer.operator.then(|| id(OWN));
        let groups = answer.groups.iter().cloned().chain(own).collect();
        self.ports.insert(pod.clone(), groups);
        true
    }

    /// What other hands do.
    pub(super) fn drift(&mut self, what: usize, which: usize) {
        let ids: Vec<Id> = self.groups.keys().cloned().collect();
        let Some(id) = ids.get(which % ids.len().max(1)).cloned() else {
            return;
        };
        match what {
            0 => {
                let rule = self.next("r");
                self.groups.get_mut(&id).unwrap().rules.insert(rule, None);
            }
            1 => drop(self.groups.get_mut(&id).unwrap().rules.pop_first()),
            2 if !self.in_use(&id) => drop(self.groups.remove(&id)),
            _ => {
                let (new, group) = (self.next("g"), self.groups[&id].clone());
                self.groups.insert(new, group);
            }
        }
    }

    fn passing(&self) -> Vec<bool> {
        let everything: BTreeSet<Rule<Id>> = Direction::BOTH
            .map(|direction| Rule {
                direction,
                family: Family::V4,
                protocol: None,
                ports: None,
                remote: Remote::Any,
            })
            .into();
        let rules: BTreeMap<Id, BTreeSet<Rule<Id>>> = self
            .groups
            .iter()
            .map(|(id, g)| (id.clone(), g.rules.values().flatten().cloned().collect()))
            .collect();
        let mut rules: BTreeMap<Id, &BTreeSet<Rule<Id>>> =
            rules.iter().map(|(id, r)| (id.clone(), r)).collect();
        rules.insert(id(OWN), &everything);
        let ports = self.ports.iter().enumerate();
        let ports = ports.flat_map(|(n, (pod, groups))| {
            let addresses = self.facts.pods[pod].addresses.iter();
            addresses.map(move |a| (*a, (n, groups)))
        });
        let ports = ports.collect();
        let enforcement = evaluate::Enforcement { rules, ports };
        self.flows.iter().map(|f| enforcement.passes(f)).collect()
    }

    /// A packet that passes though no policies since the last rest allow it.
    pub(super) fn too_open(&self) -> Option<Flow> {
        let open = self.flows.iter().zip(self.passing());
        let mut open = open.filter(|(_, passes)| *passes).map(|(flow, _)| flow);
        open.find(|flow| !self.allowed.contains(flow)).copied()
    }

    /// What the end must look like.
    pub(super) fn check_end(&self) {
        for (flow, passes) in self.flows.iter().zip(self.passing()) {
            assert_eq!(passes, meaning::allows(&self.facts, flow), "{flow:?}");
        }
        let compiled = compile(&self.facts, &small());
        let wanted: Vec<GroupKey> = compiled.groups.keys().copied().collect();
        let mut there: Vec<GroupKey> = self.groups.values().map(|g| g.key).collect();
        there.sort_unstable();
        assert_eq!(there, wanted, "each group once, and nothing else is left");
        for (pod, assigned) in &compiled.of_pod {
            assert_eq!(self.ports[pod].contains("operators"), assigned.operator);
        }
    }
}
