//! One pod interface: plugged, found right, unplugged.

use std::net::IpAddr;

use crate::{
    Capabilities, Holder, InterfaceSpec, NetError, Node, OwnedInterface, Plugged, UnplugSpec,
    Uplink,
};

/// Makes the interface as specified. Safe to repeat: one that is right is left alone, a
/// leftover of ours in its place is replaced. On failure nothing that was made stays.
///
/// # Errors
/// Every [`NetError`] but [`NetError::Differs`].
pub fn plug(_node: &Node, _spec: &InterfaceSpec) -> Result<Plugged, NetError> {
    unimplemented!()
}

/// Removes the interface and all that belongs to it. Safe to repeat; what is not there is
/// passed over, also a namespace that is gone.
///
/// # Errors
/// Whatever could not be removed; the rest was.
pub fn unplug(_node: &Node, _spec: &UnplugSpec) -> Result<(), NetError> {
    unimplemented!()
}

/// Whether the interface is as [`plug`] made it (the CNI spec's CHECK).
///
/// # Errors
/// [`NetError::Differs`] lists every difference.
pub fn check(_node: &Node, _spec: &InterfaceSpec) -> Result<(), NetError> {
    unimplemented!()
}

/// The pod interfaces of ours on this node's uplink, for a daemon's start and the CNI spec's
/// GC.
///
/// # Errors
/// The node's namespace, uplink or links could not be read.
pub fn list(_node: &Node, _uplink: &str) -> Result<Vec<OwnedInterface>, NetError> {
    unimplemented!()
}

/// Which methods work here; each is really tried.
///
/// # Errors
/// The node's namespace or uplink is not there.
pub fn probe(_node: &Node, _uplink: &str) -> Result<Capabilities, NetError> {
    unimplemented!()
}

/// Removes whichever interface of ours has the VLAN and says which it was; for a stale one
/// that [`NetError::VlanInUse`] named.
///
/// # Errors
/// [`NetError::VlanInUse`] if it is not ours.
pub fn evict(_node: &Node, _uplink: &str, _vlan: u16) -> Result<Option<Holder>, NetError> {
    unimplemented!()
}

/// The node's link that has the address.
///
/// # Errors
/// [`NetError::NoLinkWithAddress`] if none has.
pub fn find_uplink(_node: &Node, _address: IpAddr) -> Result<Uplink, NetError> {
    unimplemented!()
}
