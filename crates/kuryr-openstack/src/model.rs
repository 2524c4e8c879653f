//! Neutron's and Octavia's objects, as far as they are used here (Neutron API v2.0 reference, "Networking API";
//! Octavia API v2 reference, "Load Balancer API").
//!
//! Reading is lenient about what is unknown, missing or null, because clouds differ and a list may be asked
//! for some `fields` only. It is strict about what a wrong value of would do harm: an object without an id, an
//! address that is none, make the answer unusable.

mod address;
mod floating_ip;
mod lb_words;
mod listener;
mod load_balancer;
mod member;
mod monitor;
mod network;
mod octavia;
mod pool;
mod port;
mod quota;
mod security;
mod trunk;
mod word;

use serde::{Deserialize, Deserializer};

pub use address::{AllocationPool, HostRoute};
pub use floating_ip::{FloatingIp, FloatingIpUpdate, NewFloatingIp};
pub use lb_words::{
    LbAlgorithm, LbProtocol, MonitorType, OperatingStatus, PersistenceType, ProvisioningStatus,
};
pub use listener::{DefaultPool, Listener, ListenerUpdate, NewListener};
pub use load_balancer::{
    AdditionalVip, IdRef, ListenerStatus, LoadBalancer, LoadBalancerUpdate, MemberStatus,
    MonitorStatus, NewLoadBalancer, PoolStatus, StatusTree,
};
pub use member::{Member, MemberUpdate, NewMember};
pub use monitor::{HealthMonitor, HealthMonitorUpdate, NewHealthMonitor};
pub use network::{
    IpAvailability, Network, NewNetwork, NewSubnet, Router, RouterInterface, Subnet, SubnetPool,
    SubnetUse,
};
pub use octavia::{ApiLevel, ApiVersion, Described, LbFlavor, LoadBalancerQuota};
pub use pool::{NewPool, Pool, PoolUpdate, SessionPersistence};
pub use port::{
    AllowedAddressPair, FixedIp, NewPort, Port, PortStatus, PortUpdate, TrunkDetails, VifDetails,
    WantedIp,
};
pub use quota::{Extension, Quota, QuotaItem};
pub use security::{
    Direction, EtherType, NewSecurityGroup, NewSecurityGroupRule, SecurityGroup, SecurityGroupRule,
    SecurityGroupUpdate,
};
pub use trunk::{NewTrunk, SegmentationType, SubPort, Trunk};

/// Null is as absent.
fn null_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// An id: something that can stand in a URL as one segment.
fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let id = String::deserialize(deserializer)?;
    if is_id(&id) {
        Ok(id)
    } else {
        Err(serde::de::Error::custom(format!("{id:?} is no id")))
    }
}

/// Whether `text` can be an OpenStack id: 1 to 255 letters, digits, `-`, `_`, with no meaning in a URL.
pub fn is_id(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    !text.is_empty() && text.len() <= 255 && text.chars().all(fits)
}
