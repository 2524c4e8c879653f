//! Actions on floating IPs.

use std::net::IpAddr;

use kuryr_core::service::{Answer, FloatingIp, Id, Outcome, ServiceKey};
use kuryr_openstack::model::{self, FloatingIpUpdate, NewFloatingIp};
use kuryr_openstack::{FloatingIpQuery, OwnershipMark};

use super::Executor;
use crate::failure::{deleted, openstack};

/// A floating IP as it is. Ours say in their description for which Service they were made:
/// that is in the same call as the rest, unlike a tag.
pub(super) fn seen(ctx: &Executor, ip: &model::FloatingIp) -> Option<FloatingIp> {
    Some(FloatingIp {
        id: ip.id.as_str().into(),
        address: ip.floating_ip_address?,
        port: ip.port_id.as_deref().map(Into::into),
        made_for: made_for(&ip.description, &ctx.mark.tag),
    })
}

/// The Service that a description names, if it is one of this cluster's.
fn made_for(description: &str, tag: &str) -> Option<ServiceKey> {
    let rest = description.strip_prefix(tag)?.strip_prefix(' ')?;
    let (namespace, name) = rest.split_once('/')?;
    Some(ServiceKey::new(namespace, name))
}

fn found(ctx: &Executor, ip: &model::FloatingIp) -> Outcome {
    Ok(seen(ctx, ip).map_or(Answer::Gone, Answer::Floating))
}

/// One from the pool, leading to a VIP.
pub(super) async fn create(
    ctx: &Executor,
    service: &ServiceKey,
    network: &str,
    subnet: Option<&Id>,
    port: &str,
) -> Outcome {
    let new = NewFloatingIp {
        floating_network_id: network.to_owned(),
        subnet_id: subnet.map(ToString::to_string),
        port_id: Some(port.to_owned()),
        project_id: Some(ctx.project.clone()),
        tags: ctx.tags.clone(),
        ..NewFloatingIp::default()
    };
    let mark = OwnershipMark {
        tag: ctx.mark.tag.clone(),
        description: format!("{} {service}", ctx.mark.tag),
    };
    let made = openstack(ctx.neutron.create_floating_ip(&new, &mark).await)?;
    found(ctx, &made)
}

/// The one with an address.
pub(super) async fn find(ctx: &Executor, address: IpAddr) -> Outcome {
    // An admin sees everybody's.
    let query = FloatingIpQuery::new()
        .project_id(&ctx.project)
        .floating_ip_address(address.to_string());
    let listed = openstack(ctx.neutron.list_floating_ips(&query).await)?;
    listed.first().map_or(Ok(Answer::Gone), |ip| found(ctx, ip))
}

/// Lets one lead to a port, or nowhere.
pub(super) async fn associate(ctx: &Executor, id: &str, port: Option<&Id>) -> Outcome {
    let update = FloatingIpUpdate {
        port_id: Some(port.map(ToString::to_string)),
        ..FloatingIpUpdate::default()
    };
    match ctx.neutron.update_floating_ip(id, &update).await {
        Ok(ip) => found(ctx, &ip),
        Err(error) if error.is_not_found() => Ok(Answer::Gone),
        Err(error) => openstack(Err(error)),
    }
}

/// Gives one back.
pub(super) async fn delete(ctx: &Executor, id: &str) -> Outcome {
    deleted(ctx.neutron.delete_floating_ip(id).await).map(|()| Answer::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_names_the_service_of_this_cluster_only() {
        let of = |text: &str| made_for(text, "kuryr-cluster=a").map(|k| k.to_string());
        assert_eq!(of("kuryr-cluster=a shop/web"), Some("shop/web".into()));
        assert_eq!(of("kuryr-cluster=ab shop/web"), None);
        assert_eq!(of("kuryr-cluster=a"), None);
        assert_eq!(of("my own"), None);
    }
}
