//! KuryrPorts, and the ports that they name.

use std::sync::Arc;

use crate::doctor::catalogue::FindingKind;
use crate::doctor::facts::{ClaimFact, PodFact, PortFact};
use crate::doctor::finding::{Finding, Remedy, Severity, Subject, span};
use crate::doctor::guard::{Need, need};
use crate::doctor::picture::Picture;
use crate::port::{Action, ClaimedVif, Id, Place, PodKey, PortKind, PortStatus, Trunk};
use crate::vlan;

pub(in crate::doctor) fn check(p: &Picture<'_>, out: &mut Vec<Finding>) {
    for fact in p.claims.values() {
        let pod = p.pods.get(&fact.claim.pod).copied();
        match need(&fact.claim, pod.map(|f| &f.pod)) {
            Need::Yes => {
                if let Some(pod) = pod {
                    in_use(p, fact, pod, out);
                }
            }
            why => out.extend(unneeded(p, fact, why)),
        }
    }
    for (port, pods) in &p.users {
        if pods.len() > 1 {
            out.push(claimed_twice(p, port, pods));
        }
    }
}

fn finding(
    kind: FindingKind,
    severity: Severity,
    fact: &ClaimFact,
    what: impl Into<String>,
    remedy: Remedy,
) -> Finding {
    let pod = &fact.claim.pod;
    Finding::new(
        kind,
        severity,
        Subject::KuryrPort(pod.clone()),
        what,
        remedy,
    )
    .on(&fact.claim.node)
    .of(pod)
}

/// A KuryrPort that its pod does not need.
fn unneeded(p: &Picture<'_>, fact: &ClaimFact, why: Need) -> Option<Finding> {
    let claim = &fact.claim;
    let (kind, what) = match why {
        Need::Yes => return None,
        Need::PodGone => (
            FindingKind::KuryrPortWithoutPod,
            "its pod is gone".to_owned(),
        ),
        Need::OtherPod => (
            FindingKind::KuryrPortOfAnotherPod,
            format!(
                "it is for pod uid {}, and the pod of that name is another",
                claim.pod_uid
            ),
        ),
        Need::Over => (
            FindingKind::KuryrPortNotNeeded,
            "its pod has ended".to_owned(),
        ),
        Need::OnHost => (
            FindingKind::KuryrPortNotNeeded,
            "its pod is on the host's network".to_owned(),
        ),
    };
    let what = match &claim.vif {
        Some(vif) => format!("{what}; it keeps port {}", vif.port),
        None => what,
    };
    let drop = vec![Action::DropClaim {
        pod: claim.pod.clone(),
        uid: claim.pod_uid.clone(),
        deleting: claim.deleting,
    }];
    let Some(since) = fact.deleting else {
        let remedy = Remedy::fix("delete the KuryrPort", drop);
        return Some(finding(kind, Severity::Error, fact, what, remedy));
    };
    if since < p.facts.limits.patience {
        return None;
    }
    let (what, remedy) = if claim.finalizer {
        (
            format!(
                "{what}; it was deleted {} ago and our finalizer holds it",
                span(since)
            ),
            Remedy::fix("take our finalizer off", drop),
        )
    } else {
        let others = fact.other_finalizers.join(", ");
        (
            format!(
                "{what}; it was deleted {} ago and is held by {others}",
                span(since)
            ),
            Remedy::operator(format!("find out why {others} stays")),
        )
    };
    let kind = FindingKind::KuryrPortStuck;
    Some(finding(kind, Severity::Error, fact, what, remedy))
}

fn in_use(p: &Picture<'_>, fact: &ClaimFact, pod: &PodFact, out: &mut Vec<Finding>) {
    // One without a port is made anew by the controller.
    if let Some(since) = fact.deleting.filter(|_| fact.claim.vif.is_some()) {
        out.push(finding(
            FindingKind::KuryrPortDeleted,
            Severity::Warning,
            fact,
            format!("it was deleted {} ago, and its pod lives", span(since)),
            Remedy::none("it goes when the pod ends; the pod keeps its port until then"),
        ));
    }
    let Some(vif) = &fact.claim.vif else { return };
    let Some(port) = p.ports.get(&vif.port) else {
        out.push(not_ours(p, fact, vif));
        return;
    };
    let placed = place(p, fact, vif, port);
    let in_place = placed.is_none();
    out.extend(placed);
    if in_place {
        out.extend(down(p, fact, port));
    }
    if let Some(kind) = pod.pod.wanted_kind() {
        // What policies ask for is compared by itself.
        if !p.facts.groups_by_policies {
            out.extend(groups(fact, port, kind));
        }
    }
}

/// The port is not among ours: gone, or without our mark.
fn not_ours(p: &Picture<'_>, fact: &ClaimFact, vif: &ClaimedVif) -> Finding {
    let port = &vif.port;
    let Some(other) = p.others.get(port) else {
        return finding(
            FindingKind::PortGone,
            Severity::Error,
            fact,
            format!("its port {port} is gone from Neutron"),
            Remedy::operator("delete the pod; its successor gets a new port"),
        );
    };
    let trunk = p.trunk_of.get(&fact.claim.node);
    let in_place = trunk.is_some_and(|t| t.subports.get(&vif.vlan) == Some(port));
    let (mark, remedy) = match &other.cluster {
        Some(cluster) => (
            format!("carries the tag of cluster {cluster}"),
            Remedy::operator("find out whose it is; nothing is changed about it"),
        ),
        None if in_place => (
            "does not carry this cluster's tag".to_owned(),
            Remedy::controller(
                "set the tag again, since it is where the KuryrPort says",
                vec![],
            ),
        ),
        None => (
            "does not carry this cluster's tag".to_owned(),
            Remedy::operator("set the tag again if it is ours; nothing is changed about it"),
        ),
    };
    finding(
        FindingKind::PortUnmarked,
        Severity::Warning,
        fact,
        format!("its port {port} {mark}"),
        remedy,
    )
}

/// The port is not where the pod is plugged.
fn place(p: &Picture<'_>, fact: &ClaimFact, vif: &ClaimedVif, port: &PortFact) -> Option<Finding> {
    let trunk = *p.trunk_of.get(&fact.claim.node)?;
    let wanted = Place::On {
        trunk: trunk.id.clone(),
        vlan: vif.vlan,
    };
    if port.port.place == wanted {
        return None;
    }
    let is = match &port.port.place {
        Place::Loose => "on no trunk".to_owned(),
        Place::On { trunk, vlan } => format!("on trunk {trunk} with VLAN {vlan}"),
    };
    let what = format!(
        "its port {} is {is}; the pod is plugged on trunk {} with VLAN {}",
        vif.port, trunk.id, vif.vlan
    );
    let remedy = put_right(p, trunk, vif, port);
    let kind = FindingKind::PortMisplaced;
    Some(finding(kind, Severity::Error, fact, what, remedy))
}

fn put_right(p: &Picture<'_>, trunk: &Trunk, vif: &ClaimedVif, port: &PortFact) -> Remedy {
    let anew = "delete the pod; its successor gets a new port";
    if !(vlan::MIN..=vlan::MAX).contains(&vif.vlan) {
        return Remedy::operator(anew);
    }
    if p.users.get(&vif.port).is_some_and(|pods| pods.len() > 1) {
        return Remedy::operator("several KuryrPorts name the port; that comes first");
    }
    if let Some(other) = trunk.subports.get(&vif.vlan) {
        return Remedy::operator(format!("VLAN {} has port {other}; {anew}", vif.vlan));
    }
    let mut actions = Vec::new();
    if let Place::On { trunk, .. } = &port.port.place {
        actions.push(Action::RemoveSubports {
            trunk: trunk.clone(),
            ports: vec![vif.port.clone()],
        });
    }
    actions.push(Action::AddSubports {
        trunk: trunk.id.clone(),
        ports: vec![(vif.port.clone(), vif.vlan)],
    });
    Remedy::fix("put the port there", actions)
}

fn down(p: &Picture<'_>, fact: &ClaimFact, port: &PortFact) -> Option<Finding> {
    let long = port.unchanged? >= p.facts.limits.patience;
    if port.port.status == PortStatus::Active || !long {
        return None;
    }
    let since = span(port.unchanged?);
    let what = format!(
        "its port {} has been {} for {since}",
        port.port.id, port.status
    );
    let actions = match (&port.port.place, p.users.get(&port.port.id)) {
        (Place::On { trunk, vlan }, Some(pods)) if pods.len() == 1 => {
            again(&port.port.id, trunk, *vlan)
        }
        _ => vec![],
    };
    let remedy = Remedy::controller(
        "take it off its trunk and put it on again; if it stays so, see the agent or ovn-controller of the node's hypervisor",
        actions,
    );
    let kind = FindingKind::PortDown;
    Some(finding(kind, Severity::Error, fact, what, remedy))
}

/// Off the trunk, and put on again with the same VLAN: the cloud wires it anew.
fn again(port: &Id, trunk: &Id, vlan: u16) -> Vec<Action> {
    vec![
        Action::RemoveSubports {
            trunk: trunk.clone(),
            ports: vec![port.clone()],
        },
        Action::AddSubports {
            trunk: trunk.clone(),
            ports: vec![(port.clone(), vlan)],
        },
    ]
}

fn groups(fact: &ClaimFact, port: &PortFact, wanted: &Arc<PortKind>) -> Option<Finding> {
    let has = &port.port.kind.security_groups;
    if *has == wanted.security_groups {
        return None;
    }
    let list = |ids: &[Id]| match ids {
        [] => "none".to_owned(),
        ids => ids
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", "),
    };
    let what = format!(
        "its port {} has security groups {}; configured are {}",
        port.port.id,
        list(has),
        list(&wanted.security_groups)
    );
    let kind = Arc::new(PortKind {
        security_groups: wanted.security_groups.clone(),
        ..(*port.port.kind).clone()
    });
    let action = Action::SetSecurityGroups {
        port: port.port.id.clone(),
        kind,
    };
    let remedy = Remedy::fix("set the configured groups", vec![action]);
    let kind = FindingKind::SecurityGroupsDiffer;
    Some(finding(kind, Severity::Error, fact, what, remedy))
}

fn claimed_twice(p: &Picture<'_>, port: &Id, pods: &[&PodKey]) -> Finding {
    let names: Vec<String> = pods.iter().map(ToString::to_string).collect();
    let what = format!("{} KuryrPorts name it: {}", pods.len(), names.join(", "));
    let remedy = "delete all of these pods but the one that it is plugged for";
    let found = Finding::new(
        FindingKind::PortClaimedTwice,
        Severity::Error,
        Subject::Port(port.clone()),
        what,
        Remedy::operator(remedy),
    );
    // Shown where the first of them is.
    match pods.first().and_then(|pod| p.claims.get(*pod)) {
        Some(first) => found.on(&first.claim.node).of(&first.claim.pod),
        None => found,
    }
}
