//! One node: its claims, its pods, its trunk.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Draft;
use super::pool::PoolPlan;
use crate::port::action::{Action, Reason};
use crate::port::model::{Id, Pod, PodLife, PortKind};
use crate::port::world::{Held, NodeState, NodeTrunk, TrunkState, World};
use crate::vlan;

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
        for key in &self.node.pods {
            if let Some(pod) = self.world.pods.get(key) {
                out.warn_of_host_port(self.world, pod);
            }
        }
        let wanting = self.wanting(out);
        match &self.node.trunk {
            NodeTrunk::Found(id) => {
                if let Some(trunk) = self.world.trunks.get(id) {
                    self.on_trunk(trunk, &wanting, out);
                }
            }
            NodeTrunk::Unknown | NodeTrunk::Missing if !wanting.now.is_empty() => {
                self.without_trunk(&wanting.now, out);
            }
            _ => {}
        }
    }

    /// The trunk of the node, where it is known.
    pub(super) fn trunk(&self) -> Option<&TrunkState> {
        match &self.node.trunk {
            NodeTrunk::Found(id) => self.world.trunks.get(id),
            _ => None,
        }
    }

    /// Pods of the node without a port; pods that are over lose upstream's finalizer.
    fn wanting(&self, out: &mut Draft) -> Wanting<'_> {
        let w = self.world;
        let mut wanting = Wanting::default();
        for pod in self.node.pods.iter().filter_map(|k| w.pods.get(k)) {
            let claim = w.claims.get(&pod.key);
            let call = w.claims.call(&pod.key);
            let served = call.is_some_and(Option::is_some)
                || claim.is_some_and(|c| c.pod_uid == pod.uid && c.vif.is_some());
            if call.is_some() || w.is_held(&Held::Claim(pod.key.clone())) {
                if let Some(kind) = pod.wanted_kind().filter(|_| !served) {
                    *wanting.later.entry(kind.clone()).or_default() += 1;
                }
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
                if free {
                    out.early_claim(w, pod);
                }
                if let Some((reason, message)) = why {
                    out.report(w, pod, *reason, message.clone());
                }
            } else if let Some(kind) = pod.wanted_kind().filter(|_| !served) {
                if free {
                    wanting.now.push(pod);
                } else {
                    *wanting.later.entry(kind.clone()).or_default() += 1;
                }
            }
        }
        wanting
            .now
            .sort_by(|a, b| (a.age, &a.key).cmp(&(b.age, &b.key)));
        wanting
    }

    /// The node's trunk is not known: look for it, and say so.
    fn without_trunk(&self, waiting: &[&Pod], out: &mut Draft) {
        let held = Held::Node(self.name.clone());
        if !self.node.finding && !self.world.is_held(&held) {
            out.find.push(self.name.clone());
        }
        if self.node.trunk == NodeTrunk::Missing {
            let addresses: Vec<String> = self
                .node
                .addresses
                .iter()
                .map(ToString::to_string)
                .collect();
            let addresses = addresses.join(", ");
            let w = self.world;
            let taken = w.trunks_at.first(&self.node.addresses);
            let holder = taken.and_then(|id| w.trunks.get(&id)?.node.clone());
            for pod in waiting {
                let message = match &holder {
                    Some(other) => format!(
                        "node {} has the address of node {other} ({addresses}), whose trunk it is",
                        self.name
                    ),
                    None => format!(
                        "node {} ({addresses}) is not the parent port of any trunk in this project",
                        self.name
                    ),
                };
                out.report(w, pod, Reason::NoTrunk, message);
                out.early_claim(w, pod);
            }
        }
    }

    fn on_trunk(&self, trunk: &TrunkState, wanting: &Wanting<'_>, out: &mut Draft) {
        let mut kinds: BTreeMap<Arc<PortKind>, Vec<&Pod>> = BTreeMap::new();
        for pod in &wanting.now {
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
            let mut pool = PoolPlan::new((self.world, self.name), trunk, &kind, &used, out);
            let later = wanting.later.get(&kind).copied().unwrap_or(0);
            pool.assign(pods, later, out);
            pool.settle(out, &mut adds, &mut removes);
        }
        self.lost(trunk, &mut adds);
        self.unwired(trunk, &mut removes);
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
        if trunk.busy || self.world.is_held(&Held::Trunk(id.clone())) {
            return;
        }
        let most = self.world.subport_size.size(None);
        let failed = self.world.agenda.failures(&Held::Trunk(id.clone()));
        // One bad port fails its whole batch: smaller ones find it.
        let most = (most >> failed.min(16)).max(1);
        let (adds, most) = self.without_suspects(adds, most);
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

    /// Ports that failed when they were alone in a call are tried when no other is left to add,
    /// alone: they hold up no other.
    fn without_suspects(
        &self,
        adds: Vec<(Id, Option<u16>)>,
        most: usize,
    ) -> (Vec<(Id, Option<u16>)>, usize) {
        let w = self.world;
        let failures = |id: &Id| w.agenda.failures(&Held::Port(id.clone()));
        let (suspects, clean): (Vec<_>, Vec<_>) =
            adds.into_iter().partition(|(id, _)| failures(id) > 0);
        if !clean.is_empty() {
            return (clean, most);
        }
        let ready = |id: &Id| !w.is_held(&Held::Port(id.clone()));
        let next = suspects.into_iter().filter(|(id, _)| ready(id));
        let next = next.min_by_key(|(id, _)| failures(id));
        (next.into_iter().collect(), 1)
    }

    /// VLANs that pods of the node are plugged with, whatever Neutron says. A record of a pod that is not there reserves nothing.
    fn claimed_vlans(&self) -> impl Iterator<Item = u16> + '_ {
        let claims = self.node.claims.iter();
        let claims = claims.filter_map(|k| self.world.claims.get(k));
        // One without its pod has nothing plugged that is not gone soon.
        let claims = claims.filter(|c| {
            let pod = self.world.pods.get(&c.pod);
            pod.is_some_and(|p| p.uid == c.pod_uid)
        });
        claims.filter_map(|c| c.vif.as_ref().map(|v| v.vlan))
    }
}

/// Pods that want a port and have none.
#[derive(Default)]
struct Wanting<'a> {
    /// Those that can be given one now, oldest first.
    now: Vec<&'a Pod>,
    /// How many of each kind can't yet, because of a call about their KuryrPort.
    later: BTreeMap<Arc<PortKind>, usize>,
}
