//! Listeners.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{IdRef, LbProtocol, NewPool, OperatingStatus, ProvisioningStatus, id, null_default};

/// A listener: a protocol and port on which a load balancer takes connections. No two of one load balancer have the
/// same port, but for one of TCP and one of UDP (and SCTP).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
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
    /// Whether Octavia is at work on it.
    #[serde(default, deserialize_with = "null_default")]
    pub provisioning_status: ProvisioningStatus,
    /// Whether it carries traffic.
    #[serde(default, deserialize_with = "null_default")]
    pub operating_status: OperatingStatus,
    /// Whether it is switched on.
    pub admin_state_up: Option<bool>,
    /// What it speaks.
    #[serde(default, deserialize_with = "null_default")]
    pub protocol: LbProtocol,
    /// The port that it takes connections on.
    #[serde(default, deserialize_with = "null_default")]
    pub protocol_port: u16,
    /// Most connections at a time, -1 for any number.
    pub connection_limit: Option<i64>,
    /// Where connections go.
    pub default_pool_id: Option<String>,
    /// Its load balancer.
    #[serde(default, deserialize_with = "null_default")]
    pub loadbalancers: Vec<IdRef>,
    /// Whom it takes connections from; anybody if none. Not with the provider `ovn`.
    pub allowed_cidrs: Option<Vec<IpNet>>,
    /// Longest silence of a client, in milliseconds.
    pub timeout_client_data: Option<u32>,
    /// Longest wait for a member's acceptance, in milliseconds.
    pub timeout_member_connect: Option<u32>,
    /// Longest silence of a member, in milliseconds.
    pub timeout_member_data: Option<u32>,
    #[serde(default, deserialize_with = "null_default")]
    pub tags: Vec<String>,
}

/// A listener to be made, by itself (with `loadbalancer_id`) or below a load balancer that is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct NewListener {
    /// Its load balancer, if that is there already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loadbalancer_id: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Free text.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Whether it is switched on; it is if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin_state_up: Option<bool>,
    /// What it speaks.
    pub protocol: LbProtocol,
    /// The port that it takes connections on.
    pub protocol_port: u16,
    /// Most connections at a time; any number if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection_limit: Option<i64>,
    /// A pool that is there already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_pool_id: Option<String>,
    /// A pool that is made with it: only below a load balancer, Octavia 11 fails on it otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_pool: Option<DefaultPool>,
    /// Whom it takes connections from; anybody if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_cidrs: Option<Vec<IpNet>>,
    /// Longest silence of a client, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_client_data: Option<u32>,
    /// Longest wait for a member's acceptance, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_member_connect: Option<u32>,
    /// Longest silence of a member, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_member_data: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}

/// The pool of a listener that is made together with its load balancer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum DefaultPool {
    /// Made here.
    New(Box<NewPool>),
    /// Described elsewhere in the same call, by its name.
    Named { name: String },
}

impl NewListener {
    /// How many objects its part of the call makes.
    pub(super) fn objects(&self) -> usize {
        match &self.default_pool {
            Some(DefaultPool::New(pool)) => 1 + pool.objects(),
            _ => 1,
        }
    }
}

/// What to change of a listener; the outer `None` leaves it, an inner one takes it away.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ListenerUpdate {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether it is switched on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin_state_up: Option<bool>,
    /// Most connections at a time, -1 for any number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection_limit: Option<i64>,
    /// Where connections go. Taken away, the provider `ovn` 3.0 never ends its work, and the load balancer is
    /// `PENDING_UPDATE` for good: give it another pool, or delete the pool, which takes it away too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_pool_id: Option<Option<String>>,
    /// Whom it takes connections from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_cidrs: Option<Option<Vec<IpNet>>>,
    /// Longest silence of a client, in milliseconds; the cloud's default if taken away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_client_data: Option<Option<u32>>,
    /// Longest wait for a member's acceptance, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_member_connect: Option<Option<u32>>,
    /// Longest silence of a member, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_member_data: Option<Option<u32>>,
    /// Tags, all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
}
