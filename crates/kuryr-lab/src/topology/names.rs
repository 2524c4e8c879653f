//! Names of namespaces and links. A link's name has at most 15 bytes.

use std::net::Ipv4Addr;
use std::path::PathBuf;

use kuryr_net::netns;

use super::TopologyError;

/// The name of a lab: the prefix of all its namespaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabId(String);

impl LabId {
    /// A lab's name: 1 to 12 lower-case letters and digits.
    ///
    /// # Errors
    /// [`TopologyError::BadName`].
    pub fn new(name: &str) -> Result<Self, TopologyError> {
        let fits = (1..=12).contains(&name.len());
        if fits
            && name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        {
            return Ok(Self(name.to_owned()));
        }
        Err(TopologyError::BadName(name.to_owned()))
    }

    /// The name itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of one of the lab's namespaces.
    pub fn netns(&self, part: &str) -> String {
        format!("{}-{part}", self.0)
    }

    /// The path of one of the lab's namespaces.
    pub fn netns_path(&self, part: &str) -> PathBuf {
        netns::path(&self.netns(part))
    }

    /// Whether a namespace is this lab's.
    pub fn owns(&self, netns: &str) -> bool {
        netns
            .strip_prefix(self.0.as_str())
            .is_some_and(|rest| rest.starts_with('-'))
    }
}

/// First bytes of an id, enough to be unique in a lab.
fn short(id: &str) -> String {
    id.chars()
        .filter(char::is_ascii_alphanumeric)
        .take(12)
        .collect()
}

/// A network's bridge on a hypervisor.
pub(crate) fn bridge(vni: u32) -> String {
    format!("br{vni}")
}

/// A network's VXLAN to another hypervisor, by the other's number.
pub(crate) fn vxlan(vni: u32, peer: usize) -> String {
    format!("vx{vni}-{peer}")
}

/// The hypervisor's end of a VM's interface.
pub(crate) fn tap(port: &str) -> String {
    format!("t{}", short(port))
}

/// The end of a port's veth pair that the trunk's programs use.
pub(super) fn leg(port: &str) -> String {
    format!("l{}", short(port))
}

/// The end of a port's veth pair that is a port of the bridge.
pub(crate) fn bridge_port(port: &str) -> String {
    format!("p{}", short(port))
}

/// A router's interface in its namespace.
pub(super) fn router_leg(port: &str) -> String {
    format!("r{}", short(port))
}

/// A router's namespace, less the lab's name.
pub(super) fn router_netns(router: &str) -> String {
    format!("rt{}", &short(router)[..8.min(short(router).len())])
}

/// A hypervisor's address on the underlay (RFC 2544's range: seen in no real network), by its number from 1.
pub(crate) fn underlay_address(number: usize) -> Ipv4Addr {
    let host = u32::try_from(number).unwrap_or(1);
    Ipv4Addr::from(u32::from(Ipv4Addr::new(198, 18, 0, 0)) + host)
}

/// UDP port of the VXLANs between two hypervisors. The kernel allows one link for a network and port, so each pair
/// has its own; with two hypervisors it is IANA's.
pub(crate) fn vxlan_port(one: usize, other: usize) -> u16 {
    let (low, high) = (one.min(other), one.max(other));
    let pair = high.saturating_sub(1) * high.saturating_sub(2) / 2 + low - 1;
    4789_u16.saturating_add(u16::try_from(pair).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn links_have_names_that_fit() {
        let id = "1c9be973-bdc9-4a21-b487-b7b5570eddeb";
        for name in [
            bridge(16_777_215),
            vxlan(16_777_215, 12),
            tap(id),
            leg(id),
            bridge_port(id),
            router_leg(id),
        ] {
            assert!(name.len() <= 15, "{name}");
        }
    }

    #[test]
    fn each_pair_of_hypervisors_has_a_port_of_its_own() {
        let mut seen = BTreeSet::new();
        for one in 1..8 {
            for other in one + 1..8 {
                assert!(seen.insert(vxlan_port(one, other)));
                assert_eq!(vxlan_port(one, other), vxlan_port(other, one));
            }
        }
        assert_eq!(vxlan_port(1, 2), 4789);
    }

    #[test]
    fn a_lab_owns_only_what_bears_its_name() {
        let Ok(lab) = LabId::new("lab") else {
            panic!("a good name")
        };
        assert!(lab.owns("lab-hv1"));
        assert!(!lab.owns("lab2-hv1"));
        assert!(!lab.owns("other"));
        assert!(
            LabId::new("").is_err()
                && LabId::new("a-b").is_err()
                && LabId::new("thirteenchars").is_err()
        );
    }
}
