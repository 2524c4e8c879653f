//! Kubernetes and Neutron, and what passes at each moment.

use std::collections::{BTreeMap, BTreeSet};

use super::mind::{Call, Mind, News};
use super::{Change, OPERATOR, calls, everywhere, flows, id, namespace, put};
use crate::policy::cloud::Enforcement;
use crate::policy::flow::{Call as ServiceCall, Flow};
use crate::policy::tests::Operator;
use crate::policy::{
    Action, Answer, Claim, Compiled, Content, Direction, Event, Facts, GroupKey, Id, ListedRule,
    Mark, PodKey, Policy, PolicyKey, Ports, Purpose, Remote, Rule, SeenGroup, SeenRule, oracle,
};
use crate::reconcile::simulation::Fate;
use crate::reconcile::{Failure, FailureKind, Outcome, Watched};

#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) mark: Mark,
    pub(crate) rules: BTreeMap<Id, Rule<Id>>,
}

/// What is asked while a change is carried out, and what policies say before it and after.
#[derive(Clone, Debug)]
struct Watch {
    flows: Vec<(Flow, bool, bool)>,
    calls: Vec<(ServiceCall, bool, bool)>,
    /// Whether what passes before and after passes meanwhile: it does not where rules of both directions, or who is selected
    /// and what is allowed, change at once in a way that is no rule.
    is_never_cut: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Cloud {
    pub(crate) facts: Facts,
    pub(crate) groups: BTreeMap<Id, Group>,
    pub(crate) ports: BTreeMap<PodKey, BTreeSet<Id>>,
    /// KuryrNetworkPolicies.
    pub(crate) claims: BTreeMap<PolicyKey, Claim>,
    /// Whether the API server keeps less of them than is written.
    pub(crate) prunes: bool,
    /// Groups that upstream made.
    pub(crate) old: BTreeSet<Id>,
    /// Whether something that is no pod uses those.
    pub(crate) old_is_used: bool,
    /// How many security groups the project may have.
    pub(crate) quota: usize,
    made: usize,
    watch: Option<Watch>,
}

impl Cloud {
    pub(crate) fn new(facts: Facts) -> Self {
        Self {
            facts,
            groups: BTreeMap::new(),
            ports: BTreeMap::new(),
            claims: BTreeMap::new(),
            prunes: false,
            old: BTreeSet::new(),
            old_is_used: false,
            quota: usize::MAX,
            made: 0,
            watch: None,
        }
    }

    fn number(&mut self) -> usize {
        self.made += 1;
        self.made
    }

    /// Somebody changes something.
    pub(crate) fn change(&mut self, change: &Change) {
        self.watch = None;
        match change {
            Change::Policy(policy) => put(&mut self.facts, (**policy).clone()),
            Change::Edit(n, direction, other) => self.edit(*n, &[*direction], other),
            Change::EditBoth(n, other) => self.edit(*n, &Direction::BOTH, other),
            Change::Drop(n) => {
                if let Some(key) = self.facts.policies.keys().nth(*n).cloned() {
                    self.facts.policies.remove(&key);
                }
            }
            Change::Pod(pod) => {
                put(&mut self.facts, (**pod).clone());
                if !pod.counts() {
                    self.ports.remove(&pod.key);
                }
            }
            Change::End(n) => {
                if let Some(key) = self.facts.pods.keys().nth(*n).cloned() {
                    self.facts.pods.remove(&key);
                    self.ports.remove(&key);
                }
            }
            Change::Namespace(text) => put(&mut self.facts, namespace("c", text)),
            Change::Service(service) => put(&mut self.facts, (**service).clone()),
        }
    }

    /// The nth policy's rules of these directions become those of another; what it isolates stays.
    fn edit(&mut self, n: usize, directions: &[Direction], other: &Policy) {
        let Some(mut policy) = self.facts.policies.values().nth(n).map(|p| (**p).clone()) else {
            return;
        };
        let isolated = Direction::BOTH.into_iter();
        policy.types = isolated.filter(|d| policy.isolates(*d)).collect();
        if directions.contains(&Direction::Ingress) {
            policy.ingress.clone_from(&other.ingress);
        }
        if directions.contains(&Direction::Egress) {
            policy.egress.clone_from(&other.egress);
        }
        put(&mut self.facts, policy);
    }

    /// The same, and what passes is looked at until the next.
    pub(crate) fn begin(&mut self, change: &Change) {
        let before = self.facts.clone();
        self.change(change);
        let addresses: Vec<_> = everywhere(&self.facts)
            .into_iter()
            .filter(std::net::IpAddr::is_ipv4)
            .collect();
        let (old, new) = (Operator::new(&before), Operator::new(&self.facts));
        let flows = flows(&addresses, &[80, 81]).into_iter().map(|flow| {
            let was = oracle::allows(&before, &flow) && old.lets(flow.from, flow.to);
            let is = oracle::allows(&self.facts, &flow) && new.lets(flow.from, flow.to);
            (flow, was, is)
        });
        let flows = flows.collect();
        // What is behind a Service may be another one's a moment later.
        let is_service = matches!(change, Change::Service(_) | Change::Pod(_) | Change::End(_));
        let calls = match is_service {
            true => vec![],
            false => calls(&self.facts, &addresses),
        };
        let calls = calls.into_iter().map(|call| {
            let was = oracle::allows_call(&before, &call) && old.lets_call(&call);
            let is = oracle::allows_call(&self.facts, &call) && new.lets_call(&call);
            (call, was, is)
        });
        let calls = calls.collect();
        let is_edited = |old: &Policy, new: &Policy| old.pods != new.pods;
        let is_replaced = match change {
            Change::Policy(policy) => before.policies.get(&policy.key).is_some_and(|old| {
                is_edited(old, policy) || old.ingress != policy.ingress || old.types != policy.types
            }),
            Change::EditBoth(..) => true,
            _ => false,
        };
        self.watch = Some(Watch {
            flows,
            calls,
            is_never_cut: !matches!(change, Change::Namespace(_))
                && !is_replaced
                && !names_ports(change)
                && !matches!(change, Change::Pod(_) | Change::End(_)),
        });
    }

    /// Also for a change of which it is not promised in general.
    pub(crate) fn promise_that_nothing_is_cut(&mut self) {
        if let Some(watch) = &mut self.watch {
            watch.is_never_cut = true;
        }
    }

    fn enforce<T>(&self, what: impl FnOnce(&Enforcement<'_>) -> T) -> T {
        let theirs = |id: &Id| GroupKey::from(Purpose::Operator(id.clone()));
        let own = self.groups.iter().map(|(id, group)| {
            let rules = group.rules.values();
            let rules = rules.filter_map(|rule| rule.named(|id| Some(theirs(id))));
            (theirs(id), rules.collect::<BTreeSet<Rule>>())
        });
        let operators = self.facts.operator.iter();
        let operators = operators.map(|(id, rules)| (theirs(id), (**rules).clone()));
        let groups: BTreeMap<GroupKey, BTreeSet<Rule>> = own.chain(operators).collect();
        let carried: Vec<(&PodKey, BTreeSet<GroupKey>)> = self
            .ports
            .iter()
            .map(|(pod, groups)| (pod, groups.iter().map(theirs).collect()))
            .collect();
        let none = BTreeSet::new();
        // A pod without a port has nothing that passes anything.
        let pods = self.facts.pods.iter().filter(|(_, pod)| pod.counts());
        let ports = pods.enumerate().flat_map(|(n, (key, pod))| {
            let carried = carried.iter().find(|(pod, _)| *pod == key);
            let groups = carried.map_or(&none, |(_, groups)| groups);
            pod.addresses
                .iter()
                .map(move |address| (*address, (n, groups)))
        });
        what(&Enforcement {
            groups: groups.iter().collect(),
            ports: ports.collect(),
        })
    }

    /// All pods have ports that carry what is allowed and nothing else, and no group is left that is not needed.
    pub(crate) fn check_end(&self) {
        let addresses = everywhere(&self.facts);
        let operator = Operator::new(&self.facts);
        self.enforce(|cloud| {
            for flow in flows(&addresses, &[80, 81]) {
                let wanted =
                    oracle::allows(&self.facts, &flow) && operator.lets(flow.from, flow.to);
                assert_eq!(cloud.passes(&flow), wanted, "{flow:?} with {self:#?}");
            }
            for call in calls(&self.facts, &addresses) {
                let wanted = oracle::allows_call(&self.facts, &call) && operator.lets_call(&call);
                let passage = cloud.carries(&call);
                let is_right = passage.first == wanted && (passage.later || !wanted);
                assert!(is_right, "{wanted}, {passage:?}: {call:?} with {self:#?}");
            }
        });
        let needed = crate::policy::compile(&self.facts, &super::settings());
        assert_eq!(self.groups.len(), needed.groups.len(), "{self:#?}");
        let marks: BTreeSet<Mark> = self.groups.values().map(|g| g.mark).collect();
        assert_eq!(marks, needed.groups.keys().map(Mark::of).collect());
        self.check_claims(&needed);
    }

    /// Each policy has a KuryrNetworkPolicy that says all rules of its groups, and there are no others.
    fn check_claims(&self, needed: &Compiled) {
        let there: BTreeSet<&PolicyKey> = self.claims.keys().collect();
        assert_eq!(there, self.facts.policies.keys().collect(), "{self:#?}");
        for (key, claim) in &self.claims {
            let policy = &self.facts.policies[key];
            let marks = needed.of_policy[key].groups.iter().map(Mark::of);
            let marks: BTreeSet<Mark> = marks.collect();
            let own = self.groups.iter().filter(|(_, g)| marks.contains(&g.mark));
            let rules = own.flat_map(|(group, state)| {
                state.rules.iter().map(|(id, rule)| ListedRule {
                    rule: rule.clone(),
                    group: group.clone(),
                    id: id.clone(),
                })
            });
            let directions = Direction::BOTH.into_iter();
            let content = Content {
                pods: policy.pods.clone(),
                types: directions.filter(|d| policy.isolates(*d)).collect(),
                rules: rules.collect(),
            };
            assert_eq!(claim.content.as_ref(), Some(&content), "{self:#?}");
            assert!(!claim.deleting);
        }
    }

    /// Somebody writes a KuryrNetworkPolicy.
    pub(crate) fn put_claim(&mut self, claim: Claim) -> Answer {
        let version = self.number() as u64;
        let claim = Claim { version, ..claim };
        self.claims.insert(claim.policy.clone(), claim.clone());
        Answer::Claim(claim)
    }

    fn write_claim(&mut self, policy: &PolicyKey, content: &Content) -> Answer {
        let group = content.group().cloned();
        self.put_claim(Claim {
            policy: policy.clone(),
            // What is pruned was never said.
            group: group.filter(|_| !self.prunes),
            content: (!self.prunes).then(|| content.clone()),
            deleting: false,
            finalizer: true,
            version: 0,
        })
    }

    fn delete_old(&mut self, group: &Id) -> Result<Answer, Failure> {
        let is_carried = self.ports.values().any(|groups| groups.contains(group));
        if is_carried || self.old_is_used {
            return Err(Failure::new(FailureKind::Taken, "SecurityGroupInUse"));
        }
        self.old.remove(group);
        Ok(Answer::Done)
    }

    /// Policies, and what ports carry, for who reads a failure.
    fn shown(&self) -> String {
        let policies = self.facts.policies.values();
        let policies = policies
            .map(|policy| format!("{policy:?}\n"))
            .collect::<String>();
        let groups = self.groups.iter();
        let groups = groups
            .map(|(id, g)| format!("{id} {}: {:?}\n", g.mark, g.rules))
            .collect::<String>();
        let ports = self.ports.iter();
        let ports = ports
            .map(|(pod, groups)| format!("{pod}: {groups:?}\n"))
            .collect::<String>();
        let operator = &self.facts.operator;
        format!("with\n{policies}{operator:?}\n{groups}{ports}")
    }

    fn apply(&mut self, action: &Action) -> Result<Answer, Failure> {
        match action {
            Action::List => Ok(Answer::All {
                groups: self
                    .groups
                    .iter()
                    .map(|(id, group)| group.seen(id))
                    .collect(),
                operator: self.operators(),
            }),
            Action::CreateGroup { key } => self.create(key),
            Action::CreateRules { group, rules } => {
                let known = |remote: &Id| {
                    self.groups.contains_key(remote) || self.facts.operator.contains_key(remote)
                };
                let mut remotes = rules.iter().filter_map(Rule::remote_group);
                if !self.groups.contains_key(group) || !remotes.all(known) {
                    return gone();
                }
                let made: Vec<(Id, Rule<Id>)> = rules
                    .iter()
                    .map(|rule| (id(&format!("rule{}", self.number())), rule.clone()))
                    .collect();
                let own = self.groups.get_mut(group).unwrap();
                if rules
                    .iter()
                    .any(|rule| own.rules.values().any(|r| r == rule))
                {
                    return Err(Failure::new(FailureKind::Taken, "SecurityGroupRuleExists"));
                }
                own.rules.extend(made.iter().cloned());
                let seen = made.into_iter().map(|(id, rule)| SeenRule {
                    id,
                    rule: Some(rule),
                });
                Ok(Answer::Rules(seen.collect()))
            }
            Action::DeleteRule { group, rule } => {
                if let Some(group) = self.groups.get_mut(group) {
                    group.rules.remove(rule);
                }
                Ok(Answer::Done)
            }
            Action::DeleteGroup { group } => self.delete(group),
            Action::Report { .. } => Ok(Answer::Done),
            Action::CreateClaim {
                policy, content, ..
            } => Ok(match self.claims.get(policy) {
                Some(there) => Answer::Claim(there.clone()),
                None => self.write_claim(policy, content),
            }),
            Action::WriteClaim { policy, content } => match self.claims.contains_key(policy) {
                true => Ok(self.write_claim(policy, content)),
                false => gone(),
            },
            Action::ReleaseClaim { policy, .. } => {
                self.claims.remove(policy);
                Ok(Answer::Done)
            }
            Action::DeleteOld { group, .. } => self.delete_old(group),
        }
    }

    fn operators(&self) -> BTreeMap<Id, BTreeSet<Rule>> {
        let operators = self.facts.operator.iter();
        operators
            .map(|(id, rules)| (id.clone(), (**rules).clone()))
            .collect()
    }

    fn create(&mut self, key: &GroupKey) -> Result<Answer, Failure> {
        if self.groups.len() >= self.quota {
            return Err(Failure::new(
                FailureKind::Quota { free: Some(0) },
                "OverQuota",
            ));
        }
        let own = id(&format!("sg{}", self.number()));
        // Neutron lets a new group's ports send everything.
        let rules = super::all_of(&[Direction::Egress]).into_iter();
        let rules = rules.filter_map(|rule| rule.named(|_| None));
        let rules: Vec<Rule<Id>> = rules.collect();
        let rules = rules.into_iter();
        let rules = rules.map(|rule| (id(&format!("rule{}", self.number())), rule));
        let group = Group {
            mark: Mark::in_name(&Mark::name(key)).unwrap(),
            rules: rules.collect(),
        };
        let seen = group.seen(&own);
        self.groups.insert(own, group);
        Ok(Answer::Created(seen))
    }

    fn delete(&mut self, group: &Id) -> Result<Answer, Failure> {
        if self.ports.values().any(|groups| groups.contains(group)) {
            return Err(Failure::new(FailureKind::Taken, "SecurityGroupInUse"));
        }
        self.groups.remove(group);
        for other in self.groups.values_mut() {
            let is_other = |rule: &Rule<Id>| rule.remote != Remote::Group(group.clone());
            other.rules.retain(|_, rule| is_other(rule));
        }
        Ok(Answer::Done)
    }

    fn dress(&mut self, pod: &PodKey, groups: &BTreeSet<Id>) -> Result<Answer, Failure> {
        let is_known =
            |id: &Id| &**id == OPERATOR || self.groups.contains_key(id) || self.old.contains(id);
        if !groups.iter().all(is_known) {
            return gone();
        }
        if self.facts.pods.get(pod).is_some_and(|pod| pod.counts()) {
            self.ports.insert(pod.clone(), groups.clone());
        }
        Ok(Answer::Done)
    }
}

impl Group {
    fn seen(&self, id: &Id) -> SeenGroup {
        let rules = self.rules.iter().map(|(id, rule)| SeenRule {
            id: id.clone(),
            rule: Some(rule.clone()),
        });
        SeenGroup {
            id: id.clone(),
            mark: self.mark,
            rules: rules.collect(),
        }
    }
}

/// Whether rules of ingress by the names of ports are what a policy's come to: those are groups of their own.
fn names_ports(change: &Change) -> bool {
    let Change::Edit(_, Direction::Ingress, other) = change else {
        return false;
    };
    let mut ports = other.ingress.iter().flat_map(|rule| &rule.ports);
    ports.any(|port| matches!(port.ports, Ports::Named(_)))
}

fn gone() -> Result<Answer, Failure> {
    Err(Failure::new(FailureKind::Gone, "NotFound"))
}

/// What a watch tells of facts of one kind.
macro_rules! all {
    ($cloud:expr, $table:ident, $kind:ident) => {{
        let there = $cloud.facts.$table.values();
        let there = there.map(|fact| Event::$kind(Watched::There((**fact).clone())));
        let all = $cloud.facts.$table.keys().cloned().collect();
        there.chain([Event::$kind(Watched::All(all))])
    }};
}

impl crate::reconcile::simulation::Cloud for Cloud {
    type Mind = Mind;

    fn carry_out(&mut self, call: &Call, fate: Fate) -> Outcome<Mind> {
        match fate {
            Fate::Refused | Fate::Immutable => return Err(Failure::again("503")),
            Fate::NeverSent => return Err(Failure::unknown("timed out")),
            Fate::Works | Fate::DoneButAnswerLost => {}
        }
        let outcome = match call {
            Call::Policy(action) => self.apply(action),
            Call::Put { pod, groups } => self.dress(pod, groups),
        };
        if fate == Fate::DoneButAnswerLost && outcome.is_ok() {
            return Err(Failure::unknown("timed out"));
        }
        outcome
    }

    fn news(&mut self) -> Vec<News> {
        let events = all!(self, policies, Policy)
            .chain(all!(self, pods, Pod))
            .chain(all!(self, namespaces, Namespace))
            .chain(all!(self, nodes, Node))
            .chain(all!(self, services, Service));
        let there = self.claims.values().cloned().map(Watched::There);
        let all = Watched::All(self.claims.keys().cloned().collect());
        let claims = [Watched::Begin].into_iter().chain(there).chain([all]);
        let events = events.chain(claims.map(Event::Claim)).map(News::Policy);
        events.chain([News::Ports(self.ports.clone())]).collect()
    }

    fn lists(&mut self) -> Vec<News> {
        self.news()
    }

    fn check_always(&self) {
        let Some(watch) = &self.watch else {
            return;
        };
        self.enforce(|cloud| {
            for (flow, was, is) in &watch.flows {
                let passes = cloud.passes(flow);
                assert!(*was || *is || !passes, "opened: {flow:?} {}", self.shown());
                let is_cut = watch.is_never_cut && *was && *is && !passes;
                assert!(!is_cut, "cut: {flow:?} {}", self.shown());
            }
            for (call, was, is) in &watch.calls {
                let passage = cloud.carries(call);
                assert!(
                    *was || *is || !passage.first,
                    "opened: {call:?} {}",
                    self.shown()
                );
            }
        });
    }
}
