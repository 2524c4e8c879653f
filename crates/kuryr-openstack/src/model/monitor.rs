//! Health monitors.

use serde::{Deserialize, Serialize};

use super::{IdRef, MonitorType, OperatingStatus, ProvisioningStatus, id, null_default};

/// A health monitor: how the members of a pool are probed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthMonitor {
    #[serde(deserialize_with = "id")]
    pub id: String,
    /// Name, not unique.
    #[serde(default, deserialize_with = "null_default")]
    pub name: String,
    /// Owner.
    pub project_id: Option<String>,
    /// How it probes.
    #[serde(rename = "type", default, deserialize_with = "null_default")]
    pub kind: MonitorType,
    /// Time between probes, in seconds.
    #[serde(default, deserialize_with = "null_default")]
    pub delay: u32,
    /// Longest wait for a member, in seconds.
    #[serde(default, deserialize_with = "null_default")]
    pub timeout: u32,
    /// Successes after which a member is taken in.
    #[serde(default, deserialize_with = "null_default")]
    pub max_retries: u32,
    /// Failures after which a member is left out.
    #[serde(default, deserialize_with = "null_default")]
    pub max_retries_down: u32,
    pub http_method: Option<String>,
    /// HTTP path.
    pub url_path: Option<String>,
    /// HTTP statuses of success, such as `200` or `200-204`.
    pub expected_codes: Option<String>,
    /// HTTP host.
    pub domain_name: Option<String>,
    /// Whether it is switched on.
    pub admin_state_up: Option<bool>,
    #[serde(default, deserialize_with = "null_default")]
    pub pools: Vec<IdRef>,
    /// Whether Octavia is at work on it.
    #[serde(default, deserialize_with = "null_default")]
    pub provisioning_status: ProvisioningStatus,
    /// Whether it works.
    #[serde(default, deserialize_with = "null_default")]
    pub operating_status: OperatingStatus,
    #[serde(default, deserialize_with = "null_default")]
    pub tags: Vec<String>,
}

/// A health monitor to be made, by itself (with `pool_id`) or with its pool.
///
/// Those of `ovn` probe from the port of Neutron's metadata, which has an address only in subnets with DHCP: elsewhere
/// the monitor becomes `ERROR`, and members stay as they were. While it is there, the provisioning status of the pool's
/// listeners may stay `PENDING_UPDATE`; that of the load balancer counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct NewHealthMonitor {
    /// Its pool, if that is there already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pool_id: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// How it probes.
    #[serde(rename = "type")]
    pub kind: MonitorType,
    /// Time between probes, in seconds.
    pub delay: u32,
    /// Longest wait for a member, in seconds.
    pub timeout: u32,
    /// Successes after which a member is taken in, 1 to 10.
    pub max_retries: u32,
    /// Failures after which a member is left out, 3 if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_retries_down: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_method: Option<String>,
    /// HTTP path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url_path: Option<String>,
    /// HTTP statuses of success.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_codes: Option<String>,
    /// HTTP host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain_name: Option<String>,
    /// Whether it is switched on; it is if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin_state_up: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}

/// What to change of a health monitor; `None` leaves it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct HealthMonitorUpdate {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Time between probes, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay: Option<u32>,
    /// Longest wait for a member, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u32>,
    /// Successes after which a member is taken in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_retries: Option<u32>,
    /// Failures after which a member is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_retries_down: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_method: Option<String>,
    /// HTTP path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url_path: Option<String>,
    /// HTTP statuses of success.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_codes: Option<String>,
    /// HTTP host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain_name: Option<String>,
    /// Whether it is switched on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin_state_up: Option<bool>,
    /// Tags, all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
}
