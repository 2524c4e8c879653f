//! The ports of one kind on one node.

use std::sync::Arc;

use super::node::{NodePlan, create_claim};
use super::{Draft, SUBPORTS_MAX};
use crate::pool::{Stock, Verdict, verdict};
use crate::port::action::{Action, Assignment, Reason};
use crate::port::model::{Id, Place, Pod, Port, PortKind, PortStatus};
use crate::port::world::{Held, TrunkState};

/// The ports of one kind on one node: which pods get them, how many more, how many fewer.
pub(super) struct PoolPlan<'a> {
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
    pub(super) fn new(
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
    pub(super) fn assign(&mut self, pods: &[&Pod], out: &mut Draft) {
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
    pub(super) fn settle(
        self,
        out: &mut Draft,
        adds: &mut Vec<(Id, Option<u16>)>,
        removes: &mut Vec<Id>,
    ) {
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
