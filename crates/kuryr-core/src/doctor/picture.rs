//! The facts of a look, indexed.

use std::collections::BTreeMap;

use super::facts::{ClaimFact, Facts, Node, OtherPort, PodFact, PortFact};
use crate::port::{Id, PodKey, PortKind, Trunk};

/// The facts, indexed.
pub(super) struct Picture<'a> {
    pub(super) facts: &'a Facts,
    pub(super) pods: BTreeMap<&'a PodKey, &'a PodFact>,
    pub(super) claims: BTreeMap<&'a PodKey, &'a ClaimFact>,
    pub(super) ports: BTreeMap<&'a Id, &'a PortFact>,
    pub(super) others: BTreeMap<&'a Id, &'a OtherPort>,
    /// Port to the KuryrPorts that name it.
    pub(super) users: BTreeMap<&'a Id, Vec<&'a PodKey>>,
    /// How many pods of a node want which kind of port.
    pub(super) wanted: BTreeMap<(&'a Id, &'a PortKind), usize>,
    /// Node to its trunk.
    pub(super) trunk_of: BTreeMap<&'a Id, &'a Trunk>,
    /// Trunk to its node.
    pub(super) node_of: BTreeMap<&'a Id, &'a Id>,
}

impl<'a> Picture<'a> {
    pub(super) fn of(facts: &'a Facts) -> Self {
        let mut users: BTreeMap<&Id, Vec<&PodKey>> = BTreeMap::new();
        for claim in facts.claims.iter().map(|c| &c.claim) {
            if let Some(vif) = &claim.vif {
                users.entry(&vif.port).or_default().push(&claim.pod);
            }
        }
        users.values_mut().for_each(|pods| pods.sort());
        let mut wanted = BTreeMap::new();
        for pod in facts.pods.iter().map(|f| &f.pod) {
            if let Some(kind) = pod.wanted_kind() {
                *wanted.entry((&pod.node, &**kind)).or_default() += 1;
            }
        }
        let trunk_of = trunks_by_node(facts);
        let mut node_of = BTreeMap::new();
        for (node, trunk) in &trunk_of {
            node_of.entry(&trunk.id).or_insert(*node);
        }
        Self {
            facts,
            pods: facts.pods.iter().map(|p| (&p.pod.key, p)).collect(),
            claims: facts.claims.iter().map(|c| (&c.claim.pod, c)).collect(),
            ports: facts.ports.iter().map(|p| (&p.port.id, p)).collect(),
            others: facts.others.iter().map(|p| (&p.id, p)).collect(),
            users,
            wanted,
            trunk_of,
            node_of,
        }
    }

    /// Whether some KuryrPort names the port.
    pub(super) fn is_used(&self, port: &Id) -> bool {
        self.users.contains_key(port)
    }

    /// The KuryrPort of this very pod.
    pub(super) fn claim_of(&self, pod: &PodFact) -> Option<&'a ClaimFact> {
        let claim = self.claims.get(&pod.pod.key)?;
        (claim.claim.pod_uid == pod.pod.uid).then_some(*claim)
    }
}

/// Each node's trunk: the one whose parent port has an address of the node's, as the controller finds it.
fn trunks_by_node(facts: &Facts) -> BTreeMap<&Id, &Trunk> {
    let mut by_address = BTreeMap::new();
    let mut trunks: Vec<&Trunk> = facts.trunks.iter().collect();
    trunks.sort_by(|a, b| a.id.cmp(&b.id));
    for trunk in trunks {
        for address in &trunk.addresses {
            by_address.entry(*address).or_insert(trunk);
        }
    }
    let found = |node: &Node| {
        let mut trunks: Vec<&Trunk> = node
            .addresses
            .iter()
            .filter_map(|a| by_address.get(a).copied())
            .collect();
        trunks.sort_by(|a, b| a.id.cmp(&b.id));
        trunks.first().copied()
    };
    facts
        .nodes
        .iter()
        .filter_map(|node| Some((&node.name, found(node)?)))
        .collect()
}
