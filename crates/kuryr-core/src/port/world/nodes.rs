//! Nodes in the world.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::{NodeState, NodeTrunk, World};
use crate::port::model::Id;

impl World {
    /// A node is there, with these addresses.
    ///
    /// One that has none any more keeps its trunk for a while: a kubelet that starts again, or a cloud provider that fails,
    /// leaves a Node without addresses for seconds, and giving a trunk up takes the ports off that wait there.
    pub(crate) fn apply_node(&mut self, name: &Id, addresses: Vec<IpAddr>) {
        let had_some = self
            .nodes
            .get(name)
            .is_some_and(|n| !n.addresses.is_empty());
        if addresses.is_empty() && had_some {
            let until = self.agenda.now() + self.settings.node_grace;
            let until = *self.addressless.entry(name.clone()).or_insert(until);
            return self.agenda.later(until, name.clone());
        }
        self.addressless.remove(name);
        if self.node_mut(name).addresses != addresses {
            self.readdress(name, addresses);
        }
        self.match_node(name);
        self.touch(name);
    }

    /// A node is gone; its pods and claims go by their own events.
    pub(crate) fn delete_node(&mut self, name: &Id) {
        self.addressless.remove(name);
        self.readdress(name, Vec::new());
        self.touch(name);
        self.forget_if_nothing(name);
    }

    /// Nodes that have had no address for too long give their trunks up.
    pub(crate) fn give_up_addressless(&mut self) {
        let now = self.agenda.now();
        let over = self.addressless.extract_if(.., |_, until| *until <= now);
        for (name, _) in over.collect::<Vec<_>>() {
            self.readdress(&name, Vec::new());
            self.touch(&name);
            self.forget_if_nothing(&name);
        }
    }

    /// Nothing is kept of a name that no node, pod and claim has: pods may be bound to any.
    pub(crate) fn forget_if_nothing(&mut self, name: &Id) {
        let is_nothing = |node: &NodeState| {
            let is_empty = node.pods.is_empty() && node.claims.is_empty();
            node.addresses.is_empty() && is_empty && !node.finding
        };
        if self.nodes.get(name).is_some_and(is_nothing) {
            self.nodes.remove(name);
        }
    }

    /// The node has these addresses, and its trunk is to be found by them. Another node of the
    /// old address may have its old trunk.
    fn readdress(&mut self, name: &Id, addresses: Vec<IpAddr>) {
        self.leave_trunk(name, None);
        let node = self.nodes.entry(name.clone()).or_default();
        self.nodes_at.replace(name, &node.addresses, &addresses);
        let had = std::mem::replace(&mut node.addresses, addresses);
        node.trunk = NodeTrunk::Unknown;
        if let Some(next) = self.nodes_at.first(&had) {
            self.match_node(&next);
            self.touch(&next);
        }
    }

    /// The trunk that the node had is nobody's, unless it is `kept`.
    fn leave_trunk(&mut self, name: &Id, kept: Option<&Id>) {
        let Some(NodeTrunk::Found(old)) = self.nodes.get(name).map(|n| &n.trunk) else {
            return;
        };
        if kept != Some(old)
            && let Some(t) = self.trunks.get_mut(old)
            && t.node.as_ref() == Some(name)
        {
            t.node = None;
        }
    }

    /// The list of nodes was read whole: those not in it are gone.
    pub(crate) fn retain_nodes(&mut self, there: &BTreeSet<Id>) {
        let gone: Vec<_> = self
            .nodes
            .iter()
            .filter(|(n, s)| !there.contains(*n) && !s.addresses.is_empty())
            .map(|(n, _)| n.clone())
            .collect();
        for name in gone {
            self.delete_node(&name);
        }
        if !self.synced.nodes {
            self.synced.nodes = true;
            self.touch_all();
        }
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

    /// The addresses from which a node reaches its pods: those of its trunk's parent port, and its own as long as that is not known.
    #[must_use]
    pub fn reached_from(&self, name: &Id) -> BTreeSet<IpAddr> {
        let Some(node) = self.nodes.get(name) else {
            return BTreeSet::new();
        };
        let trunk = match &node.trunk {
            NodeTrunk::Found(trunk) => self.trunks.get(trunk),
            _ => None,
        };
        let of_trunk = trunk.into_iter().flat_map(|t| &t.trunk.addresses);
        of_trunk.chain(&node.addresses).copied().collect()
    }

    pub(crate) fn node_mut(&mut self, name: &Id) -> &mut NodeState {
        self.nodes.entry(name.clone()).or_default()
    }

    /// Whether another node has the trunk, which stays with the first of two.
    fn is_anothers(&self, trunk: &Id, name: &Id) -> bool {
        let holder = self.trunks.get(trunk).and_then(|t| t.node.as_ref());
        holder.is_some_and(|other| {
            other != name && self.node_trunk(other) == NodeTrunk::Found(trunk.clone())
        })
    }

    /// Finds the node's trunk among those known.
    pub(crate) fn match_node(&mut self, name: &Id) {
        let Some(node) = self.nodes.get(name) else {
            return;
        };
        let Some(id) = self.trunks_at.first(&node.addresses) else {
            return;
        };
        if self.is_anothers(&id, name) {
            self.leave_trunk(name, None);
            self.node_mut(name).trunk = NodeTrunk::Missing;
            return;
        }
        self.leave_trunk(name, Some(&id));
        if let Some(t) = self.trunks.get_mut(&id) {
            t.node = Some(name.clone());
            t.was_ours = true;
        }
        self.node_mut(name).trunk = NodeTrunk::Found(id);
    }
}
