//! Nodes in the world.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::{NodeState, NodeTrunk, World};
use crate::port::model::Id;

impl World {
    /// A node is there, with these addresses.
    pub fn apply_node(&mut self, name: &Id, addresses: Vec<IpAddr>) {
        let node = self.node_mut(name);
        if node.addresses != addresses {
            node.addresses = addresses;
            node.trunk = NodeTrunk::Unknown;
        }
        self.match_node(name);
        self.touch(name);
    }

    /// A node is gone; its pods and claims go by their own events.
    pub fn delete_node(&mut self, name: &Id) {
        let node = self.node_mut(name);
        node.addresses.clear();
        node.trunk = NodeTrunk::Unknown;
        for t in self
            .trunks
            .values_mut()
            .filter(|t| t.node.as_ref() == Some(name))
        {
            t.node = None;
        }
        self.touch(name);
    }

    /// The list of nodes was read whole: those not in it are gone.
    pub fn retain_nodes(&mut self, there: &BTreeSet<Id>) {
        let gone: Vec<_> = self
            .nodes
            .iter()
            .filter(|(n, s)| !there.contains(*n) && !s.addresses.is_empty())
            .map(|(n, _)| n.clone())
            .collect();
        for name in gone {
            self.delete_node(&name);
        }
        self.synced.nodes = true;
        self.touch_all();
    }

    /// What is known of a node's trunk.
    #[must_use]
    pub fn node_trunk(&self, name: &Id) -> NodeTrunk {
        self.nodes
            .get(name)
            .map(|n| n.trunk.clone())
            .unwrap_or_default()
    }

    /// Nodes with their addresses.
    #[must_use]
    pub fn node_addresses(&self) -> Vec<(Id, Vec<IpAddr>)> {
        self.nodes
            .iter()
            .filter(|(_, n)| !n.addresses.is_empty())
            .map(|(name, n)| (name.clone(), n.addresses.clone()))
            .collect()
    }

    pub(crate) fn node_mut(&mut self, name: &Id) -> &mut NodeState {
        self.nodes.entry(name.clone()).or_default()
    }

    /// Finds the node's trunk among those known.
    pub(crate) fn match_node(&mut self, name: &Id) {
        let Some(node) = self.nodes.get(name) else {
            return;
        };
        let found = self
            .trunks
            .values()
            .find(|t| t.trunk.addresses.iter().any(|a| node.addresses.contains(a)))
            .map(|t| t.trunk.id.clone());
        let Some(id) = found else { return };
        for t in self.trunks.values_mut() {
            if t.trunk.id == id {
                t.node = Some(name.clone());
            } else if t.node.as_ref() == Some(name) {
                t.node = None;
            }
        }
        self.node_mut(name).trunk = NodeTrunk::Found(id);
    }
}
