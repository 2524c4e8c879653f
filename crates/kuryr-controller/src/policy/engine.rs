//! The one loop: facts in, plan, actions out, outcomes in.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use kuryr_core::Millis;
use kuryr_core::policy::{
    Action, Namespace, Node, Outcome, Pod, PodKey, Policy, Reason, SeenPort, Settings, World, plan,
};
use kuryr_core::port::PortKind;
use kuryr_openstack::{Cloud, OwnershipMark};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use super::dresser::Dresser;
use super::execute::Executor;
use super::facts::{self, Fact};
use super::link::{Decision, FromPorts, PoliciesEnd, ends};
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
    pub(crate) project: Option<String>,
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
    link: PoliciesEnd,
    /// Whether all ports were listed since this process leads.
    knows_ports: bool,
    leading: bool,
    resync: Duration,
    /// When figures are counted next.
    count_at: Millis,
    /// Why pods wait, as was told.
    waiting: HashMap<PodKey, String>,
}

impl Engine {
    /// An engine, and its side in the loop of ports, which are of kind `base` where no policy is.
    pub(crate) fn new(
        settings: Settings,
        shared: Shared,
        metrics: Metrics,
        base: Arc<PortKind>,
    ) -> (Self, Dresser) {
        let executor = Executor {
            neutron: shared.cloud.neutron(),
            mark: shared.mark,
            tags: shared.tags,
            project: shared.project,
            events: shared.events,
            fence: shared.fence.clone(),
        };
        let (outcomes, answered) = mpsc::unbounded_channel();
        let (link, ports) = ends();
        let engine = Self {
            world: World::new(settings),
            executor: Arc::new(executor),
            client: shared.client,
            fence: shared.fence,
            metrics,
            outcomes,
            answered,
            calls: TaskTracker::new(),
            link,
            knows_ports: false,
            leading: false,
            resync: shared.resync,
            count_at: 0,
            waiting: HashMap::new(),
        };
        (engine, Dresser::new(ports, base))
    }

    /// Runs until `stop`, then waits for calls under way, for `to_finish` at most.
    pub(crate) async fn run(
        mut self,
        tasks: TaskTracker,
        stop: CancellationToken,
        to_finish: Duration,
    ) {
        let facts = facts::spawn(&self.client, &tasks, &stop);
        self.turn_until(facts, &stop).await;
        self.calls.close();
        if tokio::time::timeout(to_finish, self.calls.wait())
            .await
            .is_err()
        {
            tracing::warn!(
                "calls for policies that are still under way are left to the next leader"
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
                Some(news) = self.link.ports.recv() => self.hear(news),
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
            while let Ok(news) = self.link.ports.try_recv() {
                self.hear(news);
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
        let leads = self.fence.open() && self.knows_ports;
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
        for pod in self.world.take_changed() {
            self.waiting.remove(&pod);
            self.decide(pod, None);
        }
        if now >= self.count_at {
            self.count_at = now + HEARTBEAT_MILLIS;
            self.metrics.count(&self.world);
            self.explain();
        }
    }

    /// Tells the ports' loop what a pod's port is to have.
    fn decide(&self, pod: PodKey, why: Option<String>) {
        let Some(known) = self.world.facts().pods.get(&pod) else {
            // It is gone; the ports' loop has a watch of its own.
            return;
        };
        let groups = self.world.port_groups(&pod).cloned();
        let _ = self.link.decisions.send(Decision {
            uid: known.uid.clone(),
            pod,
            groups,
            why,
        });
    }

    /// Tells pods that wait for groups that can't be had, why.
    fn explain(&mut self) {
        if self.world.troubles().next().is_none() {
            return;
        }
        let mut news = Vec::new();
        for (policy, needs) in &self.world.compiled().of_policy {
            let complaints = self.world.complaints(policy);
            let mut held = complaints
                .iter()
                .filter(|c| matches!(c.reason, Reason::QuotaReached | Reason::NeutronFailed));
            let Some(complaint) = held.next() else {
                continue;
            };
            for pod in &needs.pods {
                if self.world.port_groups(pod).is_none() && !self.waiting.contains_key(pod) {
                    let why = format!("policy {policy} is not in force: {}", complaint.message);
                    news.push((pod.clone(), why));
                }
            }
        }
        for (pod, why) in news {
            self.waiting.insert(pod.clone(), why.clone());
            self.decide(pod, Some(why));
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

    /// News of ports.
    fn hear(&mut self, news: FromPorts) {
        match news {
            FromPorts::Wearer(wearer) => match wearer.groups {
                Some(groups) => self.world.apply_port(SeenPort {
                    id: wearer.port,
                    pod: wearer.pod,
                    groups,
                }),
                None => self.world.delete_port(&wearer.port),
            },
            FromPorts::Known(all) => {
                self.world.retain_ports(&all);
                self.knows_ports = true;
            }
            FromPorts::Unknown => self.knows_ports = false,
        }
    }

    fn learn(&mut self, fact: Fact) {
        let world = &mut self.world;
        world.tick(lease::now());
        match fact {
            Fact::Policy(policy) => world.apply(*policy),
            Fact::PolicyGone(key) => world.delete::<Policy>(&key),
            Fact::Policies(all) => world.retain::<Policy>(&all),
            Fact::Pod(pod) => world.apply(*pod),
            Fact::PodGone(key) => {
                self.waiting.remove(&key);
                world.delete::<Pod>(&key);
            }
            Fact::Pods(all) => world.retain::<Pod>(&all),
            Fact::Namespace(namespace) => world.apply(namespace),
            Fact::NamespaceGone(name) => world.delete::<Namespace>(&name),
            Fact::Namespaces(all) => world.retain::<Namespace>(&all),
            Fact::Node(node) => world.apply(node),
            Fact::NodeGone(name) => world.delete::<Node>(&name),
            Fact::Nodes(all) => world.retain::<Node>(&all),
        }
    }
}

/// The span in which an action's lines are logged.
fn span(action: &Action) -> tracing::Span {
    let name = name(action);
    match action {
        Action::List => tracing::info_span!("action", name),
        Action::CreateGroup { key, .. } => tracing::info_span!("action", name, %key),
        Action::CreateRules { group, rules } => {
            tracing::info_span!("action", name, %group, rules = rules.len())
        }
        Action::DeleteRule { group, rule } => tracing::info_span!("action", name, %group, %rule),
        Action::DeleteGroup { group } => tracing::info_span!("action", name, %group),
        Action::Report { policy, .. } => tracing::info_span!("action", name, %policy),
    }
}

/// An action's name in logs and metrics.
fn name(action: &Action) -> &'static str {
    match action {
        Action::List => "list_security_groups",
        Action::CreateGroup { .. } => "create_security_group",
        Action::CreateRules { .. } => "create_security_group_rules",
        Action::DeleteRule { .. } => "delete_security_group_rule",
        Action::DeleteGroup { .. } => "delete_security_group",
        Action::Report { .. } => "report_policy",
    }
}
