//! Ports that no KuryrPort names, and ports of others.

use std::collections::BTreeMap;

use super::nodes::take_away;
use crate::doctor::TRUNK_MAX;
use crate::doctor::catalogue::FindingKind;
use crate::doctor::facts::{OtherPort, PortFact};
use crate::doctor::finding::{Finding, Remedy, Severity, Subject, span};
use crate::doctor::picture::Picture;
use crate::pool::{Stock, Verdict, verdict};
use crate::port::{Action, Id, Place, PortKind, PortStatus, Trunk};

pub(in crate::doctor) fn check(p: &Picture<'_>, out: &mut Vec<Finding>) {
    for port in p.ports.values().filter(|f| !p.is_used(&f.port.id)) {
        match &port.port.place {
            Place::Loose => out.extend(leaked(p, port)),
            Place::On { trunk, .. } => out.extend(unused_down(p, port, trunk)),
        }
    }
    for (node, trunk) in &p.trunk_of {
        pools(p, node, trunk, out);
        foreign(p, node, trunk, out);
    }
    out.extend(p.facts.others.iter().filter_map(upstream));
}

fn leaked(p: &Picture<'_>, fact: &PortFact) -> Option<Finding> {
    let age = fact.unchanged?;
    if age < p.facts.limits.grace {
        return None;
    }
    let port = &fact.port.id;
    Some(Finding::new(
        FindingKind::PortLeaked,
        Severity::Error,
        Subject::Port(port.clone()),
        format!(
            "it has been on no trunk for {}, and no KuryrPort names it",
            span(age)
        ),
        Remedy::fix(
            "delete the port",
            vec![Action::DeletePort { port: port.clone() }],
        ),
    ))
}

/// A port that waits for a pod, and can't.
fn unused_down(p: &Picture<'_>, fact: &PortFact, trunk: &Id) -> Option<Finding> {
    let node = p.node_of.get(trunk)?;
    let since = fact.unchanged?;
    if fact.port.status == PortStatus::Active || since < p.facts.limits.patience {
        return None;
    }
    let found = Finding::new(
        FindingKind::PortDown,
        Severity::Warning,
        Subject::Port(fact.port.id.clone()),
        format!(
            "it waits for a pod and has been {} for {}",
            fact.status,
            span(since)
        ),
        Remedy::operator("see the agent or ovn-controller of the node's hypervisor"),
    );
    Some(found.on(node))
}

/// Ports on a node's trunk that nobody uses, by kind, against what the pool may hold.
fn pools(p: &Picture<'_>, node: &Id, trunk: &Trunk, out: &mut Vec<Finding>) {
    let mut unused: BTreeMap<&PortKind, Vec<&PortFact>> = BTreeMap::new();
    let ours = trunk.subports.values().filter_map(|id| p.ports.get(id));
    for fact in ours.filter(|f| !p.is_used(&f.port.id)) {
        unused.entry(&fact.port.kind).or_default().push(fact);
    }
    let mut surplus = Vec::new();
    for (kind, mut ports) in unused {
        let stock = Stock {
            used: p.wanted.get(&(node, kind)).copied().unwrap_or(0),
            unused: ports.len(),
            room: TRUNK_MAX.saturating_sub(trunk.subports.len()),
        };
        if let Verdict::Shrink(n) = verdict(p.facts.limits.pool, stock) {
            // Those that are of least use go first.
            ports.sort_by_key(|f| (f.port.status == PortStatus::Active, &f.port.id));
            surplus.extend(ports.iter().take(n).map(|f| f.port.id.clone()));
        }
    }
    if surplus.is_empty() {
        return;
    }
    let count = surplus.len();
    // A leader makes pools smaller slowly, on purpose.
    let patient = p.facts.limits.pool.enabled && p.facts.lease.leader().is_some();
    let found = Finding::new(
        FindingKind::PoolTooLarge,
        if patient {
            Severity::Note
        } else {
            Severity::Warning
        },
        Subject::Trunk(trunk.id.clone()),
        format!("{count} more ports wait unused on the trunk than the pool may hold"),
        Remedy::controller(
            format!("take {count} of them off the trunk and delete them"),
            take_away(&trunk.id, surplus),
        ),
    );
    out.push(found.on(node).counting(count));
}

fn foreign(p: &Picture<'_>, node: &Id, trunk: &Trunk, out: &mut Vec<Finding>) {
    for (vlan, id) in &trunk.subports {
        // One that a KuryrPort names is a finding there.
        if p.ports.contains_key(id) || p.is_used(id) {
            continue;
        }
        let whose = match p.others.get(id) {
            Some(OtherPort {
                cluster: Some(c), ..
            }) => format!("of cluster {c}"),
            Some(o) if !o.name.is_empty() => format!("not ours, named {}", o.name),
            _ => "not ours".to_owned(),
        };
        let found = Finding::new(
            FindingKind::ForeignSubport,
            Severity::Note,
            Subject::Port(id.clone()),
            format!("it is on the trunk with VLAN {vlan} and is {whose}"),
            Remedy::none("it is left alone"),
        );
        out.push(found.on(node));
    }
}

fn upstream(other: &OtherPort) -> Option<Finding> {
    (other.device_owner == "compute:kuryr" && other.cluster.is_none()).then(|| {
        Finding::new(
            FindingKind::UpstreamPort,
            Severity::Note,
            Subject::Port(other.id.clone()),
            "kuryr-kubernetes left it: compute:kuryr without any cluster's tag",
            Remedy::none("it is left alone; adopt or delete it by hand"),
        )
    })
}
