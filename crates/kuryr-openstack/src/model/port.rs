//! Ports.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{SubPort, id, null_default};

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Port {
    #[serde(deserialize_with = "id")]
    pub id: String,
    /// Name, not unique.
    #[serde(default, deserialize_with = "null_default")]
    pub name: String,
    #[serde(default, deserialize_with = "null_default")]
    pub network_id: String,
    /// Owner.
    pub project_id: Option<String>,
    /// MAC address, lower case with colons.
    #[serde(default, deserialize_with = "null_default")]
    pub mac_address: String,
    /// Its addresses.
    #[serde(default, deserialize_with = "null_default")]
    pub fixed_ips: Vec<FixedIp>,
    /// Ids of its security groups.
    #[serde(default, deserialize_with = "null_default")]
    pub security_groups: Vec<String>,
    /// Whether it is wired.
    #[serde(default, deserialize_with = "null_default")]
    pub status: PortStatus,
    /// What uses it, such as `trunk:subport` or `compute:nova`; empty if nothing does.
    #[serde(default, deserialize_with = "null_default")]
    pub device_owner: String,
    /// The user's id, such as a VM's.
    #[serde(default, deserialize_with = "null_default")]
    pub device_id: String,
    /// Free text.
    #[serde(default, deserialize_with = "null_default")]
    pub description: String,
    /// Whether it passes packets at all.
    pub admin_state_up: Option<bool>,
    /// Whether security groups and spoofing protection apply.
    pub port_security_enabled: Option<bool>,
    /// Addresses it may use besides its own.
    #[serde(default, deserialize_with = "null_default")]
    pub allowed_address_pairs: Vec<AllowedAddressPair>,
    #[serde(default, deserialize_with = "null_default")]
    pub tags: Vec<String>,
    /// Counts changes; for `If-Match`.
    pub revision_number: Option<i64>,
    /// When it was made, as Neutron writes it (`2024-05-06T07:08:09Z`).
    pub created_at: Option<String>,
    /// When it last changed, in the same form.
    pub updated_at: Option<String>,
    /// Its trunk, if it is a trunk's parent.
    pub trunk_details: Option<TrunkDetails>,
    /// The host it is bound to. Admins only.
    #[serde(rename = "binding:host_id", skip_serializing_if = "Option::is_none")]
    pub host_id: Option<String>,
    /// What the binding was told; of a subport its parent and VLAN. Admins only.
    #[serde(rename = "binding:profile", skip_serializing_if = "Option::is_none")]
    pub profile: Option<Value>,
    /// How it is wired. Admins only.
    #[serde(
        rename = "binding:vif_details",
        skip_serializing_if = "Option::is_none"
    )]
    pub vif_details: Option<VifDetails>,
}

/// How a port is wired on its hypervisor, as far as it matters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VifDetails {
    /// With ML2/OVS: whether iptables filters it on a bridge of its own (`firewall_driver = iptables_hybrid`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ovs_hybrid_plug: Option<bool>,
}

/// Whether a port is wired.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum PortStatus {
    /// Packets pass.
    Active,
    /// Not wired yet, or no more.
    #[default]
    Down,
    /// Being wired.
    Build,
    /// Wiring failed.
    Error,
    /// Some other word.
    Other(String),
}

impl From<String> for PortStatus {
    fn from(word: String) -> Self {
        match word.as_str() {
            "ACTIVE" => Self::Active,
            "DOWN" | "" => Self::Down,
            "BUILD" => Self::Build,
            "ERROR" => Self::Error,
            _ => Self::Other(word),
        }
    }
}

impl From<PortStatus> for String {
    fn from(status: PortStatus) -> Self {
        status.as_str().to_owned()
    }
}

impl PortStatus {
    /// Neutron's word.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Active => "ACTIVE",
            Self::Down => "DOWN",
            Self::Build => "BUILD",
            Self::Error => "ERROR",
            Self::Other(word) => word,
        }
    }
}

/// An address of a port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FixedIp {
    #[serde(deserialize_with = "id")]
    pub subnet_id: String,
    pub ip_address: IpAddr,
}

/// An address that a port may use besides its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllowedAddressPair {
    /// Address or prefix.
    pub ip_address: String,
    /// MAC address; the port's if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mac_address: Option<String>,
}

/// A parent port's trunk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrunkDetails {
    #[serde(deserialize_with = "id")]
    pub trunk_id: String,
    /// Its subports.
    #[serde(default, deserialize_with = "null_default")]
    pub sub_ports: Vec<SubPort>,
}

/// An address asked for: any of a subnet, or this one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct WantedIp {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnet_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_address: Option<IpAddr>,
}

impl WantedIp {
    /// Any address of a subnet.
    pub fn in_subnet(subnet_id: impl Into<String>) -> Self {
        Self {
            subnet_id: Some(subnet_id.into()),
            ip_address: None,
        }
    }
}

/// A port to be made. Tags and the owner's mark are added by
/// [`create_ports`](crate::Neutron::create_ports).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct NewPort {
    pub network_id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Addresses; one of each IP version of the network if empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fixed_ips: Vec<WantedIp>,
    /// Ids of its security groups; the project's default group if none, no group if empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_groups: Option<Vec<String>>,
    /// Owner, if not the token's project.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    /// Whether it passes packets; it does if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin_state_up: Option<bool>,
    /// Whether security groups apply; the network's default if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port_security_enabled: Option<bool>,
    /// What uses it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub device_owner: String,
    /// The user's id.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub device_id: String,
    /// The host to bind it to. Admins only.
    #[serde(rename = "binding:host_id", skip_serializing_if = "Option::is_none")]
    pub host_id: Option<String>,
    /// MAC address; one of Neutron's choice if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mac_address: Option<String>,
    /// Tags besides the mark's.
    #[serde(skip)]
    pub tags: Vec<String>,
}

/// What to change of a port; `None` leaves it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PortUpdate {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Ids of its security groups, all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_groups: Option<Vec<String>>,
    /// Whether it passes packets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin_state_up: Option<bool>,
    /// Whether security groups apply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port_security_enabled: Option<bool>,
    /// Free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Addresses, all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixed_ips: Option<Vec<WantedIp>>,
    /// What uses it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_owner: Option<String>,
    /// The user's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_id: Option<String>,
    /// The host to bind it to. Admins only.
    #[serde(rename = "binding:host_id", skip_serializing_if = "Option::is_none")]
    pub host_id: Option<String>,
    /// Addresses it may use besides its own, all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_address_pairs: Option<Vec<AllowedAddressPair>>,
}
