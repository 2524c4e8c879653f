//! The filter on the egress of a trunk whose pods have vlan links: bpf/guard.c says against what.

use std::os::fd::AsFd;

use super::object::{self, GUARD};
use crate::NetError;
use crate::links::{Links, Side};

/// Has the trunk send no frame whose tag a pod wrote. Stays until the node starts again: a trunk without vlan links sends
/// no such frames.
///
/// # Errors
/// The kernel does not take the program; pods must not have vlan links there.
pub(crate) fn set(links: &Links, uplink: u32) -> Result<(), NetError> {
    if is_set(links, uplink)? {
        return Ok(());
    }
    let program = object::load_guard()?;
    match links.attach(uplink, Side::Egress, GUARD, program.as_fd()) {
        // Another plug came first.
        Err(error) if error.errno() == Some(libc::EEXIST) => Ok(()),
        other => other,
    }
}

/// Whether the filter is there.
pub(crate) fn is_set(links: &Links, uplink: u32) -> Result<bool, NetError> {
    let filters = links.filters(uplink, Side::Egress)?;
    Ok(filters.iter().any(|filter| filter.name == GUARD))
}

/// Whether the kernel takes the program: it is loaded and dropped.
pub(crate) fn probe() -> Result<(), NetError> {
    object::load_guard().map(drop)
}
