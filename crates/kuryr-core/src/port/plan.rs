//! From facts to actions: pure, and empty when everything is as it should be.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::action::{Action, Assignment, Reason};
use super::model::{Claim, Id, Place, Pod, PodLife, Port, PortKind, PortStatus};
use super::world::{Held, NodeState, NodeTrunk, TrunkState, World};
use crate::pool::{Stock, Verdict, verdict};
use crate::{Millis, vlan};

/// A trunk takes no more subports than there are segmentation ids.
const SUBPORTS_MAX: usize = (vlan::MAX - vlan::MIN + 1) as usize;

/// What is to be done next for the nodes that something changed on.
///
/// Nothing is done before all watches and lists were read: absence would be taken for
/// deletion. The caller passes each action to [`World::begin`] and carries it out.
pub fn plan(world: &mut World) -> Vec<Action> {
    let mut out = Draft::default();
    if world.refresh_wanted && !world.refreshing && world.held_off(&Held::Refresh).is_none() {
        out.actions.push(Action::Refresh);
    }
    if !world.is_synced() {
        return out.actions;
    }
    let dirty = std::mem::take(&mut world.dirty);
    for name in &dirty {
        if let Some(node) = world.nodes.get(name) {
            NodePlan { world, name, node }.run(&mut out);
        }
    }
    world.orphans(&mut out);
    world.find_trunks(&mut out);
    world.creates(&mut out);
    world.deletes(&mut out);
    world.look(&mut out);
    // What could not be had in this round is wanted in the next.
    world.dirty.extend(out.unfinished);
    world.later.extend(out.later);
    out.actions
}

/// A plan in the making.
#[derive(Default)]
struct Draft {
    actions: Vec<Action>,
    /// Ports to make: node, kind, number.
    needs: Vec<(Id, Arc<PortKind>, usize)>,
    /// Nodes whose trunk is to be looked for.
    find: Vec<Id>,
    /// Loose ports that are spoken for.
    taken: BTreeSet<Id>,
    /// Loose ports to delete.
    delete: BTreeSet<Id>,
    unfinished: BTreeSet<Id>,
    later: Vec<(Millis, Id)>,
}

/// The plan for one node.
struct NodePlan<'a> {
    world: &'a World,
    name: &'a Id,
    node: &'a NodeState,
}

impl NodePlan<'_> {
    fn run(&self, out: &mut Draft) {
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
        let all: BTreeSet<Arc<PortKind>> =
            used.keys().cloned().chain(self.idle_kinds(trunk)).collect();
        for kind in all {
            let pods = kinds.get(&kind).map_or(&[][..], Vec::as_slice);
            let used = used.get(&kind).copied().unwrap_or(0);
            let mut pool = PoolPlan::new(self, trunk, &kind, used, out);
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
            .chain(w.loose.iter())
            .filter(|id| w.is_idle(id))
            .filter_map(|id| w.ports.get(id))
            .filter(|(p, n)| p.place != Place::Loose || n.made_for.as_ref() == Some(self.name))
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
    fn early_claim(&self, pod: &Pod, out: &mut Draft) {
        if !self.world.claims.contains_key(&pod.key) {
            out.actions.push(create_claim(pod, None));
        }
    }

    fn report(&self, pod: &Pod, reason: Reason, message: String, out: &mut Draft) {
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

fn create_claim(pod: &Pod, vif: Option<Assignment>) -> Action {
    Action::CreateClaim {
        pod: pod.key.clone(),
        uid: pod.uid.clone(),
        node: pod.node.clone(),
        is_static: pod.is_static,
        vif,
    }
}

/// The ports of one kind on one node: which pods get them, how many more, how many fewer.
struct PoolPlan<'a> {
    node: &'a NodePlan<'a>,
    trunk: &'a TrunkState,
    kind: &'a Arc<PortKind>,
    /// Pods of this kind, with a port or not.
    used: usize,
    /// On the trunk and free to take: ACTIVE ones first.
    ready: Vec<&'a Port>,
    /// On the trunk, given back a moment ago.
    cooling: Vec<&'a Port>,
    /// On no trunk yet.
    loose: Vec<Id>,
    /// Being made, or being added to the trunk.
    coming: usize,
    /// Pods that are left without a port.
    short: usize,
}

impl<'a> PoolPlan<'a> {
    fn new(
        node: &'a NodePlan<'a>,
        trunk: &'a TrunkState,
        kind: &'a Arc<PortKind>,
        used: usize,
        out: &mut Draft,
    ) -> Self {
        let w = node.world;
        let mut plan = Self {
            node,
            trunk,
            kind,
            used,
            ready: Vec::new(),
            cooling: Vec::new(),
            loose: Vec::new(),
            coming: w
                .creating
                .get(&(node.name.clone(), kind.clone()))
                .copied()
                .unwrap_or(0),
            short: 0,
        };
        for (port, notes) in trunk.ports.iter().filter_map(|id| w.ports.get(id)) {
            if !w.is_idle(&port.id) || port.kind != *kind {
                continue;
            }
            let cool_at = notes.free_since + w.settings.cooldown;
            if notes.free_since == 0 || cool_at <= w.now || port.status == PortStatus::Down {
                plan.ready.push(port);
            } else {
                plan.cooling.push(port);
                out.later.push((cool_at, node.name.clone()));
            }
        }
        plan.ready
            .sort_by_key(|p| (p.status != PortStatus::Active, p.id.clone()));
        plan.find_loose(out);
        plan
    }

    /// Ports on no trunk that were made for this node or for nobody, and those that a
    /// call is putting on its trunk now.
    fn find_loose(&mut self, out: &Draft) {
        let w = self.node.world;
        for (port, notes) in w.loose.iter().filter_map(|id| w.ports.get(id)) {
            let mine = notes.made_for.as_ref().is_none_or(|n| n == self.node.name);
            let free = !w.users.contains_key(&port.id) && !notes.doomed;
            if !mine || !free || port.kind != *self.kind || out.taken.contains(&port.id) {
                continue;
            }
            if !notes.busy {
                self.loose.push(port.id.clone());
            } else if notes.made_for.as_ref() == Some(self.node.name) {
                self.coming += 1;
            }
        }
    }

    /// Gives ports to pods, ready ones first.
    fn assign(&mut self, pods: &[&Pod], out: &mut Draft) {
        let w = self.node.world;
        let given = pods.len().min(self.ready.len());
        for (pod, port) in pods.iter().zip(self.ready.drain(..given)) {
            let Place::On { vlan, .. } = port.place else {
                continue;
            };
            let vif = Assignment {
                port: port.id.clone(),
                vlan,
                active: port.status == PortStatus::Active,
            };
            out.actions.push(if w.claims.contains_key(&pod.key) {
                Action::WriteVif {
                    pod: pod.key.clone(),
                    uid: pod.uid.clone(),
                    vif,
                }
            } else {
                create_claim(pod, Some(vif))
            });
        }
        let rest = &pods[given..];
        self.short = rest.len();
        let trouble = self.trouble();
        for pod in rest {
            self.node.early_claim(pod, out);
            if let Some((reason, message)) = &trouble {
                self.node.report(pod, *reason, message.clone(), out);
            }
        }
    }

    /// Why pods of this kind may have to wait here.
    fn trouble(&self) -> Option<(Reason, String)> {
        let w = self.node.world;
        if self.trunk.trunk.subports.len() >= SUBPORTS_MAX {
            let message = format!("trunk {} has {SUBPORTS_MAX} subports", self.trunk.trunk.id);
            return Some((Reason::TrunkFull, message));
        }
        [
            Held::Create,
            Held::Kind(self.kind.clone()),
            Held::Trunk(self.trunk.trunk.id.clone()),
        ]
        .iter()
        .find_map(|h| w.trouble.get(h).cloned())
    }

    /// Uses loose ports, asks for more, or takes ports away.
    fn settle(self, out: &mut Draft, adds: &mut Vec<(Id, Option<u16>)>, removes: &mut Vec<Id>) {
        let w = self.node.world;
        let idle = self.ready.len() + self.cooling.len();
        let supply = self.coming + self.loose.len();
        let stock = Stock {
            used: self.used,
            unused: idle + supply.saturating_sub(self.short),
            room: SUBPORTS_MAX.saturating_sub(self.trunk.trunk.subports.len() + self.coming),
        };
        let (mut more, mut fewer) = (self.short.saturating_sub(supply).min(stock.room), 0);
        match verdict(w.settings.pool, stock) {
            Verdict::Grow(n) => more += n,
            Verdict::Shrink(n) => fewer = n,
            Verdict::Keep => {}
        }
        // A port that is loose or cooling is given up before one that is ready.
        let surplus_loose = fewer.min(self.loose.len().saturating_sub(self.short));
        for (i, id) in self.loose.into_iter().enumerate() {
            if i < surplus_loose {
                // An orphan may be another node's; it has a grace of its own.
                let made = w.ports.get(&id).is_some_and(|(_, n)| n.made_for.is_some());
                if made {
                    out.delete.insert(id);
                }
            } else {
                out.taken.insert(id.clone());
                adds.push((id, None));
            }
        }
        let surplus = self.cooling.iter().chain(&self.ready).map(|p| p.id.clone());
        removes.extend(surplus.take(fewer.saturating_sub(surplus_loose)));
        if more > 0 {
            out.needs
                .push((self.node.name.clone(), self.kind.clone(), more));
        }
    }
}

impl World {
    /// Until when a failure holds this up.
    fn held_off(&self, held: &Held) -> Option<()> {
        (!self.backoff.ready(held, self.now)).then_some(())
    }

    /// Free ports on trunks of no node of ours are taken off.
    fn orphans(&self, out: &mut Draft) {
        for t in self.trunks.values() {
            let held = Held::Trunk(t.trunk.id.clone());
            if t.node.is_some() || t.busy || self.held_off(&held).is_some() {
                continue;
            }
            let ports: Vec<Id> = t
                .ports
                .iter()
                .filter(|id| self.is_idle(id))
                .cloned()
                .collect();
            if !ports.is_empty() {
                out.actions.push(Action::RemoveSubports {
                    trunk: t.trunk.id.clone(),
                    ports,
                });
            }
        }
    }

    /// One call for all nodes whose trunk is not known.
    fn find_trunks(&self, out: &mut Draft) {
        let nodes: Vec<_> = out
            .find
            .drain(..)
            .filter_map(|name| {
                let addresses = self.nodes.get(&name)?.addresses.clone();
                (!addresses.is_empty()).then_some((name, addresses))
            })
            .collect();
        if !nodes.is_empty() {
            out.actions.push(Action::FindTrunks { nodes });
        }
    }

    /// Bulk creates, as many at once as allowed; what does not fit waits for an answer.
    fn creates(&self, out: &mut Draft) {
        // With nothing left, one is tried now and then: the quota may have been raised.
        let mut room = self.quota_free.map_or(usize::MAX, |free| free.max(1));
        let mut needs = std::mem::take(&mut out.needs);
        let mut calls = self.creates;
        let open =
            self.held_off(&Held::Create).is_none() && !self.refresh_wanted && !self.refreshing;
        while open && calls < self.settings.creates_at_once && room > 0 {
            let orders = self.next_batch(&mut needs, room);
            if orders.is_empty() {
                break;
            }
            room -= orders.iter().map(|(_, _, n)| n).sum::<usize>().min(room);
            calls += 1;
            out.actions.push(Action::CreatePorts { orders });
        }
        out.unfinished
            .extend(needs.into_iter().filter(|n| n.2 > 0).map(|n| n.0));
    }

    /// The next bulk create: what one call may hold, of kinds that are not held up.
    fn next_batch(
        &self,
        needs: &mut [(Id, Arc<PortKind>, usize)],
        room: usize,
    ) -> Vec<(Id, Arc<PortKind>, usize)> {
        let mut left = self.create_size.size().min(room);
        let mut orders = Vec::new();
        for (node, kind, count) in needs.iter_mut() {
            if left == 0 {
                break;
            }
            if *count == 0 || self.held_off(&Held::Kind(kind.clone())).is_some() {
                continue;
            }
            let cap = self.kind_cap.get(kind).copied().unwrap_or(usize::MAX);
            let n = (*count).min(left).min(cap);
            left -= n;
            *count -= n;
            orders.push((node.clone(), kind.clone(), n));
            if cap != usize::MAX {
                break; // nearly full: nobody else's ports are to fail with these
            }
        }
        orders
    }

    /// Deletes of loose ports that nobody wants.
    fn deletes(&self, out: &mut Draft) {
        let open = self.settings.deletes_at_once.saturating_sub(self.deletes);
        let gone: Vec<&Id> = self
            .loose
            .iter()
            .filter(|id| out.delete.contains(*id) || self.is_litter(id, out))
            .filter(|id| self.held_off(&Held::Port((*id).clone())).is_none())
            .collect();
        for id in gone.iter().take(open) {
            out.actions.push(Action::DeletePort {
                port: (*id).clone(),
            });
        }
        let left = gone.iter().skip(open).filter_map(|id| self.ports.get(*id));
        out.unfinished
            .extend(left.filter_map(|(_, notes)| notes.made_for.clone()));
    }

    /// Whether a loose port is to be deleted: taken off a trunk by us, or nobody's for long.
    fn is_litter(&self, id: &Id, out: &Draft) -> bool {
        let Some((_, notes)) = self.ports.get(id) else {
            return false;
        };
        if notes.busy || self.users.contains_key(id) || out.taken.contains(id) {
            return false;
        }
        notes.doomed
            || (notes
                .made_for
                .as_ref()
                .is_none_or(|n| !self.nodes.contains_key(n))
                && notes.free_since + self.settings.orphan_grace <= self.now)
    }

    /// One list for all ports that are not ACTIVE yet.
    fn look(&self, out: &mut Draft) {
        if self.looking || self.unready.is_empty() || self.now < self.look_at {
            return;
        }
        let ports = self.unready.iter().cloned().collect();
        out.actions.push(Action::Look { ports });
    }
}
