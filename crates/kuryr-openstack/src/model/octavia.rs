//! What an Octavia is: versions, providers, flavours, quotas.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{id, null_default};

/// A version of the API that Octavia claims: 2.0 to the newest are all served at once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiVersion {
    /// Such as `v2.26`.
    #[serde(default, deserialize_with = "null_default")]
    pub id: String,
    /// `CURRENT` of the newest, `SUPPORTED` of the others.
    #[serde(default, deserialize_with = "null_default")]
    pub status: String,
}

impl ApiVersion {
    /// Major and minor number, if it has them.
    pub fn level(&self) -> Option<ApiLevel> {
        let (major, minor) = self.id.strip_prefix('v')?.split_once('.')?;
        Some(ApiLevel {
            major: major.parse().ok()?,
            minor: minor.parse().ok()?,
        })
    }
}

/// How new an API is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApiLevel {
    /// Major number.
    pub major: u32,
    /// Minor number.
    pub minor: u32,
}

impl ApiLevel {
    /// Objects can be tagged and lists filtered by tags.
    pub const TAGS: Self = Self::v2(5);
    /// A batch of members can leave alone those that it doesn't name.
    pub const ADDITIVE_MEMBERS: Self = Self::v2(11);
    /// Listeners have `allowed_cidrs`.
    pub const ALLOWED_CIDRS: Self = Self::v2(12);
    /// Pools have the algorithm `SOURCE_IP_PORT`.
    pub const SOURCE_IP_PORT: Self = Self::v2(13);
    /// Listeners and pools speak SCTP.
    pub const SCTP: Self = Self::v2(23);
    /// Load balancers have `additional_vips`.
    pub const ADDITIONAL_VIPS: Self = Self::v2(26);

    /// A version of the API's second major number.
    pub const fn v2(minor: u32) -> Self {
        Self { major: 2, minor }
    }
}

impl fmt::Display for ApiLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// What can carry load balancers out; or something that one can do. Both are told by name and description.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Described {
    /// Its name, such as `ovn`.
    #[serde(default, deserialize_with = "null_default")]
    pub name: String,
    /// What it is, in words.
    #[serde(default, deserialize_with = "null_default")]
    pub description: String,
}

/// A flavour: settings of a provider that the cloud's administrators put together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LbFlavor {
    #[serde(deserialize_with = "id")]
    pub id: String,
    #[serde(default, deserialize_with = "null_default")]
    pub name: String,
    /// What it is, in words.
    #[serde(default, deserialize_with = "null_default")]
    pub description: String,
    /// Whether it can be had.
    pub enabled: Option<bool>,
}

/// A project's limits; -1 is none, and absent is not told. Octavia does not tell what is used. Two of the names have
/// changed with releases, and changed back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadBalancerQuota {
    /// Load balancers, as Octavia 11 has it; see [`load_balancers`](Self::load_balancers).
    pub load_balancer: Option<i64>,
    /// Load balancers, as its reference has it.
    pub loadbalancer: Option<i64>,
    pub listener: Option<i64>,
    pub pool: Option<i64>,
    /// Members, of all pools.
    pub member: Option<i64>,
    /// Health monitors, as Octavia 11 has it; see [`health_monitors`](Self::health_monitors).
    pub health_monitor: Option<i64>,
    /// Health monitors, as its reference has it.
    pub healthmonitor: Option<i64>,
}

impl LoadBalancerQuota {
    /// The limit of load balancers.
    pub fn load_balancers(&self) -> Option<i64> {
        self.loadbalancer.or(self.load_balancer)
    }

    /// The limit of health monitors.
    pub fn health_monitors(&self) -> Option<i64> {
        self.healthmonitor.or(self.health_monitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        let level = |id: &str| {
            let version = ApiVersion {
                id: id.to_owned(),
                ..ApiVersion::default()
            };
            version.level()
        };
        assert_eq!(level("v2.26"), Some(ApiLevel::ADDITIONAL_VIPS));
        assert!(level("v2.5") < level("v2.12"));
        assert_eq!(level("v2"), None);
        assert_eq!(level("two"), None);
    }
}
