//! One node: its claims, its pods, its trunk.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Draft;
use super::pool::PoolPlan;
use crate::port::action::{Action, Assignment, Reason};
use crate::port::model::{Claim, Id, Place, Pod, PodLife, Port, PortKind, PortStatus};
use crate::port::world::{Held, NodeState, NodeTrunk, TrunkState, World};
use crate::vlan;

/// The plan for one node.
pub(super) struct NodePlan<'a> {
    pub(super) world: &'a World,
    pub(super) name: &'a Id,
    pub(super) node: &'a NodeState,
}

impl NodePlan<'_> {
    pub(super) fn run(&self, out: &mut Draft) {
        for key in &self.node.claims {
            if let Some(claim) = self.world.claims.get(key) {
                self.claim(claim, out);
            }
        }
        let waiting = self.waiting(out);
        match &self.node.trunk {
            NodeTrunk::Found(id) => {
                if let Some(trunk) = self.world.trunks.get(id) {
                    self.on_trunk(trunk, &waiting, out);
                }
            }
            NodeTrunk::Unknown | NodeTrunk::Missing if !waiting.is_empty() => {
                self.without_trunk(&waiting, out);
            }
            _ => {}
        }
    }

    /// What to do about one claim: release it, or say that its port is ready.
    fn claim(&self, claim: &Claim, out: &mut Draft) {
        let w = self.world;
        let key = &claim.pod;
        if w.claim_calls.contains_key(key) || w.held_off(&Held::Claim(key.clone())).is_some() {
            return;
        }
        let pod = w.pods.get(key).filter(|p| p.uid == claim.pod_uid);
        if pod.and_then(Pod::wanted_kind).is_none() && !pod.is_some_and(is_undecided) {
            // Without our finalizer it goes by itself.
            if !claim.deleting || claim.finalizer {
                out.actions.push(Action::DropClaim {
                    pod: key.clone(),
                    uid: claim.pod_uid.clone(),
                });
            }
            return;
        }
        let (Some(pod), Some(vif)) = (pod, &claim.vif) else {
            return;
        };
        match w.ports.get(&vif.port) {
            None => {
                let message = format!(
                    "port {} of this pod is gone from Neutron; delete the pod to give it a new one",
                    vif.port
                );
                self.report(pod, Reason::PortMissing, message, out);
            }
            Some((port, _)) if port.status == PortStatus::Active && !vif.active => {
                if let Place::On { vlan, .. } = port.place {
                    let vif = Assignment {
                        port: port.id.clone(),
                        vlan,
                        active: true,
                    };
                    out.actions.push(Action::WriteVif {
                        pod: key.clone(),
                        uid: claim.pod_uid.clone(),
                        vif,
                    });
                }
            }
            Some((port, notes)) => self.groups(pod, port, notes.busy, out),
        }
    }

    /// The security groups of a port in use.
    fn groups(&self, pod: &Pod, port: &Port, busy: bool, out: &mut Draft) {
        let Some(kind) = pod.wanted_kind() else {
            return;
        };
        let held = Held::Port(port.id.clone());
        if busy
            || port.kind.security_groups == kind.security_groups
            || self.world.held_off(&held).is_some()
        {
            return;
        }
        let kind = Arc::new(PortKind {
            security_groups: kind.security_groups.clone(),
            ..(*port.kind).clone()
        });
        out.actions.push(Action::SetSecurityGroups {
            port: port.id.clone(),
            kind,
        });
    }

    /// Pods of the node without a port, oldest first; pods that are over lose upstream's finalizer.
    fn waiting(&self, out: &mut Draft) -> Vec<&Pod> {
        let w = self.world;
        let mut waiting = Vec::new();
        for pod in self.node.pods.iter().filter_map(|k| w.pods.get(k)) {
            let claim = w.claims.get(&pod.key);
            let busy = w.claim_calls.contains_key(&pod.key)
                || w.held_off(&Held::Claim(pod.key.clone())).is_some();
            if busy {
                continue;
            }
            if pod.life == PodLife::Over && pod.finalizer && claim.is_none() {
                out.actions.push(Action::DropPodFinalizer {
                    pod: pod.key.clone(),
                    uid: pod.uid.clone(),
                });
            }
            let free = claim.is_none_or(|c| c.pod_uid == pod.uid && c.vif.is_none() && !c.deleting);
            if let Some(why) = World::unknown_want(pod).filter(|_| pod.life == PodLife::Alive) {
                self.report(pod, Reason::NoPodSubnetFound, why.to_owned(), out);
            } else if free && pod.wanted_kind().is_some() {
                waiting.push(pod);
            }
        }
        waiting.sort_by(|a, b| (a.age, &a.key).cmp(&(b.age, &b.key)));
        waiting
    }

    /// The node's trunk is not known: look for it, and say so.
    fn without_trunk(&self, waiting: &[&Pod], out: &mut Draft) {
        let held = Held::Node(self.name.clone());
        if !self.node.finding && self.world.held_off(&held).is_none() {
            out.find.push(self.name.clone());
        }
        if self.node.trunk == NodeTrunk::Missing {
            let addresses: Vec<String> = self
                .node
                .addresses
                .iter()
                .map(ToString::to_string)
                .collect();
            for pod in waiting {
                let message = format!(
                    "node {} ({}) is not the parent port of any trunk in this project",
                    self.name,
                    addresses.join(", ")
                );
                self.report(pod, Reason::NoTrunk, message, out);
                self.early_claim(pod, out);
            }
        }
    }

    fn on_trunk(&self, trunk: &TrunkState, waiting: &[&Pod], out: &mut Draft) {
        let mut kinds: BTreeMap<Arc<PortKind>, Vec<&Pod>> = BTreeMap::new();
        for pod in waiting {
            if let Some(kind) = pod.wanted_kind() {
                kinds.entry(kind.clone()).or_default().push(pod);
            }
        }
        let used = self.world.kinds_on(self.node);
        let mut adds = Vec::new();
        let mut removes = Vec::new();
        let unused = self.idle_kinds(trunk);
        // Kinds in use first: they may take over the ports of those that are not.
        let unused = unused.into_iter().filter(|kind| !used.contains_key(kind));
        for kind in used.keys().cloned().chain(unused) {
            let pods = kinds.get(&kind).map_or(&[][..], Vec::as_slice);
            let mut pool = PoolPlan::new(self, trunk, &kind, &used, out);
            pool.assign(pods, out);
            pool.settle(out, &mut adds, &mut removes);
        }
        self.lost(trunk, &mut adds);
        self.change_trunk(trunk, adds, removes, out);
    }

    /// Kinds of the ports that nobody uses, on this trunk or made for it.
    fn idle_kinds(&self, trunk: &TrunkState) -> BTreeSet<Arc<PortKind>> {
        let w = self.world;
        trunk
            .ports
            .iter()
            .chain(w.loose.made_for(self.name))
            .filter(|id| w.is_idle(id))
            .filter_map(|id| w.ports.get(id))
            .map(|(p, _)| p.kind.clone())
            .collect()
    }

    /// Ports in use that someone took off the trunk: back with the VLAN they had.
    fn lost(&self, trunk: &TrunkState, adds: &mut Vec<(Id, Option<u16>)>) {
        let w = self.world;
        for key in &self.node.claims {
            let Some(vif) = w.claims.get(key).and_then(|c| c.vif.as_ref()) else {
                continue;
            };
            let lost = w
                .ports
                .get(&vif.port)
                .is_some_and(|(p, n)| p.place == Place::Loose && !n.busy && !n.doomed);
            let ours = w.users.get(&vif.port) == Some(key);
            let plugged = (vlan::MIN..=vlan::MAX).contains(&vif.vlan);
            if lost && ours && plugged && !trunk.trunk.subports.contains_key(&vif.vlan) {
                adds.push((vif.port.clone(), Some(vif.vlan)));
            }
        }
    }

    /// One call at a time for a trunk, adding before removing.
    fn change_trunk(
        &self,
        trunk: &TrunkState,
        adds: Vec<(Id, Option<u16>)>,
        removes: Vec<Id>,
        out: &mut Draft,
    ) {
        let id = trunk.trunk.id.clone();
        if adds.is_empty() && removes.is_empty() {
            return;
        }
        if trunk.busy || self.world.held_off(&Held::Trunk(id.clone())).is_some() {
            return;
        }
        let most = self.world.subport_size.size();
        let failed = self.world.backoff.failures(&Held::Trunk(id.clone()));
        // One bad port fails its whole batch: smaller ones find it.
        let most = (most >> failed.min(16)).max(1);
        if adds.is_empty() {
            let ports: Vec<Id> = removes.into_iter().take(most.max(50)).collect();
            out.actions
                .push(Action::RemoveSubports { trunk: id, ports });
            return;
        }
        let mut taken: BTreeSet<u16> = trunk.trunk.subports.keys().copied().collect();
        taken.extend(adds.iter().filter_map(|(_, v)| *v));
        taken.extend(self.claimed_vlans());
        let fresh = adds.iter().filter(|(_, v)| v.is_none()).count();
        let mut free = vlan::pick(&taken, trunk.last_vlan, fresh).into_iter();
        let ports: Vec<(Id, u16)> = adds
            .into_iter()
            .filter_map(|(id, vlan)| Some((id, vlan.or_else(|| free.next())?)))
            .take(most)
            .collect();
        if !ports.is_empty() {
            out.actions.push(Action::AddSubports { trunk: id, ports });
        }
    }

    /// VLANs that pods of the node are plugged with, whatever Neutron says.
    fn claimed_vlans(&self) -> impl Iterator<Item = u16> + '_ {
        let claims = self
            .node
            .claims
            .iter()
            .filter_map(|k| self.world.claims.get(k));
        claims.filter_map(|c| c.vif.as_ref().map(|v| v.vlan))
    }

    /// A KuryrPort before there is a port: the daemon then sees why the pod waits.
    pub(super) fn early_claim(&self, pod: &Pod, out: &mut Draft) {
        if !self.world.claims.contains_key(&pod.key) {
            out.actions.push(create_claim(pod, None));
        }
    }

    /// Says once for each reason why the node's pools are too small.
    pub(super) fn report_node(&self, reason: Reason, message: String, out: &mut Draft) {
        let said = |a: &Action| matches!(a, Action::ReportNode { node, .. } if node == self.name);
        if self.world.reported_nodes.get(self.name) != Some(&reason)
            && !out.actions.iter().any(said)
        {
            out.actions.push(Action::ReportNode {
                node: self.name.clone(),
                reason,
                message: format!("fewer ports than wanted wait for pods here: {message}"),
            });
        }
    }

    pub(super) fn report(&self, pod: &Pod, reason: Reason, message: String, out: &mut Draft) {
        let told = self.world.reported.get(&pod.key);
        if told.is_none_or(|(r, m)| (*r, m) != (reason, &message)) {
            out.actions.push(Action::Report {
                pod: pod.key.clone(),
                uid: pod.uid.clone(),
                reason,
                message,
            });
        }
    }
}

fn is_undecided(pod: &Pod) -> bool {
    pod.life == PodLife::Alive && World::unknown_want(pod).is_some()
}

pub(super) fn create_claim(pod: &Pod, vif: Option<Assignment>) -> Action {
    Action::CreateClaim {
        pod: pod.key.clone(),
        uid: pod.uid.clone(),
        node: pod.node.clone(),
        is_static: pod.is_static,
        vif,
    }
}
