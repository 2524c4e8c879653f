//! A healthy cluster, and what Kubernetes and Neutron do with actions.

use std::sync::Arc;
use std::time::Duration;

use crate::doctor::*;
use crate::port::{
    Action, Claim, ClaimedVif, Place, Pod, PodKey, PodLife, Port, PortKind, PortStatus, Trunk, Want,
};

pub(super) const OLD: Duration = Duration::from_secs(3600);

pub(super) fn kind() -> Arc<PortKind> {
    Arc::new(PortKind {
        project: "p".into(),
        network: "n".into(),
        subnets: vec!["s".into()],
        security_groups: vec!["g".into()],
    })
}

pub(super) fn pod(name: &str, node: &str) -> PodFact {
    PodFact {
        pod: Pod {
            key: PodKey::new("shop", name),
            uid: format!("uid-{name}").into(),
            node: node.into(),
            want: Want::Port(kind()),
            life: PodLife::Alive,
            finalizer: false,
            is_static: false,
            has_host_port: false,
            age: 0,
        },
        bound: OLD,
        deleting: None,
        event: None,
    }
}

pub(super) fn port(id: &str, place: Place) -> PortFact {
    PortFact {
        port: Port {
            id: id.into(),
            kind: kind(),
            mac: "".into(),
            addresses: Vec::new(),
            status: PortStatus::Active,
            place,
        },
        status: "ACTIVE".to_owned(),
        unchanged: Some(OLD),
    }
}

pub(super) fn claim(pod: &PodFact, port: &str, vlan: u16) -> ClaimFact {
    ClaimFact {
        claim: Claim {
            pod: pod.pod.key.clone(),
            pod_uid: pod.pod.uid.clone(),
            node: pod.pod.node.clone(),
            vif: Some(ClaimedVif {
                port: port.into(),
                vlan,
                active: true,
            }),
            deleting: false,
            finalizer: true,
            version: 1,
        },
        deleting: None,
        other_finalizers: Vec::new(),
        wait: None,
    }
}

/// Nodes `n0..`, each with trunk `t0..`, so many pods `p0..` on them in turn, each on port `q0..`.
pub(super) fn healthy(nodes: usize, pods: usize) -> Facts {
    let mut facts = Facts {
        limits: Limits::default(),
        lease: Lease::Seen {
            holder: "c".to_owned(),
            duration: Duration::from_secs(15),
            renewed: Some(Duration::from_secs(3)),
        },
        nodes: Vec::new(),
        pods: Vec::new(),
        claims: Vec::new(),
        trunks: Vec::new(),
        ports: Vec::new(),
        others: Vec::new(),
        quota: Some(Usage {
            limit: 1000,
            used: 10,
        }),
        subnets: Vec::new(),
        held: vec![],
        networks: vec![],
        groups_by_policies: false,
        policies: None,
    };
    for n in 0..nodes {
        let addresses = vec![std::net::IpAddr::from([
            10,
            0,
            0,
            u8::try_from(n + 1).unwrap(),
        ])];
        facts.nodes.push(Node {
            name: format!("n{n}").into(),
            addresses: addresses.clone(),
        });
        facts.trunks.push(Trunk {
            id: format!("t{n}").into(),
            addresses,
            subports: [].into(),
        });
    }
    for i in 0..pods {
        let at = i % nodes;
        let pod = pod(&format!("p{i}"), &format!("n{at}"));
        let vlan = u16::try_from(i / nodes + 1).unwrap();
        facts.claims.push(claim(&pod, &format!("q{i}"), vlan));
        facts.pods.push(pod);
        put(&mut facts, &format!("q{i}"), at, vlan);
    }
    facts
}

/// A port of ours on a trunk.
pub(super) fn put(facts: &mut Facts, id: &str, trunk: usize, vlan: u16) {
    let place = Place::On {
        trunk: format!("t{trunk}").into(),
        vlan,
    };
    facts.ports.push(port(id, place));
    facts.trunks[trunk].subports.insert(vlan, id.into());
}

pub(super) fn find_port<'a>(facts: &'a mut Facts, id: &str) -> &'a mut PortFact {
    facts.ports.iter_mut().find(|p| &*p.port.id == id).unwrap()
}

/// Takes a port off its trunk.
pub(super) fn loosen(facts: &mut Facts, id: &str) {
    find_port(facts, id).port.place = Place::Loose;
    for trunk in &mut facts.trunks {
        trunk.subports.retain(|_, p| &**p != id);
    }
}

pub(super) fn kinds(facts: &Facts) -> Vec<FindingKind> {
    diagnose(facts).iter().map(|f| f.kind).collect()
}

/// The only finding.
#[track_caller]
pub(super) fn only(facts: &Facts) -> Finding {
    let mut found = diagnose(facts);
    assert_eq!(found.len(), 1, "{found:#?}");
    found.pop().unwrap()
}

/// Carries out an action as Kubernetes and Neutron would, with their refusals.
pub(super) fn apply(facts: &mut Facts, action: &Action) {
    match action {
        Action::DropClaim { pod, .. } => facts.claims.retain(|c| c.claim.pod != *pod),
        Action::DropPodFinalizer { pod, .. } => {
            let fact = facts.pods.iter_mut().find(|p| p.pod.key == *pod).unwrap();
            fact.pod.finalizer = false;
        }
        Action::DeletePort { port } => {
            assert_eq!(find_port(facts, port).port.place, Place::Loose, "in use");
            facts.ports.retain(|p| p.port.id != *port);
        }
        Action::RemoveSubports { ports, .. } => {
            for port in ports {
                loosen(facts, port);
            }
        }
        Action::AddSubports { trunk, ports } => {
            for (port, vlan) in ports {
                let fact = find_port(facts, port);
                assert_eq!(fact.port.place, Place::Loose, "PortInUse");
                fact.port.place = Place::On {
                    trunk: trunk.clone(),
                    vlan: *vlan,
                };
                let there = facts.trunks.iter_mut().find(|t| t.id == *trunk).unwrap();
                let taken = there.subports.insert(*vlan, port.clone());
                assert_eq!(taken, None, "DuplicateSubPort");
            }
        }
        Action::SetSecurityGroups { port, kind } => {
            find_port(facts, port).port.kind = kind.clone();
        }
        other => panic!("not a fix: {other:?}"),
    }
}

/// Carries out everything that findings say, again and again, as `--fix` does.
pub(super) fn mend(facts: &mut Facts) {
    for _ in 0..4 {
        let actions: Vec<Action> = diagnose(facts)
            .into_iter()
            .flat_map(|f| f.remedy.actions)
            .collect();
        if actions.is_empty() {
            return;
        }
        actions.iter().for_each(|action| apply(facts, action));
    }
    panic!("it does not end: {:#?}", diagnose(facts));
}

pub(super) fn pods_end(facts: &mut Facts) {
    let fact = &mut facts.pods[0];
    fact.pod.life = PodLife::Over;
    fact.pod.finalizer = true;
    fact.deleting = Some(OLD);
}
