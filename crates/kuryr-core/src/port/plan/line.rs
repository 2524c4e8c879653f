//! Nodes that want ports made, first come, first served.
//!
//! Planning a node costs what is on it. So nodes whose turn has not come are not planned
//! again with each answer, but when a create may be sent, and only as many as fill it.

use std::collections::BTreeMap;

use super::{Draft, Need};
use crate::Millis;
use crate::port::model::Id;
use crate::port::world::World;
use crate::reconcile::Line;

/// Who waits for ports to be made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines {
    /// Nodes with pods that wait.
    pub(super) pods: Line<Id>,
    /// Nodes whose pools are to grow.
    pub(super) pools: Line<Id>,
    /// Since when somebody's pods have been left in line.
    since: Option<Millis>,
}

impl Lines {
    /// How long somebody has been left in line.
    pub(super) fn waited(&self, now: Millis) -> Millis {
        self.since.map_or(0, |since| now.saturating_sub(since))
    }

    /// Notes whether somebody's pods are left in line now.
    pub(super) fn note(&mut self, now: Millis) {
        self.since = (!self.pods.is_empty()).then(|| self.since.unwrap_or(now));
    }

    /// Leaves in `out` the needs whose turn it is. Nodes that are called and were not planned in
    /// this round are planned here.
    pub(super) fn call(&mut self, world: &World, out: &mut Draft) {
        let sizer = &world.making;
        let size = sizer
            .size(None)
            .max(sizer.size(Some(self.waited(world.agenda.now()))));
        let most = world.create_slots() * size;
        let pods = call(&mut self.pods, most, world, out, |out| &mut out.needs);
        let rest = most.saturating_sub(pods);
        call(&mut self.pools, rest, world, out, |out| &mut out.growth);
    }
}

/// Those that were called and not served are first again.
pub(super) fn put_back<'a>(line: &mut Line<Id>, needs: impl DoubleEndedIterator<Item = &'a Need>) {
    needs.rev().for_each(|(node, ..)| line.put_back(node));
}

/// Calls nodes from the line's front until they need `most` ports; returns how many they do.
fn call(
    line: &mut Line<Id>,
    most: usize,
    world: &World,
    out: &mut Draft,
    needs_of: fn(&mut Draft) -> &mut Vec<Need>,
) -> usize {
    let mut waiting: BTreeMap<Id, Vec<Need>> = BTreeMap::new();
    let (mut called, mut sum) = (Vec::new(), 0);
    loop {
        let fresh = std::mem::take(needs_of(out));
        for need in fresh {
            line.join(&need.0);
            waiting.entry(need.0.clone()).or_default().push(need);
        }
        if sum >= most {
            break;
        }
        let Some(name) = line.next() else { break };
        out.plan_node(world, &name);
        let own = std::mem::take(needs_of(out));
        waiting.entry(name.clone()).or_default().extend(own);
        let needs = waiting.remove(&name).unwrap_or_default();
        sum += needs.iter().map(|n| n.2).sum::<usize>();
        called.extend(needs);
    }
    *needs_of(out) = called;
    sum
}
