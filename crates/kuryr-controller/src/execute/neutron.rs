//! Actions on Neutron.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use kuryr_core::port::{Failure, Id, Outcome, Place, Port, PortKind, PortStatus, Trunk};
use kuryr_openstack::model::{self, NewPort, PortUpdate, SubPort, WantedIp};
use kuryr_openstack::{ConflictKind, Error, ErrorKind, PortQuery, TrunkQuery};

use super::Executor;

/// Fields of a port that are read.
const FIELDS: [&str; 9] = [
    "network_id",
    "project_id",
    "mac_address",
    "fixed_ips",
    "security_groups",
    "status",
    "tags",
    "description",
    "device_owner",
];

fn failure(error: &Error) -> Failure {
    let message = error.to_string();
    if matches!(error.kind(), ErrorKind::Withheld) {
        Failure::NotLeader
    } else if error.is_over_quota() {
        Failure::Quota {
            message,
            free: None,
        }
    } else if error.is_ip_exhausted() {
        Failure::SubnetFull { message }
    } else if error.maybe_applied() {
        Failure::Unknown { message }
    } else if is_stale(error) {
        Failure::Stale { message }
    } else {
        let after = error
            .retry_after()
            .map(|d: Duration| u64::try_from(d.as_millis()).unwrap_or(0));
        Failure::Again { message, after }
    }
}

/// Neutron's picture is another than ours.
fn is_stale(error: &Error) -> bool {
    error.is_not_found()
        || matches!(
            error.conflict(),
            Some(ConflictKind::DuplicateSubPort { .. } | ConflictKind::PortInUse)
        )
}

fn failed(error: &Error) -> Outcome {
    tracing::warn!("{error}");
    Outcome::Failed(failure(error))
}

/// A bulk create, all or nothing.
pub(super) async fn create(ctx: &Executor, orders: &[(Id, Arc<PortKind>, usize)]) -> Outcome {
    let ports: Vec<NewPort> = orders
        .iter()
        .flat_map(|(_, kind, n)| std::iter::repeat_n(new_port(ctx, kind), *n))
        .collect();
    match ctx.neutron.create_ports(&ports, &ctx.mark).await {
        Ok(made) => Outcome::Created(made.iter().map(|p| port(p, Place::Loose)).collect()),
        Err(error) if error.is_over_quota() => {
            tracing::warn!("{error}");
            let free = ctx.neutron.quota().await.ok().and_then(|q| q.free("port"));
            Outcome::Failed(Failure::Quota {
                message: error.to_string(),
                free: free.and_then(|f| usize::try_from(f).ok()),
            })
        }
        Err(error) => failed(&error),
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
        project_id: ctx.project.clone(),
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

/// One add_subports, all or nothing.
pub(super) async fn add(ctx: &Executor, trunk: &str, ports: &[(Id, u16)]) -> Outcome {
    let subports: Vec<SubPort> = ports
        .iter()
        .map(|(id, vlan)| SubPort::vlan(&**id, *vlan))
        .collect();
    match ctx.neutron.add_subports(trunk, &subports).await {
        Ok(_) => Outcome::Done,
        Err(error) => failed(&error),
    }
}

/// One remove_subports.
pub(super) async fn remove(ctx: &Executor, trunk: &str, ports: &[Id]) -> Outcome {
    let ids: Vec<String> = ports.iter().map(ToString::to_string).collect();
    match ctx.neutron.remove_subports(trunk, &ids).await {
        Ok(_) => Outcome::Done,
        Err(error) => failed(&error),
    }
}

/// Deletes a port; one that is gone already is as good.
pub(super) async fn delete(ctx: &Executor, port: &str) -> Outcome {
    match ctx.neutron.delete_port(port).await {
        Ok(()) => Outcome::Done,
        Err(error) if error.is_not_found() => Outcome::Done,
        Err(error) => failed(&error),
    }
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
    match ctx.neutron.update_port(port, &update, None).await {
        Ok(_) => Outcome::Done,
        Err(error) => failed(&error),
    }
}

/// The status of ports.
pub(super) async fn look(ctx: &Executor, ports: &[Id]) -> Outcome {
    let query = PortQuery::new()
        .ids(ports.iter().map(ToString::to_string))
        .fields(["status"]);
    match ctx.neutron.list_ports(&query).await {
        Ok(ports) => Outcome::Seen(
            ports
                .iter()
                .map(|p| (Id::from(p.id.as_str()), status(&p.status)))
                .collect(),
        ),
        Err(error) => failed(&error),
    }
}

/// All trunks, each with the addresses of its parent port.
pub(super) async fn find_trunks(ctx: &Executor) -> Outcome {
    match trunks(ctx).await {
        Ok(trunks) => Outcome::Trunks(trunks),
        Err(error) => failed(&error),
    }
}

/// Everything of ours.
pub(super) async fn refresh(ctx: &Executor) -> Outcome {
    let query = PortQuery::new().fields(FIELDS);
    let listed = tokio::try_join!(ctx.neutron.list_owned_ports(&ctx.mark, &query), trunks(ctx));
    let (ports, trunks) = match listed {
        Ok(listed) => listed,
        Err(error) => return failed(&error),
    };
    let mut places = BTreeMap::new();
    for trunk in &trunks {
        for (vlan, port) in &trunk.subports {
            places.insert(
                port.clone(),
                Place::On {
                    trunk: trunk.id.clone(),
                    vlan: *vlan,
                },
            );
        }
    }
    let ports = ports
        .iter()
        .map(|p| port(p, places.remove(p.id.as_str()).unwrap_or(Place::Loose)))
        .collect();
    Outcome::All { ports, trunks }
}

async fn trunks(ctx: &Executor) -> Result<Vec<Trunk>, Error> {
    let listed = ctx.neutron.list_trunks(&TrunkQuery::new()).await?;
    let parents = PortQuery::new()
        .ids(listed.iter().map(|t| t.port_id.clone()))
        .fields(["fixed_ips"]);
    let parents: BTreeMap<String, Vec<IpAddr>> = ctx
        .neutron
        .list_ports(&parents)
        .await?
        .into_iter()
        .map(|p| (p.id, node_addresses(&p.fixed_ips, &ctx.node_subnets)))
        .collect();
    Ok(listed.into_iter().map(|t| trunk(t, &parents)).collect())
}

/// Addresses in the nodes' subnets; in any, where none are named.
fn node_addresses(ips: &[model::FixedIp], subnets: &[String]) -> Vec<IpAddr> {
    ips.iter()
        .filter(|ip| subnets.is_empty() || subnets.contains(&ip.subnet_id))
        .map(|ip| ip.ip_address)
        .collect()
}

fn trunk(t: model::Trunk, parents: &BTreeMap<String, Vec<IpAddr>>) -> Trunk {
    let subports = t
        .sub_ports
        .iter()
        .map(|s| (s.segmentation_id, s.port_id.as_str().into()));
    Trunk {
        subports: subports.collect(),
        addresses: parents.get(&t.port_id).cloned().unwrap_or_default(),
        id: t.id.into(),
    }
}

fn port(p: &model::Port, place: Place) -> Port {
    let ids = |list: &mut Vec<Id>| {
        list.sort();
        list.dedup();
    };
    let mut subnets: Vec<Id> = p
        .fixed_ips
        .iter()
        .map(|ip| ip.subnet_id.as_str().into())
        .collect();
    let mut groups: Vec<Id> = p
        .security_groups
        .iter()
        .map(|g| g.as_str().into())
        .collect();
    ids(&mut subnets);
    ids(&mut groups);
    Port {
        id: p.id.as_str().into(),
        kind: Arc::new(PortKind {
            project: p.project_id.clone().unwrap_or_default().into(),
            network: p.network_id.as_str().into(),
            subnets,
            security_groups: groups,
        }),
        mac: p.mac_address.as_str().into(),
        addresses: p
            .fixed_ips
            .iter()
            .map(|ip| (Id::from(ip.subnet_id.as_str()), ip.ip_address))
            .collect(),
        status: status(&p.status),
        place,
    }
}

fn status(s: &model::PortStatus) -> PortStatus {
    match s {
        model::PortStatus::Active => PortStatus::Active,
        _ => PortStatus::Down,
    }
}
