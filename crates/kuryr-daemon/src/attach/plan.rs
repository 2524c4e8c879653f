//! What has to go before an interface comes, and what to do with links found at start. No
//! effects.

use std::collections::BTreeSet;

use kuryr_net::OwnedInterface;

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

/// The port that a link's alias names (`kuryr:<port id>:<namespace>/<pod>`).
#[must_use]
pub fn owner(alias: &str) -> Option<&str> {
    let port_id = alias.strip_prefix("kuryr:")?.split(':').next()?;
    (!port_id.is_empty()).then_some(port_id)
}

/// Whether the record explains a link.
#[must_use]
pub fn is_recorded(recorded: &[Attachment], link: &OwnedInterface) -> bool {
    let port = owner(&link.alias);
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

#[cfg(test)]
mod tests {
    use super::owner;

    #[test]
    fn the_owner_is_read_from_the_alias() {
        assert_eq!(owner("kuryr:p1:demo/web-0"), Some("p1"));
        assert_eq!(owner("kuryr:p1"), Some("p1"));
        for alias in ["", "kuryr:", "veth", "kuryr::demo/web-0"] {
            assert_eq!(owner(alias), None, "{alias}");
        }
    }
}
