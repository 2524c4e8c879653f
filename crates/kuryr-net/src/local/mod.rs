//! Switching on the worker: frames between two pods of one node and network that need not go
//! by the trunk and back, because the security groups of both let everything between them pass.
//!
//! Who that is, the caller says as a whole; what has to be changed for it is a pure function
//! ([`plan()`]). The programs themselves (`bpf/local.h`) let through only flows whose first
//! packet came by the trunk as it was sent.

mod plan;

use std::net::IpAddr;

use crate::bpf::{Endpoints, Taken, Trunk};
use crate::interface::sides::NodeSide;
use crate::{MacAddr, NetError, Node};

use plan::{Observed, plan};

/// A pod's port among those that may be switched to each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalPort {
    /// The subport's segmentation id.
    pub vlan: u16,
    /// The subport's MAC address.
    pub mac: MacAddr,
    /// Its fixed addresses.
    pub addresses: Vec<IpAddr>,
    /// Those of the same network are switched to each other.
    pub network: String,
}

/// Has the frames between these ports of the same network switched on the worker, and those of no other ports. A port that
/// isn't plugged, or as a vlan link, is passed over. Repeat it when a port was plugged.
///
/// Returns how many ports are switched so; `None` if the programs on the trunk are of a version that can't, which are
/// replaced when the node's last pod has gone.
///
/// # Errors
/// The kernel refused a change. What is to be switched no more was taken out before anything was put in.
pub fn switch_locally(
    node: &Node,
    uplink: &str,
    ports: &[LocalPort],
) -> Result<Option<usize>, NetError> {
    let node = NodeSide::open(node)?;
    let uplink = node.uplink(uplink)?;
    if !Trunk::is_on(&node.links, uplink.index)? {
        return Ok(Some(0));
    }
    let _turn = node.turn()?;
    let Some(mut trunk) = Trunk::find(&node.links, uplink.index, &uplink.name)? else {
        return Ok(Some(0));
    };
    let Some(mut endpoints) = trunk.endpoints()? else {
        return Ok(None);
    };
    let taken = trunk.all()?;
    let plan = plan(
        ports,
        &Observed {
            taken: &taken,
            endpoints: &endpoints.all()?,
            last_group: trunk.last_group(),
        },
    );
    apply(&mut trunk, &mut endpoints, &taken, &plan)?;
    Ok(Some(plan.switched))
}

/// Least is open at each step: out before in, and a pod's own frames last.
fn apply(
    trunk: &mut Trunk<'_>,
    endpoints: &mut Endpoints,
    taken: &[Taken],
    plan: &plan::Plan,
) -> Result<(), NetError> {
    let entry = |vlan: u16| taken.iter().find(|entry| entry.vlan == vlan);
    for at in &plan.remove {
        endpoints.remove(*at)?;
    }
    for entry in plan.ungroup.iter().filter_map(|vlan| entry(*vlan)) {
        trunk.set_group(entry, 0)?;
    }
    if plan.last_group != trunk.last_group() {
        trunk.set_last_group(plan.last_group)?;
    }
    for (at, who) in &plan.insert {
        endpoints.insert(*at, *who)?;
    }
    for (vlan, group) in &plan.group {
        if let Some(entry) = entry(*vlan) {
            trunk.set_group(entry, *group)?;
        }
    }
    Ok(())
}
