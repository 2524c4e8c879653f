//! Actions on Neutron.

use std::sync::Arc;

use kuryr_core::port::{Answer, Id, Outcome, Place, PortKind, Shown, adoptable};
use kuryr_core::reconcile::{Failure, FailureKind};
use kuryr_openstack::PortQuery;
use kuryr_openstack::model::{NewPort, Port, PortUpdate, SubPort, WantedIp};

use super::Executor;
use crate::facts;
use crate::failure::{deleted, openstack};

/// A bulk create, all or nothing.
pub(super) async fn create(ctx: &Executor, orders: &[(Id, Arc<PortKind>, usize)]) -> Outcome {
    let ports: Vec<NewPort> = orders
        .iter()
        .flat_map(|(_, kind, n)| std::iter::repeat_n(new_port(ctx, kind), *n))
        .collect();
    match ctx.neutron.create_ports(&ports, &ctx.mark).await {
        Ok(made) => {
            let made = made.iter().map(|p| facts::port(p, Place::Loose));
            Ok(Answer::Created(made.collect()))
        }
        Err(error) if error.is_over_quota() => {
            tracing::warn!("{error}");
            let free = ctx.neutron.quota().await.ok().and_then(|q| q.free("port"));
            let free = free.and_then(|f| usize::try_from(f).ok());
            Err(Failure::new(FailureKind::Quota { free }, error.gist()))
        }
        Err(error) => openstack(Err(error)),
    }
}

fn new_port(ctx: &Executor, kind: &PortKind) -> NewPort {
    NewPort {
        network_id: kind.network.to_string(),
        fixed_ips: kind
            .subnets
            .iter()
            .map(|s| WantedIp::in_subnet(&**s))
            .collect(),
        security_groups: Some(
            kind.security_groups
                .iter()
                .map(ToString::to_string)
                .collect(),
        ),
        project_id: project(ctx, kind),
        admin_state_up: Some(true),
        device_owner: "compute:kuryr".to_owned(),
        name: if ctx.port_debug {
            "kuryr-pool-port".to_owned()
        } else {
            String::new()
        },
        tags: ctx.tags.clone(),
        ..NewPort::default()
    }
}

/// The project that a port is made in; none where it is the token's and nobody named it.
fn project(ctx: &Executor, kind: &PortKind) -> Option<String> {
    let is_own = *kind.project == *ctx.own_project;
    ctx.project
        .clone()
        .filter(|named| **named == *kind.project)
        .or_else(|| (!is_own).then(|| kind.project.to_string()))
}

/// One add_subports, all or nothing.
pub(super) async fn add(ctx: &Executor, trunk: &str, ports: &[(Id, u16)]) -> Outcome {
    let subports: Vec<SubPort> = ports
        .iter()
        .map(|(id, vlan)| SubPort::vlan(&**id, *vlan))
        .collect();
    openstack(ctx.neutron.add_subports(trunk, &subports).await).map(|_| Answer::Done)
}

/// One remove_subports.
pub(super) async fn remove(ctx: &Executor, trunk: &str, ports: &[Id]) -> Outcome {
    let ids: Vec<String> = ports.iter().map(ToString::to_string).collect();
    openstack(ctx.neutron.remove_subports(trunk, &ids).await).map(|_| Answer::Done)
}

/// Deletes a port; one that is gone already is as good.
pub(super) async fn delete(ctx: &Executor, port: &str) -> Outcome {
    deleted(ctx.neutron.delete_port(port).await).map(|()| Answer::Done)
}

/// Sets a port's security groups.
pub(super) async fn set_groups(ctx: &Executor, port: &str, kind: &PortKind) -> Outcome {
    let update = PortUpdate {
        security_groups: Some(
            kind.security_groups
                .iter()
                .map(ToString::to_string)
                .collect(),
        ),
        ..PortUpdate::default()
    };
    openstack(ctx.neutron.update_port(port, &update, None).await).map(|_| Answer::Done)
}

/// Marks a port as ours again, if the port itself shows that it was made for such a pod.
pub(super) async fn adopt(ctx: &Executor, port: &str, pod_uid: &str, kind: &PortKind) -> Outcome {
    let port = openstack(ctx.neutron.get_port(port).await)?;
    let shown = Shown {
        project: port.project_id.as_deref().unwrap_or_default(),
        network: &port.network_id,
        device_owner: &port.device_owner,
        device_id: &port.device_id,
    };
    adoptable(&shown, pod_uid, kind).map_err(|why| {
        let message = format!("port {} is not taken for this pod's: {why}", port.id);
        Failure::new(FailureKind::Invalid, message)
    })?;
    let marked = ctx.neutron.mark_port(port, &ctx.tags, &ctx.mark).await;
    Ok(Answer::Adopted(facts::port(&marked, Place::Loose)))
}

/// The status of ports.
pub(super) async fn look(ctx: &Executor, ports: &[Id]) -> Outcome {
    let query = PortQuery::new()
        .ids(ports.iter().map(ToString::to_string))
        .fields(["status"]);
    let listed = openstack(ctx.neutron.list_ports(&query).await)?;
    let status = |p: &Port| (Id::from(p.id.as_str()), facts::port_status(&p.status));
    Ok(Answer::Seen(listed.iter().map(status).collect()))
}

/// All trunks, each with the addresses of its parent port.
pub(super) async fn find_trunks(ctx: &Executor) -> Outcome {
    let trunks = facts::trunks(&ctx.neutron, &ctx.node_subnets).await;
    openstack(trunks).map(Answer::Trunks)
}

/// Everything of ours.
pub(super) async fn refresh(ctx: &Executor) -> Outcome {
    let query = PortQuery::new().fields(facts::PORT_FIELDS);
    let (ports, trunks) = openstack(tokio::try_join!(
        ctx.neutron.list_owned_ports(&ctx.mark, &query),
        facts::trunks(&ctx.neutron, &ctx.node_subnets)
    ))?;
    let mut places = facts::places(&trunks);
    let ports = ports
        .iter()
        .map(|p| facts::port(p, places.remove(p.id.as_str()).unwrap_or(Place::Loose)))
        .collect();
    Ok(Answer::All { ports, trunks })
}
