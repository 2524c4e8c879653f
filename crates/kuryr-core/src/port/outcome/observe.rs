//! Full lists.

use std::collections::BTreeSet;

use crate::port::action::{Answer, Outcome};
use crate::port::model::{Id, Place, Port, PortNotes, Trunk};
use crate::port::world::{Held, NodeTrunk, TrunkState, World};
use crate::reconcile::Failure;

impl World {
    pub(super) fn finish_refresh(&mut self, outcome: Outcome, failure: Option<Failure>) {
        let counts = self.list.end();
        let ill = self.agenda.failures(&Held::Refresh) > 0;
        if failure.is_none() && ill {
            // Neutron is well again: what failed meanwhile is tried at once.
            let others = |h: &Held| matches!(h, Held::Claim(_) | Held::Kind(_));
            self.agenda.release_all_but(others);
        }
        match outcome {
            Ok(Answer::All { ports, trunks }) if counts => {
                self.observe(ports, trunks);
                self.list.resolved();
                self.shared.tidy();
            }
            _ => self.list.want(),
        }
        self.settle(Held::Refresh, failure.as_ref(), None);
        self.touch_all();
    }

    /// Takes over a full list, except where we changed something after it began.
    fn observe(&mut self, ports: Vec<Port>, trunks: Vec<Trunk>) {
        // First, because a port that is not listed may still stand in a trunk that is.
        self.forget_unlisted(&ports);
        let there: BTreeSet<Id> = trunks.iter().map(|t| t.id.clone()).collect();
        for trunk in trunks {
            if self
                .trunks
                .get(&trunk.id)
                .is_none_or(|t| self.list.knows(t.touched) && !t.busy)
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
            if let Some(t) = self.trunks.remove(&id) {
                self.trunks_at.replace(&id, &t.trunk.addresses, &[]);
            }
        }
        for port in ports {
            self.observe_port(port);
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
        self.list.taken();
    }

    fn forget_unlisted(&mut self, ports: &[Port]) {
        let listed: BTreeSet<&Id> = ports.iter().map(|p| &p.id).collect();
        let gone: Vec<Id> = self
            .ports
            .iter()
            .filter(|(id, (_, n))| !listed.contains(*id) && self.list.knows(n.touched) && !n.busy)
            .map(|(id, _)| id.clone())
            .collect();
        for id in gone {
            self.drop_port(&id);
        }
    }

    fn observe_port(&mut self, mut port: Port) {
        let worn = self.take_groups(&mut port);
        let id = port.id.clone();
        let notes = match self.ports.get(&port.id) {
            Some((_, n)) if !self.list.knows(n.touched) || n.busy => return,
            // The list is older than the port's end.
            None if self.list.went(&port.id) => return,
            Some((known, _)) if *known == port && self.is_placed(&port) => {
                return self.wears(&id, worn);
            }
            Some((_, n)) => PortNotes {
                doomed: n.doomed && port.place == Place::Loose,
                ..n.clone()
            },
            None => PortNotes {
                free_since: self.agenda.now().max(1),
                ..PortNotes::default()
            },
        };
        self.put_port(port, notes);
        self.wears(&id, worn);
    }

    /// Puts a trunk in, or what is new about it.
    pub(crate) fn put_trunk(&mut self, trunk: Trunk) {
        let id = trunk.id.clone();
        let old = self.trunks.get(&id);
        let had = old.map_or(&[][..], |t| &t.trunk.addresses);
        self.trunks_at.replace(&id, had, &trunk.addresses);
        let node = self.nodes_at.first(&trunk.addresses);
        let state = TrunkState {
            node: old.and_then(|t| t.node.clone()),
            was_ours: old.is_some_and(|t| t.was_ours),
            busy: old.is_some_and(|t| t.busy),
            // Going on above what is used leaves ids alone that were freed before a restart.
            last_vlan: old.map_or_else(
                || trunk.subports.keys().next_back().copied().unwrap_or(0),
                |t| t.last_vlan,
            ),
            touched: old.map_or(0, |t| t.touched),
            shrunk_at: old.map_or(0, |t| t.shrunk_at),
            ports: old.map(|t| t.ports.clone()).unwrap_or_default(),
            trunk,
        };
        self.trunks.insert(id, state);
        if let Some(name) = node {
            self.match_node(&name);
        }
    }
}
