//! Changes of trunks and ports, and looks at their status.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::Millis;
use crate::port::action::{Action, Answer, Outcome, Reason};
use crate::port::model::{Id, Place, PortKind, PortNotes, PortStatus};
use crate::port::world::{Held, World};
use crate::reconcile::{Failure, FailureKind};

impl World {
    pub(super) fn finish_add(
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
                self.agenda.release(&Held::Port(id.clone()));
            }
            self.looks.soon(self.agenda.now(), self.settings.look_first);
            return self.settle(held, None, None);
        };
        if failure.is_surprise() || failure.is_unknown() {
            self.list.want();
        }
        if let [(port, _)] = ports {
            let port = Held::Port(port.clone());
            let suspect = self.agenda.failures(&port) > 0;
            self.settle(port, Some(&failure), None);
            // It was known to be bad; that says nothing of the trunk.
            if suspect && !failure.is_unknown() {
                return;
            }
        }
        self.settle(held, Some(&failure), Some(Reason::NeutronFailed));
    }

    pub(super) fn finish_adopt(&mut self, action: &Action, outcome: Outcome) {
        let Action::Adopt {
            port: id,
            trunk,
            vlan,
            ..
        } = action
        else {
            return;
        };
        self.adopting.remove(id);
        let failure = match outcome {
            Ok(Answer::Adopted(mut port)) => {
                self.sequence += 1;
                let (trunk, vlan) = (trunk.clone(), *vlan);
                port.place = Place::On { trunk, vlan };
                let worn = self.take_groups(&mut port);
                let notes = PortNotes {
                    touched: self.sequence,
                    ..PortNotes::default()
                };
                self.put_port(port, notes);
                self.wears(id, worn);
                None
            }
            Err(failure) => Some(failure),
            _ => None,
        };
        self.list.want_if(failure.is_some());
        let is_anothers = |f: &Failure| f.kind == FailureKind::Invalid;
        let reason = failure
            .as_ref()
            .filter(|f| is_anothers(f))
            .map(|_| Reason::PortMissing);
        self.settle(Held::Port(id.clone()), failure.as_ref(), reason);
        self.touch_all();
    }

    pub(super) fn finish_remove(&mut self, trunk: &Id, ports: &[Id], failure: Option<Failure>) {
        self.set_trunk_busy(trunk, false);
        self.set_busy(ports, false);
        if failure.is_none() {
            for id in ports {
                // A pod's port is only on its way to another place, or to the same again.
                let is_used = self.users.contains_key(id);
                self.change_port(id, |p, n| {
                    (p.place, n.doomed) = (Place::Loose, !is_used);
                    n.rewired += u32::from(is_used);
                });
            }
        } else {
            self.list.want();
        }
        self.settle(Held::Trunk(trunk.clone()), failure.as_ref(), None);
    }

    pub(super) fn finish_delete(&mut self, port: &Id, failure: Option<Failure>) {
        self.deletes = self.deletes.saturating_sub(1);
        self.set_busy([port], false);
        match failure {
            None => {
                let kind = self.port(port).map(|p| p.kind.clone());
                self.drop_port(port);
                // Room was made.
                self.making.room_was_made();
                self.settle(Held::Create, None, None);
                if let Some(kind) = kind {
                    self.settle(Held::Kind(kind), None, None);
                }
            }
            Some(f) => {
                self.list.want_if(f.is_surprise());
                self.settle(Held::Port(port.clone()), Some(&f), None);
            }
        }
    }

    pub(super) fn finish_groups(
        &mut self,
        port: &Id,
        kind: &Arc<PortKind>,
        failure: Option<Failure>,
    ) {
        self.set_busy([port], false);
        self.regrouping.remove(port);
        if failure.as_ref().is_some_and(Failure::is_unknown) && self.settings.groups_by_pod {
            self.change_port(port, |_, _| {});
            self.doubt_worn(port);
        }
        if failure.is_none() {
            if self.settings.groups_by_pod {
                self.change_port(port, |_, _| {});
                self.wears(port, kind.security_groups.iter().cloned().collect());
            } else {
                let kind = kind.clone();
                self.change_port(port, |p, _| p.kind = kind);
            }
        }
        self.settle(Held::Port(port.clone()), failure.as_ref(), None);
    }

    pub(super) fn finish_look(&mut self, asked: &[Id], outcome: Outcome) {
        let before = self.looks.ends();
        let Ok(Answer::Seen(seen)) = outcome else {
            self.slow_down_looking();
            return;
        };
        for (id, status) in &seen {
            if self.ports.get(id).is_some_and(|(p, _)| p.status != *status) {
                self.change_port(id, |p, _| p.status = *status);
            }
        }
        let there: BTreeSet<&Id> = seen.iter().map(|(id, _)| id).collect();
        self.list
            .want_if(asked.iter().any(|id| !there.contains(id)));
        if self.looks.len() < before {
            let first = self.settings.look_first;
            self.looks.soon(self.agenda.now() + first, first);
        } else {
            self.slow_down_looking();
        }
    }

    fn slow_down_looking(&mut self) {
        let (first, longest) = (self.settings.look_first, self.settings.look_longest);
        self.looks.slower(self.agenda.now(), first, longest);
    }
}
