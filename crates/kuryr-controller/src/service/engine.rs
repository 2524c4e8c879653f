//! The one loop: facts in, plan, actions out, outcomes in.

use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use kuryr_core::Millis;
use kuryr_core::service::{Action, Change, Outcome, World, plan};
use kuryr_openstack::{Cloud, OwnershipMark};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use super::config::{ServiceConfig, SubnetError, complete};
use super::execute::Executor;
use super::facts::{self, Fact, Subsets};
use super::metrics::Metrics;
use crate::events::Events;
use crate::health::HEARTBEAT_MILLIS;
use crate::lease::{self, Fence};
use crate::metrics::ActionLabel;

/// What all parts of the controller have in common.
pub(crate) struct Shared {
    pub(crate) client: Client,
    pub(crate) cloud: Cloud,
    pub(crate) fence: Fence,
    pub(crate) mark: OwnershipMark,
    pub(crate) tags: Vec<String>,
    pub(crate) project: String,
    pub(crate) events: Events,
    pub(crate) resync: Duration,
}

/// An action that was carried out.
struct Answered {
    action: Action,
    outcome: Outcome,
}

/// The loop, before it runs.
pub(crate) struct Engine {
    world: World,
    executor: Arc<Executor>,
    client: Client,
    fence: Fence,
    metrics: Metrics,
    outcomes: mpsc::UnboundedSender<Answered>,
    answered: mpsc::UnboundedReceiver<Answered>,
    /// Actions under way.
    calls: TaskTracker,
    subsets: Subsets,
    /// Mark of the world when the list of KuryrLoadBalancers under way began.
    claims_from: u64,
    leading: bool,
    resync: Duration,
    /// When figures are counted next.
    count_at: Millis,
}

impl Engine {
    /// An engine, if the cloud has Octavia.
    pub(crate) async fn new(
        config: &ServiceConfig,
        shared: Shared,
        metrics: Metrics,
    ) -> Result<Option<Self>, SubnetError> {
        let Some(octavia) = shared.cloud.octavia() else {
            tracing::warn!("the cloud has no load balancers: Services are left alone");
            return Ok(None);
        };
        let neutron = shared.cloud.neutron();
        let settings = complete(config, &neutron).await?;
        let executor = Executor {
            client: shared.client.clone(),
            octavia,
            neutron,
            mark: shared.mark,
            tags: shared.tags,
            project: shared.project,
            events: shared.events,
            fence: shared.fence.clone(),
            turns: Executor::turns(),
        };
        let (outcomes, answered) = mpsc::unbounded_channel();
        Ok(Some(Self {
            world: World::new(settings),
            executor: Arc::new(executor),
            client: shared.client,
            fence: shared.fence,
            metrics,
            outcomes,
            answered,
            calls: TaskTracker::new(),
            subsets: Subsets::default(),
            claims_from: 0,
            leading: false,
            resync: shared.resync,
            count_at: 0,
        }))
    }

    /// Runs until `stop`, then waits for calls under way, for `to_finish` at most.
    pub(crate) async fn run(
        mut self,
        tasks: TaskTracker,
        stop: CancellationToken,
        to_finish: Duration,
    ) {
        let facts = facts::spawn(&self.client, &tasks, &stop);
        let Some(facts) = stop.run_until_cancelled(facts).await else {
            return;
        };
        self.turn_until(facts, &stop).await;
        self.calls.close();
        if tokio::time::timeout(to_finish, self.calls.wait())
            .await
            .is_err()
        {
            tracing::warn!(
                "calls for Services that are still under way are left to the next leader"
            );
        }
    }

    async fn turn_until(&mut self, mut facts: mpsc::Receiver<Fact>, stop: &CancellationToken) {
        let mut resync = tokio::time::interval(self.resync);
        loop {
            let wake = Duration::from_millis(self.pause());
            tokio::select! {
                () = stop.cancelled() => return,
                fact = facts.recv() => match fact {
                    Some(fact) => self.learn(fact),
                    None => return,
                },
                Some(done) = self.answered.recv() => self.answer(done),
                () = tokio::time::sleep(wake) => {}
                _ = resync.tick() => self.world.want_list(),
            }
            // What is there already is taken in before the next plan: a burst is one plan.
            while let Ok(fact) = facts.try_recv() {
                self.learn(fact);
            }
            while let Ok(done) = self.answered.try_recv() {
                self.answer(done);
            }
            self.turn();
        }
    }

    /// Milliseconds until the world or the lease is to be looked at again.
    fn pause(&self) -> Millis {
        let wake = self.world.next_wake().map_or(HEARTBEAT_MILLIS, |at| {
            at.saturating_sub(lease::now()).max(1)
        });
        wake.min(if self.leading { HEARTBEAT_MILLIS } else { 100 })
    }

    fn turn(&mut self) {
        let leads = self.fence.open();
        if leads && !self.leading {
            self.world.lead();
        }
        self.leading = leads;
        let now = lease::now();
        self.world.tick(now);
        if leads {
            for action in plan(&mut self.world) {
                self.start(action);
            }
        }
        if now >= self.count_at {
            self.count_at = now + HEARTBEAT_MILLIS;
            self.metrics.count(&self.world);
        }
    }

    /// Sends an action on its way.
    fn start(&mut self, action: Action) {
        self.world.begin(&action);
        let (executor, outcomes) = (self.executor.clone(), self.outcomes.clone());
        let span = span(&action);
        let work = async move {
            let outcome = executor.run(&action).await;
            tracing::debug!(ok = !matches!(outcome, Outcome::Failed(_)), "done");
            let _ = outcomes.send(Answered { action, outcome });
        };
        self.calls.spawn(work.instrument(span));
    }

    fn answer(&mut self, done: Answered) {
        let label = ActionLabel {
            action: name(&done.action),
            outcome: match done.outcome {
                Outcome::Failed(_) => "failed",
                _ => "ok",
            },
        };
        self.metrics.actions.get_or_create(&label).inc();
        self.world.tick(lease::now());
        self.world.finish(&done.action, done.outcome);
    }

    fn learn(&mut self, fact: Fact) {
        let world = &mut self.world;
        world.tick(lease::now());
        match fact {
            Fact::Service(service) => world.apply_service(*service),
            Fact::ServiceGone(key) => world.delete_service(&key),
            Fact::Services(all) => world.retain_services(&all.into_iter().collect()),
            Fact::Slice(slice) => world.apply_slice(slice),
            Fact::SliceGone(namespace, name) => world.delete_slice(&namespace, &name),
            Fact::Slices(all) => world.retain_slices(&all.into_iter().collect()),
            Fact::Endpoints(object, slices) => self.subsets.put(world, object, slices),
            Fact::AllEndpoints(all) => self.subsets.retain(world, &all),
            Fact::Claim(claim) => world.apply_claim(*claim),
            Fact::ClaimGone(key, version) => world.delete_claim(&key, version),
            Fact::ClaimsBegin => self.claims_from = world.mark(),
            Fact::Claims(all) => {
                world.retain_claims(&all.into_iter().collect(), self.claims_from);
            }
        }
    }
}

/// The span in which an action's lines are logged.
fn span(action: &Action) -> tracing::Span {
    let name = name(action);
    match action {
        Action::CreateClaim { service, .. }
        | Action::WriteClaim { service, .. }
        | Action::DropClaim { service, .. }
        | Action::WriteServiceStatus { service, .. }
        | Action::DropServiceFinalizer { service, .. }
        | Action::CreateFloatingIp { service, .. }
        | Action::FindFloatingIp { service, .. }
        | Action::AssociateFloatingIp { service, .. }
        | Action::DeleteFloatingIp { service, .. }
        | Action::Report { service, .. } => tracing::info_span!("action", name, %service),
        Action::CreateBalancer { key, .. } => tracing::info_span!("action", name, balancer = %key),
        Action::Change { key, lb, .. } => tracing::info_span!("action", name, balancer = %key, %lb),
        Action::Look { lb } => tracing::info_span!("action", name, %lb),
        Action::List => tracing::info_span!("action", name),
    }
}

/// An action's name in logs and metrics.
fn name(action: &Action) -> &'static str {
    match action {
        Action::CreateClaim { .. } => "create_kuryrloadbalancer",
        Action::WriteClaim { .. } => "write_kuryrloadbalancer",
        Action::DropClaim { .. } => "drop_kuryrloadbalancer",
        Action::WriteServiceStatus { .. } => "write_service_status",
        Action::DropServiceFinalizer { .. } => "drop_service_finalizer",
        Action::List => "list_load_balancers",
        Action::Look { .. } => "look_at_load_balancer",
        Action::CreateBalancer { .. } => "create_load_balancer",
        Action::CreateFloatingIp { .. } => "create_floating_ip",
        Action::FindFloatingIp { .. } => "find_floating_ip",
        Action::AssociateFloatingIp { .. } => "associate_floating_ip",
        Action::DeleteFloatingIp { .. } => "delete_floating_ip",
        Action::Report { .. } => "report_service",
        Action::Change { change, .. } => match change {
            Change::Update { .. } => "update_load_balancer",
            Change::Delete => "delete_load_balancer",
            Change::Failover => "failover_load_balancer",
            Change::CreateListener { .. } => "create_listener",
            Change::UpdateListener { .. } => "update_listener",
            Change::DeleteListener { .. } => "delete_listener",
            Change::CreatePool { .. } => "create_pool",
            Change::UpdatePool { .. } => "update_pool",
            Change::DeletePool { .. } => "delete_pool",
            Change::SetMembers { .. } => "set_members",
            Change::CreateMember { .. } => "create_member",
            Change::DeleteMember { .. } => "delete_member",
            Change::CreateMonitor { .. } => "create_health_monitor",
            Change::UpdateMonitor { .. } => "update_health_monitor",
            Change::DeleteMonitor { .. } => "delete_health_monitor",
        },
    }
}
