//! Actions on Neutron.

use std::sync::Arc;
use std::time::Duration;

use kuryr_core::port::{Failure, Id, Outcome, Place, PortKind};
use kuryr_openstack::model::{NewPort, PortUpdate, SubPort, WantedIp};
use kuryr_openstack::{ConflictKind, Error, ErrorKind, PortQuery};

use super::Executor;
use crate::facts;

fn failure(error: &Error) -> Failure {
    let message = error.gist();
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
        Ok(made) => Outcome::Created(made.iter().map(|p| facts::port(p, Place::Loose)).collect()),
        Err(error) if error.is_over_quota() => {
            tracing::warn!("{error}");
            let free = ctx.neutron.quota().await.ok().and_then(|q| q.free("port"));
            Outcome::Failed(Failure::Quota {
                message: error.gist(),
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

/// Marks a port as ours again.
pub(super) async fn adopt(ctx: &Executor, port: &str) -> Outcome {
    match ctx.neutron.mark_port(port, &ctx.tags, &ctx.mark).await {
        Ok(p) => Outcome::Adopted(facts::port(&p, Place::Loose)),
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
                .map(|p| (Id::from(p.id.as_str()), facts::port_status(&p.status)))
                .collect(),
        ),
        Err(error) => failed(&error),
    }
}

/// All trunks, each with the addresses of its parent port.
pub(super) async fn find_trunks(ctx: &Executor) -> Outcome {
    match facts::trunks(&ctx.neutron, &ctx.node_subnets).await {
        Ok(trunks) => Outcome::Trunks(trunks),
        Err(error) => failed(&error),
    }
}

/// Everything of ours.
pub(super) async fn refresh(ctx: &Executor) -> Outcome {
    let query = PortQuery::new().fields(facts::PORT_FIELDS);
    let listed = tokio::try_join!(
        ctx.neutron.list_owned_ports(&ctx.mark, &query),
        facts::trunks(&ctx.neutron, &ctx.node_subnets)
    );
    let (ports, trunks) = match listed {
        Ok(listed) => listed,
        Err(error) => return failed(&error),
    };
    let mut places = facts::places(&trunks);
    let ports = ports
        .iter()
        .map(|p| facts::port(p, places.remove(p.id.as_str()).unwrap_or(Place::Loose)))
        .collect();
    Outcome::All { ports, trunks }
}
