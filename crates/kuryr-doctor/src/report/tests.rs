//! What a small damaged cluster looks like.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use kuryr_core::doctor::{
    ClaimFact, Facts, FindingKind, Lease, Limits, Node, OtherPort, PodFact, PortFact, Scope,
    Subject, Usage, Wait, diagnose, overview,
};
use kuryr_core::port::{
    Claim, ClaimedVif, Place, Pod, PodKey, PodLife, Port, PortKind, PortStatus, Trunk, Want,
};

use super::{json, steps, table};
use crate::doctor::Look;
use crate::look::Unseen;
use crate::mend::{Outcome, Step};

const HOUR: Duration = Duration::from_secs(3600);

fn kind() -> Arc<PortKind> {
    Arc::new(PortKind {
        project: "p".into(),
        network: "n".into(),
        subnets: vec!["s".into()],
        security_groups: vec!["g".into()],
    })
}

fn pod(name: &str) -> PodFact {
    PodFact {
        pod: Pod {
            key: PodKey::new("shop", name),
            uid: format!("uid-{name}").into(),
            node: "worker-1".into(),
            want: Want::Port(kind()),
            life: PodLife::Alive,
            finalizer: false,
            is_static: false,
            has_host_port: false,
            age: 0,
        },
        bound: HOUR,
        deleting: None,
        event: Some(Wait {
            reason: "QuotaReached".to_owned(),
            message: "no more ports".to_owned(),
        }),
    }
}

fn port(id: &str, place: Place) -> PortFact {
    PortFact {
        port: Port {
            id: id.into(),
            kind: kind(),
            mac: "".into(),
            addresses: vec![],
            status: PortStatus::Active,
            place,
        },
        status: "ACTIVE".to_owned(),
        unchanged: Some(HOUR),
    }
}

/// A pod that waits, a KuryrPort without a pod, a leaked port, a VM's subport.
fn look() -> Look {
    let address = std::net::IpAddr::from([10, 0, 0, 1]);
    let on = Place::On {
        trunk: "trunk-1".into(),
        vlan: 7,
    };
    let claim = Claim {
        pod: PodKey::new("shop", "gone"),
        pod_uid: "uid-gone".into(),
        node: "worker-1".into(),
        vif: Some(ClaimedVif {
            port: "port-7".into(),
            vlan: 7,
            active: true,
        }),
        deleting: false,
        finalizer: true,
        version: 1,
    };
    let facts = Facts {
        limits: Limits::default(),
        lease: Lease::Seen {
            holder: "controller-0".to_owned(),
            duration: Duration::from_secs(15),
            renewed: Some(Duration::from_secs(2)),
        },
        nodes: vec![Node {
            name: "worker-1".into(),
            addresses: vec![address],
        }],
        pods: vec![pod("web-0")],
        claims: vec![ClaimFact {
            claim,
            deleting: None,
            other_finalizers: vec![],
            wait: None,
        }],
        trunks: vec![Trunk {
            id: "trunk-1".into(),
            addresses: vec![address],
            subports: [(7, "port-7".into()), (9, "vm".into())].into(),
        }],
        ports: vec![port("port-7", on), port("port-8", Place::Loose)],
        others: vec![OtherPort {
            id: "vm".into(),
            name: "db".to_owned(),
            device_owner: String::new(),
            cluster: None,
        }],
        quota: Some(Usage {
            limit: 10,
            used: 10,
        }),
        subnets: vec![],
        held: vec![],
        networks: vec![],
        groups_by_policies: false,
        policies: None,
    };
    let findings = diagnose(&facts);
    Look {
        overview: overview(&facts, &findings, &Scope::default()),
        findings,
        facts,
        unseen: vec![Unseen {
            what: "how full subnet s is".to_owned(),
            why: "forbidden".to_owned(),
        }],
    }
}

fn done() -> [Step; 2] {
    let step = |subject, what: &str, outcome| Step {
        kind: FindingKind::PortLeaked,
        subject,
        what: what.to_owned(),
        outcome,
    };
    [
        step(
            Subject::Port("port-8".into()),
            "delete the port",
            Outcome::Done,
        ),
        step(
            Subject::Trunk("trunk-1".into()),
            "take 1 of them off the trunk and delete them",
            Outcome::Left("controller-0 leads and does it".to_owned()),
        ),
    ]
}

#[test]
fn people_read_tables() {
    insta::assert_snapshot!(table(&look()));
    insta::assert_snapshot!(steps(&done()));
}

#[test]
fn programs_read_these_fields() {
    insta::assert_snapshot!(json(&look(), Some(&done())));
}
