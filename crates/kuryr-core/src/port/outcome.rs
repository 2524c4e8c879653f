//! What an action changes when it begins, and when its outcome is known.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::action::{Action, Assignment, Failure, Outcome, Reason};
use super::model::{Id, Place, PodKey, Port, PortKind, PortNotes, PortStatus, Trunk};
use super::world::{Held, NodeTrunk, TrunkState, World};
use crate::Millis;

impl World {
    /// The action is about to be carried out: what it concerns is busy until
    /// [`World::finish`].
    pub fn begin(&mut self, action: &Action) {
        match action {
            Action::CreateClaim { pod, vif, .. } => self.begin_claim(pod, vif.as_ref()),
            Action::WriteVif { pod, vif, .. } => self.begin_claim(pod, Some(vif)),
            Action::DropClaim { pod, .. } | Action::DropPodFinalizer { pod, .. } => {
                self.begin_claim(pod, None);
            }
            Action::FindTrunks { nodes } => {
                for (node, _) in nodes {
                    self.node_mut(node).finding = true;
                }
            }
            Action::CreatePorts { orders } => {
                self.creates += 1;
                for (node, kind, count) in orders {
                    let key = (node.clone(), kind.clone());
                    *self.creating.entry(key).or_default() += count;
                }
            }
            Action::AddSubports { trunk, ports } => {
                self.set_trunk_busy(trunk, true);
                if let (Some(t), Some((_, last))) = (self.trunks.get_mut(trunk), ports.last()) {
                    t.last_vlan = *last;
                }
                let node = self.trunks.get(trunk).and_then(|t| t.node.clone());
                for (id, _) in ports {
                    // An orphan is this node's from now on.
                    self.change_port(id, |_, n| (n.busy, n.made_for) = (true, node.clone()));
                }
            }
            Action::RemoveSubports { trunk, ports } => {
                self.set_trunk_busy(trunk, true);
                self.set_busy(ports, true);
            }
            Action::DeletePort { port } => {
                self.deletes += 1;
                self.change_port(port, |_, n| (n.busy, n.doomed) = (true, true));
            }
            Action::SetSecurityGroups { port, .. } => self.set_busy([port], true),
            Action::Look { .. } => self.looking = true,
            Action::Refresh => {
                (self.refreshing, self.refresh_wanted) = (true, false);
                self.refresh_from = self.sequence;
            }
            Action::Report {
                pod,
                reason,
                message,
                ..
            } => {
                self.reported
                    .insert(pod.clone(), (*reason, message.clone()));
            }
        }
    }

    fn begin_claim(&mut self, pod: &PodKey, vif: Option<&Assignment>) {
        if let Some(vif) = vif {
            self.users.insert(vif.port.clone(), pod.clone());
            self.reported.remove(pod);
        }
        self.claim_calls.insert(pod.clone(), vif.cloned());
    }

    fn set_busy<'a>(&mut self, ids: impl IntoIterator<Item = &'a Id>, busy: bool) {
        for id in ids {
            self.change_port(id, |_, notes| notes.busy = busy);
        }
    }

    fn set_trunk_busy(&mut self, trunk: &Id, busy: bool) {
        self.sequence += 1;
        let sequence = self.sequence;
        if let Some(t) = self.trunks.get_mut(trunk) {
            t.busy = busy;
            t.touched = sequence;
            if let Some(node) = t.node.clone() {
                self.touch(&node);
            }
        }
    }

    /// The action's outcome is known; it took so many milliseconds.
    pub fn finish(&mut self, action: &Action, outcome: Outcome, took: Millis) {
        let failure = match &outcome {
            Outcome::Failed(f) => Some(f.clone()),
            _ => None,
        };
        match action {
            Action::CreateClaim { pod, .. }
            | Action::WriteVif { pod, .. }
            | Action::DropClaim { pod, .. }
            | Action::DropPodFinalizer { pod, .. } => self.finish_claim(pod, outcome, failure),
            Action::FindTrunks { nodes } => {
                let names: Vec<Id> = nodes.iter().map(|(n, _)| n.clone()).collect();
                self.finish_find(&names, outcome, failure);
            }
            Action::CreatePorts { orders } => self.finish_create(orders, outcome, took),
            Action::AddSubports { trunk, ports } => self.finish_add(trunk, ports, failure, took),
            Action::RemoveSubports { trunk, ports } => self.finish_remove(trunk, ports, failure),
            Action::DeletePort { port } => self.finish_delete(port, failure),
            Action::SetSecurityGroups { port, kind } => self.finish_groups(port, kind, failure),
            Action::Look { ports } => self.finish_look(ports, outcome),
            Action::Refresh => self.finish_refresh(outcome, failure),
            Action::Report { .. } => {}
        }
    }

    fn finish_claim(&mut self, pod: &PodKey, outcome: Outcome, failure: Option<Failure>) {
        let given = self.claim_calls.remove(pod).flatten();
        if let Outcome::Claim(claim) = outcome {
            self.apply_claim(claim);
        }
        // Whatever came of it: the port goes back unless the claim has it.
        let claimed = self.claims.get(pod).and_then(|c| c.vif.as_ref());
        if let Some(vif) = given.filter(|v| claimed.map(|c| &c.port) != Some(&v.port)) {
            self.free(&vif.port, pod);
            self.change_port(&vif.port, |_, n| n.free_since = 0);
        }
        self.settle(Held::Claim(pod.clone()), failure.as_ref(), None);
        for node in [
            self.pods.get(pod).map(|p| p.node.clone()),
            self.claims.get(pod).map(|c| c.node.clone()),
        ]
        .into_iter()
        .flatten()
        {
            self.touch(&node);
        }
    }

    fn finish_find(&mut self, names: &[Id], outcome: Outcome, failure: Option<Failure>) {
        if let Outcome::Trunks(trunks) = outcome {
            for trunk in trunks {
                self.put_trunk(trunk);
            }
            for name in names {
                self.match_node(name);
                if self.node_mut(name).trunk == NodeTrunk::Unknown {
                    self.node_mut(name).trunk = NodeTrunk::Missing;
                }
            }
        }
        for name in names {
            self.node_mut(name).finding = false;
            let missing = self.node_trunk(name) == NodeTrunk::Missing;
            let again = missing.then(|| Failure::Again {
                message: "no trunk".to_owned(),
                after: None,
            });
            self.settle(
                Held::Node(name.clone()),
                failure.as_ref().or(again.as_ref()),
                None,
            );
            self.touch(name);
        }
    }

    fn finish_create(
        &mut self,
        orders: &[(Id, Arc<PortKind>, usize)],
        outcome: Outcome,
        took: Millis,
    ) {
        self.creates = self.creates.saturating_sub(1);
        let total: usize = orders.iter().map(|(_, _, n)| n).sum();
        for (node, kind, count) in orders {
            let key = (node.clone(), kind.clone());
            if let Some(n) = self.creating.get_mut(&key) {
                *n = n.saturating_sub(*count);
                if *n == 0 {
                    self.creating.remove(&key);
                }
            }
            self.touch(node);
        }
        match outcome {
            Outcome::Created(ports) => self.created(orders, ports, total, took),
            Outcome::Failed(f) => self.create_failed(orders, total, &f),
            _ => {}
        }
    }

    fn created(
        &mut self,
        orders: &[(Id, Arc<PortKind>, usize)],
        ports: Vec<Port>,
        total: usize,
        took: Millis,
    ) {
        self.create_size.seen(total, took);
        self.settle(Held::Create, None, None);
        self.quota_used(total);
        let mut nodes = orders
            .iter()
            .flat_map(|(node, kind, n)| std::iter::repeat_n((node, kind), *n));
        for port in ports {
            let made_for = nodes.next().map(|(node, _)| node.clone());
            self.sequence += 1;
            let notes = PortNotes {
                made_for,
                touched: self.sequence,
                ..PortNotes::default()
            };
            self.put_port(port, notes);
        }
        for (_, kind, _) in orders {
            self.settle(Held::Kind(kind.clone()), None, None);
            self.kind_cap.remove(kind);
        }
    }

    /// Ports were made while the quota's rest was known. Where none was thought to be left
    /// and one was made all the same, the rest is unknown again.
    fn quota_used(&mut self, made: usize) {
        self.quota_free = match self.quota_free {
            Some(free) if free > made => Some(free - made),
            Some(free) if free > 0 => {
                let failure = Failure::Quota {
                    message: "the project's quota of ports is used up".to_owned(),
                    free: Some(0),
                };
                self.settle(Held::Create, Some(&failure), Some(Reason::QuotaReached));
                Some(0)
            }
            _ => None,
        };
    }

    fn create_failed(
        &mut self,
        orders: &[(Id, Arc<PortKind>, usize)],
        total: usize,
        failure: &Failure,
    ) {
        match failure {
            Failure::Quota { free, .. } => {
                let known = free.filter(|f| *f < total);
                self.quota_free = Some(known.unwrap_or(total / 2));
                if self.quota_free == Some(0) {
                    self.settle(Held::Create, Some(failure), Some(Reason::QuotaReached));
                }
            }
            Failure::SubnetFull { .. } => {
                for (_, kind, _) in orders {
                    let cap = total / 2;
                    self.kind_cap.insert(kind.clone(), cap.max(1));
                    if cap == 0 {
                        let held = Held::Kind(kind.clone());
                        self.settle(held, Some(failure), Some(Reason::SubnetFull));
                    }
                }
            }
            Failure::Unknown { .. } | Failure::Stale { .. } => {
                (self.refresh_wanted, self.unsure) = (true, true);
                self.settle(Held::Create, Some(failure), Some(Reason::NeutronFailed));
            }
            _ => self.settle(Held::Create, Some(failure), Some(Reason::NeutronFailed)),
        }
    }

    fn finish_add(
        &mut self,
        trunk: &Id,
        ports: &[(Id, u16)],
        failure: Option<Failure>,
        took: Millis,
    ) {
        self.set_trunk_busy(trunk, false);
        self.set_busy(ports.iter().map(|(id, _)| id), false);
        let held = Held::Trunk(trunk.clone());
        let Some(failure) = failure else {
            self.subport_size.seen(ports.len(), took);
            for (id, vlan) in ports {
                let (trunk, vlan) = (trunk.clone(), *vlan);
                // Its status may be of an earlier place: look before believing it.
                self.change_port(id, |p, _| {
                    p.place = Place::On { trunk, vlan };
                    p.status = PortStatus::Down;
                });
            }
            self.look_wait = self.settings.look_first;
            self.look_at = self.now;
            return self.settle(held, None, None);
        };
        if matches!(failure, Failure::Stale { .. } | Failure::Unknown { .. }) {
            self.refresh_wanted = true;
        }
        self.settle(held, Some(&failure), Some(Reason::NeutronFailed));
    }

    fn finish_remove(&mut self, trunk: &Id, ports: &[Id], failure: Option<Failure>) {
        self.set_trunk_busy(trunk, false);
        self.set_busy(ports, false);
        if failure.is_none() {
            for id in ports {
                self.change_port(id, |p, n| (p.place, n.doomed) = (Place::Loose, true));
            }
        } else {
            self.refresh_wanted = true;
        }
        self.settle(Held::Trunk(trunk.clone()), failure.as_ref(), None);
    }

    fn finish_delete(&mut self, port: &Id, failure: Option<Failure>) {
        self.deletes = self.deletes.saturating_sub(1);
        self.set_busy([port], false);
        match failure {
            None => {
                self.drop_port(port);
                // Room was made.
                self.quota_free = None;
                for held in [Held::Create] {
                    self.settle(held, None, None);
                }
            }
            Some(f) => {
                self.refresh_wanted |= matches!(f, Failure::Stale { .. });
                self.settle(Held::Port(port.clone()), Some(&f), None);
            }
        }
    }

    fn finish_groups(&mut self, port: &Id, kind: &Arc<PortKind>, failure: Option<Failure>) {
        self.set_busy([port], false);
        if failure.is_none() {
            let kind = kind.clone();
            self.change_port(port, |p, _| p.kind = kind);
        }
        self.settle(Held::Port(port.clone()), failure.as_ref(), None);
    }

    fn finish_look(&mut self, asked: &[Id], outcome: Outcome) {
        self.looking = false;
        let Outcome::Seen(seen) = outcome else {
            self.slow_down_looking();
            return;
        };
        let before = self.unready.len();
        for (id, status) in &seen {
            if self.ports.get(id).is_some_and(|(p, _)| p.status != *status) {
                self.change_port(id, |p, _| p.status = *status);
            }
        }
        let there: BTreeSet<&Id> = seen.iter().map(|(id, _)| id).collect();
        self.refresh_wanted |= asked.iter().any(|id| !there.contains(id));
        if self.unready.len() < before {
            self.look_wait = self.settings.look_first;
            self.look_at = self.now + self.look_wait;
        } else {
            self.slow_down_looking();
        }
    }

    fn slow_down_looking(&mut self) {
        self.look_at = self.now + self.look_wait;
        self.look_wait = (self.look_wait * 8 / 5).min(self.settings.look_longest);
    }

    fn finish_refresh(&mut self, outcome: Outcome, failure: Option<Failure>) {
        self.refreshing = false;
        if let Outcome::All { ports, trunks } = outcome {
            self.observe(ports, trunks);
            // Unless another answer was lost while the list was made.
            self.unsure &= self.refresh_wanted;
        } else {
            self.refresh_wanted = true;
        }
        self.settle(Held::Refresh, failure.as_ref(), None);
        self.touch_all();
    }

    /// Takes over a full list, except where we changed something after it began.
    fn observe(&mut self, ports: Vec<Port>, trunks: Vec<Trunk>) {
        let from = self.refresh_from;
        let there: BTreeSet<Id> = trunks.iter().map(|t| t.id.clone()).collect();
        for trunk in trunks {
            if self
                .trunks
                .get(&trunk.id)
                .is_none_or(|t| t.touched <= from && !t.busy)
            {
                self.put_trunk(trunk);
            }
        }
        let gone: Vec<Id> = self
            .trunks
            .keys()
            .filter(|id| !there.contains(*id))
            .cloned()
            .collect();
        for id in gone {
            self.trunks.remove(&id);
        }
        let listed: BTreeSet<Id> = ports.iter().map(|p| p.id.clone()).collect();
        for port in ports {
            self.observe_port(port, from);
        }
        let gone: Vec<Id> = self
            .ports
            .iter()
            .filter(|(id, (_, n))| !listed.contains(*id) && n.touched <= from && !n.busy)
            .map(|(id, _)| id.clone())
            .collect();
        for id in gone {
            self.drop_port(&id);
        }
        let names: Vec<Id> = self.nodes.keys().cloned().collect();
        for name in names {
            let lost = match self.node_trunk(&name) {
                NodeTrunk::Found(id) => !self.trunks.contains_key(&id),
                _ => true,
            };
            if lost {
                self.node_mut(&name).trunk = NodeTrunk::Unknown;
                self.match_node(&name);
                let state = self.node_mut(&name);
                if state.trunk == NodeTrunk::Unknown && !state.addresses.is_empty() {
                    state.trunk = NodeTrunk::Missing;
                }
            }
        }
        self.synced.ports = true;
    }

    fn observe_port(&mut self, port: Port, from: u64) {
        let notes = match self.ports.get(&port.id) {
            Some((_, n)) if n.touched > from || n.busy => return,
            Some((_, n)) => PortNotes {
                doomed: n.doomed && port.place == Place::Loose,
                ..n.clone()
            },
            None => PortNotes {
                free_since: self.now.max(1),
                ..PortNotes::default()
            },
        };
        self.put_port(port, notes);
    }

    /// Puts a trunk in, or what is new about it.
    pub(crate) fn put_trunk(&mut self, trunk: Trunk) {
        let id = trunk.id.clone();
        let old = self.trunks.get(&id);
        let state = TrunkState {
            node: old.and_then(|t| t.node.clone()),
            busy: old.is_some_and(|t| t.busy),
            // Going on above what is used leaves ids alone that were freed before a restart.
            last_vlan: old.map_or_else(
                || trunk.subports.keys().next_back().copied().unwrap_or(0),
                |t| t.last_vlan,
            ),
            touched: old.map_or(0, |t| t.touched),
            ports: old.map(|t| t.ports.clone()).unwrap_or_default(),
            trunk,
        };
        self.trunks.insert(id.clone(), state);
        if let Some(name) = self
            .nodes
            .iter()
            .find(|(_, n)| {
                self.trunks[&id]
                    .trunk
                    .addresses
                    .iter()
                    .any(|a| n.addresses.contains(a))
            })
            .map(|(name, _)| name.clone())
        {
            self.match_node(&name);
        }
    }

    /// Notes success or failure of what `held` names.
    fn settle(&mut self, held: Held, failure: Option<&Failure>, reason: Option<Reason>) {
        match failure {
            None => {
                self.backoff.succeeded(&held);
                if self.trouble.remove(&held).is_some() {
                    self.touch_all();
                }
            }
            Some(Failure::NotLeader) => {}
            Some(f) => {
                let after = match f {
                    Failure::Again { after, .. } => *after,
                    _ => None,
                };
                if let Some(reason) = reason {
                    self.trouble
                        .insert(held.clone(), (reason, f.message().to_owned()));
                }
                self.backoff.failed(held, self.now, after);
                self.touch_all();
            }
        }
    }
}
