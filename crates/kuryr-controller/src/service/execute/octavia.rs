//! Actions on load balancers.

use kuryr_core::reconcile::{Failure, FailureKind};
use kuryr_core::service::{Answer, Change, Observed, Outcome, State, Tree};
use kuryr_openstack::model::{LoadBalancer, LoadBalancerUpdate};
use kuryr_openstack::{
    Error, ErrorKind, FloatingIpQuery, HealthMonitorQuery, ListenerQuery, LoadBalancerQuery,
    MemberQuery, PoolQuery,
};

use super::seen::{self, Parts};
use super::{Executor, floating, wanted};
use crate::failure::{deleted, openstack};

/// All of ours, and the project's floating IPs.
pub(super) async fn list(ctx: &Executor) -> Outcome {
    let balancers = LoadBalancerQuery::new().project_id(&ctx.project);
    let addresses = FloatingIpQuery::new().project_id(&ctx.project);
    let (balancers, addresses) = openstack(tokio::try_join!(
        ctx.octavia.list_owned_load_balancers(&ctx.mark, &balancers),
        ctx.neutron.list_floating_ips(&addresses)
    ))?;
    let ours = |lb| seen::balancer(lb, &ctx.mark.tag);
    Ok(Answer::Listed {
        balancers: balancers.iter().filter_map(ours).collect(),
        floating: addresses
            .iter()
            .filter_map(|ip| floating::seen(ctx, ip))
            .collect(),
    })
}

/// One load balancer, with what is in it if it is at rest.
pub(super) async fn look(ctx: &Executor, lb: &str) -> Outcome {
    match observe(ctx, lb).await {
        Ok(Some(observed)) => Ok(Answer::Seen(Box::new(observed))),
        Ok(None) => Ok(Answer::Gone),
        Err(error) if error.is_not_found() => Ok(Answer::Gone),
        Err(error) => openstack(Err(error)),
    }
}

async fn observe(ctx: &Executor, lb: &str) -> Result<Option<Observed>, Error> {
    let read = ctx.octavia.get_load_balancer(lb).await?;
    let Some(balancer) = seen::balancer(&read, &ctx.mark.tag) else {
        return Ok(None);
    };
    if balancer.state != State::Active {
        return Ok(Some(Observed {
            balancer,
            listeners: Vec::new(),
            pools: Vec::new(),
        }));
    }
    let parts = parts(ctx, &read).await?;
    Ok(Some(seen::observed(balancer, &parts)))
}

async fn parts(ctx: &Executor, lb: &LoadBalancer) -> Result<Parts, Error> {
    let listeners = ListenerQuery::new().load_balancer_id(&lb.id);
    let pools = PoolQuery::new().load_balancer_id(&lb.id);
    let (listeners, pools) = tokio::try_join!(
        ctx.octavia.list_listeners(&listeners),
        ctx.octavia.list_pools(&pools)
    )?;
    let filled = pools.iter().filter(|p| !p.members.is_empty());
    let members = filled.map(|pool| async {
        let listed = ctx
            .octavia
            .list_members(&pool.id, &MemberQuery::new())
            .await;
        listed.map(|members| (pool.id.clone(), members))
    });
    let watched = pools.iter().filter(|p| p.healthmonitor_id.is_some());
    let monitors = watched.map(|pool| async {
        let query = HealthMonitorQuery::new().pool_id(&pool.id);
        ctx.octavia.list_health_monitors(&query).await
    });
    let (members, monitors) = tokio::try_join!(
        futures::future::try_join_all(members),
        futures::future::try_join_all(monitors)
    )?;
    Ok(Parts {
        listeners,
        pools,
        members: members.into_iter().collect(),
        monitors: monitors
            .into_iter()
            .flatten()
            .map(|m| (m.id.clone(), m))
            .collect(),
    })
}

/// A load balancer with all that is in it.
pub(super) async fn create(ctx: &Executor, tree: &Tree) -> Outcome {
    let new = wanted::balancer(tree, ctx.all_tags(), &ctx.tags);
    let made = openstack(ctx.octavia.create_load_balancer(&new).await)?;
    seen::balancer(&made, &ctx.mark.tag)
        .map(Answer::Created)
        // A list finds it when it has its address.
        .ok_or_else(|| Failure::unknown(format!("load balancer {} has no VIP yet", made.id)))
}

/// One changing call.
pub(super) async fn change(ctx: &Executor, lb: &str, change: &Change) -> Outcome {
    let octavia = &ctx.octavia;
    match change {
        Change::Update { name } => done(update(ctx, lb, name).await),
        Change::Delete => removed(octavia.delete_load_balancer(lb, true).await),
        Change::Failover => failed_over(octavia.failover_load_balancer(lb).await),
        Change::CreateListener { listener } => {
            let mut new = wanted::listener(listener, &ctx.tags);
            new.loadbalancer_id = Some(lb.to_owned());
            done(octavia.create_listener(&new).await)
        }
        Change::UpdateListener { id, listener } => {
            let update = wanted::listener_update(listener);
            done(octavia.update_listener(id, &update).await)
        }
        Change::DeleteListener { id } => removed(octavia.delete_listener(id).await),
        Change::CreatePool { listener, pool } => {
            let mut new = wanted::pool(pool, &ctx.tags);
            new.listener_id = Some(listener.to_string());
            done(octavia.create_pool(&new).await)
        }
        Change::UpdatePool { id, pool } => {
            done(octavia.update_pool(id, &wanted::pool_update(pool)).await)
        }
        Change::DeletePool { id } => removed(octavia.delete_pool(id).await),
        Change::SetMembers { pool, members } => {
            let members: Vec<_> = members.iter().map(wanted::member).collect();
            done(octavia.set_members(pool, &members).await)
        }
        Change::CreateMember { pool, member } => {
            done(octavia.create_member(pool, &wanted::member(member)).await)
        }
        Change::DeleteMember { pool, id } => removed(octavia.delete_member(pool, id).await),
        Change::CreateMonitor { pool, monitor } => {
            let mut new = wanted::monitor(monitor);
            new.pool_id = Some(pool.to_string());
            done(octavia.create_health_monitor(&new).await)
        }
        Change::UpdateMonitor { id, monitor } => {
            let update = wanted::monitor_update(monitor);
            done(octavia.update_health_monitor(id, &update).await)
        }
        Change::DeleteMonitor { id } => removed(octavia.delete_health_monitor(id).await),
    }
}

/// The outcome of a changing call.
fn done<T>(answer: Result<T, Error>) -> Outcome {
    openstack(answer).map(|_| Answer::Done)
}

/// The outcome of a deletion.
fn removed(answer: Result<(), Error>) -> Outcome {
    deleted(answer).map(|()| Answer::Done)
}

/// The outcome of a failover. By Octavia's default policy admins alone may ask for one: that is
/// as if the provider had none.
fn failed_over<T>(answer: Result<T, Error>) -> Outcome {
    match answer {
        Err(error) if matches!(error.kind(), ErrorKind::Forbidden(_)) => {
            tracing::info!("{error}; load balancers in ERROR are made anew instead");
            let said = error.to_string();
            Err(Failure::new(FailureKind::Refused { said }, error.gist()))
        }
        answer => done(answer),
    }
}

/// Sets the name and our tags; others' tags stay.
async fn update(ctx: &Executor, lb: &str, name: &str) -> Result<LoadBalancer, Error> {
    let mut tags = ctx.octavia.get_load_balancer(lb).await?.tags;
    for tag in ctx.all_tags() {
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    let update = LoadBalancerUpdate {
        name: Some(name.to_owned()),
        tags: Some(tags),
        ..LoadBalancerUpdate::default()
    };
    ctx.octavia.update_load_balancer(lb, &update).await
}
