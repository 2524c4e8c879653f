//! Network cards that drop frames of VLANs that no vlan link asked for.
//!
//! A vlan link tells the card below it which VLAN it wants; bpf programs cannot. So the filter
//! is switched off, or, where it is fixed (virtio-net's), got round by promiscuity. A trunk
//! port receives no frames but its own and its subports' anyway.

use crate::NetError;
use crate::links::Links;

/// The kernel's name of the filter (`ethtool -k`).
const FEATURE: &str = "rx-vlan-filter";

/// What was changed on an uplink, and is to be set back with its last pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Changed {
    /// There is no filter, or it was open already.
    Nothing,
    /// The filter was switched off.
    Filter,
    /// The link was made promiscuous.
    Promiscuity,
}

impl Changed {
    /// As it is noted in the trunk's map.
    pub(super) fn note(self) -> u32 {
        match self {
            Self::Nothing => 0,
            Self::Filter => 1,
            Self::Promiscuity => 2,
        }
    }

    pub(super) fn noted(note: u32) -> Self {
        match note {
            1 => Self::Filter,
            2 => Self::Promiscuity,
            _ => Self::Nothing,
        }
    }
}

/// Has the link receive frames of every VLAN.
pub(super) fn open(links: &Links, index: u32, name: &str) -> Result<Changed, NetError> {
    if links.feature(name, FEATURE)? != Some(true) {
        return Ok(Changed::Nothing);
    }
    // The kernel does not refuse to switch what is fixed; it just does not.
    switch(links, name, false)?;
    if links.feature(name, FEATURE)? != Some(true) {
        return Ok(Changed::Filter);
    }
    if links.by_index(index)?.is_some_and(|link| link.promiscuous) {
        return Ok(Changed::Nothing);
    }
    links.set_promiscuous(index, true)?;
    Ok(Changed::Promiscuity)
}

/// Sets back what was changed.
pub(super) fn close(
    links: &Links,
    index: u32,
    name: &str,
    changed: Changed,
) -> Result<(), NetError> {
    match changed {
        Changed::Nothing => Ok(()),
        Changed::Filter => switch(links, name, true),
        Changed::Promiscuity => links.set_promiscuous(index, false),
    }
}

fn switch(links: &Links, name: &str, on: bool) -> Result<(), NetError> {
    let switched = links
        .ethtool()
        .switch(name, on, |feature| feature == FEATURE);
    let what = if on { "on" } else { "off" };
    switched.map_err(|e| NetError::kernel(format!("switch {FEATURE} of {name} {what}"), e))
}
