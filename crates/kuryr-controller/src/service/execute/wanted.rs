//! From the tree that is wanted to Octavia's requests.

use std::net::IpAddr;

use kuryr_core::service::{Listener, Member, Monitor, Persistence, Pool, Tree, Vip};
use kuryr_openstack::model::{
    AdditionalVip, DefaultPool, HealthMonitorUpdate, ListenerUpdate, NewHealthMonitor, NewListener,
    NewLoadBalancer, NewMember, NewPool, PersistenceType, PoolUpdate, SessionPersistence,
};

/// A whole load balancer, for one call. `tags` are the load balancer's, `below` those of what
/// is in it.
pub(super) fn balancer(tree: &Tree, tags: Vec<String>, below: &[String]) -> NewLoadBalancer {
    let with_pool = |l: &Listener| NewListener {
        default_pool: Some(DefaultPool::New(Box::new(whole_pool(&l.pool, below)))),
        ..listener(l, below)
    };
    NewLoadBalancer {
        name: tree.name.to_string(),
        vip_subnet_id: Some(tree.vip.subnet.to_string()),
        vip_address: Some(tree.vip.address),
        additional_vips: tree.more_vips.iter().map(vip).collect(),
        project_id: tree.project.as_ref().map(ToString::to_string),
        provider: tree.provider.as_ref().map(ToString::to_string),
        flavor_id: tree.flavor.as_ref().map(ToString::to_string),
        tags,
        listeners: tree.listeners.values().map(with_pool).collect(),
        ..NewLoadBalancer::default()
    }
}

fn vip(vip: &Vip) -> AdditionalVip {
    AdditionalVip {
        subnet_id: vip.subnet.to_string(),
        ip_address: Some(vip.address),
    }
}

/// A listener without its pool.
pub(super) fn listener(listener: &Listener, tags: &[String]) -> NewListener {
    NewListener {
        name: listener.name.to_string(),
        protocol: listener.protocol.word().into(),
        protocol_port: listener.port,
        allowed_cidrs: (!listener.allowed.is_empty()).then(|| listener.allowed.clone()),
        timeout_client_data: listener.timeout_client,
        timeout_member_data: listener.timeout_member,
        tags: tags.to_vec(),
        ..NewListener::default()
    }
}

/// What a listener is to be changed to; timeouts that nobody sets stay.
pub(super) fn listener_update(listener: &Listener) -> ListenerUpdate {
    ListenerUpdate {
        name: Some(listener.name.to_string()),
        allowed_cidrs: Some((!listener.allowed.is_empty()).then(|| listener.allowed.clone())),
        timeout_client_data: listener.timeout_client.map(Some),
        timeout_member_data: listener.timeout_member.map(Some),
        ..ListenerUpdate::default()
    }
}

/// A pool without members and monitor.
pub(super) fn pool(pool: &Pool, tags: &[String]) -> NewPool {
    NewPool {
        name: pool.name.to_string(),
        protocol: pool.protocol.word().into(),
        lb_algorithm: pool.algorithm.word().into(),
        session_persistence: pool.persistence.as_ref().map(persistence),
        tags: tags.to_vec(),
        ..NewPool::default()
    }
}

fn whole_pool(wanted: &Pool, tags: &[String]) -> NewPool {
    NewPool {
        members: wanted.members.iter().map(member).collect(),
        healthmonitor: wanted.monitor.as_ref().map(monitor),
        ..pool(wanted, tags)
    }
}

/// What a pool is to be changed to.
pub(super) fn pool_update(pool: &Pool) -> PoolUpdate {
    PoolUpdate {
        name: Some(pool.name.to_string()),
        lb_algorithm: Some(pool.algorithm.word().into()),
        session_persistence: Some(pool.persistence.as_ref().map(persistence)),
        ..PoolUpdate::default()
    }
}

fn persistence(persistence: &Persistence) -> SessionPersistence {
    SessionPersistence {
        kind: PersistenceType::SourceIp,
        persistence_timeout: persistence.timeout,
        ..SessionPersistence::default()
    }
}

/// A member.
pub(super) fn member(member: &Member) -> NewMember {
    let address: IpAddr = member.address;
    NewMember {
        name: member.name.to_string(),
        subnet_id: member.subnet.as_ref().map(ToString::to_string),
        weight: Some(member.weight),
        ..NewMember::at(address, member.port)
    }
}

/// A health monitor, without its pool.
pub(super) fn monitor(monitor: &Monitor) -> NewHealthMonitor {
    NewHealthMonitor {
        kind: monitor.kind.word().into(),
        delay: monitor.delay.into(),
        timeout: monitor.timeout.into(),
        max_retries: monitor.retries.into(),
        max_retries_down: Some(monitor.retries.into()),
        ..NewHealthMonitor::default()
    }
}

/// What a health monitor is to be changed to.
pub(super) fn monitor_update(monitor: &Monitor) -> HealthMonitorUpdate {
    HealthMonitorUpdate {
        delay: Some(monitor.delay.into()),
        timeout: Some(monitor.timeout.into()),
        max_retries: Some(monitor.retries.into()),
        max_retries_down: Some(monitor.retries.into()),
        ..HealthMonitorUpdate::default()
    }
}
