//! KuryrLoadBalancers as upstream wrote them.

use kuryr_api::crd::{
    KuryrLoadBalancerSpec, KuryrLoadBalancerStatus, LbListener, LbMember, LbPool, LbPort,
    LbPublicIp, LbStatus,
};
use kuryr_core::service::{ClaimSpec, ClaimedAddress, Id, Observed, SeenPool};
use serde_json::{Value, json};

/// The spec, without endpoints, which stay in their slices.
pub(super) fn spec(spec: &ClaimSpec) -> KuryrLoadBalancerSpec {
    let kind = if spec.external {
        "LoadBalancer"
    } else {
        "ClusterIP"
    };
    KuryrLoadBalancerSpec {
        ip: spec.ip.map(|ip| ip.to_string()),
        lb_ip: spec.lb_ip.map(|ip| ip.to_string()),
        ports: spec
            .ports
            .iter()
            .map(|p| LbPort {
                name: some(&p.name),
                port: p.port.into(),
                protocol: p.protocol.word().to_owned(),
                target_port: some(&p.target),
            })
            .collect(),
        project_id: spec.project.as_ref().map(ToString::to_string),
        security_groups_ids: spec
            .security_groups
            .iter()
            .map(ToString::to_string)
            .collect(),
        subnet_id: spec.subnet.as_ref().map(ToString::to_string),
        type_: Some(kind.to_owned()),
        provider: spec.provider.as_ref().map(ToString::to_string),
        timeout_client_data: spec.timeout_client.map(i64::from),
        timeout_member_data: spec.timeout_member.map(i64::from),
        endpoint_slices: None,
    }
}

/// What Octavia has, of a project.
pub(super) fn status(
    seen: &Observed,
    floating: Option<&ClaimedAddress>,
    project: &str,
    groups: &[Id],
) -> KuryrLoadBalancerStatus {
    let lb = seen.balancer.id.to_string();
    let project = Some(project.to_owned());
    let listeners = seen.listeners.iter().map(|l| LbListener {
        id: l.id.to_string(),
        loadbalancer_id: lb.clone(),
        name: some(&l.name),
        port: l.port.into(),
        protocol: l.protocol.map_or("", |p| p.word()).to_owned(),
        project_id: project.clone(),
        timeout_client_data: l.timeout_client.map(i64::from),
        timeout_member_data: l.timeout_member.map(i64::from),
    });
    let listener_of = |pool: &SeenPool| {
        let of = seen
            .listeners
            .iter()
            .find(|l| l.pool.as_ref() == Some(&pool.id));
        of.map(|l| l.id.to_string())
    };
    let pools = seen.pools.iter().map(|p| LbPool {
        id: p.id.to_string(),
        listener_id: listener_of(p),
        loadbalancer_id: lb.clone(),
        name: some(&p.name),
        project_id: project.clone(),
        protocol: p.protocol.map_or("", |p| p.word()).to_owned(),
    });
    KuryrLoadBalancerStatus {
        loadbalancer: Some(LbStatus {
            id: lb.clone(),
            ip: Some(seen.balancer.address.to_string()),
            name: some(&seen.balancer.name),
            port_id: seen.balancer.vip_port.as_ref().map(ToString::to_string),
            project_id: project.clone(),
            provider: some(&seen.balancer.provider),
            security_groups: groups.iter().map(ToString::to_string).collect(),
            subnet_id: seen.balancer.vip_subnet.as_ref().map(ToString::to_string),
        }),
        listeners: Some(listeners.collect()),
        pools: Some(pools.collect()),
        members: Some(
            seen.pools
                .iter()
                .flat_map(|p| members(p, project.as_ref()))
                .collect(),
        ),
        service_pub_ip_info: floating.map(public_ip),
    }
}

fn members<'a>(
    pool: &'a SeenPool,
    project: Option<&'a String>,
) -> impl Iterator<Item = LbMember> + 'a {
    pool.members.iter().map(move |m| LbMember {
        id: m.id.to_string(),
        ip: m.member.address.to_string(),
        name: some(&m.member.name),
        pool_id: pool.id.to_string(),
        port: m.member.port.into(),
        project_id: project.cloned(),
        subnet_id: m.member.subnet.as_ref().map(ToString::to_string),
    })
}

/// The floating IP, and how it was come by.
pub(super) fn public_ip(address: &ClaimedAddress) -> LbPublicIp {
    let method = if address.from_pool { "pool" } else { "user" };
    LbPublicIp {
        ip_id: address.id.to_string(),
        ip_addr: address.address.to_string(),
        alloc_method: method.to_owned(),
    }
}

/// A spec as a merge patch: what is not set is taken away.
pub(super) fn spec_patch(wanted: &ClaimSpec) -> Value {
    let mut patch = json!({
        "ip": null, "lb_ip": null, "project_id": null, "subnet_id": null, "provider": null,
        "timeout_client_data": null, "timeout_member_data": null,
    });
    let set = serde_json::to_value(spec(wanted)).unwrap_or_default();
    if let (Some(patch), Value::Object(set)) = (patch.as_object_mut(), set) {
        patch.extend(set);
    }
    patch
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}
