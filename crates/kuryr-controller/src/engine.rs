//! The one loop: facts in, plan, actions out, outcomes in.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use kube::Client;
use kuryr_api::names::{PORT_TAG, cluster_tag};
use kuryr_core::Millis;
use kuryr_core::port::{Action, Outcome, PodKey, PortKind, World, plan};
use kuryr_openstack::{Cloud, OwnershipMark};
use prometheus_client::registry::Registry;
use thiserror::Error;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::config::ControllerConfig;
use crate::events::Events;
use crate::execute::{Executor, Turns, name, span};
use crate::facts::{self, Fact};
use crate::health::{self, HEARTBEAT_MILLIS, Health};
use crate::lease::{self, Fence};
use crate::metrics::{ActionLabel, Metrics, State, resident_bytes};
use crate::networks::{NetworkError, Networks};
use crate::policy::{self, Dresser};
use crate::service::{self, SubnetError};

/// How long calls under way are waited for at the end.
const TO_FINISH: Duration = Duration::from_secs(8);

/// Why the controller can't run.
#[derive(Debug, Error)]
pub enum ControllerError {
    /// The pods' network can't be read.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The subnets of Services can't be read.
    #[error(transparent)]
    Services(#[from] SubnetError),
    /// A port can't be listened on.
    #[error("can't listen on {address} for {what}: {source}")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// What for.
        what: &'static str,
        /// The system's word.
        source: std::io::Error,
    },
}

/// Runs the controller until `stop`.
///
/// # Errors
/// What makes starting pointless: the pods' subnets can't be read.
pub async fn run(
    config: ControllerConfig,
    client: Client,
    cloud: Cloud,
    mut registry: Registry,
    stop: CancellationToken,
) -> Result<(), ControllerError> {
    let neutron = cloud.neutron();
    let project = config
        .project
        .clone()
        .unwrap_or_else(|| cloud.project_id().to_owned());
    let networks = Networks::read(&neutron, &config, &project).await?;
    let metrics = Metrics::new(&mut registry);
    cloud.metrics().register(&mut registry);
    let tag = cluster_tag(&config.cluster_id);
    let fence = Fence::default();
    let guard = fence.clone();
    cloud.guard_writes(move || guard.open());
    let tasks = TaskTracker::new();
    let mark = OwnershipMark {
        description: tag.clone(),
        tag,
    };
    let events = Events::new(&client, config.use_events, &config.lease.identity);
    let mut ports = config.ports.clone();
    let policies = config.policies.clone().map(|settings| {
        ports.waiting_groups = Some(networks.kind().security_groups.clone());
        let shared = policy::Shared {
            client: client.clone(),
            cloud: cloud.clone(),
            fence: fence.clone(),
            mark: mark.clone(),
            tags: config.resource_tags.clone(),
            project: config.project.clone(),
            events: events.clone(),
            resync: config.resync,
        };
        let settings = kuryr_core::policy::Settings {
            families: networks.families(),
            ..settings
        };
        let metrics = policy::Metrics::new(&mut registry);
        policy::Engine::new(settings, shared, metrics, networks.kind())
    });
    let services = match &config.services {
        Some(services) => {
            let shared = service::Shared {
                client: client.clone(),
                cloud: cloud.clone(),
                fence: fence.clone(),
                mark: mark.clone(),
                tags: config.resource_tags.clone(),
                project: project.clone(),
                events: events.clone(),
                resync: config.resync,
            };
            let metrics = service::metrics::Metrics::new(&mut registry);
            service::Engine::new(services, shared, metrics).await?
        }
        None => None,
    };
    let mut tags = config.resource_tags.clone();
    tags.push(PORT_TAG.to_owned());
    let kind = networks.kind();
    let executor = Executor {
        events,
        neutron,
        networks,
        mark,
        tags,
        node_subnets: config.node_subnets.clone(),
        project: config.project.clone(),
        port_debug: config.port_debug,
        fence: fence.clone(),
        turns: Turns::default(),
        client: client.clone(),
    };
    let health = Arc::new(Health::default());
    serve(&config, &health, registry, &stop);
    // The lease is held until the last call has ended.
    let done = CancellationToken::new();
    let _done = done.clone().drop_guard();
    let election = tokio::spawn(lease::campaign(
        client.clone(),
        config.lease.clone(),
        fence.clone(),
        done.clone(),
    ));
    let services = services.map(|engine| {
        let running = engine.run(tasks.clone(), stop.clone(), TO_FINISH);
        tokio::spawn(running)
    });
    let (policies, dresser) = policies.unzip();
    let policies = policies.map(|engine| {
        let running = engine.run(tasks.clone(), stop.clone(), TO_FINISH);
        tokio::spawn(running)
    });
    let facts = facts::spawn(&client, &tasks, &stop);
    let (outcomes, answered) = mpsc::unbounded_channel();
    let engine = Engine {
        world: World::new(ports),
        dresser,
        executor: Arc::new(executor),
        fence,
        kind,
        health,
        metrics,
        outcomes,
        calls: TaskTracker::new(),
        claims_from: 0,
        leading: false,
        resync: config.resync,
        count_at: 0,
        waiting: BTreeMap::new(),
    };
    let calls = engine.calls.clone();
    engine.run(facts, answered, stop).await;
    calls.close();
    if tokio::time::timeout(TO_FINISH, calls.wait()).await.is_err() {
        tracing::warn!("calls that are still under way are left to the next leader to find");
    }
    for loops in [services, policies].into_iter().flatten() {
        let _ = loops.await;
    }
    // The lease is given up last, after nothing more is written.
    done.cancel();
    let _ = election.await;
    tasks.close();
    tasks.wait().await;
    Ok(())
}

fn serve(
    config: &ControllerConfig,
    health: &Arc<Health>,
    registry: Registry,
    stop: &CancellationToken,
) {
    let report = |what: &'static str, address, result: std::io::Result<()>| {
        if let Err(source) = result {
            let error = ControllerError::Listen {
                address,
                what,
                source,
            };
            tracing::error!("{error}; the controller goes on without it");
        }
    };
    if let Some(address) = config.health {
        let serving = health::serve_health(address, health.clone(), stop.clone());
        tokio::spawn(async move { report("health", address, serving.await) });
    }
    if let Some(address) = config.metrics {
        let serving = health::serve_metrics(address, Arc::new(registry), stop.clone());
        tokio::spawn(async move { report("metrics", address, serving.await) });
    }
}

/// An action that was carried out.
struct Answered {
    action: Action,
    outcome: Outcome,
    took: Millis,
}

struct Engine {
    world: World,
    /// Where NetworkPolicies are enforced.
    dresser: Option<Dresser>,
    executor: Arc<Executor>,
    fence: Fence,
    kind: Arc<PortKind>,
    health: Arc<Health>,
    metrics: Metrics,
    outcomes: mpsc::UnboundedSender<Answered>,
    /// Actions under way.
    calls: TaskTracker,
    /// Mark of the world when the list of KuryrPorts under way began.
    claims_from: u64,
    leading: bool,
    resync: Duration,
    /// Pods without a port, since when.
    waiting: BTreeMap<PodKey, Millis>,
    /// When figures are counted next.
    count_at: Millis,
}

impl Engine {
    async fn run(
        mut self,
        mut facts: mpsc::Receiver<Fact>,
        mut answered: mpsc::UnboundedReceiver<Answered>,
        stop: CancellationToken,
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
                Some(done) = answered.recv() => self.answer(done),
                decision = policy::next(&mut self.dresser) => {
                    if let Some(dresser) = &mut self.dresser {
                        dresser.decided(decision, &mut self.world);
                    }
                }
                () = tokio::time::sleep(wake) => {}
                _ = resync.tick() => self.world.want_refresh(),
            }
            // What is there already is taken in before the next plan: a burst is one plan.
            while let Ok(fact) = facts.try_recv() {
                self.learn(fact);
            }
            while let Ok(done) = answered.try_recv() {
                self.answer(done);
            }
            if let Some(dresser) = &mut self.dresser {
                while let Some(decision) = dresser.try_next() {
                    dresser.decided(decision, &mut self.world);
                }
            }
            self.turn();
        }
    }

    /// Milliseconds until the world or the lease is to be looked at again.
    fn pause(&self) -> Millis {
        let wake = self.world.next_wake().map_or(HEARTBEAT_MILLIS, |at| {
            at.saturating_sub(lease::now()).max(1)
        });
        // A standby sees within a moment that it leads.
        wake.min(if self.leading { HEARTBEAT_MILLIS } else { 100 })
    }

    fn turn(&mut self) {
        self.health.beat();
        let leads = self.fence.open();
        if leads && !self.leading {
            tracing::info!("this replica leads");
            self.world.lead();
        } else if !leads && self.leading {
            tracing::warn!("this replica does not lead any more");
        }
        self.leading = leads;
        self.metrics.leader.set(i64::from(leads));
        self.world.tick(lease::now());
        if leads {
            for action in plan(&mut self.world) {
                self.start(action);
            }
        }
        if let Some(dresser) = &mut self.dresser {
            dresser.tell(&mut self.world, leads);
        }
        self.health
            .synced
            .store(self.world.is_synced() || !leads, Ordering::Relaxed);
        self.count();
    }

    /// Sends an action on its way.
    fn start(&mut self, action: Action) {
        self.world.begin(&action);
        let port = match &action {
            Action::CreateClaim { vif: Some(vif), .. } | Action::WriteVif { vif, .. } => {
                self.world.port(&vif.port).cloned()
            }
            _ => None,
        };
        let (executor, outcomes) = (self.executor.clone(), self.outcomes.clone());
        let span = span(&action);
        let work = async move {
            let sent = lease::now();
            let outcome = executor.run(&action, port.as_ref()).await;
            let took = lease::now().saturating_sub(sent);
            tracing::debug!(
                took_ms = took,
                ok = !matches!(outcome, Outcome::Failed(_)),
                "done"
            );
            let _ = outcomes.send(Answered {
                action,
                outcome,
                took,
            });
        };
        self.calls.spawn(work.instrument(span));
    }

    fn answer(&mut self, done: Answered) {
        let outcome = if matches!(done.outcome, Outcome::Failed(_)) {
            "failed"
        } else {
            "ok"
        };
        let action = name(&done.action);
        self.metrics
            .actions
            .get_or_create(&ActionLabel { action, outcome })
            .inc();
        let now = lease::now();
        if let Outcome::Claim(claim) = &done.outcome
            && claim.vif.as_ref().is_some_and(|v| v.active)
        {
            self.ready(&claim.pod, now);
        }
        self.world.tick(now);
        self.world.finish(&done.action, done.outcome, done.took);
    }

    /// A pod's port is ACTIVE: how long did that take?
    fn ready(&mut self, pod: &PodKey, now: Millis) {
        if let Some(since) = self.waiting.remove(pod) {
            #[allow(clippy::cast_precision_loss)] // milliseconds of a wait
            self.metrics
                .pod_latency
                .observe(now.saturating_sub(since) as f64 / 1e3);
            self.metrics.port_ready.inc();
        }
    }

    fn learn(&mut self, fact: Fact) {
        let world = &mut self.world;
        world.tick(lease::now());
        match fact {
            Fact::Pod(pod) => {
                if let Some(mut pod) = facts::pod(&pod, &Ok(self.kind.clone())) {
                    if pod.wanted_kind().is_some() && world.claim(&pod.key).is_none() {
                        self.waiting
                            .entry(pod.key.clone())
                            .or_insert_with(lease::now);
                    }
                    if let Some(dresser) = &self.dresser {
                        dresser.dress(&mut pod);
                    }
                    world.apply_pod(pod);
                }
            }
            Fact::PodGone(key) => {
                self.waiting.remove(&key);
                if let Some(dresser) = &mut self.dresser {
                    dresser.forget(&key);
                }
                world.delete_pod(&key);
            }
            Fact::Pods(all) => world.retain_pods(&all),
            Fact::Claim(claim) => {
                // Pods are listed before their KuryrPorts: these did not wait.
                if !world.is_synced() && claim.vif.as_ref().is_some_and(|v| v.active) {
                    self.waiting.remove(&claim.pod);
                }
                world.apply_claim(claim);
            }
            Fact::ClaimGone(key, version) => world.delete_claim(&key, version),
            Fact::ClaimsBegin => self.claims_from = world.mark(),
            Fact::Claims(all) => world.retain_claims(&all, self.claims_from),
            Fact::Node(name, addresses) => world.apply_node(&name, addresses),
            Fact::NodeGone(name) => world.delete_node(&name),
            Fact::Nodes(all) => world.retain_nodes(&all),
        }
    }

    /// Figures that cost a walk over everything: at most once a second.
    fn count(&mut self) {
        let now = lease::now();
        if now < self.count_at {
            return;
        }
        self.count_at = now + HEARTBEAT_MILLIS;
        self.metrics.resident.set(resident_bytes());
        self.metrics
            .pods
            .get_or_create(&State { state: "waiting" })
            .set(i64::try_from(self.waiting.len()).unwrap_or(i64::MAX));
        self.metrics.count_troubles(self.world.troubles());
        let (mut used, mut free) = (0, 0);
        for (_, user) in self.world.ports() {
            *(if user.is_some() { &mut used } else { &mut free }) += 1;
        }
        let ports = |state, n| {
            self.metrics.ports.get_or_create(&State { state }).set(n);
        };
        ports("used", used);
        ports("free", free);
    }
}
