//! Security groups that each pod's port has of its own: NetworkPolicies decide them pod by pod.
//!
//! Ports that wait carry none, and pass nothing. A port that a pod is given is ACTIVE for the pod's daemon only when it carries
//! what the pod is to have, so that this is before the pod's first packet; one that is given back loses all before it waits again.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::World;
use crate::port::action::Assignment;
use crate::port::model::{Id, Pod, PodKey, Port, PortKind};

/// What a port of ours carries, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worn {
    pub port: Id,
    /// None: it waits in a pool.
    pub pod: Option<PodKey>,
    /// Its security groups; none: the port is gone.
    pub groups: Option<BTreeSet<Id>>,
}

/// Groups by pod and by port.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dressing {
    /// What pods are to have; those of which that can't be said yet are missing.
    wanted: HashMap<PodKey, BTreeSet<Id>>,
    /// What ports carry.
    worn: HashMap<Id, BTreeSet<Id>>,
    /// Ports of which something changed since that was last asked.
    changed: BTreeSet<Id>,
    /// Ports that may carry something else: a call that sets it was not answered.
    doubted: BTreeSet<Id>,
}

impl World {
    /// What a pod's port is to carry from now on; none: it can't be said yet.
    pub fn dress(&mut self, pod: &PodKey, groups: Option<BTreeSet<Id>>) {
        let wanted = &mut self.dressing.wanted;
        let old = match &groups {
            Some(groups) => wanted.insert(pod.clone(), groups.clone()),
            None => wanted.remove(pod),
        };
        if old != groups {
            self.touch_pod_nodes(pod);
        }
    }

    /// Ports of which changed what they carry, or whose they are, since this was last asked.
    pub fn take_worn(&mut self) -> Vec<Worn> {
        let changed = std::mem::take(&mut self.dressing.changed).into_iter();
        let worn = changed.map(|port| Worn {
            pod: self.users.get(&port).cloned(),
            groups: self
                .ports
                .contains_key(&port)
                .then(|| self.worn(&port).clone()),
            port,
        });
        worn.collect()
    }

    /// Whether all ports were listed in this term, so that what they carry is known.
    #[must_use]
    pub fn are_ports_known(&self) -> bool {
        self.list.is_listed()
    }

    /// All ports of ours.
    #[must_use]
    pub fn port_ids(&self) -> BTreeSet<Id> {
        self.ports.keys().cloned().collect()
    }

    fn worn(&self, port: &Id) -> &BTreeSet<Id> {
        const NONE: &BTreeSet<Id> = &BTreeSet::new();
        self.dressing.worn.get(port).unwrap_or(NONE)
    }

    /// What a pod's port is to carry that differs from what the port does; none if it is as it is to be, or can't be said.
    pub(crate) fn other_groups(&self, pod: &Pod, port: &Port) -> Option<Vec<Id>> {
        if !self.settings.groups_by_pod {
            let wanted = pod.wanted_kind()?.security_groups.clone();
            return (wanted != port.kind.security_groups).then_some(wanted);
        }
        let wanted = self.dressing.wanted.get(&pod.key)?;
        let differs = *wanted != *self.worn(&port.id) || self.is_doubted(&port.id);
        differs.then(|| wanted.iter().cloned().collect())
    }

    /// Whether a port carries what a pod is to have before its first packet.
    fn is_dressed(&self, pod: &Pod, port: &Port) -> bool {
        let wanted = self.dressing.wanted.get(&pod.key);
        let is_dressed = wanted == Some(self.worn(&port.id)) && !self.is_doubted(&port.id);
        !self.settings.groups_by_pod || is_dressed
    }

    fn is_doubted(&self, port: &Id) -> bool {
        self.dressing.doubted.contains(port)
    }

    /// What a port carries is not known any more: it may be what was asked for last.
    pub(crate) fn doubt_worn(&mut self, port: &Id) {
        self.dressing.doubted.insert(port.clone());
    }

    /// What a pod's KuryrPort says of a port: that it is ACTIVE when it can be used, and from then on as long as Neutron says so.
    pub(crate) fn assignment(&self, pod: &Pod, port: &Port, vlan: u16) -> Assignment {
        let mut assignment = Assignment::of(port, vlan);
        let claim = self.claims.get(&pod.key).filter(|c| c.pod_uid == pod.uid);
        let vif = claim.and_then(|claim| claim.vif.as_ref());
        let is_plugged = vif.is_some_and(|vif| vif.active && vif.port == port.id);
        assignment.active &= is_plugged || self.is_dressed(pod, port);
        assignment
    }

    /// Whether a port that nobody uses carries something still, or may.
    pub(crate) fn is_worn(&self, port: &Id) -> bool {
        self.dressing.worn.contains_key(port) || self.is_doubted(port)
    }

    /// A port as Neutron shows it: what it carries is its own, and not what kind it is.
    pub(crate) fn take_groups(&self, port: &mut Port) -> BTreeSet<Id> {
        if !self.settings.groups_by_pod {
            return BTreeSet::new();
        }
        let kind = PortKind {
            security_groups: Vec::new(),
            ..(*port.kind).clone()
        };
        let seen = std::mem::replace(&mut port.kind, Arc::new(kind));
        seen.security_groups.iter().cloned().collect()
    }

    /// A port carries this.
    pub(crate) fn wears(&mut self, port: &Id, groups: BTreeSet<Id>) {
        let was_doubted = self.dressing.doubted.remove(port);
        let worn = &mut self.dressing.worn;
        let old = match groups.is_empty() {
            true => worn.remove(port).unwrap_or_default(),
            false => worn
                .insert(port.clone(), groups.clone())
                .unwrap_or_default(),
        };
        if old != groups {
            self.note_worn(port);
        }
        if old != groups || was_doubted {
            self.touch_port_node(port);
        }
    }

    /// Something changed about what a port carries or whose it is.
    pub(crate) fn note_worn(&mut self, port: &Id) {
        if self.settings.groups_by_pod {
            self.dressing.changed.insert(port.clone());
        }
    }

    /// A port is gone.
    pub(crate) fn unwear(&mut self, port: &Id) {
        self.dressing.worn.remove(port);
        self.dressing.doubted.remove(port);
        self.note_worn(port);
    }
}
