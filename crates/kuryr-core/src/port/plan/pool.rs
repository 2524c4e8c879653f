//! The ports of one kind on one node.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::tell::create_claim;
use super::{Draft, SUBPORTS_MAX};
use crate::Millis;
use crate::pool::{Limits, Stock, Verdict, most, verdict};
use crate::port::action::{Action, Reason};
use crate::port::model::{Id, Place, Pod, Port, PortKind, PortNotes, PortStatus};
use crate::port::settings::Settings;
use crate::port::world::{Held, TrunkState, World};

/// The ports of one kind on one node: which pods get them, how many more, how many fewer.
pub(super) struct PoolPlan<'a> {
    world: &'a World,
    name: &'a Id,
    trunk: &'a TrunkState,
    kind: &'a Arc<PortKind>,
    /// Kinds that pods of the node have or want, with how many.
    wanted: &'a BTreeMap<Arc<PortKind>, usize>,
    /// On the trunk and free to take: ACTIVE ones first.
    ready: Vec<&'a Port>,
    /// On the trunk, given back a moment ago.
    cooling: Vec<&'a Port>,
    /// On the trunk since an earlier controller's time, and cooling too, because it is not
    /// known when they were last used.
    found: Vec<&'a Port>,
    /// On no trunk yet.
    loose: Vec<Id>,
    /// Being made, or being added to the trunk.
    coming: usize,
    /// Pods that are left without a port, and those of them that can be given one now.
    short: usize,
    short_now: usize,
    /// Ready ports that stay for pods that can't be given one yet.
    kept: usize,
    /// Free ports by the uid of the pod that last had them.
    last_of: BTreeMap<Id, &'a Port>,
    /// When a port was last given back; 0 is never.
    left_alone: Millis,
}

impl<'a> PoolPlan<'a> {
    pub(super) fn new(
        (world, name): (&'a World, &'a Id),
        trunk: &'a TrunkState,
        kind: &'a Arc<PortKind>,
        wanted: &'a BTreeMap<Arc<PortKind>, usize>,
        out: &mut Draft,
    ) -> Self {
        let w = world;
        let mut plan = Self {
            world,
            name,
            trunk,
            kind,
            wanted,
            ready: Vec::new(),
            cooling: Vec::new(),
            found: Vec::new(),
            loose: Vec::new(),
            coming: w.making.coming(name, kind),
            short: 0,
            short_now: 0,
            kept: 0,
            last_of: BTreeMap::new(),
            left_alone: 0,
        };
        for (port, notes) in trunk.ports.iter().filter_map(|id| w.ports.get(id)) {
            if w.regrouping.get(&port.id) == Some(kind) && !w.users.contains_key(&port.id) {
                plan.coming += 1;
            }
            if port.kind == *kind && w.is_being_given_back(&port.id) {
                plan.left_alone = w.agenda.now();
            }
            if !w.is_idle(&port.id) || port.kind != *kind || out.taken.contains(&port.id) {
                continue;
            }
            plan.left_alone = plan.left_alone.max(notes.free_since);
            if w.is_worn(&port.id) {
                plan.undress(port, notes, out);
                continue;
            }
            if let Some(uid) = &notes.last_pod {
                plan.last_of.insert(uid.clone(), port);
            }
            match w.cools_until(port, notes) {
                None => plan.ready.push(port),
                Some(at) => {
                    let used = notes.last_pod.is_some();
                    (if used {
                        &mut plan.cooling
                    } else {
                        &mut plan.found
                    })
                    .push(port);
                    out.later.push((at, name.clone()));
                }
            }
        }
        plan.ready
            .sort_by_key(|p| (p.status != PortStatus::Active, p.id.clone()));
        plan.find_loose(out);
        plan
    }

    /// A port that was given back loses its groups before it waits for another pod.
    fn undress(&mut self, port: &Port, notes: &PortNotes, out: &mut Draft) {
        let is_held = self.world.is_held(&Held::Port(port.id.clone()));
        if is_held || self.is_wanted_back(notes) {
            return;
        }
        self.coming += 1;
        out.taken.insert(port.id.clone());
        out.actions.push(Action::SetSecurityGroups {
            port: port.id.clone(),
            kind: self.kind.clone(),
        });
    }

    /// Whether the pod that had it last is here still: its KuryrPort was torn away.
    fn is_wanted_back(&self, notes: &PortNotes) -> bool {
        let pods = self.world.nodes.get(self.name).map(|node| &node.pods);
        let mut pods = pods.into_iter().flatten();
        notes.last_pod.is_some()
            && pods.any(|key| {
                let pod = self
                    .world
                    .pods
                    .get(key)
                    .filter(|pod| pod.wanted_kind().is_some());
                pod.map(|pod| &pod.uid) == notes.last_pod.as_ref()
            })
    }

    /// Ports on no trunk that were made for this node or for nobody, and those that a
    /// call is putting on its trunk now.
    fn find_loose(&mut self, out: &Draft) {
        let w = self.world;
        let mine = w.loose.for_node(self.name);
        for (port, notes) in mine.filter_map(|id| w.ports.get(id)) {
            let free = !w.users.contains_key(&port.id);
            if !free || port.kind != *self.kind || out.taken.contains(&port.id) {
                continue;
            }
            if !notes.busy {
                self.loose.push(port.id.clone());
            } else if notes.made_for.as_ref() == Some(self.name) {
                self.coming += 1;
            }
        }
    }

    /// Gives ports to pods, ready ones first. Of `later` more pods is known that they will
    /// want one.
    pub(super) fn assign(&mut self, pods: &[&Pod], later: usize, out: &mut Draft) {
        let pods: Vec<&Pod> = pods
            .iter()
            .filter(|p| !self.give_back(p, out))
            .copied()
            .collect();
        let given = pods.len().min(self.ready.len());
        for (pod, port) in pods
            .iter()
            .zip(self.ready.drain(..given).collect::<Vec<_>>())
        {
            self.give(pod, port, out);
        }
        let rest = &pods[given..];
        self.kept = later.min(self.ready.len());
        self.short_now = rest.len();
        self.short = rest.len() + later - self.kept;
        let (trouble, on_trunk) = (self.trouble(), self.trunk_trouble());
        // The first of them wait for ports that are there already, whatever creating comes to.
        let coming = self.coming + self.loose.len();
        for (at, pod) in rest.iter().enumerate() {
            out.early_claim(self.world, pod);
            let trouble = if at < coming { &on_trunk } else { &trouble };
            if let Some((reason, message)) = trouble {
                out.report(self.world, pod, *reason, message.clone());
            }
        }
    }

    /// A pod whose KuryrPort was torn away goes on to use its port, so it has it back.
    fn give_back(&mut self, pod: &Pod, out: &mut Draft) -> bool {
        let Some(port) = self.last_of.remove(&pod.uid) else {
            return false;
        };
        self.ready.retain(|p| p.id != port.id);
        self.cooling.retain(|p| p.id != port.id);
        self.found.retain(|p| p.id != port.id);
        self.give(pod, port, out);
        true
    }

    fn give(&self, pod: &Pod, port: &Port, out: &mut Draft) {
        let Place::On { vlan, .. } = port.place else {
            return;
        };
        let vif = self.world.assignment(pod, port, vlan);
        let claimed = self.world.claims.contains(&pod.key);
        out.actions.push(if claimed {
            Action::WriteVif {
                pod: pod.key.clone(),
                uid: pod.uid.clone(),
                vif,
            }
        } else {
            create_claim(pod, Some(vif))
        });
    }

    /// Why ports may have to wait for their place on the trunk.
    fn trunk_trouble(&self) -> Option<(Reason, String)> {
        let held = Held::Trunk(self.trunk.trunk.id.clone());
        self.world.agenda.told(&held).cloned()
    }

    /// Why pods of this kind may have to wait here.
    fn trouble(&self) -> Option<(Reason, String)> {
        let w = self.world;
        if self.trunk.trunk.subports.len() >= SUBPORTS_MAX {
            let message = format!("trunk {} has {SUBPORTS_MAX} subports", self.trunk.trunk.id);
            return Some((Reason::TrunkFull, message));
        }
        [Held::Create, Held::Kind(self.kind.clone())]
            .iter()
            .find_map(|h| w.agenda.told(h).cloned())
            .or_else(|| self.trunk_trouble())
    }

    /// Uses loose ports, asks for more, or takes ports away.
    pub(super) fn settle(
        self,
        out: &mut Draft,
        adds: &mut Vec<(Id, Option<u16>)>,
        removes: &mut Vec<Id>,
    ) {
        let w = self.world;
        // Found ports that are no pool were made for pods that wait still: no others are made.
        let awaited = self.found.len().saturating_sub(most(w.settings.pool));
        let awaited = awaited.min(self.short);
        let idle = self.ready.len() + self.cooling.len() + self.found.len() - self.kept - awaited;
        let short = self.short - awaited;
        let supply = self.coming + self.loose.len();
        let stock = Stock {
            used: self.wanted.get(self.kind).copied().unwrap_or(0),
            unused: idle + supply.saturating_sub(short),
            room: SUBPORTS_MAX.saturating_sub(self.trunk.trunk.subports.len() + self.coming),
        };
        let more = short.saturating_sub(supply).min(stock.room);
        let mut more = more.min(self.short_now);
        let (mut growth, mut fewer) = (0, 0);
        let is_ending = w.retiring.contains(&self.kind.network);
        let limits = if is_ending {
            Limits::NONE
        } else {
            w.settings.pool
        };
        match verdict(limits, stock) {
            Verdict::Grow(n) => growth = n,
            Verdict::Shrink(n) if is_ending => fewer = n,
            Verdict::Shrink(n) => fewer = self.slowly(n, out),
            Verdict::Keep => {}
        }
        for id in self.take_over(more + growth, out) {
            *(if more > 0 { &mut more } else { &mut growth }) -= 1;
            out.taken.insert(id);
        }
        if growth > 0
            && let Some((reason, message)) = self.trouble()
        {
            out.report_node(w, self.name, reason, &message);
        }
        // A port that is loose or cooling is given up before one that is ready.
        let surplus_loose = fewer.min(self.loose.len().saturating_sub(short));
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
        let surplus = self.cooling.iter().chain(&self.found[awaited..]);
        let surplus = surplus.chain(&self.ready).map(|p| p.id.clone());
        removes.extend(surplus.take(fewer.saturating_sub(surplus_loose)));
        for (list, count) in [(&mut out.needs, more), (&mut out.growth, growth)] {
            if count > 0 {
                list.push((self.name.clone(), self.kind.clone(), count));
            }
        }
    }

    /// How many of `surplus` ports are taken away now: none while the pool is in use, later a
    /// batch at a time. A rollout that ends pods and makes others finds its ports still there.
    fn slowly(&self, surplus: usize, out: &mut Draft) -> usize {
        let w = self.world;
        let Settings { linger, pool, .. } = w.settings;
        if !pool.enabled || linger == 0 {
            return surplus;
        }
        let since = self.left_alone.max(self.trunk.shrunk_at);
        if since > 0 && since + linger > w.agenda.now() {
            out.later.push((since + linger, self.name.clone()));
            return 0;
        }
        surplus.min(pool.batch.max(1))
    }

    /// Free ports of the same network that only need other security groups, of kinds that no
    /// pod of the node wants any more: `most` of them get the groups of this kind.
    fn take_over(&self, most: usize, out: &mut Draft) -> Vec<Id> {
        let w = self.world;
        if !w.settings.pool.enabled || most == 0 {
            return Vec::new();
        }
        let ports = self.trunk.ports.iter().filter_map(|id| w.ports.get(id));
        let fitting = ports.filter(|(port, notes)| {
            w.is_idle(&port.id)
                && !out.taken.contains(&port.id)
                && port.kind != *self.kind
                && port.kind.same_place(self.kind)
                && !self.wanted.contains_key(&port.kind)
                && w.cools_until(port, notes).is_none()
                && !w.is_held(&Held::Port(port.id.clone()))
        });
        let ids: Vec<Id> = fitting.map(|(p, _)| p.id.clone()).take(most).collect();
        out.actions
            .extend(ids.iter().map(|port| Action::SetSecurityGroups {
                port: port.clone(),
                kind: self.kind.clone(),
            }));
        ids
    }
}
