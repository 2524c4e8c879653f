//! From Octavia's answers to what is observed.

use std::collections::BTreeMap;

use ipnet::IpNet;
use kuryr_core::service::{
    Algorithm, Balancer, Id, Member, Monitor, MonitorKind, Observed, Persistence, Protocol,
    SeenListener, SeenMember, SeenMonitor, SeenPool, State,
};
use kuryr_openstack::model;

/// A load balancer without what is in it; none without a VIP: Octavia has not got so far.
pub(super) fn balancer(lb: &model::LoadBalancer, tag: &str) -> Option<Balancer> {
    Some(Balancer {
        id: lb.id.as_str().into(),
        name: lb.name.as_str().into(),
        ours: lb.tags.iter().any(|t| t == tag),
        provider: lb.provider.as_str().into(),
        address: lb.vip_address?,
        more_addresses: lb
            .additional_vips
            .iter()
            .filter_map(|v| v.ip_address)
            .collect(),
        vip_port: id(lb.vip_port_id.as_deref()),
        vip_subnet: id(lb.vip_subnet_id.as_deref()),
        state: State::parse(lb.provisioning_status.as_str()),
        updated: id(lb.updated_at.as_deref()),
    })
}

/// What is in a load balancer.
pub(super) struct Parts {
    pub(super) listeners: Vec<model::Listener>,
    pub(super) pools: Vec<model::Pool>,
    /// Of each pool, by its id.
    pub(super) members: BTreeMap<String, Vec<model::Member>>,
    /// By id.
    pub(super) monitors: BTreeMap<String, model::HealthMonitor>,
}

/// A load balancer with what is in it.
pub(super) fn observed(balancer: Balancer, parts: &Parts) -> Observed {
    Observed {
        balancer,
        listeners: parts.listeners.iter().map(listener).collect(),
        pools: parts.pools.iter().map(|p| pool(p, parts)).collect(),
    }
}

fn listener(l: &model::Listener) -> SeenListener {
    SeenListener {
        id: l.id.as_str().into(),
        name: l.name.as_str().into(),
        protocol: Protocol::parse(l.protocol.as_str()),
        port: l.protocol_port,
        pool: id(l.default_pool_id.as_deref()),
        timeout_client: l.timeout_client_data,
        timeout_member: l.timeout_member_data,
        allowed: l.allowed_cidrs.iter().flatten().map(IpNet::trunc).collect(),
        broken: l.provisioning_status == model::ProvisioningStatus::Error,
    }
}

fn pool(p: &model::Pool, parts: &Parts) -> SeenPool {
    let monitor = |id: &String| {
        let seen = parts.monitors.get(id);
        SeenMonitor {
            id: id.as_str().into(),
            monitor: seen.and_then(monitor),
        }
    };
    SeenPool {
        id: p.id.as_str().into(),
        name: p.name.as_str().into(),
        protocol: Protocol::parse(p.protocol.as_str()),
        algorithm: Algorithm::parse(p.lb_algorithm.as_str()),
        persistence: p.session_persistence.as_ref().map(|s| Persistence {
            timeout: s.persistence_timeout,
        }),
        members: parts
            .members
            .get(&p.id)
            .into_iter()
            .flatten()
            .map(member)
            .collect(),
        monitor: p.healthmonitor_id.as_ref().map(monitor),
        broken: p.provisioning_status == model::ProvisioningStatus::Error,
    }
}

fn member(m: &model::Member) -> SeenMember {
    SeenMember {
        id: m.id.as_str().into(),
        member: Member {
            address: m.address,
            port: m.protocol_port,
            name: m.name.as_str().into(),
            subnet: id(m.subnet_id.as_deref()),
            weight: m.weight.unwrap_or(1),
        },
    }
}

fn monitor(m: &model::HealthMonitor) -> Option<Monitor> {
    Some(Monitor {
        kind: MonitorKind::parse(m.kind.as_str())?,
        delay: u16::try_from(m.delay).ok()?,
        timeout: u16::try_from(m.timeout).ok()?,
        retries: u8::try_from(m.max_retries).ok()?,
    })
}

fn id(text: Option<&str>) -> Option<Id> {
    text.map(Into::into)
}
