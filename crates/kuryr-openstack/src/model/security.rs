//! Security groups and their rules.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{id, null_default};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityGroup {
    #[serde(deserialize_with = "id")]
    pub id: String,
    /// Name, not unique.
    #[serde(default, deserialize_with = "null_default")]
    pub name: String,
    /// Free text.
    #[serde(default, deserialize_with = "null_default")]
    pub description: String,
    /// Owner.
    pub project_id: Option<String>,
    /// Its rules.
    #[serde(
        default,
        deserialize_with = "null_default",
        rename = "security_group_rules"
    )]
    pub rules: Vec<SecurityGroupRule>,
    /// Whether answers are let through.
    pub stateful: Option<bool>,
    #[serde(default, deserialize_with = "null_default")]
    pub tags: Vec<String>,
    /// Counts changes.
    pub revision_number: Option<i64>,
}

/// A security group to be made. Neutron adds two rules that let all egress out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct NewSecurityGroup {
    pub name: String,
    /// Free text.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Owner, if not the token's project.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
}

/// What to change of a group; `None` leaves it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SecurityGroupUpdate {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// Which way packets go, seen from the port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// To the port.
    Ingress,
    /// From the port.
    Egress,
}

/// Which IP version a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum EtherType {
    /// IPv4.
    #[serde(rename = "IPv4", alias = "ipv4")]
    IPv4,
    /// IPv6.
    #[serde(rename = "IPv6", alias = "ipv6")]
    IPv6,
    /// Something else, in groups that are not ours.
    #[serde(other)]
    Other,
}

/// A rule: what is let through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityGroupRule {
    #[serde(deserialize_with = "id")]
    pub id: String,
    #[serde(default, deserialize_with = "null_default")]
    pub security_group_id: String,
    /// Which way.
    pub direction: Direction,
    /// Which IP version.
    pub ethertype: EtherType,
    /// `tcp`, `udp`, `icmp`, a number, ...; any if none.
    #[serde(default)]
    pub protocol: Option<String>,
    /// First port, or ICMP type; any if none.
    #[serde(default)]
    pub port_range_min: Option<u16>,
    /// Last port, or ICMP code; any if none.
    #[serde(default)]
    pub port_range_max: Option<u16>,
    /// Whom from or to; any if none.
    #[serde(default)]
    pub remote_ip_prefix: Option<IpNet>,
    /// The group whose members whom from or to.
    #[serde(default)]
    pub remote_group_id: Option<String>,
    /// The address group whom from or to. ML2/OVN of release 21 takes it and lets everyone in.
    #[serde(default)]
    pub remote_address_group_id: Option<String>,
    /// Free text.
    #[serde(default, deserialize_with = "null_default")]
    pub description: String,
    #[serde(default, deserialize_with = "null_default")]
    pub tags: Vec<String>,
}

/// A rule to be made.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct NewSecurityGroupRule {
    pub security_group_id: String,
    /// Which way.
    pub direction: Direction,
    /// Which IP version.
    pub ethertype: EtherType,
    /// `tcp`, `udp`, `icmp`, a number, ...; any if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// First port, or ICMP type; any if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port_range_min: Option<u16>,
    /// Last port, or ICMP code; any if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port_range_max: Option<u16>,
    /// Whom from or to; any if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_ip_prefix: Option<IpNet>,
    /// The group whose members whom from or to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_group_id: Option<String>,
    /// Free text.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
}

impl NewSecurityGroupRule {
    /// A rule that lets everything of `ethertype` through in `direction`; narrow it by its fields.
    pub fn any(
        security_group_id: impl Into<String>,
        direction: Direction,
        ethertype: EtherType,
    ) -> Self {
        Self {
            security_group_id: security_group_id.into(),
            direction,
            ethertype,
            protocol: None,
            port_range_min: None,
            port_range_max: None,
            remote_ip_prefix: None,
            remote_group_id: None,
            description: String::new(),
        }
    }
}
