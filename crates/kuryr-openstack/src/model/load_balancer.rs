//! Load balancers, whole: what one is, what is made in one call, and the tree of its statuses.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{
    MonitorType, NewListener, NewPool, OperatingStatus, ProvisioningStatus, id, null_default,
};

/// One object named by its id.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct IdRef {
    #[serde(deserialize_with = "id")]
    pub id: String,
}

impl IdRef {
    /// The object of an id.
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into() }
    }
}

/// A further address of a load balancer (API 2.26).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdditionalVip {
    /// Its subnet, of the network that the first address is on.
    pub subnet_id: String,
    /// The address; of Octavia's choice if none is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_address: Option<IpAddr>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadBalancer {
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
    pub vip_address: Option<IpAddr>,
    /// The Neutron port that holds it. Its owner may delete it, also while it is in use.
    pub vip_port_id: Option<String>,
    pub vip_subnet_id: Option<String>,
    pub vip_network_id: Option<String>,
    /// Its further addresses.
    #[serde(default, deserialize_with = "null_default")]
    pub additional_vips: Vec<AdditionalVip>,
    /// What carries it out, such as `ovn`.
    #[serde(default, deserialize_with = "null_default")]
    pub provider: String,
    /// Flavour that was asked for.
    pub flavor_id: Option<String>,
    #[serde(default, deserialize_with = "null_default")]
    pub listeners: Vec<IdRef>,
    #[serde(default, deserialize_with = "null_default")]
    pub pools: Vec<IdRef>,
    #[serde(default, deserialize_with = "null_default")]
    pub tags: Vec<String>,
    /// When it was made, UTC, as Octavia writes it (`2024-05-06T07:08:09`).
    pub created_at: Option<String>,
    /// When it last changed, in the same form.
    pub updated_at: Option<String>,
}

/// A load balancer to be made, with all that is below it if it is to be one call.
///
/// In one call each pool needs a name of its own among the load balancer's, and is either below the listener that
/// uses it or in `pools`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct NewLoadBalancer {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Free text.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Whether it is switched on; it is if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin_state_up: Option<bool>,
    /// The subnet of its address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vip_subnet_id: Option<String>,
    /// The network of its address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vip_network_id: Option<String>,
    /// A port that is there already, whose address it takes. The provider `ovn` 3.0 makes one of its own in any case,
    /// and fails on the address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vip_port_id: Option<String>,
    /// Its address; of Neutron's choice if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vip_address: Option<IpAddr>,
    /// Further addresses (API 2.26). The provider `ovn` 3.0 takes them and makes none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub additional_vips: Vec<AdditionalVip>,
    /// Owner, if not the token's project.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    /// What is to carry it out; the cloud's default if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Flavour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flavor_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub availability_zone: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Listeners, with their pools.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub listeners: Vec<NewListener>,
    /// Pools that no listener has, or that several share by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pools: Vec<NewPool>,
}

impl NewLoadBalancer {
    /// How many objects the call makes.
    pub fn objects(&self) -> usize {
        let below = self.listeners.iter().map(NewListener::objects);
        1 + below.sum::<usize>() + self.pools.iter().map(NewPool::objects).sum::<usize>()
    }
}

/// What to change of a load balancer; `None` leaves it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LoadBalancerUpdate {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether it is switched on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin_state_up: Option<bool>,
    /// Tags, all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
}

/// The statuses of a load balancer and of all that its listeners lead to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusTree {
    #[serde(deserialize_with = "id")]
    pub id: String,
    #[serde(default, deserialize_with = "null_default")]
    pub name: String,
    /// Whether Octavia is at work on it.
    #[serde(default, deserialize_with = "null_default")]
    pub provisioning_status: ProvisioningStatus,
    /// Whether it carries traffic.
    #[serde(default, deserialize_with = "null_default")]
    pub operating_status: OperatingStatus,
    /// Its listeners. Pools without listener are not in the tree.
    #[serde(default, deserialize_with = "null_default")]
    pub listeners: Vec<ListenerStatus>,
}

/// A listener in the tree of statuses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListenerStatus {
    #[serde(deserialize_with = "id")]
    pub id: String,
    #[serde(default, deserialize_with = "null_default")]
    pub name: String,
    /// Whether Octavia is at work on it.
    #[serde(default, deserialize_with = "null_default")]
    pub provisioning_status: ProvisioningStatus,
    /// Whether it carries traffic.
    #[serde(default, deserialize_with = "null_default")]
    pub operating_status: OperatingStatus,
    /// The pools that it leads to.
    #[serde(default, deserialize_with = "null_default")]
    pub pools: Vec<PoolStatus>,
}

/// A pool in the tree of statuses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolStatus {
    #[serde(deserialize_with = "id")]
    pub id: String,
    #[serde(default, deserialize_with = "null_default")]
    pub name: String,
    /// Whether Octavia is at work on it.
    #[serde(default, deserialize_with = "null_default")]
    pub provisioning_status: ProvisioningStatus,
    /// Whether it carries traffic.
    #[serde(default, deserialize_with = "null_default")]
    pub operating_status: OperatingStatus,
    #[serde(default)]
    pub health_monitor: Option<MonitorStatus>,
    #[serde(default, deserialize_with = "null_default")]
    pub members: Vec<MemberStatus>,
}

/// A health monitor in the tree of statuses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonitorStatus {
    #[serde(deserialize_with = "id")]
    pub id: String,
    #[serde(default, deserialize_with = "null_default")]
    pub name: String,
    /// How it probes.
    #[serde(default, rename = "type", deserialize_with = "null_default")]
    pub kind: MonitorType,
    /// Whether Octavia is at work on it.
    #[serde(default, deserialize_with = "null_default")]
    pub provisioning_status: ProvisioningStatus,
    /// Whether it works.
    #[serde(default, deserialize_with = "null_default")]
    pub operating_status: OperatingStatus,
}

/// A member in the tree of statuses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberStatus {
    #[serde(deserialize_with = "id")]
    pub id: String,
    #[serde(default, deserialize_with = "null_default")]
    pub name: String,
    /// Whether Octavia is at work on it.
    #[serde(default, deserialize_with = "null_default")]
    pub provisioning_status: ProvisioningStatus,
    /// Whether it answers its monitor.
    #[serde(default, deserialize_with = "null_default")]
    pub operating_status: OperatingStatus,
    pub address: IpAddr,
    pub protocol_port: u16,
}
