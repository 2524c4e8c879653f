//! Actions on Neutron.

use std::collections::BTreeMap;
use std::sync::Arc;

use kuryr_core::port as core;
use kuryr_core::port::{Answer, Id, Outcome, Place, PortKind, Shown, adoptable};
use kuryr_core::reconcile::{Failure, FailureKind};
use kuryr_openstack::model::{NewPort, Port, PortUpdate, SubPort, WantedIp};
use kuryr_openstack::{Error, PortQuery};

use super::Executor;
use crate::facts;
use crate::failure::{deleted, of_openstack, openstack};

/// Ports to make: for which node, of which kind, how many.
type Orders = [(Id, Arc<PortKind>, usize)];

/// Subnets by the kind of the ports that are made there, with how many those are.
type Places = BTreeMap<Arc<PortKind>, (Vec<Id>, usize)>;

/// A bulk create, all or nothing. Where a subnet has no room, those that stand in for it are tried.
pub(super) async fn create(ctx: &Executor, orders: &Orders) -> Outcome {
    let mut last = Failure::again("there is no subnet to make ports in");
    for places in places(ctx, orders) {
        match post(ctx, orders, &places).await {
            Ok(made) => return Ok(Answer::Created(made)),
            Err(error) if error.is_ip_exhausted() => {
                for (subnets, ports) in places.values() {
                    ctx.networks.had_none(subnets, *ports);
                }
                tracing::warn!("{error}");
                last = of_openstack(&error);
            }
            Err(error) => return refused(ctx, error).await,
        }
    }
    Err(last)
}

/// Where the ports may be made, the best first.
fn places(ctx: &Executor, orders: &Orders) -> Vec<Places> {
    let mut counts: BTreeMap<&Arc<PortKind>, usize> = BTreeMap::new();
    for (_, kind, ports) in orders {
        *counts.entry(kind).or_default() += ports;
    }
    let of_kind = |(kind, ports): (&Arc<PortKind>, usize)| {
        (kind.clone(), ctx.networks.order(kind, ports), ports)
    };
    let orders: Vec<_> = counts.into_iter().map(of_kind).collect();
    let tries = orders.iter().map(|(_, order, _)| order.len()).max();
    let nth = |at: usize| {
        let places = orders.iter().filter_map(|(kind, order, ports)| {
            let subnets = order.get(at % order.len().max(1))?.clone();
            Some((kind.clone(), (subnets, *ports)))
        });
        places.collect()
    };
    (0..tries.unwrap_or(0)).map(nth).collect()
}

async fn post(ctx: &Executor, orders: &Orders, places: &Places) -> Result<Vec<core::Port>, Error> {
    let subnets = |kind| places.get(kind).map_or(&[][..], |(subnets, _)| subnets);
    let ports = orders
        .iter()
        .flat_map(|(_, kind, n)| std::iter::repeat_n(new_port(ctx, kind, subnets(kind)), *n));
    let ports: Vec<NewPort> = ports.collect();
    let made = ctx.neutron.create_ports(&ports, &ctx.mark).await?;
    for (subnets, ports) in places.values() {
        ctx.networks.took(subnets, *ports);
    }
    let fact = |p| ctx.networks.as_wanted(facts::port(p, Place::Loose));
    Ok(made.iter().map(fact).collect())
}

/// What a bulk create that failed means.
async fn refused(ctx: &Executor, error: Error) -> Outcome {
    if !error.is_over_quota() {
        return openstack(Err(error));
    }
    tracing::warn!("{error}");
    let free = ctx.neutron.quota().await.ok().and_then(|q| q.free("port"));
    let free = free.and_then(|f| usize::try_from(f).ok());
    Err(Failure::new(FailureKind::Quota { free }, error.gist()))
}

fn new_port(ctx: &Executor, kind: &PortKind, subnets: &[Id]) -> NewPort {
    NewPort {
        network_id: kind.network.to_string(),
        fixed_ips: subnets.iter().map(|s| WantedIp::in_subnet(&**s)).collect(),
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
    let port = facts::port(&marked, Place::Loose);
    Ok(Answer::Adopted(ctx.networks.as_wanted(port)))
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
    let ports: Vec<_> = ports
        .iter()
        .map(|p| {
            let place = places.remove(p.id.as_str()).unwrap_or(Place::Loose);
            ctx.networks.as_wanted(facts::port(p, place))
        })
        .collect();
    ctx.networks.count(&ports);
    Ok(Answer::All { ports, trunks })
}
