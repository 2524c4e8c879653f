//! Members of pools.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{OperatingStatus, ProvisioningStatus, id, null_default};

/// A member: an address and port, of which a pool has each pair once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    #[serde(deserialize_with = "id")]
    pub id: String,
    /// Name, not unique.
    #[serde(default, deserialize_with = "null_default")]
    pub name: String,
    /// Owner.
    #[serde(default)]
    pub project_id: Option<String>,
    pub address: IpAddr,
    pub protocol_port: u16,
    /// Its subnet, if it was said; the VIP's otherwise.
    #[serde(default)]
    pub subnet_id: Option<String>,
    /// Its share of connections, 0 to 256. `ovn` does not heed it.
    #[serde(default)]
    pub weight: Option<u16>,
    /// It is used only when the others fail. `ovn` does not heed it.
    #[serde(default)]
    pub backup: Option<bool>,
    /// Whether it is switched on.
    #[serde(default)]
    pub admin_state_up: Option<bool>,
    /// Where it is probed, if elsewhere.
    #[serde(default)]
    pub monitor_address: Option<IpAddr>,
    /// The port where it is probed, if another.
    #[serde(default)]
    pub monitor_port: Option<u16>,
    /// Whether Octavia is at work on it.
    #[serde(default, deserialize_with = "null_default")]
    pub provisioning_status: ProvisioningStatus,
    /// Whether it answers its monitor.
    #[serde(default, deserialize_with = "null_default")]
    pub operating_status: OperatingStatus,
    #[serde(default, deserialize_with = "null_default")]
    pub tags: Vec<String>,
}

/// A member to be made. In a batch, one whose address and port are there already is changed to this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewMember {
    pub address: IpAddr,
    pub protocol_port: u16,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Its subnet: `ovn` wants it said where it is not the VIP's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnet_id: Option<String>,
    /// Its share of connections, 1 if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<u16>,
    /// It is used only when the others fail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backup: Option<bool>,
    /// Whether it is switched on; it is if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin_state_up: Option<bool>,
    /// Where it is probed, if elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monitor_address: Option<IpAddr>,
    /// The port where it is probed, if another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monitor_port: Option<u16>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}

impl NewMember {
    /// The member at an address and port, all else at its default.
    pub fn at(address: IpAddr, protocol_port: u16) -> Self {
        Self {
            address,
            protocol_port,
            name: String::new(),
            subnet_id: None,
            weight: None,
            backup: None,
            admin_state_up: None,
            monitor_address: None,
            monitor_port: None,
            tags: Vec::new(),
        }
    }
}

/// What to change of a member; the outer `None` leaves it, an inner one takes it away.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct MemberUpdate {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its share of connections.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<u16>,
    /// It is used only when the others fail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backup: Option<bool>,
    /// Whether it is switched on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin_state_up: Option<bool>,
    /// Where it is probed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monitor_address: Option<Option<IpAddr>>,
    /// The port where it is probed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monitor_port: Option<Option<u16>>,
    /// Tags, all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
}
