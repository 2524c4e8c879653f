//! What has to go before an interface comes, and what to do with links found at start. No
//! effects.

use std::collections::BTreeSet;

use kuryr_net::{OwnedInterface, alias_owner};

use super::locks::Key;
use super::record::Attachment;

/// The attachments that cannot stand beside a wanted one: the same interface of the same
/// pod (its sandbox was made anew), the same VLAN, the same port.
#[must_use]
pub fn in_the_way(recorded: &[Attachment], want: &Attachment) -> Vec<Attachment> {
    let collides = |a: &&Attachment| {
        let interface = a.pod == want.pod && a.ifname == want.ifname;
        let vlan = a.vlan == want.vlan && a.uplink == want.uplink;
        !a.same_as(want) && (interface || vlan || a.port_id == want.port_id)
    };
    recorded.iter().filter(collides).cloned().collect()
}

/// What must be held to plug a wanted attachment and to unplug what is in its way.
#[must_use]
pub fn keys_to_plug(recorded: &[Attachment], want: &Attachment) -> BTreeSet<Key> {
    let others = in_the_way(recorded, want);
    let vlans = others.iter().map(|a| Key::Vlan(a.vlan));
    want.keys().into_iter().chain(vlans).collect()
}

/// Whether the record explains a link.
#[must_use]
pub fn is_recorded(recorded: &[Attachment], link: &OwnedInterface) -> bool {
    let port = alias_owner(&link.alias);
    recorded.iter().any(|a| {
        port == Some(a.port_id.as_str()) || (port.is_none() && a.host_name() == link.link_name)
    })
}

/// The VLAN by which an unrecorded link may be removed: not one that a recorded attachment
/// has.
#[must_use]
pub fn vlan_to_free(recorded: &[Attachment], link: &OwnedInterface) -> Option<u16> {
    link.vlan
        .filter(|vlan| !recorded.iter().any(|a| a.vlan == *vlan))
}
