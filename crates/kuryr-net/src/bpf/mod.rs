//! The tc-bpf stand-in for vlan links: programs, their map, and who may change them when.

mod endpoints;
pub(crate) mod guard;
mod object;
mod syscall;
mod trunk;
mod turn;
mod vlan_filter;

pub(crate) use endpoints::{Endpoint, Endpoints, Place};
pub(crate) use object::probe;
pub(crate) use trunk::{Delivery, Taken, Trunk};
pub(crate) use turn::Turn;
