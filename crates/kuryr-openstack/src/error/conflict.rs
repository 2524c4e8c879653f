//! Which conflict a 409 or 412 is. Names are Neutron's exception classes (`NeutronError.type`), as the servers
//! of release Antelope (21.0) answer them; Octavia has words only.

use std::fmt;

/// Why the cloud refused although the request is well formed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConflictKind {
    /// The project's quota is used up.
    OverQuota,
    /// No address left on the network, or none on the subnet asked for.
    IpExhausted,
    /// No prefix of the length asked for is left in the subnet pool.
    PrefixesExhausted,
    /// The segmentation id is taken on the trunk.
    DuplicateSubPort {
        /// The VLAN that is taken, when the message tells.
        segmentation_id: Option<u16>,
    },
    /// The port is a subport or parent of a trunk, or bound to something else.
    PortInUse,
    /// `If-Match` names a revision that is not the current one.
    RevisionMismatch {
        /// The current revision, when the message tells.
        current: Option<i64>,
    },
    /// Ports or rules refer to the security group.
    SecurityGroupInUse,
    /// The same security group rule is there already.
    RuleExists,
    /// The IP or MAC address asked for is taken.
    AddressTaken,
    /// Ports hold the network or subnet, or router interfaces do.
    NetworkInUse,
    /// Octavia works on the object: changes are refused until it is done. Those of an object in `ERROR` are refused in
    /// the same words.
    Immutable,
    /// Octavia has such an object already: a listener on the protocol and port, a member with the address and port, a
    /// health monitor of the pool, a default pool of the listener.
    Duplicate,
    /// Some other conflict, by its `NeutronError.type` (empty if there is none).
    Other(String),
}

impl ConflictKind {
    /// Reads `NeutronError.type` and the message.
    pub(crate) fn parse(status: u16, error_type: &str, message: &str) -> Self {
        match error_type {
            "OverQuota" => Self::OverQuota,
            "RevisionNumberConstraintFailed" => Self::RevisionMismatch {
                current: number_after(message, "current revision is "),
            },
            "DuplicateSubPort" => Self::DuplicateSubPort {
                segmentation_id: number_after(message, "segmentation_id "),
            },
            "TrunkPortInUse"
            | "PortInUse"
            | "PortInUseAsSubPort"
            | "PortInUseAsTrunkParent"
            | "ParentPortInUse"
            | "PortBound"
            | "ServicePortInUse"
            | "FloatingIPPortAlreadyAssociated" => Self::PortInUse,
            "SecurityGroupInUse" => Self::SecurityGroupInUse,
            "SecurityGroupRuleExists" => Self::RuleExists,
            "IpAddressAlreadyAllocated" | "IpAddressInUse" | "MacAddressInUse" => {
                Self::AddressTaken
            }
            "NetworkInUse" | "SubnetInUse" | "RouterInterfaceInUseByFloatingIP" => {
                Self::NetworkInUse
            }
            t if t.starts_with("IpAddressGenerationFailure") => Self::IpExhausted,
            _ if status == 412 => Self::RevisionMismatch {
                current: number_after(message, "current revision is "),
            },
            "ExternalIpAddressExhausted" => Self::IpExhausted,
            "SubnetAllocationError" => Self::PrefixesExhausted,
            "" => Self::of_octavia(message),
            other => Self::Other(other.to_owned()),
        }
    }

    /// Octavia has words only, its own or those of the Neutron that it asked.
    fn of_octavia(message: &str) -> Self {
        let says = |words: &str| message.contains(words);
        if says(" is immutable") || says("Invalid state ") {
            Self::Immutable
        } else if says("Quota has been met") || says("Quota exceeded for resources") {
            Self::OverQuota
        } else if says(" already allocated in subnet") {
            Self::AddressTaken
        } else if says("No more IP addresses available") {
            Self::IpExhausted
        } else if message.starts_with("Another ") || says(" already has a ") {
            Self::Duplicate
        } else {
            Self::Other(String::new())
        }
    }

    /// The conflict ends when other work in the cloud does.
    pub(crate) fn passes_by_itself(&self) -> bool {
        matches!(self, Self::Immutable)
    }

    /// A short constant word.
    pub fn name(&self) -> &'static str {
        match self {
            Self::OverQuota => "over_quota",
            Self::IpExhausted => "ip_exhausted",
            Self::PrefixesExhausted => "prefixes_exhausted",
            Self::DuplicateSubPort { .. } => "duplicate_subport",
            Self::PortInUse => "port_in_use",
            Self::RevisionMismatch { .. } => "revision_mismatch",
            Self::SecurityGroupInUse => "security_group_in_use",
            Self::RuleExists => "rule_exists",
            Self::AddressTaken => "address_taken",
            Self::NetworkInUse => "network_in_use",
            Self::Immutable => "immutable",
            Self::Duplicate => "duplicate",
            Self::Other(_) => "conflict",
        }
    }
}

impl fmt::Display for ConflictKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The number that directly follows `marker` in `text`.
fn number_after<N: std::str::FromStr>(text: &str, marker: &str) -> Option<N> {
    let tail = text.split_once(marker)?.1;
    let end = tail
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(tail.len());
    tail[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_taken_vlan_is_read_from_the_message() {
        let m = "segmentation_type vlan and segmentation_id 100 already in use on trunk 9b1f.";
        let kind = ConflictKind::parse(409, "DuplicateSubPort", m);
        assert_eq!(
            kind,
            ConflictKind::DuplicateSubPort {
                segmentation_id: Some(100)
            }
        );
    }

    #[test]
    fn a_reworded_message_keeps_the_kind() {
        let kind = ConflictKind::parse(409, "DuplicateSubPort", "VLAN taken");
        assert_eq!(
            kind,
            ConflictKind::DuplicateSubPort {
                segmentation_id: None
            }
        );
        let kind = ConflictKind::parse(409, "DuplicateSubPort", "segmentation_id 99999999");
        assert_eq!(
            kind,
            ConflictKind::DuplicateSubPort {
                segmentation_id: None
            }
        );
    }

    #[test]
    fn the_current_revision_is_read() {
        let m = "Constrained to 22, but current revision is 23";
        let kind = ConflictKind::parse(412, "RevisionNumberConstraintFailed", m);
        assert_eq!(kind, ConflictKind::RevisionMismatch { current: Some(23) });
    }

    #[test]
    fn neutron_types_map_to_kinds() {
        for (t, want) in [
            ("OverQuota", "over_quota"),
            ("IpAddressGenerationFailure", "ip_exhausted"),
            ("IpAddressGenerationFailureNoMatchingSubnet", "ip_exhausted"),
            ("TrunkPortInUse", "port_in_use"),
            ("PortInUseAsSubPort", "port_in_use"),
            ("PortInUseAsTrunkParent", "port_in_use"),
            ("ParentPortInUse", "port_in_use"),
            ("SecurityGroupInUse", "security_group_in_use"),
            ("SecurityGroupRuleExists", "rule_exists"),
            ("FloatingIPPortAlreadyAssociated", "port_in_use"),
            ("IpAddressAlreadyAllocated", "address_taken"),
            ("MacAddressInUse", "address_taken"),
            ("SubnetInUse", "network_in_use"),
            ("SomethingNew", "conflict"),
        ] {
            assert_eq!(ConflictKind::parse(409, t, "").name(), want, "{t}");
        }
    }

    #[test]
    fn octavia_is_read_by_its_words() {
        for (words, want) in [
            (
                "Load Balancer 5c9d is immutable and cannot be updated.",
                ConflictKind::Immutable,
            ),
            (
                "Invalid state PENDING_UPDATE of loadbalancer resource 5c9d",
                ConflictKind::Immutable,
            ),
            (
                "IP address 10.0.0.9 already allocated in subnet 5c9d",
                ConflictKind::AddressTaken,
            ),
            (
                "No more IP addresses available on network 5c9d.",
                ConflictKind::IpExhausted,
            ),
            (
                "Quota exceeded for resources: ['port'].",
                ConflictKind::OverQuota,
            ),
            (
                "Another Listener on this Load Balancer is already using protocol TCP and protocol_port 80",
                ConflictKind::Duplicate,
            ),
            (
                "This pool already has a health monitor",
                ConflictKind::Duplicate,
            ),
            ("Something new", ConflictKind::Other(String::new())),
        ] {
            assert_eq!(ConflictKind::parse(409, "", words), want, "{words}");
        }
    }
}
