//! Damage that fixes mend.

use std::sync::Arc;

use super::plant::*;
use crate::doctor::*;
use crate::port::{Place, Trunk};

/// Damage, by name, with the kinds that are found then.
pub(super) type Damage = (&'static str, fn(&mut Facts), &'static [FindingKind]);

/// Each can be mended by `--fix`.
pub(super) const MENDABLE: &[Damage] = &[
    (
        "the pod is gone",
        |f| drop(f.pods.remove(0)),
        &[FindingKind::KuryrPortWithoutPod],
    ),
    (
        "the pod was made again",
        |f| f.pods[0].pod.uid = "later".into(),
        // Its successor has waited as long.
        &[FindingKind::KuryrPortOfAnotherPod, FindingKind::PodWaits],
    ),
    (
        "the pod has ended and keeps everything",
        pods_end,
        &[
            FindingKind::KuryrPortNotNeeded,
            FindingKind::PodFinalizerStuck,
        ],
    ),
    (
        "our finalizer is stuck",
        |f| {
            f.pods.remove(0);
            f.claims[0].claim.deleting = true;
            f.claims[0].deleting = Some(OLD);
        },
        &[FindingKind::KuryrPortStuck],
    ),
    (
        "the port was taken off",
        |f| loosen(f, "q0"),
        &[FindingKind::PortMisplaced],
    ),
    (
        "the port was put elsewhere",
        |f| {
            loosen(f, "q0");
            let trunk = f.trunks.len() - 1;
            find_port(f, "q0").port.place = Place::On {
                trunk: format!("t{trunk}").into(),
                vlan: 4000,
            };
            f.trunks[trunk].subports.insert(4000, "q0".into());
        },
        &[FindingKind::PortMisplaced],
    ),
    (
        "the groups were changed",
        |f| {
            let fact = find_port(f, "q0");
            let mut kind = (*fact.port.kind).clone();
            kind.security_groups.clear();
            fact.port.kind = Arc::new(kind);
        },
        &[FindingKind::SecurityGroupsDiffer],
    ),
    (
        "a port leaked",
        |f| f.ports.push(port("leak", Place::Loose)),
        &[FindingKind::PortLeaked],
    ),
    (
        "a port was left on a trunk",
        |f| put(f, "left", 0, 4001),
        &[FindingKind::PoolTooLarge],
    ),
    (
        "a node went and left ports",
        |f| {
            f.trunks.push(Trunk {
                id: format!("t{}", f.trunks.len()).into(),
                addresses: Vec::new(),
                subports: [].into(),
            });
            let last = f.trunks.len() - 1;
            put(f, "orphan", last, 7);
        },
        &[FindingKind::TrunkWithoutNode],
    ),
];

#[test]
fn a_healthy_cluster_has_no_findings() {
    assert_eq!(kinds(&healthy(2, 5)), []);
}

#[test]
fn each_damage_is_found_and_mended() {
    for (name, damage, expected) in MENDABLE {
        let mut facts = healthy(2, 5);
        damage(&mut facts);
        let mut found = kinds(&facts);
        found.sort();
        assert_eq!(found, *expected, "{name}");
        mend(&mut facts);
        // A new pod gets its port by the controller.
        let left: Vec<_> = kinds(&facts);
        assert!(
            left.iter().all(|k| *k == FindingKind::PodWaits),
            "{name}: {left:?}"
        );
    }
}
