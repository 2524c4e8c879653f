//! What concerns all nodes at once.

use super::{Draft, Need};
use crate::port::action::Action;
use crate::port::model::{ClaimedVif, Id};
use crate::port::world::{Held, Lines, NodeTrunk, World, put_back, total};

impl World {
    /// Free ports on trunks that were nodes' of ours, and are no more, are taken off. Of a trunk that never was one since the
    /// start nothing is touched: a second cluster of the same `cluster_id` would lose its ports; `kuryr doctor` shows them.
    ///
    /// A port in use whose pod's node has another trunk now is taken off too, and put on that one by its node's plan.
    pub(super) fn leave_trunks(&self, out: &mut Draft) {
        for t in self.trunks.values() {
            let held = Held::Trunk(t.trunk.id.clone());
            if t.node.is_some() || t.busy || self.is_held(&held) {
                continue;
            }
            let ports: Vec<Id> = t
                .ports
                .iter()
                .filter(|id| t.was_ours && self.is_idle(id) || self.is_left_behind(id, &t.trunk.id))
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

    /// Whether the pod that has the port is on a node with another trunk, and its KuryrPort says already that the port can't be
    /// used.
    fn is_left_behind(&self, port: &Id, trunk: &Id) -> bool {
        let claim = self.users.get(port).and_then(|pod| self.claims.get(pod));
        let is_told = |vif: &ClaimedVif| vif.port == *port && !vif.active;
        claim.is_some_and(|claim| {
            let node = self.nodes.get(&claim.node).map(|n| &n.trunk);
            let has_another = matches!(node, Some(NodeTrunk::Found(here)) if here != trunk);
            let is_busy = self.ports.get(port).is_none_or(|(_, notes)| notes.busy);
            has_another && !is_busy && claim.vif.as_ref().is_some_and(is_told)
        })
    }

    /// One call for all nodes whose trunk is not known.
    pub(super) fn find_trunks(&self, out: &mut Draft) {
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

    /// How many more bulk creates may be under way.
    pub(super) fn create_slots(&self) -> usize {
        let open = !self.is_held(&Held::Create) && !self.list.is_pending();
        if open {
            self.making.slots(self.settings.creates_at_once)
        } else {
            0
        }
    }

    /// Bulk creates, as many at once as allowed; what does not fit stays in line.
    pub(super) fn creates(&self, lines: &mut Lines, out: &mut Draft) {
        let mut room = self.making.room();
        let pods = out.needs.len();
        let mut needs = std::mem::take(&mut out.needs);
        needs.append(&mut out.growth);
        let waited = (pods > 0).then(|| lines.waited(self.agenda.now()));
        let most = self.making.size(waited);
        for _ in 0..self.create_slots() {
            let orders = self.next_batch(&mut needs, most.min(room));
            if orders.is_empty() {
                break;
            }
            room -= total(&orders).min(room);
            out.actions.push(Action::CreatePorts { orders });
        }
        // Who waits for a kind that is held up is planned anew when it is no more.
        let left = |n: &&Need| n.2 > 0 && !self.is_held(&Held::Kind(n.1.clone()));
        put_back(&mut lines.pools, needs[pods..].iter().filter(left));
        put_back(&mut lines.pods, needs[..pods].iter().filter(left));
        lines.note(self.agenda.now());
    }

    /// The next bulk create: what one call may hold, of kinds that are not held up.
    fn next_batch(&self, needs: &mut [Need], mut left: usize) -> Vec<Need> {
        let mut orders = Vec::new();
        for (node, kind, count) in needs.iter_mut() {
            if left == 0 {
                break;
            }
            if *count == 0 || self.is_held(&Held::Kind(kind.clone())) {
                continue;
            }
            let cap = self.making.cap(kind);
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
    pub(super) fn deletes(&self, out: &mut Draft) {
        let open = self.settings.deletes_at_once.saturating_sub(self.deletes);
        let free = |id: &&Id| {
            let notes = self.ports.get(*id).map(|(_, notes)| notes);
            notes.is_some_and(|n| !n.busy)
                && !self.users.contains_key(*id)
                && !out.taken.contains(*id)
        };
        let gone = self
            .loose
            .doomed()
            .chain(
                self.unclaimed_loose()
                    .filter(|id| self.is_old(id) || self.is_retiring(id)),
            )
            .filter(free)
            .chain(&out.delete)
            .filter(|id| !self.is_held(&Held::Port((*id).clone())));
        let now: Vec<Id> = gone.take(open).cloned().collect();
        // A node's surplus is counted anew; the others stay what they are.
        let surplus = out.delete.iter().filter(|id| !now.contains(id));
        let made_for = surplus.filter_map(|id| self.ports.get(id)?.1.made_for.clone());
        out.unfinished.extend(made_for);
        let delete = |port| Action::DeletePort { port };
        out.actions.extend(now.into_iter().map(delete));
    }

    /// Whether a port has been nobody's for long.
    fn is_old(&self, id: &Id) -> bool {
        let free_since = self.ports.get(id).map(|(_, notes)| notes.free_since);
        free_since.is_some_and(|at| at + self.settings.orphan_grace <= self.agenda.now())
    }

    /// One list for all ports that are not ACTIVE yet.
    pub(super) fn look(&self, out: &mut Draft) {
        let due = self.looks.due(self.agenda.now());
        out.actions.extend(due.map(|ports| Action::Look { ports }));
    }
}
