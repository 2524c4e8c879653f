//! The loop of pods: facts in, plan, actions out, outcomes in.

use std::sync::Arc;
use std::time::Duration;

use kuryr_core::Millis;
use kuryr_core::port::{Action, Answer, Outcome, PodKey, PortKind, Settings, World, plan};
use kuryr_core::reconcile::Failure;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::execute::Executor;
use crate::facts::{self, Fact};
use crate::health::{HEARTBEAT_MILLIS, Pulse};
use crate::lease::{self, Fence};
use crate::metrics::{ActionLabel, Metrics, State, resident_bytes};
use crate::supervise::{self, UnderWay};
use crate::waiting::Waiting;

type Answered = supervise::Answered<Action, Outcome>;

/// The loop, before it runs.
pub(crate) struct Engine {
    world: World,
    executor: Arc<Executor>,
    fence: Fence,
    kind: Arc<PortKind>,
    pulse: Arc<Pulse>,
    metrics: Metrics,
    outcomes: mpsc::UnboundedSender<Answered>,
    answered: mpsc::UnboundedReceiver<Answered>,
    /// Actions under way.
    calls: TaskTracker,
    /// Mark of the world when the list of KuryrPorts under way began.
    claims_from: u64,
    leading: bool,
    resync: Duration,
    waiting: Waiting,
    /// When figures are counted next.
    count_at: Millis,
}

impl Engine {
    /// A loop that has read nothing yet, for pods that want ports of this kind.
    pub(crate) fn new(
        settings: Settings,
        executor: Executor,
        kind: Arc<PortKind>,
        pulse: Arc<Pulse>,
        metrics: Metrics,
        resync: Duration,
    ) -> Self {
        let (outcomes, answered) = mpsc::unbounded_channel();
        Self {
            world: World::new(settings),
            fence: executor.fence.clone(),
            executor: Arc::new(executor),
            kind,
            pulse,
            metrics,
            outcomes,
            answered,
            calls: TaskTracker::new(),
            claims_from: 0,
            leading: false,
            resync,
            waiting: Waiting::default(),
            count_at: 0,
        }
    }

    /// Runs until `stop`, then waits for calls under way, for `to_finish` at most.
    pub(crate) async fn run(
        mut self,
        facts: mpsc::Receiver<Fact>,
        stop: CancellationToken,
        to_finish: Duration,
    ) {
        self.turn_until(facts, stop).await;
        self.calls.close();
        let finished = tokio::time::timeout(to_finish, self.calls.wait());
        if finished.await.is_err() {
            tracing::warn!("calls that are still under way are left to the next leader to find");
        }
    }

    async fn turn_until(&mut self, mut facts: mpsc::Receiver<Fact>, stop: CancellationToken) {
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
                _ = resync.tick() => self.world.want_refresh(),
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
        // A standby sees within a moment that it leads.
        wake.min(if self.leading { HEARTBEAT_MILLIS } else { 100 })
    }

    fn turn(&mut self) {
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
        self.pulse.beat(self.world.is_synced() || !leads);
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
        let executor = self.executor.clone();
        let span = span(&action);
        let call = UnderWay::new(action, lost, self.outcomes.clone());
        let work = async move {
            let Some(action) = call.action() else { return };
            let outcome = executor.run(action, port.as_ref()).await;
            tracing::debug!(took_ms = call.took(), ok = outcome.is_ok(), "done");
            call.answer(outcome);
        };
        self.calls.spawn(work.instrument(span));
    }

    fn answer(&mut self, done: Answered) {
        let outcome = if done.outcome.is_err() {
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
        if let Ok(Answer::Claim(claim)) = &done.outcome
            && claim.vif.as_ref().is_some_and(|v| v.active)
        {
            self.ready(&claim.pod, now);
        }
        self.world.tick(now);
        self.world.finish(&done.action, done.outcome, done.took);
    }

    /// A pod's port is ACTIVE: how long did that take?
    fn ready(&mut self, pod: &PodKey, now: Millis) {
        if let Some(waited) = self.waiting.ready(pod, now) {
            #[allow(clippy::cast_precision_loss)] // milliseconds of a wait
            self.metrics.pod_latency.observe(waited as f64 / 1e3);
            self.metrics.port_ready.inc();
        }
    }

    fn learn(&mut self, fact: Fact) {
        let world = &mut self.world;
        world.tick(lease::now());
        match fact {
            Fact::Pod(pod) => {
                if let Some(pod) = facts::pod(&pod, &Ok(self.kind.clone())) {
                    let has_port = world.claim(&pod.key).is_some();
                    self.waiting.pod(&pod, has_port, lease::now());
                    world.apply_pod(pod);
                }
            }
            Fact::PodGone(key) => {
                self.waiting.forget(&key);
                world.delete_pod(&key);
            }
            Fact::Pods(all) => {
                self.waiting.retain(&all);
                world.retain_pods(&all);
            }
            Fact::Claim(claim) => {
                // Pods are listed before their KuryrPorts: these did not wait.
                if !world.is_synced() && claim.vif.as_ref().is_some_and(|v| v.active) {
                    self.waiting.forget(&claim.pod);
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

/// The outcome of a call that nothing is known of.
fn lost(message: String) -> Outcome {
    Err(Failure::unknown(message))
}

/// The span in which an action's lines are logged.
fn span(action: &Action) -> tracing::Span {
    let name = name(action);
    match action {
        Action::CreateClaim { pod, vif, .. } => {
            let port = vif.as_ref().map(|v| v.port.to_string());
            tracing::info_span!("action", name, %pod, port)
        }
        Action::WriteVif { pod, vif, .. } => {
            tracing::info_span!("action", name, %pod, port = %vif.port)
        }
        Action::DropClaim { pod, .. }
        | Action::DropPodFinalizer { pod, .. }
        | Action::Report { pod, .. } => tracing::info_span!("action", name, %pod),
        Action::AddSubports { trunk, ports } => {
            tracing::info_span!("action", name, %trunk, ports = ports.len())
        }
        Action::RemoveSubports { trunk, ports } => {
            tracing::info_span!("action", name, %trunk, ports = ports.len())
        }
        Action::CreatePorts { orders } => {
            let ports: usize = orders.iter().map(|(_, _, n)| n).sum();
            tracing::info_span!("action", name, ports)
        }
        Action::DeletePort { port }
        | Action::SetSecurityGroups { port, .. }
        | Action::Adopt { port, .. } => {
            tracing::info_span!("action", name, %port)
        }
        Action::Look { ports } => tracing::info_span!("action", name, ports = ports.len()),
        Action::ReportNode { node, .. } => tracing::info_span!("action", name, %node),
        Action::FindTrunks { .. } | Action::Refresh => tracing::info_span!("action", name),
    }
}

/// An action's name in logs and metrics.
fn name(action: &Action) -> &'static str {
    match action {
        Action::CreateClaim { .. } => "create_kuryrport",
        Action::WriteVif { .. } => "write_vif",
        Action::DropClaim { .. } => "drop_kuryrport",
        Action::DropPodFinalizer { .. } => "drop_pod_finalizer",
        Action::FindTrunks { .. } => "find_trunks",
        Action::CreatePorts { .. } => "create_ports",
        Action::AddSubports { .. } => "add_subports",
        Action::RemoveSubports { .. } => "remove_subports",
        Action::DeletePort { .. } => "delete_port",
        Action::SetSecurityGroups { .. } => "set_security_groups",
        Action::Adopt { .. } => "adopt",
        Action::Look { .. } => "look",
        Action::Refresh => "refresh",
        Action::Report { .. } => "report",
        Action::ReportNode { .. } => "report_node",
    }
}
