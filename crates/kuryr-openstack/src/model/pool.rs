//! Pools.

use serde::{Deserialize, Serialize};

use super::{
    IdRef, LbAlgorithm, LbProtocol, NewHealthMonitor, NewMember, OperatingStatus, PersistenceType,
    ProvisioningStatus, id, null_default,
};

/// A pool: the members that connections are spread over.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    #[serde(deserialize_with = "id")]
    pub id: String,
    /// Name, not unique but in a load balancer that was made in one call.
    #[serde(default, deserialize_with = "null_default")]
    pub name: String,
    /// Free text.
    #[serde(default, deserialize_with = "null_default")]
    pub description: String,
    /// Owner.
    pub project_id: Option<String>,
    /// Whether Octavia is at work on it.
    #[serde(default, deserialize_with = "null_default")]
    pub provisioning_status: ProvisioningStatus,
    /// Whether it carries traffic.
    #[serde(default, deserialize_with = "null_default")]
    pub operating_status: OperatingStatus,
    /// Whether it is switched on.
    pub admin_state_up: Option<bool>,
    /// What it speaks to its members.
    #[serde(default, deserialize_with = "null_default")]
    pub protocol: LbProtocol,
    /// How it picks a member.
    #[serde(default, deserialize_with = "null_default")]
    pub lb_algorithm: LbAlgorithm,
    /// What keeps a client on its member. `ovn` of Octavia 11 takes any and heeds none.
    pub session_persistence: Option<SessionPersistence>,
    /// Its load balancer.
    #[serde(default, deserialize_with = "null_default")]
    pub loadbalancers: Vec<IdRef>,
    /// The listeners that lead to it.
    #[serde(default, deserialize_with = "null_default")]
    pub listeners: Vec<IdRef>,
    #[serde(default, deserialize_with = "null_default")]
    pub members: Vec<IdRef>,
    /// Its health monitor.
    pub healthmonitor_id: Option<String>,
    #[serde(default, deserialize_with = "null_default")]
    pub tags: Vec<String>,
}

/// What keeps a client on its member.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionPersistence {
    /// What it goes by.
    #[serde(rename = "type", default, deserialize_with = "null_default")]
    pub kind: PersistenceType,
    /// The application's cookie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cookie_name: Option<String>,
    /// How long a client stays, in seconds: UDP and SCTP only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persistence_timeout: Option<u32>,
    /// The part of a client's address that counts, as a mask: UDP and SCTP only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persistence_granularity: Option<String>,
}

/// A pool to be made: by itself (with `loadbalancer_id` or `listener_id`), or with its load balancer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct NewPool {
    /// Its load balancer, if that is there already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loadbalancer_id: Option<String>,
    /// The listener whose default pool it becomes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listener_id: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Free text.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Whether it is switched on; it is if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin_state_up: Option<bool>,
    /// What it speaks to its members.
    pub protocol: LbProtocol,
    /// How it picks a member.
    pub lb_algorithm: LbAlgorithm,
    /// What keeps a client on its member.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_persistence: Option<SessionPersistence>,
    /// Its members: only with its load balancer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<NewMember>,
    /// Its monitor: only with its load balancer, and not with the provider `ovn` 3.0, which never makes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthmonitor: Option<NewHealthMonitor>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}

impl NewPool {
    /// How many objects its part of the call makes.
    pub(super) fn objects(&self) -> usize {
        1 + self.members.len() + usize::from(self.healthmonitor.is_some())
    }
}

/// What to change of a pool; the outer `None` leaves it, an inner one takes it away.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PoolUpdate {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether it is switched on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin_state_up: Option<bool>,
    /// How it picks a member.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lb_algorithm: Option<LbAlgorithm>,
    /// What keeps a client on its member.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_persistence: Option<Option<SessionPersistence>>,
    /// Tags, all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
}
