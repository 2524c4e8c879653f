//! Ports in the world.

use super::{Held, World};
use crate::Millis;
use crate::port::model::{Id, Place, Pod, PodKey, Port, PortNotes, PortStatus};

/// How often the pause before a port is put on its trunk again is doubled: up to 48 minutes.
const LONGEST_REWIRE: u32 = 5;

impl World {
    /// Takes over a port as Neutron shows it: replaces what was known of it, in the indexes too, and marks its node.
    pub(crate) fn put_port(&mut self, mut port: Port, mut notes: PortNotes) {
        if port.status == PortStatus::Active && port.place != Place::Loose {
            notes.rewired = 0;
        }
        self.share_port(&mut port);
        let id = port.id.clone();
        self.unplace(&id);
        self.place(&port, &notes);
        self.population.more(&port.kind.network, 1);
        if let Some((old, _)) = self.ports.insert(id.clone(), (port, notes)) {
            self.population.fewer(&old.kind.network, 1);
        }
        self.touch_port_node(&id);
    }

    /// A port is gone from Neutron.
    pub(crate) fn drop_port(&mut self, id: &Id) {
        self.touch_port_node(id);
        self.unplace(id);
        if let Some((port, _)) = self.ports.remove(id) {
            self.population.fewer(&port.kind.network, 1);
        }
        self.unwear(id);
        self.list.note_gone(id.clone());
        self.agenda.release(&Held::Port(id.clone()));
    }

    /// A port moved, or its status changed.
    pub(crate) fn change_port(&mut self, id: &Id, change: impl FnOnce(&mut Port, &mut PortNotes)) {
        let Some((mut port, mut notes)) = self.ports.get(id).cloned() else {
            return;
        };
        self.sequence += 1;
        change(&mut port, &mut notes);
        notes.touched = self.sequence;
        self.touch_port_node(id);
        self.put_port(port, notes);
    }

    fn place(&mut self, port: &Port, notes: &PortNotes) {
        match &port.place {
            Place::Loose => self.loose.insert(&port.id, notes),
            Place::On { trunk, vlan } => {
                if let Some(t) = self.trunks.get_mut(trunk) {
                    t.ports.insert(port.id.clone());
                    t.trunk.subports.insert(*vlan, port.id.clone());
                }
                if port.status == PortStatus::Down {
                    self.looks.await_port(&port.id, self.agenda.now());
                }
            }
        }
    }

    /// Whether the indexes have a port where it says that it is.
    pub(crate) fn is_placed(&self, port: &Port) -> bool {
        match &port.place {
            Place::Loose => true,
            Place::On { trunk, vlan } => self.trunks.get(trunk).is_some_and(|t| {
                t.ports.contains(&port.id) && t.trunk.subports.get(vlan) == Some(&port.id)
            }),
        }
    }

    fn unplace(&mut self, id: &Id) {
        self.looks.forget(id);
        let Some((port, notes)) = self.ports.get(id) else {
            return;
        };
        let Place::On { trunk, vlan } = &port.place else {
            return self.loose.remove(id, notes);
        };
        if let Some(t) = self.trunks.get_mut(trunk) {
            t.ports.remove(id);
            if t.trunk.subports.get(vlan) == Some(id) {
                t.trunk.subports.remove(vlan);
            }
        }
    }

    /// Our ports, for reports and metrics.
    pub fn ports(&self) -> impl Iterator<Item = (&Port, Option<&PodKey>)> {
        self.ports.values().map(|(p, _)| (p, self.users.get(&p.id)))
    }

    /// One port.
    #[must_use]
    pub fn port(&self, id: &Id) -> Option<&Port> {
        self.ports.get(id).map(|(p, _)| p)
    }

    /// When a port that does not become ACTIVE is put on its trunk again; none if it is not waited for.
    pub(crate) fn rewires_at(&self, id: &Id) -> Option<Millis> {
        let (_, notes) = self.ports.get(id)?;
        let pause = self.settings.rewire_port << notes.rewired.min(LONGEST_REWIRE);
        Some(self.looks.since(id)? + pause)
    }

    /// Until when a free port on a trunk is left alone after its last use; none if it can be
    /// used now.
    pub(crate) fn cools_until(&self, port: &Port, notes: &PortNotes) -> Option<Millis> {
        let until = notes.free_since + self.settings.cooldown;
        let cools =
            notes.free_since != 0 && until > self.agenda.now() && port.status == PortStatus::Active;
        cools.then_some(until)
    }

    /// Whether the pod that has it is over, and its KuryrPort is not gone yet.
    pub(crate) fn is_being_given_back(&self, id: &Id) -> bool {
        let user = self.users.get(id);
        user.is_some_and(|pod| self.pods.get(pod).and_then(Pod::wanted_kind).is_none())
    }

    /// Whether a port is neither used nor under way.
    pub(crate) fn is_idle(&self, id: &Id) -> bool {
        !self.users.contains_key(id)
            && self
                .ports
                .get(id)
                .is_some_and(|(_, n)| !n.busy && !n.doomed)
    }
}
