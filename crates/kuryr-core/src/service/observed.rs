//! A load balancer as Octavia has it.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::model::{Id, Protocol};
use super::tree::{Algorithm, Member, Monitor, Persistence};
use ipnet::IpNet;

/// A load balancer without what is in it: an entry of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balancer {
    pub id: Id,
    pub name: Id,
    /// Whether it has the tag of this cluster.
    pub ours: bool,
    pub provider: Id,
    /// VIP.
    pub address: IpAddr,
    /// Addresses of `additional_vips`.
    pub more_addresses: Vec<IpAddr>,
    /// Neutron port of the VIP.
    pub vip_port: Option<Id>,
    pub vip_subnet: Option<Id>,
    /// `provisioning_status`.
    pub state: State,
    /// `updated_at`, as Octavia writes it.
    pub updated: Option<Id>,
}

/// `provisioning_status` of a load balancer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// It may be changed.
    Active,
    /// It is being created or changed, and can't be changed.
    Pending,
    /// It is being deleted.
    Deleting,
    /// Something went wrong: it may be failed over and deleted.
    Error,
}

impl State {
    /// From Octavia's word; what is not known is waited for.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text {
            "ACTIVE" => Self::Active,
            "ERROR" => Self::Error,
            "PENDING_DELETE" | "DELETED" => Self::Deleting,
            _ => Self::Pending,
        }
    }
}

/// A load balancer with what is in it. While it is not ACTIVE the rest need not be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// Itself.
    pub balancer: Balancer,
    pub listeners: Vec<SeenListener>,
    pub pools: Vec<SeenPool>,
}

impl Observed {
    /// Ids of listeners, pools and members.
    #[must_use]
    pub fn children(&self) -> BTreeSet<Id> {
        let listeners = self.listeners.iter().map(|l| &l.id);
        let pools = self.pools.iter().map(|p| &p.id);
        let members = self.pools.iter().flat_map(|p| &p.members).map(|m| &m.id);
        listeners.chain(pools).chain(members).cloned().collect()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenListener {
    pub id: Id,
    pub name: Id,
    /// Protocol; none if it is one that Services don't have (HTTP...).
    pub protocol: Option<Protocol>,
    pub port: u16,
    /// Default pool.
    pub pool: Option<Id>,
    /// `timeout_client_data`, milliseconds.
    pub timeout_client: Option<u32>,
    /// `timeout_member_data`, milliseconds.
    pub timeout_member: Option<u32>,
    /// `allowed_cidrs`, in any order.
    pub allowed: Vec<IpNet>,
    /// Whether its own `provisioning_status` is ERROR.
    pub broken: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenPool {
    pub id: Id,
    pub name: Id,
    /// Protocol; none if it is one that Services don't have.
    pub protocol: Option<Protocol>,
    /// Algorithm; none if it is not known.
    pub algorithm: Option<Algorithm>,
    /// Session persistence, if it has any.
    pub persistence: Option<Persistence>,
    pub members: Vec<SeenMember>,
    /// Health monitor.
    pub monitor: Option<SeenMonitor>,
    /// Whether its own `provisioning_status` is ERROR.
    pub broken: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenMember {
    pub id: Id,
    /// What it is.
    pub member: Member,
}

/// A health monitor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenMonitor {
    pub id: Id,
    /// What it does; none if it is of a kind that we don't make.
    pub monitor: Option<Monitor>,
}
