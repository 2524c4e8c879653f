//! Actions on networks of namespaces, in Neutron.

use std::collections::BTreeMap;

use futures::future::join_all;
use kuryr_core::Id;
use kuryr_core::network::{Action, Answer, Outcome, Own, PoolRoom, label, label_of};
use kuryr_core::reconcile::{Failure, FailureKind};
use kuryr_openstack::model::{self, NewNetwork, NewSubnet};
use kuryr_openstack::{Error, ErrorKind, Resource, SubnetQuery};

use super::Executor;
use crate::facts;
use crate::failure::{deleted, openstack};

/// Carries out what is on Neutron.
pub(super) async fn run(ctx: &Executor, action: &Action) -> Outcome {
    match action {
        Action::List => list(ctx).await,
        Action::ReadOwn { own, .. } => read_own(ctx, own).await,
        Action::Adopt {
            namespace,
            uid,
            network,
        } => adopt(ctx, namespace, uid, network).await,
        Action::CreateNetwork {
            namespace,
            uid,
            project,
        } => create_network(ctx, namespace, uid, project).await,
        Action::CreateSubnet { .. } => create_subnet(ctx, action).await,
        Action::AddLeg { router, subnet, .. } => add_leg(ctx, router, subnet).await,
        Action::RemoveLeg { router, subnet, .. } => {
            let removed = ctx.neutron.remove_router_interface(router, subnet).await;
            openstack(removed).map(|()| Answer::Done)
        }
        Action::DeleteNetwork { network, .. } => {
            let done = deleted(ctx.neutron.delete_network(network).await);
            done.map(|()| ctx.networks.forget(network))
                .map(|()| Answer::Done)
        }
        Action::Tag {
            network, subnets, ..
        } => tag(ctx, network, subnets).await,
        _ => Ok(Answer::Done),
    }
}

/// All networks that carry our mark.
async fn list(ctx: &Executor) -> Outcome {
    let networks = openstack(ctx.neutron.list_owned_networks(&ctx.mark).await)?;
    let networks = match networks.is_empty() {
        true => vec![],
        false => openstack(
            ctx.networks
                .look_into(&ctx.neutron, networks, &ctx.mark)
                .await,
        )?,
    };
    let pools = ctx.networks.of_namespaces().map(|own| own.pools.clone());
    let pools = pools.unwrap_or_default();
    let room = join_all(pools.iter().map(|pool| room(ctx, &pool.id))).await;
    Ok(Answer::All {
        networks,
        pools: room,
    })
}

/// How much room a pool has. Nothing waits for that, so that what can't be seen is no failure.
async fn room(ctx: &Executor, id: &Id) -> PoolRoom {
    let seen = facts::subnet_pool(&ctx.neutron, id).await;
    let free = seen.map(|(_, free)| free).unwrap_or_else(|error| {
        tracing::debug!(pool = &**id, %error, "how much room a subnet pool has can't be seen");
        None
    });
    PoolRoom {
        pool: id.clone(),
        free,
    }
}

/// The network that a namespace brings.
async fn read_own(ctx: &Executor, own: &Own) -> Outcome {
    let mut subnets = Vec::new();
    let network = match own {
        Own::Network(id) => id.to_string(),
        Own::Subnets(ids) => {
            for id in ids {
                subnets.push(openstack(ctx.neutron.get_subnet(id).await)?);
            }
            let first = subnets.first().map(|s| s.network_id.clone());
            first.ok_or_else(|| invalid("the annotation names no subnet"))?
        }
    };
    let network = openstack(ctx.neutron.get_network(&network).await)?;
    if matches!(own, Own::Network(_)) {
        let query = SubnetQuery::new().network_id(&network.id);
        subnets = first_of_each(openstack(ctx.neutron.list_subnets(&query).await)?);
    }
    if subnets.iter().any(|s| s.network_id != network.id) {
        return Err(invalid(
            "the annotation names subnets of different networks",
        ));
    }
    let versions = |v: u8| subnets.iter().filter(|s| s.ip_version == v).count();
    if versions(4) > 1 || versions(6) > 1 {
        return Err(invalid(
            "the annotation names two subnets of one IP version",
        ));
    }
    if subnets.is_empty() {
        return Err(invalid(
            "the network that the annotation names has no subnet",
        ));
    }
    let facts = facts::network(&network, &subnets, &BTreeMap::new(), &ctx.mark);
    ctx.networks.learn(vec![network], subnets);
    Ok(Answer::Network(facts))
}

/// The first subnet of each IP version, by name and id so that every controller takes the same.
fn first_of_each(mut subnets: Vec<model::Subnet>) -> Vec<model::Subnet> {
    subnets.sort_by(|a, b| (a.ip_version, &a.name, &a.id).cmp(&(b.ip_version, &b.name, &b.id)));
    subnets.dedup_by_key(|s| s.ip_version);
    subnets
}

fn invalid(message: &str) -> Failure {
    Failure::new(FailureKind::Invalid, message)
}

/// Marks a network as ours, if it shows by its name that it was made for this namespace.
async fn adopt(ctx: &Executor, namespace: &Id, uid: &Id, id: &Id) -> Outcome {
    let network = openstack(ctx.neutron.get_network(id).await)?;
    let made_for = label_of(&network.name);
    let is_theirs =
        made_for.is_some_and(|(of, name)| name == *namespace && of.is_none_or(|of| of == *uid));
    if !is_theirs {
        let name = &network.name;
        return Err(invalid(&format!(
            "network {id} ({name:?}), which the KuryrNetwork names, was not made for namespace {namespace}; another is made"
        )));
    }
    let seen = ctx
        .networks
        .look_into(&ctx.neutron, vec![network], &ctx.mark);
    let seen = openstack(seen.await)?;
    let network = seen.into_iter().next();
    let mut network = network.ok_or_else(|| Failure::again("the network was not read"))?;
    // Its older name has no uid, and another's KuryrNetwork may name it too.
    network.made_for = Some((Some(uid.clone()), namespace.clone()));
    let subnets: Vec<Id> = network.subnets.iter().map(|s| s.id.clone()).collect();
    tag(ctx, id, &subnets).await?;
    network.tagged = true;
    Ok(Answer::Network(network))
}

async fn create_network(ctx: &Executor, namespace: &Id, uid: &Id, project: &Id) -> Outcome {
    let new = NewNetwork {
        name: label(uid, namespace),
        // It is found by this until it is tagged.
        description: ctx.mark.description.clone(),
        project_id: foreign(ctx, project),
        mtu: ctx.networks.wanted_mtu(),
    };
    let made = openstack(ctx.neutron.create_network(&new).await)?;
    let fact = facts::network(&made, &[], &BTreeMap::new(), &ctx.mark);
    ctx.networks.learn(vec![made], vec![]);
    Ok(Answer::Network(fact))
}

async fn create_subnet(ctx: &Executor, action: &Action) -> Outcome {
    let Action::CreateSubnet {
        network,
        name,
        project,
        pool,
        version,
        ..
    } = action
    else {
        return Ok(Answer::Done);
    };
    let new = NewSubnet {
        name: name.clone(),
        network_id: network.to_string(),
        ip_version: *version,
        subnetpool_id: Some(pool.to_string()),
        enable_dhcp: false,
        description: ctx.mark.description.clone(),
        project_id: foreign(ctx, project),
        ..NewSubnet::default()
    };
    let made = openstack(ctx.neutron.create_subnet(&new).await)?;
    let fact = facts::subnet(&made, None);
    ctx.networks.learn(vec![], vec![made]);
    Ok(Answer::Subnet(fact))
}

/// A project, if it is another than the token's.
fn foreign(ctx: &Executor, project: &Id) -> Option<String> {
    (**project != *ctx.own_project).then(|| project.to_string())
}

/// A router that has a leg there already is as good: an answer was lost.
async fn add_leg(ctx: &Executor, router: &Id, subnet: &Id) -> Outcome {
    match ctx.neutron.add_router_interface(router, subnet).await {
        Err(error) if has_leg(&error) => Ok(Answer::Done),
        answer => openstack(answer).map(|_| Answer::Done),
    }
}

fn has_leg(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::BadRequest(message) if message.contains("already has a port on subnet"))
}

/// Tags a network and its subnets. A cloud without tags keeps the descriptions.
async fn tag(ctx: &Executor, network: &Id, subnets: &[Id]) -> Outcome {
    let mut tags = vec![ctx.mark.tag.clone()];
    tags.extend(ctx.network_tags.iter().cloned());
    let subnets = subnets.iter().map(|id| (Resource::Subnet, id));
    for (resource, id) in subnets.chain([(Resource::Network, network)]) {
        match ctx.neutron.set_tags(resource, id, &tags).await {
            Err(error) if is_without_tags(&error) => {}
            answer => drop(openstack(answer)?),
        }
    }
    Ok(Answer::Done)
}

/// A cloud without the extension knows no such URL; one that has it names the class of what is not there.
fn is_without_tags(error: &Error) -> bool {
    let named = error.context().error_type.as_deref();
    error.is_not_found() && !matches!(named, Some("NetworkNotFound" | "SubnetNotFound"))
}
