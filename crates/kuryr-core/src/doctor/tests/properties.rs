//! What holds for any damage.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::mended::MENDABLE;
use super::plant::*;
use crate::doctor::*;
use crate::port::{Action, Id};

/// The ports that an action touches.
fn touched(action: &Action) -> Vec<&Id> {
    match action {
        Action::DeletePort { port } | Action::SetSecurityGroups { port, .. } => vec![port],
        Action::RemoveSubports { ports, .. } => ports.iter().collect(),
        Action::AddSubports { ports, .. } => ports.iter().map(|(p, _)| p).collect(),
        _ => vec![],
    }
}

prop_compose! {
    /// A cluster with any number of damages, and foreign ports all over it.
    fn damaged()(
        nodes in 1usize..4,
        pods in 6usize..14,
        damages in proptest::collection::btree_set(0..MENDABLE.len(), 0..4),
        foreign in proptest::collection::vec((0usize..4, 2000u16..4094), 0..6),
    ) -> Facts {
        let mut facts = healthy(nodes, pods);
        for (n, (trunk, vlan)) in foreign.into_iter().enumerate() {
            let id: Id = format!("foreign{n}").into();
            facts.trunks[trunk % nodes].subports.insert(vlan, id.clone());
            facts.others.push(OtherPort {
                id,
                name: String::new(),
                device_owner: "compute:kuryr".to_owned(),
                cluster: (n % 2 == 0).then(|| "other".to_owned()),
            });
        }
        // A damage moves on to pods and ports that are still whole.
        for damage in damages {
            MENDABLE[damage].1(&mut facts);
            facts.pods.rotate_left(1);
            facts.claims.rotate_left(1);
        }
        facts
    }
}

proptest! {
    #[test]
    fn everything_that_can_be_mended_is(mut facts in damaged()) {
        // Damages on top of each other may leave a VLAN to a foreign port; that is people's.
        mend(&mut facts);
        prop_assert!(diagnose(&facts).iter().all(|f| f.remedy.actions.is_empty()));
    }

    #[test]
    fn only_ports_of_ours_are_touched_and_no_used_one_is_deleted(facts in damaged()) {
        let ours: BTreeSet<&Id> = facts.ports.iter().map(|p| &p.port.id).collect();
        let used: BTreeSet<&Id> =
            facts.claims.iter().filter_map(|c| c.claim.vif.as_ref()).map(|v| &v.port).collect();
        let findings = diagnose(&facts);
        for action in findings.iter().flat_map(|f| &f.remedy.actions) {
            prop_assert!(touched(action).iter().all(|id| ours.contains(*id)), "{:?}", action);
            if let Action::DeletePort { port } = action {
                prop_assert!(!used.contains(port), "{:?}", action);
            }
        }
    }

    #[test]
    fn the_order_of_facts_does_not_matter(facts in damaged(), by in 0usize..7) {
        let mut other = facts.clone();
        let turn = |n: usize| by % n.max(1);
        let n = turn(other.pods.len());
        other.pods.rotate_left(n);
        let n = turn(other.claims.len());
        other.claims.rotate_left(n);
        let n = turn(other.ports.len());
        other.ports.rotate_left(n);
        other.trunks.reverse();
        other.nodes.reverse();
        other.others.reverse();
        prop_assert_eq!(diagnose(&facts), diagnose(&other));
    }

    #[test]
    fn a_healthy_cluster_stays_without_findings(nodes in 1usize..5, pods in 0usize..40) {
        prop_assert_eq!(kinds(&healthy(nodes, pods)), []);
    }
}
