//! The one loop: facts in, plan, actions out, outcomes in.

use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use kuryr_core::Millis;
use kuryr_core::reconcile::Failure;
use kuryr_core::service::{Action, Change, Outcome, Settings, World, plan};
use kuryr_openstack::{Cloud, OwnershipMark};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use super::config::{ServiceConfig, complete};
use super::execute::Executor;
use super::facts::{Fact, Subsets};
use super::metrics::Metrics;
use crate::events::Events;
use crate::facts::{LONGEST_PAUSE, Pauses};
use crate::health::{HEARTBEAT_MILLIS, Pulse};
use crate::lease::{self, Fence};
use crate::metrics::ActionLabel;
use crate::supervise::{self, UnderWay};

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

type Answered = supervise::Answered<Action, Outcome>;

/// The loop, before it runs.
pub(crate) struct Engine {
    config: ServiceConfig,
    world: World,
    executor: Arc<Executor>,
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
    pub(crate) fn new(config: &ServiceConfig, shared: Shared, metrics: Metrics) -> Option<Self> {
        let Some(octavia) = shared.cloud.octavia() else {
            tracing::warn!("the cloud has no load balancers: Services are left alone");
            return None;
        };
        let executor = Executor {
            client: shared.client,
            octavia,
            neutron: shared.cloud.neutron(),
            mark: shared.mark,
            tags: shared.tags,
            project: shared.project,
            events: shared.events,
            fence: shared.fence.clone(),
            turns: Executor::turns(),
        };
        let (outcomes, answered) = mpsc::unbounded_channel();
        Some(Self {
            config: config.clone(),
            world: World::new(config.settings.clone()),
            executor: Arc::new(executor),
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
        })
    }

    /// Runs until `stop`, then waits for calls under way, for `to_finish` at most.
    pub(crate) async fn run(
        mut self,
        facts: mpsc::Receiver<Fact>,
        pulse: Arc<Pulse>,
        stop: CancellationToken,
        to_finish: Duration,
    ) {
        let Some(settings) = stop.run_until_cancelled(self.settings(&pulse)).await else {
            return;
        };
        self.world = World::new(settings);
        self.turn_until(facts, &pulse, &stop).await;
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

    /// The settings with what Neutron says of the subnets: asked until it does. Pods go on without.
    async fn settings(&self, pulse: &Pulse) -> Settings {
        let mut pauses = Pauses::default();
        loop {
            match complete(&self.config, &self.executor.neutron).await {
                Ok(settings) => return settings,
                Err(error) => tracing::warn!(
                    "{error}; Services wait, pods do not; trying again after a pause"
                ),
            }
            pulse.beat(false);
            tokio::time::sleep(pauses.next().unwrap_or(LONGEST_PAUSE)).await;
        }
    }

    async fn turn_until(
        &mut self,
        mut facts: mpsc::Receiver<Fact>,
        pulse: &Pulse,
        stop: &CancellationToken,
    ) {
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
            pulse.beat(self.world.is_synced() || !self.leading);
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
        let executor = self.executor.clone();
        let span = span(&action);
        let call = UnderWay::new(action, lost, self.outcomes.clone());
        let work = async move {
            let Some(action) = call.action() else { return };
            let outcome = executor.run(action).await;
            tracing::debug!(ok = outcome.is_ok(), "done");
            call.answer(outcome);
        };
        self.calls.spawn(work.instrument(span));
    }

    fn answer(&mut self, done: Answered) {
        let label = ActionLabel {
            action: name(&done.action),
            outcome: match done.outcome {
                Err(_) => "failed",
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

/// The outcome of a call that nothing is known of.
fn lost(message: String) -> Outcome {
    Err(Failure::unknown(message))
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
