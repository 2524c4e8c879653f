//! Pods that have their port: whether it is where their KuryrPorts say, ACTIVE, and of the right security groups.

use std::sync::Arc;

use super::Draft;
use super::node::NodePlan;
use crate::port::action::{Action, Assignment, Reason};
use crate::port::model::{Claim, ClaimedVif, Id, Place, Pod, PodLife, Port, PortKind};
use crate::port::world::{Held, NodeTrunk, TrunkState, World};
use crate::vlan;

impl NodePlan<'_> {
    /// What to do about one claim: release it, or say that its port is ready.
    pub(super) fn claim(&self, claim: &Claim, out: &mut Draft) {
        let w = self.world;
        let key = &claim.pod;
        if w.claims.call(key).is_some() || w.is_held(&Held::Claim(key.clone())) {
            return;
        }
        let pod = w.pods.get(key).filter(|p| p.uid == claim.pod_uid);
        let unwanted = pod.and_then(Pod::wanted_kind).is_none() && !pod.is_some_and(is_undecided);
        // Deleted by hand before it had a port: it is to be made anew.
        if unwanted || (claim.deleting && claim.vif.is_none()) {
            // Without our finalizer it goes by itself.
            if !claim.deleting || claim.finalizer {
                out.actions.push(Action::DropClaim {
                    pod: key.clone(),
                    uid: claim.pod_uid.clone(),
                    deleting: claim.deleting,
                });
            }
            return;
        }
        let (Some(pod), Some(vif)) = (pod, &claim.vif) else {
            return;
        };
        if w.users.get(&vif.port) != Some(key) {
            let message = format!(
                "port {} of this pod's KuryrPort is another pod's; delete the pod to give it a new one",
                vif.port
            );
            out.report(w, pod, Reason::PortMissing, message);
            return;
        }
        match w.ports.get(&vif.port) {
            None => self.missing(pod, vif, out),
            Some((port, notes)) => self.placed(pod, vif, (port, notes.busy), out),
        }
    }

    /// What to do about a pod whose port is known.
    fn placed(&self, pod: &Pod, vif: &ClaimedVif, (port, busy): (&Port, bool), out: &mut Draft) {
        let w = self.world;
        let standing = if busy {
            Standing::Right
        } else {
            self.standing(port, vif)
        };
        let seen_active = !vif.active && w.assignment(pod, port, vif.vlan).active;
        match (standing, &port.place) {
            (Standing::WithNode(other), _) => {
                let message = format!(
                    "port {} of this pod is on the trunk of node {other}; delete the pod to give it a new one",
                    vif.port
                );
                out.report(w, pod, Reason::PortMissing, message);
            }
            (Standing::Ousted, _) => {
                let message = format!(
                    "port {} of this pod is off its trunk, where another has its VLAN {} now; delete the pod \
                     to give it a new one",
                    vif.port, vif.vlan
                );
                out.report(w, pod, Reason::PortMissing, message);
            }
            // No ADD is to succeed with it before it is where its pod is.
            (Standing::Off | Standing::LeftBehind, _) if vif.active => {
                let mut off = w.assignment(pod, port, vif.vlan);
                off.active = false;
                out.actions.push(write_vif(pod, off));
            }
            (Standing::Off | Standing::LeftBehind, _) => self.waits_for_trunk(pod, vif, out),
            (Standing::OtherVlan, Place::On { vlan, .. }) => {
                out.actions
                    .push(write_vif(pod, w.assignment(pod, port, *vlan)));
            }
            (_, Place::On { vlan, .. }) if seen_active => {
                out.actions
                    .push(write_vif(pod, w.assignment(pod, port, *vlan)));
            }
            _ => {
                self.slow(pod, vif, out);
                self.groups(pod, port, busy, out);
            }
        }
    }

    /// Where a pod's port is, against where its KuryrPort says. The trunk is right where they differ in the VLAN: the record was
    /// edited, or somebody took the port off and put it on again.
    fn standing(&self, port: &Port, vif: &ClaimedVif) -> Standing<'_> {
        match &port.place {
            Place::Loose if self.is_ousted(vif) && vif.active => Standing::Ousted,
            Place::Loose => Standing::Off,
            Place::On { trunk, vlan } if self.is_here(trunk) => {
                if *vlan == vif.vlan {
                    Standing::Right
                } else {
                    Standing::OtherVlan
                }
            }
            Place::On { trunk, .. } => {
                let holder = self.world.trunks.get(trunk).and_then(|t| t.node.as_ref());
                match (&self.node.trunk, holder) {
                    // Nothing can be said yet.
                    (NodeTrunk::Unknown, _) => Standing::Right,
                    (_, Some(other)) => Standing::WithNode(other),
                    (_, None) => Standing::LeftBehind,
                }
            }
        }
    }

    fn is_here(&self, trunk: &Id) -> bool {
        matches!(&self.node.trunk, NodeTrunk::Found(here) if here == trunk)
    }

    /// A pod has a port, its node no trunk to put it on.
    fn waits_for_trunk(&self, pod: &Pod, vif: &ClaimedVif, out: &mut Draft) {
        if self.node.trunk == NodeTrunk::Missing {
            let message = format!(
                "port {} of this pod is not on a trunk of node {}, whose address is no trunk's parent port in this project",
                vif.port, self.name
            );
            out.report(self.world, pod, Reason::NoTrunk, message);
        }
    }

    /// A pod's port is not among ours. If it is in its place all the same, somebody took the
    /// mark off it.
    fn missing(&self, pod: &Pod, vif: &ClaimedVif, out: &mut Draft) {
        let w = self.world;
        let trunk = self.trunk();
        let there = trunk.filter(|t| t.trunk.subports.get(&vif.vlan) == Some(&vif.port));
        if let Some(t) = there {
            let held = Held::Port(vif.port.clone());
            if let Some((reason, message)) = w.agenda.told(&held) {
                out.report(w, pod, *reason, message.clone());
            }
            if let Some(kind) = pod.wanted_kind()
                && !w.adopting.contains(&vif.port)
                && !w.is_held(&held)
            {
                out.actions.push(Action::Adopt {
                    pod_uid: pod.uid.clone(),
                    kind: kind.clone(),
                    port: vif.port.clone(),
                    trunk: t.trunk.id.clone(),
                    vlan: vif.vlan,
                });
            }
            return;
        }
        let message = format!(
            "port {} of this pod is gone from Neutron; delete the pod to give it a new one",
            vif.port
        );
        out.report(w, pod, Reason::PortMissing, message);
    }

    /// Whether another port has the VLAN that a pod is plugged with.
    fn is_ousted(&self, vif: &ClaimedVif) -> bool {
        let other = self.trunk().and_then(|t| t.trunk.subports.get(&vif.vlan));
        other.is_some_and(|port| *port != vif.port)
    }

    /// A port that is long on its trunk without being ACTIVE: some agent or controller of the cloud's has not done its part, and
    /// nobody would be told.
    fn slow(&self, pod: &Pod, vif: &ClaimedVif, out: &mut Draft) {
        let w = self.world;
        let Some(since) = w.looks.since(&vif.port).filter(|_| !vif.active) else {
            return;
        };
        let due = since + w.settings.slow_port;
        if w.agenda.now() < due {
            return out.later.push((due, self.name.clone()));
        }
        out.later
            .extend(w.rewires_at(&vif.port).map(|at| (at, self.name.clone())));
        let message = format!(
            "port {} is on its trunk with VLAN {}, and Neutron has not shown it ACTIVE for {} s; it is looked at every few \
             seconds, and taken off and put on again {} s after it was put there. If it stays so, see what wires ports on the \
             hypervisor (ovn-controller, neutron-openvswitch-agent); a pod that is deleted gets another port",
            vif.port,
            vif.vlan,
            w.settings.slow_port / 1_000,
            w.settings.rewire_port / 1_000
        );
        out.report(w, pod, Reason::PortNotActive, message);
    }

    /// The security groups of a port in use.
    fn groups(&self, pod: &Pod, port: &Port, busy: bool, out: &mut Draft) {
        let Some(wanted) = self.world.other_groups(pod, port) else {
            return;
        };
        let held = Held::Port(port.id.clone());
        // Whose groups they are to be is not known of a port that two KuryrPorts name.
        let is_contested = self.world.rivals.contains_key(&port.id);
        if busy || is_contested || self.world.is_held(&held) {
            return;
        }
        let kind = Arc::new(PortKind {
            security_groups: wanted,
            ..(*port.kind).clone()
        });
        out.actions.push(Action::SetSecurityGroups {
            port: port.id.clone(),
            kind,
        });
    }

    /// Ports in use that someone took off the trunk: back with the VLAN they had.
    pub(super) fn lost(&self, trunk: &TrunkState, adds: &mut Vec<(Id, Option<u16>)>) {
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
            let is_taken = trunk.trunk.subports.contains_key(&vif.vlan);
            if lost && ours && plugged && !(is_taken && vif.active) {
                // What is not active nobody was told to be plugged: another VLAN will do, and is written.
                adds.push((vif.port.clone(), Some(vif.vlan).filter(|_| !is_taken)));
            }
        }
    }

    /// Ports in use that Neutron does not wire: off the trunk, and put on again by the next call. With OVN that makes the
    /// event anew that was lost.
    pub(super) fn unwired(&self, trunk: &TrunkState, removes: &mut Vec<Id>) {
        let w = self.world;
        let here = &trunk.trunk.id;
        for claim in self.node.claims.iter().filter_map(|key| w.claims.get(key)) {
            let Some(vif) = claim.vif.as_ref().filter(|vif| !vif.active) else {
                continue;
            };
            let is_due = w
                .rewires_at(&vif.port)
                .is_some_and(|at| at <= w.agenda.now());
            let is_ours = w.users.get(&vif.port) == Some(&claim.pod);
            let is_here = w.ports.get(&vif.port).is_some_and(|(p, n)| {
                !n.busy && matches!(&p.place, Place::On { trunk, .. } if trunk == here)
            });
            if is_due && is_ours && is_here {
                removes.push(vif.port.clone());
            }
        }
    }
}

/// Where a pod's port is.
enum Standing<'a> {
    /// Where its KuryrPort says; or it is not known better, or a call is changing it.
    Right,
    /// On the node's trunk with another VLAN.
    OtherVlan,
    /// On no trunk.
    Off,
    /// On no trunk, and another port has the VLAN that the pod is plugged with.
    Ousted,
    /// On the trunk of this other node.
    WithNode(&'a Id),
    /// On a trunk that is no node's: the pod's node was made anew, with another trunk.
    LeftBehind,
}

fn write_vif(pod: &Pod, vif: Assignment) -> Action {
    Action::WriteVif {
        pod: pod.key.clone(),
        uid: pod.uid.clone(),
        vif,
    }
}

fn is_undecided(pod: &Pod) -> bool {
    pod.life == PodLife::Alive && World::unknown_want(pod).is_some()
}
