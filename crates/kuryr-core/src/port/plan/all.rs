//! What concerns all nodes at once.

use std::sync::Arc;

use super::Draft;
use crate::port::action::Action;
use crate::port::model::{Id, PortKind};
use crate::port::world::{Held, World};

impl World {
    /// Until when a failure holds this up.
    pub(super) fn held_off(&self, held: &Held) -> Option<()> {
        (!self.backoff.ready(held, self.now)).then_some(())
    }

    /// Free ports on trunks of no node of ours are taken off.
    pub(super) fn orphans(&self, out: &mut Draft) {
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

    /// Bulk creates, as many at once as allowed; what does not fit waits for an answer.
    pub(super) fn creates(&self, out: &mut Draft) {
        // With nothing left, one is tried now and then: the quota may have been raised.
        let mut room = self.quota_free.map_or(usize::MAX, |free| free.max(1));
        let mut needs = std::mem::take(&mut out.needs);
        needs.append(&mut out.growth);
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
    pub(super) fn deletes(&self, out: &mut Draft) {
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
    pub(super) fn look(&self, out: &mut Draft) {
        if self.looking || self.unready.is_empty() || self.now < self.look_at {
            return;
        }
        let ports = self.unready.iter().cloned().collect();
        out.actions.push(Action::Look { ports });
    }
}
