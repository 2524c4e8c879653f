//! Nodes and trunks.

use std::collections::BTreeSet;

use crate::doctor::TRUNK_MAX;
use crate::doctor::catalogue::FindingKind;
use crate::doctor::facts::Node;
use crate::doctor::finding::{Finding, Remedy, Severity, Subject};
use crate::doctor::picture::Picture;
use crate::port::{Action, Id, Trunk};

pub(in crate::doctor) fn check(p: &Picture<'_>, out: &mut Vec<Finding>) {
    let wanted: BTreeSet<&Id> = p
        .facts
        .pods
        .iter()
        .filter(|f| f.pod.wanted_kind().is_some())
        .map(|f| &f.pod.node)
        .collect();
    for node in &p.facts.nodes {
        match p.trunk_of.get(&node.name) {
            None => out.push(without_trunk(node, wanted.contains(&node.name))),
            Some(trunk) => out.extend(full(p, node, trunk)),
        }
    }
    for trunk in &p.facts.trunks {
        if !p.node_of.contains_key(&trunk.id) {
            out.extend(without_node(p, trunk));
        }
    }
}

fn without_trunk(node: &Node, wanted: bool) -> Finding {
    let addresses: Vec<String> = node.addresses.iter().map(ToString::to_string).collect();
    let what = if addresses.is_empty() {
        "the node has no InternalIP to find its trunk by".to_owned()
    } else {
        format!(
            "{} is no trunk's parent port in this project",
            addresses.join(", ")
        )
    };
    let severity = if wanted {
        Severity::Error
    } else {
        Severity::Note
    };
    let remedy = "make a trunk on the node's port, or name its subnet in [pod_vif_nested] \
                  worker_nodes_subnets";
    Finding::new(
        FindingKind::NodeWithoutTrunk,
        severity,
        Subject::Node(node.name.clone()),
        what,
        Remedy::operator(remedy),
    )
    .on(&node.name)
}

fn full(p: &Picture<'_>, node: &Node, trunk: &Trunk) -> Option<Finding> {
    let (limit, used) = (TRUNK_MAX, trunk.subports.len());
    let severity = if used >= limit {
        Severity::Error
    } else if used as u64 * 100 >= limit as u64 * p.facts.limits.nearly {
        Severity::Warning
    } else {
        return None;
    };
    let finding = Finding::new(
        FindingKind::TrunkNearlyFull,
        severity,
        Subject::Trunk(trunk.id.clone()),
        format!("{used} of {limit} VLANs are used"),
        Remedy::operator("spread the pods over more nodes"),
    );
    Some(finding.on(&node.name))
}

/// A trunk that no node has, if ports of ours are on it.
fn without_node(p: &Picture<'_>, trunk: &Trunk) -> Option<Finding> {
    let ours = trunk
        .subports
        .values()
        .filter(|id| p.ports.contains_key(id));
    let (used, unused): (Vec<&Id>, Vec<&Id>) = ours.partition(|id| p.is_used(id));
    if used.is_empty() && unused.is_empty() {
        return None;
    }
    let what = format!(
        "no node has its parent port's address; {} ports of ours are on it that KuryrPorts name, {} that none names",
        used.len(),
        unused.len()
    );
    let count = unused.len();
    let remedy = if unused.is_empty() {
        Remedy::none("they stay until their pods end")
    } else {
        Remedy::controller(
            format!("take the {count} unused ones off the trunk and delete them"),
            take_away(&trunk.id, unused.into_iter().cloned().collect()),
        )
    };
    let subject = Subject::Trunk(trunk.id.clone());
    let kind = FindingKind::TrunkWithoutNode;
    Some(Finding::new(kind, Severity::Warning, subject, what, remedy).counting(count))
}

/// Ports that nobody uses: off the trunk, then deleted.
pub(super) fn take_away(trunk: &Id, ports: Vec<Id>) -> Vec<Action> {
    let deletes = ports
        .iter()
        .map(|port| Action::DeletePort { port: port.clone() });
    let deletes: Vec<Action> = deletes.collect();
    let mut actions = vec![Action::RemoveSubports {
        trunk: trunk.clone(),
        ports,
    }];
    actions.extend(deletes);
    actions
}
