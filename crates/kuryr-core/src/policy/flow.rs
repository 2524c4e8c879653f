//! Packets that policies are asked about.

use std::net::IpAddr;

use super::model::{Backend, Protocol};

/// A packet from one address to another, of a connection's client to its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Flow {
    pub from: IpAddr,
    /// Of the same IP version.
    pub to: IpAddr,
    pub protocol: Protocol,
    /// Destination port.
    pub port: u16,
}

/// A connection, or a UDP socket's datagrams, to a Service, for which its load balancer has chosen a backend.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Call {
    pub from: IpAddr,
    pub vip: IpAddr,
    pub protocol: Protocol,
    /// At the VIP.
    pub port: u16,
    pub backend: Backend,
    /// The address that the backend sees, where the load balancer is not on the hypervisor.
    pub balancer: Option<IpAddr>,
}
