//! From facts to actions: pure, and empty when everything is as it should be.
//!
//! `node` plans one node's pods and trunk, `claimed` the pods there that have their port; `pool` the ports of one kind there;
//! `tell` what owners are told; `line` whose turn it is to have ports made; `all` what concerns all nodes at once: bulk
//! creates, deletes, looks, trunks that were left.

mod all;
mod claimed;
mod line;
mod node;
mod pool;
mod tell;

use std::collections::BTreeSet;

use self::node::NodePlan;
use super::action::Action;
use super::model::Id;
use super::world::{Held, Order, World};
use crate::{Millis, vlan};

/// A trunk takes no more subports than there are segmentation ids.
const SUBPORTS_MAX: usize = (vlan::MAX - vlan::MIN + 1) as usize;

/// What is to be done next for the nodes that something changed on.
///
/// Nothing is done before all watches and lists were read: absence would be taken for
/// deletion.
pub(super) fn plan(world: &mut World) -> Vec<Action> {
    let mut out = Draft::default();
    if world.list.is_due() && !world.is_held(&Held::Refresh) {
        out.actions.push(Action::Refresh);
    }
    if !world.has_read_all() {
        return out.actions;
    }
    world.give_up_addressless();
    let due = world.agenda.take_due();
    due.iter().for_each(|name| out.plan_node(world, name));
    let mut lines = std::mem::take(&mut world.lines);
    out.call(&mut lines, world);
    world.leave_trunks(&mut out);
    world.find_trunks(&mut out);
    world.creates(&mut lines, &mut out);
    world.deletes(&mut out);
    world.look(&mut out);
    // What could not be had in this round is wanted in the next.
    world.lines = lines;
    world.agenda.touch_all(out.unfinished);
    for (at, node) in out.later {
        world.agenda.later(at, node);
    }
    out.actions
}

type Need = Order;

/// A plan in the making.
#[derive(Default)]
struct Draft {
    actions: Vec<Action>,
    /// Nodes that were planned in this round.
    planned: BTreeSet<Id>,
    /// Ports to make for pods that wait.
    needs: Vec<Need>,
    /// Ports to make for pools; pods come first.
    growth: Vec<Need>,
    /// Nodes whose trunk is to be looked for.
    find: Vec<Id>,
    /// Ports that are spoken for.
    taken: BTreeSet<Id>,
    /// Loose ports to delete.
    delete: BTreeSet<Id>,
    unfinished: BTreeSet<Id>,
    later: Vec<(Millis, Id)>,
}

impl Draft {
    /// Plans a node, once a round.
    fn plan_node(&mut self, world: &World, name: &Id) {
        if self.planned.insert(name.clone())
            && let Some(node) = world.nodes.get(name)
        {
            NodePlan { world, name, node }.run(self);
        }
    }
}
