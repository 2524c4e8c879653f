//! Nodes that want ports made, first come, first served.
//!
//! Planning a node costs what is on it. So nodes whose turn has not come are not planned
//! again with each answer, but when a create may be sent, and only as many as fill it.

use std::collections::BTreeMap;

use super::{Draft, Need};
use crate::port::model::Id;
use crate::port::world::{Lines, World};
use crate::reconcile::Line;

impl Draft {
    /// Leaves the needs whose turn it is. Nodes that are called and were not planned in this round are planned here.
    pub(super) fn call(&mut self, lines: &mut Lines, world: &World) {
        let now = world.agenda.now();
        let making = &world.making;
        let size = making.size(None).max(making.size(Some(lines.waited(now))));
        let most = world.create_slots() * size;
        let pods = call(&mut lines.pods, most, world, self, |out| &mut out.needs);
        let rest = most.saturating_sub(pods);
        call(&mut lines.pools, rest, world, self, |out| &mut out.growth);
    }
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
