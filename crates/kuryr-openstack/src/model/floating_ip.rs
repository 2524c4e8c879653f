//! Floating IPs.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{id, null_default};

/// An address of an external network that leads to a port, or to nothing yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FloatingIp {
    #[serde(deserialize_with = "id")]
    pub id: String,
    /// The address. None if only some fields were asked for.
    #[serde(default)]
    pub floating_ip_address: Option<IpAddr>,
    /// The external network.
    #[serde(default, deserialize_with = "null_default")]
    pub floating_network_id: String,
    /// The port that it leads to.
    #[serde(default)]
    pub port_id: Option<String>,
    /// The address of that port.
    #[serde(default)]
    pub fixed_ip_address: Option<IpAddr>,
    /// The router in between.
    #[serde(default)]
    pub router_id: Option<String>,
    /// `ACTIVE`, `DOWN` or `ERROR`.
    #[serde(default, deserialize_with = "null_default")]
    pub status: String,
    /// Owner.
    #[serde(default)]
    pub project_id: Option<String>,
    /// Free text.
    #[serde(default, deserialize_with = "null_default")]
    pub description: String,
    #[serde(default, deserialize_with = "null_default")]
    pub tags: Vec<String>,
    /// Counts changes.
    #[serde(default)]
    pub revision_number: Option<i64>,
}

/// A floating IP to be made. Neutron takes no tags here: they and the owner's mark are added by
/// [`create_floating_ip`](crate::Neutron::create_floating_ip).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct NewFloatingIp {
    /// The external network.
    pub floating_network_id: String,
    /// The subnet to take the address of; any of the network if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnet_id: Option<String>,
    /// The address; of Neutron's choice if none. By default admins only may ask for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub floating_ip_address: Option<IpAddr>,
    /// The port that it is to lead to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port_id: Option<String>,
    /// Which of the port's addresses, where it has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixed_ip_address: Option<IpAddr>,
    /// Owner, if not the token's project.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    /// Tags besides the mark's.
    #[serde(skip)]
    pub tags: Vec<String>,
}

/// What to change of a floating IP; the outer `None` leaves it, an inner one takes it away.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct FloatingIpUpdate {
    /// The port that it is to lead to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port_id: Option<Option<String>>,
    /// Which of the port's addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixed_ip_address: Option<IpAddr>,
    /// Free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}
