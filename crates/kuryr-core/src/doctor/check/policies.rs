//! Security groups of policies, and which of them ports carry: compared with what policies ask for.
//!
//! Nothing of it is mended here: the controller does it in an order in which nothing is opened meanwhile.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::doctor::catalogue::FindingKind;
use crate::doctor::facts::{ClaimFact, PolicyFacts, PortFact, SeenPolicyGroup};
use crate::doctor::finding::{Finding, Remedy, Severity, Subject};
use crate::doctor::picture::Picture;
use crate::policy::{Compiled, GroupKey, Mark, Node, Purpose, Rule, compile};
use crate::port::Id;

pub(in crate::doctor) fn check(p: &Picture<'_>, out: &mut Vec<Finding>) {
    let Some(facts) = &p.facts.policies else {
        return;
    };
    let asked = Asked::new(p, facts);
    for (key, rules) in &asked.compiled.groups {
        out.extend(asked.group(key, rules));
    }
    out.extend(facts.groups.iter().filter_map(|group| asked.leaked(group)));
    for fact in p.claims.values() {
        out.extend(asked.port(p, fact));
    }
}

/// What policies ask for, and what there is.
struct Asked<'a> {
    facts: &'a PolicyFacts,
    compiled: Compiled,
    /// The group of each mark that counts: one that a port carries, else the first.
    chosen: BTreeMap<Mark, &'a SeenPolicyGroup>,
}

impl<'a> Asked<'a> {
    fn new(p: &Picture<'a>, facts: &'a PolicyFacts) -> Self {
        let compiled = match &facts.cluster {
            Some((cluster, settings)) => {
                let mut cluster = cluster.clone();
                let nodes = p.trunk_of.iter().map(|(name, trunk)| {
                    let node = Node {
                        name: (*name).clone(),
                        addresses: trunk.addresses.iter().copied().collect(),
                    };
                    (node.name.clone(), Arc::new(node))
                });
                cluster.nodes = nodes.collect();
                compile(&cluster, settings)
            }
            None => Compiled::default(),
        };
        let ports = p.facts.ports.iter();
        let carried: BTreeSet<&Id> = ports.flat_map(|f| &f.port.kind.security_groups).collect();
        let mut groups: Vec<&SeenPolicyGroup> = facts.groups.iter().collect();
        groups.sort_by_key(|group| (!carried.contains(&group.seen.id), &group.seen.id));
        let mut chosen = BTreeMap::new();
        for group in groups {
            chosen.entry(group.seen.mark).or_insert(group);
        }
        Self {
            facts,
            compiled,
            chosen,
        }
    }

    fn id_of(&self, key: &GroupKey) -> Option<Id> {
        match &key.purpose {
            Purpose::Operator(id) => Some(id.clone()),
            _ => self.chosen.get(&Mark::of(key)).map(|g| g.seen.id.clone()),
        }
    }

    /// A group that is asked for.
    fn group(&self, key: &GroupKey, rules: &BTreeSet<Rule>) -> Option<Finding> {
        let Some(group) = self.chosen.get(&Mark::of(key)) else {
            let what = format!("the security group for {key} is not in Neutron");
            let name = Mark::name(key).into();
            return Some(found(FindingKind::PolicyGroupMissing, name, what, key));
        };
        // What names a group that is missing is told of that one.
        let named = rules.iter().filter_map(|r| r.named(|key| self.id_of(key)));
        let wanted: BTreeSet<Rule<Id>> = named.collect();
        let there = group.seen.rules.iter();
        let there: BTreeSet<&Rule<Id>> = there.filter_map(|seen| seen.rule.as_ref()).collect();
        let odd = group.seen.rules.len() - there.len();
        let more = odd + there.iter().filter(|r| !wanted.contains(**r)).count();
        let less = wanted.iter().filter(|r| !there.contains(r)).count();
        if (more, less) == (0, 0) {
            return None;
        }
        let what = format!(
            "the security group for {key} has {more} rules that no policy asks for, and lacks {less} of {}",
            wanted.len()
        );
        let id = group.seen.id.clone();
        Some(found(FindingKind::PolicyRulesDiffer, id, what, key))
    }

    /// A group that nobody asks for.
    fn leaked(&self, group: &SeenPolicyGroup) -> Option<Finding> {
        let mark = group.seen.mark;
        let is_chosen = self
            .chosen
            .get(&mark)
            .is_some_and(|g| g.seen.id == group.seen.id);
        let mut wanted = self.compiled.groups.keys();
        if is_chosen && wanted.any(|key| Mark::of(key) == mark) {
            return None;
        }
        let (why, remedy) = match self.facts.cluster {
            Some(_) => (
                "no policy asks for it",
                Remedy::controller(
                    "a controller that leads deletes it when no port carries it",
                    vec![],
                ),
            ),
            None => (
                "policies are not in force",
                Remedy::operator(
                    "delete it; `[kubernetes] pod_security_groups_driver = policy` puts policies in force",
                ),
            ),
        };
        let what = format!(
            "the security group {:?} carries this cluster's mark, and {why}",
            group.name
        );
        let subject = Subject::SecurityGroup(group.seen.id.clone());
        let kind = FindingKind::PolicyGroupLeaked;
        Some(Finding::new(kind, Severity::Warning, subject, what, remedy))
    }

    /// What a pod's port carries.
    fn port(&self, p: &Picture<'_>, fact: &ClaimFact) -> Option<Finding> {
        let pod = &fact.claim.pod;
        let port: &PortFact = p.ports.get(&fact.claim.vif.as_ref()?.port)?;
        let keys = self.compiled.of_pod.get(pod)?;
        let wanted = keys.iter().map(|key| self.id_of(key));
        // Of a group that is missing it is told already.
        let wanted: BTreeSet<Id> = wanted.collect::<Option<_>>()?;
        let has: BTreeSet<Id> = port.port.kind.security_groups.iter().cloned().collect();
        if has == wanted {
            return None;
        }
        let name = |id: &Id| -> Cow<'_, str> {
            let groups = self.facts.groups.iter();
            let known = groups.into_iter().find(|group| group.seen.id == *id);
            known.map_or(Cow::Owned(id.to_string()), |g| Cow::Borrowed(&*g.name))
        };
        let list = |ids: Vec<&Id>| match ids.is_empty() {
            true => "none".to_owned(),
            false => {
                let names: Vec<String> = ids.into_iter().map(|id| name(id).into_owned()).collect();
                names.join(", ")
            }
        };
        let what = format!(
            "its port {} lacks security groups that policies ask for: {}; and has others: {}",
            port.port.id,
            list(wanted.difference(&has).collect()),
            list(has.difference(&wanted).collect()),
        );
        let subject = Subject::KuryrPort(pod.clone());
        let kind = FindingKind::SecurityGroupsDiffer;
        let finding = Finding::new(kind, Severity::Error, subject, what, by_controller());
        Some(finding.on(&fact.claim.node).of(pod))
    }
}

fn by_controller() -> Remedy {
    Remedy::controller(
        "a controller that leads puts it right, in an order in which nothing is opened meanwhile",
        vec![],
    )
}

fn found(kind: FindingKind, group: Id, what: String, key: &GroupKey) -> Finding {
    let subject = Subject::SecurityGroup(group);
    let finding = Finding::new(kind, Severity::Error, subject, what, by_controller());
    match &key.purpose {
        Purpose::Policy(of, _) | Purpose::Named(of, _) => {
            finding.in_namespace(&of.policy.namespace)
        }
        _ => finding,
    }
}
