//! Networks, subnets, pools of prefixes, routers.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{AllocationPool, HostRoute, id, null_default};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    #[serde(deserialize_with = "id")]
    pub id: String,
    /// Name, not unique.
    #[serde(default, deserialize_with = "null_default")]
    pub name: String,
    /// Owner.
    pub project_id: Option<String>,
    /// Largest packet of its ports, in bytes.
    pub mtu: Option<u32>,
    /// Ids of its subnets.
    #[serde(default, deserialize_with = "null_default")]
    pub subnets: Vec<String>,
    /// `ACTIVE`, `DOWN`, `BUILD` or `ERROR`.
    #[serde(default, deserialize_with = "null_default")]
    pub status: String,
    /// Whether it passes packets at all.
    pub admin_state_up: Option<bool>,
    /// Ports of it are filtered by default.
    pub port_security_enabled: Option<bool>,
    /// The QoS policy that its ports are under, where the cloud has QoS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qos_policy_id: Option<String>,
    /// It leads outside.
    #[serde(rename = "router:external")]
    pub external: Option<bool>,
    /// `geneve`, `vxlan`, `gre`, `vlan`, `flat` or `local`. Admins only.
    #[serde(
        rename = "provider:network_type",
        skip_serializing_if = "Option::is_none"
    )]
    pub network_type: Option<String>,
    /// Free text.
    #[serde(default, deserialize_with = "null_default")]
    pub description: String,
    #[serde(default, deserialize_with = "null_default")]
    pub tags: Vec<String>,
    /// Counts changes.
    pub revision_number: Option<i64>,
}

/// A network to be made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct NewNetwork {
    pub name: String,
    /// Free text.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Owner, if not the token's project.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    /// Largest packet; the cloud's default if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subnet {
    #[serde(deserialize_with = "id")]
    pub id: String,
    /// Name, not unique.
    #[serde(default, deserialize_with = "null_default")]
    pub name: String,
    #[serde(deserialize_with = "id")]
    pub network_id: String,
    /// Owner.
    #[serde(default)]
    pub project_id: Option<String>,
    /// Its prefix.
    pub cidr: IpNet,
    /// Where hosts send what is for elsewhere.
    #[serde(default)]
    pub gateway_ip: Option<IpAddr>,
    /// 4 or 6.
    pub ip_version: u8,
    /// Name servers for its hosts.
    #[serde(default, deserialize_with = "null_default")]
    pub dns_nameservers: Vec<IpAddr>,
    #[serde(default, deserialize_with = "null_default")]
    pub host_routes: Vec<HostRoute>,
    /// Where ports' addresses are taken from.
    #[serde(default, deserialize_with = "null_default")]
    pub allocation_pools: Vec<AllocationPool>,
    /// The pool its prefix is from.
    #[serde(default)]
    pub subnetpool_id: Option<String>,
    /// Whether DHCP answers.
    #[serde(default)]
    pub enable_dhcp: Option<bool>,
    /// Free text.
    #[serde(default, deserialize_with = "null_default")]
    pub description: String,
    #[serde(default, deserialize_with = "null_default")]
    pub tags: Vec<String>,
}

/// A subnet to be made: with a `cidr`, or with a `subnetpool_id` (and perhaps a `prefixlen`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct NewSubnet {
    pub name: String,
    pub network_id: String,
    /// 4 or 6.
    pub ip_version: u8,
    /// Its prefix.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cidr: Option<IpNet>,
    /// The pool to take a prefix of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnetpool_id: Option<String>,
    /// Length of the prefix; the pool's default if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefixlen: Option<u8>,
    /// The gateway; the first address if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway_ip: Option<IpAddr>,
    /// Whether DHCP answers.
    pub enable_dhcp: bool,
    /// Free text.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Owner, if not the token's project.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
}

/// A pool of prefixes for subnets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubnetPool {
    #[serde(deserialize_with = "id")]
    pub id: String,
    /// Name, not unique.
    #[serde(default, deserialize_with = "null_default")]
    pub name: String,
    /// What subnets' prefixes are cut from.
    #[serde(default, deserialize_with = "null_default")]
    pub prefixes: Vec<IpNet>,
    /// 4 or 6.
    pub ip_version: Option<u8>,
    /// Length of the prefix of a subnet that asks for none. Some releases write it as a string.
    #[serde(default, deserialize_with = "length")]
    pub default_prefixlen: Option<u8>,
    /// Subnets whose pools share an address scope are routed without NAT.
    pub address_scope_id: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Router {
    #[serde(deserialize_with = "id")]
    pub id: String,
    /// Name, not unique.
    #[serde(default, deserialize_with = "null_default")]
    pub name: String,
    /// Owner.
    pub project_id: Option<String>,
    /// `ACTIVE` or else.
    #[serde(default, deserialize_with = "null_default")]
    pub status: String,
    #[serde(default, deserialize_with = "null_default")]
    pub tags: Vec<String>,
}

/// A router's leg in a subnet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouterInterface {
    /// The router.
    #[serde(deserialize_with = "id")]
    pub id: String,
    #[serde(default, deserialize_with = "null_default")]
    pub port_id: String,
    #[serde(default, deserialize_with = "null_default")]
    pub subnet_id: String,
}

/// How many addresses of a network are used. By default admins only may ask.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IpAvailability {
    #[serde(deserialize_with = "id")]
    pub network_id: String,
    #[serde(default, deserialize_with = "null_default")]
    pub subnet_ip_availability: Vec<SubnetUse>,
}

/// How many addresses of a subnet are used. What is too large to count (IPv6) is `u64::MAX`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubnetUse {
    #[serde(deserialize_with = "id")]
    pub subnet_id: String,
    /// Addresses in its pools.
    #[serde(deserialize_with = "count")]
    pub total_ips: u64,
    /// Addresses given out.
    #[serde(deserialize_with = "count")]
    pub used_ips: u64,
}

/// A prefix's length, written as a number or as a string.
fn length<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<u8>, D::Error> {
    let value = Option::<serde_json::Value>::deserialize(deserializer)?;
    let number = value.and_then(|v| v.as_u64().or_else(|| v.as_str()?.parse().ok()));
    Ok(number.and_then(|n| u8::try_from(n).ok()))
}

/// A number, `u64::MAX` if larger. Neutron writes 2^64 addresses as a number that JSON readers take for a float.
fn count<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let number = serde_json::Number::deserialize(deserializer)?;
    Ok(number
        .as_u64()
        .unwrap_or(if number.as_f64().is_some_and(|f| f > 0.0) {
            u64::MAX
        } else {
            0
        }))
}
