//! A load balancer as it is to be.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use super::model::{Id, Protocol, ServiceKey};
use ipnet::IpNet;

/// Which of a Service's load balancers: one a family where the provider has no further VIPs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    /// The primary family's, named as upstream names it.
    First,
    /// The secondary family's.
    Second,
}

/// One load balancer of a Service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BalancerKey {
    pub service: ServiceKey,
    /// Which of them.
    pub slot: Slot,
}

/// What no name of a namespace or Service has in it.
const SECOND: &str = "secondary";

impl BalancerKey {
    /// From the name of a load balancer; none if it is not such a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let mut parts = name.split('/');
        let (namespace, service) = (parts.next()?, parts.next()?);
        let slot = match (parts.next(), parts.next()) {
            (None, _) => Slot::First,
            (Some(SECOND), None) => Slot::Second,
            _ => return None,
        };
        let named = !namespace.is_empty() && !service.is_empty();
        named.then(|| Self {
            service: ServiceKey::new(namespace, service),
            slot,
        })
    }
}

/// The load balancer's name.
impl fmt::Display for BalancerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.slot {
            Slot::First => write!(f, "{}", self.service),
            Slot::Second => write!(f, "{}/{SECOND}", self.service),
        }
    }
}

/// A load balancer with all that is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    /// `<namespace>/<service>`, as upstream's.
    pub name: Id,
    pub vip: Vip,
    /// VIPs of other families (API 2.26, `additional_vips`).
    pub more_vips: Vec<Vip>,
    /// Provider; none: Octavia's default.
    pub provider: Option<Id>,
    /// Flavor; it counts at creation only.
    pub flavor: Option<Id>,
    pub project: Option<Id>,
    /// Listeners, by protocol and port.
    pub listeners: BTreeMap<(Protocol, u16), Listener>,
}

impl Tree {
    /// The same without health monitors.
    #[must_use]
    pub fn unmonitored(&self) -> Self {
        let mut tree = self.clone();
        let listeners = tree.listeners.values_mut();
        listeners.for_each(|l| l.pool.monitor = None);
        tree
    }

    /// The load balancer alone.
    #[must_use]
    pub fn bare(&self) -> Self {
        Self {
            listeners: BTreeMap::new(),
            ..self.clone()
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Vip {
    /// Its address: the Service's cluster address.
    pub address: IpAddr,
    pub subnet: Id,
}

/// A listener, with its default pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// `<namespace>/<service>:<protocol>:<port>`.
    pub name: Id,
    pub protocol: Protocol,
    pub port: u16,
    /// `timeout_client_data`, milliseconds; none: as it is.
    pub timeout_client: Option<u32>,
    /// `timeout_member_data`, milliseconds; none: as it is.
    pub timeout_member: Option<u32>,
    /// Who may connect, sorted; empty: all.
    pub allowed: Vec<IpNet>,
    pub pool: Pool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    /// The listener's name.
    pub name: Id,
    /// The listener's protocol.
    pub protocol: Protocol,
    /// How connections are spread.
    pub algorithm: Algorithm,
    /// `session_persistence` of type SOURCE_IP.
    pub persistence: Option<Persistence>,
    /// Members, by address and port.
    pub members: Vec<Member>,
    /// Health monitor.
    pub monitor: Option<Monitor>,
}

/// How connections are spread over members.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// Each in turn.
    RoundRobin,
    /// To the one with the fewest.
    LeastConnections,
    /// By the client's address.
    SourceIp,
    /// By addresses and ports of both sides.
    SourceIpPort,
}

impl Algorithm {
    /// From Octavia's word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let all = [
            Self::RoundRobin,
            Self::LeastConnections,
            Self::SourceIp,
            Self::SourceIpPort,
        ];
        all.into_iter().find(|a| a.word() == text)
    }

    /// Octavia's word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::RoundRobin => "ROUND_ROBIN",
            Self::LeastConnections => "LEAST_CONNECTIONS",
            Self::SourceIp => "SOURCE_IP",
            Self::SourceIpPort => "SOURCE_IP_PORT",
        }
    }
}

/// One client's connections go to one member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Persistence {
    /// For so long, seconds; Octavia takes it for UDP and SCTP only.
    pub timeout: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Member {
    pub address: IpAddr,
    pub port: u16,
    /// `<namespace>/<pod>:<port>`.
    pub name: Id,
    /// Subnet by which it is reached.
    pub subnet: Option<Id>,
    /// Its share of connections.
    pub weight: u16,
}

/// A health monitor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Monitor {
    /// What it does.
    pub kind: MonitorKind,
    /// Between two checks, seconds.
    pub delay: u16,
    /// For one check, seconds; less than the delay.
    pub timeout: u16,
    /// Checks until a member is up or down.
    pub retries: u8,
}

/// What a health monitor does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MonitorKind {
    /// Opens a TCP connection.
    Tcp,
    /// Sends a datagram, and takes silence for health.
    UdpConnect,
    /// Opens an SCTP association.
    Sctp,
}

impl MonitorKind {
    /// From Octavia's word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Tcp, Self::UdpConnect, Self::Sctp]
            .into_iter()
            .find(|k| k.word() == text)
    }

    /// Octavia's word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::UdpConnect => "UDP-CONNECT",
            Self::Sctp => "SCTP",
        }
    }

    /// The one that fits a protocol.
    #[must_use]
    pub fn of(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Tcp => Self::Tcp,
            Protocol::Udp => Self::UdpConnect,
            Protocol::Sctp => Self::Sctp,
        }
    }
}
