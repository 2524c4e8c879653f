//! Composition: what the loops need, all tasks started, and their end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use futures::FutureExt;
use kube::Client;
use kuryr_api::names::{PORT_TAG, cluster_tag};
use kuryr_core::pods::Stages;
use kuryr_core::policy;
use kuryr_openstack::{Cloud, OwnershipMark};
use kuryr_process::{TaskEnded, Tasks};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use crate::config::ControllerConfig;
use crate::events::Events;
use crate::health::{self, Health};
use crate::lease::{self, Fence};
use crate::pods;
use crate::pods::networks::{NetworkError, Networks};
use crate::pods::policies::PolicyError;
use crate::reconcile::{Duty, Engine, Watch};
use crate::{local_switching, service, takeover};

/// How long calls under way are waited for at the end.
const TO_FINISH: Duration = Duration::from_secs(8);

/// Why the controller can't run.
#[derive(Debug, Error)]
pub enum ControllerError {
    /// The pods' network can't be read.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// What policies need can't be read.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// A task ended that was to go on.
    #[error(transparent)]
    TaskEnded(#[from] TaskEnded),
    /// A port can't be listened on.
    #[error("can't listen on {address} for {what}: {source}")]
    Listen {
        address: SocketAddr,
        /// What for.
        what: &'static str,
        /// The system's word.
        source: std::io::Error,
    },
}

/// Runs the controller until `stop`.
///
/// # Errors
/// What makes starting pointless: the pods' subnets can't be read. Later: a task that ended before it was told to.
pub async fn run(
    config: ControllerConfig,
    client: Client,
    cloud: Cloud,
    mut registry: Registry,
    stop: CancellationToken,
) -> Result<(), ControllerError> {
    let project = config.project.clone();
    let project = project.unwrap_or_else(|| cloud.project_id().to_owned());
    let networks = Networks::read(&cloud.neutron(), &config, &project).await?;
    let policies = policies(&cloud, &config, &networks).await?;
    cloud.metrics().register(&mut registry);
    let fence = Fence::default();
    let guard = fence.clone();
    cloud.guard_writes(move || guard.open());
    let common = Common {
        events: Events::new(&client, config.use_events, &config.lease.identity),
        client,
        cloud,
        fence,
        project,
    };
    // The lease is held until the last call has ended.
    let done = CancellationToken::new();
    let _done = done.clone().drop_guard();
    let running = stop.child_token();
    let (mut loops, mut others) = (Tasks::default(), Tasks::default());
    let campaign = lease::campaign(
        common.client.clone(),
        config.lease.clone(),
        common.fence.clone(),
        done.clone(),
    );
    others.spawn("election", campaign);
    let mut start = Start {
        config: &config,
        common: &common,
        leader: crate::metrics::process(&mut registry),
        registry,
        health: Health::default(),
        loops: &mut loops,
        others: &mut others,
        running: &running,
    };
    start.services();
    start.local_switching(&networks);
    start.pods(networks, policies);
    start.takeover();
    start.servers();
    let ended = tokio::select! {
        biased;
        () = stop.cancelled() => None,
        ended = loops.first_end() => Some(ended),
        ended = others.first_end() => Some(ended),
    };
    running.cancel();
    loops.all_ended().await;
    // The lease is given up last, after nothing more is written.
    done.cancel();
    others.all_ended().await;
    ended.map_or(Ok(()), |ended| Err(ended.into()))
}

/// Policies, where they are to be in force.
async fn policies(
    cloud: &Cloud,
    config: &ControllerConfig,
    networks: &Networks,
) -> Result<Option<(policy::Settings, policy::Behind)>, PolicyError> {
    let Some(policies) = &config.policies else {
        return Ok(None);
    };
    let settings = pods::policies::settings(policies, &cloud.neutron(), networks).await?;
    Ok(Some((settings, policy::Behind::new(policies.provider()))))
}

/// What all parts have in common.
struct Common {
    client: Client,
    cloud: Cloud,
    fence: Fence,
    events: Events,
    project: String,
}

/// Starts tasks: loops, which end with their last call, and others.
struct Start<'a> {
    config: &'a ControllerConfig,
    common: &'a Common,
    registry: Registry,
    leader: Gauge,
    health: Health,
    loops: &'a mut Tasks,
    others: &'a mut Tasks,
    running: &'a CancellationToken,
}

impl Start<'_> {
    /// The loop of Services with its watches, where they are wanted and the cloud has load balancers.
    fn services(&mut self) {
        let Some(services) = &self.config.services else {
            return;
        };
        let Some(octavia) = self.common.cloud.octavia() else {
            tracing::warn!(
                "the service catalogue has no load balancers: Services are left alone; install Octavia, or leave \
                 [neutron_defaults] service_subnet out and keep kube-proxy"
            );
            return;
        };
        let hands = service::Executor {
            client: self.common.client.clone(),
            octavia,
            neutron: self.common.cloud.neutron(),
            mark: self.mark(),
            tags: self.config.resource_tags.clone(),
            project: self.common.project.clone(),
            events: self.common.events.clone(),
            fence: self.common.fence.clone(),
        };
        let meters = service::Metrics::new(&mut self.registry);
        let duty = self.duty(
            "loop of Services",
            "Services, EndpointSlices, KuryrLoadBalancers or Octavia's load balancers",
        );
        let with_networks = self.config.namespaces.is_some();
        let (news, watches) = service::watches(&self.common.client, with_networks);
        self.watch(watches);
        let (config, stop) = (services.clone(), self.running.clone());
        let running = async move {
            let read = service::settings(&config, &hands.neutron, &duty.pulse);
            if let Some(settings) = stop.run_until_cancelled(read).await {
                let mind = kuryr_core::service::World::new(settings);
                Engine::new(mind, hands, meters, duty).run(news, stop).await;
            }
        };
        self.loops.spawn("loop of Services", running);
    }

    /// The loop of pods with its watches.
    fn pods(&mut self, networks: Networks, policies: Option<(policy::Settings, policy::Behind)>) {
        let network_tags = self.config.resource_tags.clone();
        let mut tags = network_tags.clone();
        tags.push(PORT_TAG.to_owned());
        let of_namespaces = networks.of_namespaces().cloned();
        let (news, watches) =
            pods::watches(&self.common.client, networks.kind(), policies.is_some());
        let hands = pods::Executor {
            events: self.common.events.clone(),
            neutron: self.common.cloud.neutron(),
            networks,
            mark: self.mark(),
            tags,
            network_tags,
            own_project: self.common.cloud.project_id().to_owned(),
            node_subnets: self.config.node_subnets.clone(),
            project: self.config.project.clone(),
            port_debug: self.config.port_debug,
            fence: self.common.fence.clone(),
            client: self.common.client.clone(),
        };
        let meters = pods::Metrics::new(&mut self.registry);
        let reads = match (&of_namespaces, &policies) {
            (None, None) => "pods, nodes, KuryrPorts or Neutron's ports",
            (Some(_), None) => {
                "pods, nodes, KuryrPorts, namespaces, KuryrNetworks or Neutron's ports and networks"
            }
            (None, Some(_)) => {
                "pods, nodes, KuryrPorts, namespaces, NetworkPolicies, Services, EndpointSlices or Neutron's ports and security groups"
            }
            (Some(_), Some(_)) => {
                "pods, nodes, KuryrPorts, namespaces, KuryrNetworks, NetworkPolicies, Services, EndpointSlices or Neutron's ports, \
                 networks and security groups"
            }
        };
        let duty = self.duty("loop of pods", reads);
        self.watch(watches);
        let mind = kuryr_core::pods::World::new(
            self.config.ports.clone(),
            Stages {
                networks: of_namespaces,
                policies,
            },
        );
        let running = Engine::new(mind, hands, meters, duty).run(news, self.running.clone());
        self.loops.spawn("loop of pods", running);
    }

    /// What may be switched on the nodes, where that is wanted.
    fn local_switching(&mut self, networks: &Networks) {
        if !self.config.local_switching {
            return;
        }
        let statement = local_switching::Statement {
            client: self.common.client.clone(),
            neutron: self.common.cloud.neutron(),
            fence: self.common.fence.clone(),
            lease: self.config.lease.clone(),
            groups: networks.operators_groups(),
            networks: networks.clone(),
        };
        let gauge = local_switching::gauge(&mut self.registry);
        let until_stop = self
            .running
            .clone()
            .run_until_cancelled_owned(statement.keep(gauge));
        self.others.spawn(
            "statement of what is switched locally",
            until_stop.map(drop),
        );
    }

    /// What the Python implementation left behind.
    fn takeover(&mut self) {
        // The loop of pods lets go of them, after what they stand for.
        let mut reconciled = Vec::new();
        if self.config.namespaces.is_some() {
            reconciled.push("kuryrnetwork");
        }
        if self.config.policies.is_some() {
            reconciled.push("kuryrnetworkpolicy");
        }
        let (client, fence) = (self.common.client.clone(), self.common.fence.clone());
        let releasing = takeover::release(client, fence, reconciled);
        let until_stop = self.running.clone().run_until_cancelled_owned(releasing);
        self.others
            .spawn("release of upstream's finalizers", until_stop.map(drop));
    }

    /// What a loop has to do besides; `reads` are what it waits for before it is ready.
    fn duty(&mut self, name: &'static str, reads: &'static str) -> Duty {
        Duty {
            name,
            fence: self.common.fence.clone(),
            pulse: self.health.pulse(name, reads),
            leader: self.leader.clone(),
            resync: self.config.resync,
            to_finish: TO_FINISH,
        }
    }

    /// By which our objects in OpenStack are known.
    fn mark(&self) -> OwnershipMark {
        let tag = cluster_tag(&self.config.cluster_id);
        OwnershipMark {
            description: tag.clone(),
            tag,
        }
    }

    /// Starts watches that end when the controller stops.
    fn watch(&mut self, watches: impl IntoIterator<Item = Watch>) {
        for (name, watch) in watches {
            let until_stop = self.running.clone().run_until_cancelled_owned(watch);
            self.others.spawn(name, until_stop.map(drop));
        }
    }

    /// Probes and metrics, of all that was started before.
    fn servers(self) {
        let registry = Arc::new(self.registry);
        let probes = kuryr_process::probes(Arc::new(self.health));
        let metrics = kuryr_process::metrics(move || health::text(&registry));
        let servers = [
            ("health", "health server", self.config.health, probes),
            ("metrics", "metrics server", self.config.metrics, metrics),
        ];
        for (what, name, address, app) in servers {
            if let Some(address) = address {
                let serving = serve(what, address, app, self.running.clone());
                self.others.spawn(name, serving);
            }
        }
    }
}

/// Serves until `stop`; a port that can't be listened on is told, and the controller goes on without it.
async fn serve(what: &'static str, address: SocketAddr, app: Router, stop: CancellationToken) {
    let served = async {
        let listener = kuryr_process::listen(address).await?;
        kuryr_process::serve(listener, app, stop.clone()).await
    };
    if let Err(source) = served.await {
        let error = ControllerError::Listen {
            address,
            what,
            source,
        };
        tracing::error!("{error}; the controller goes on without it");
    }
    stop.cancelled().await;
}
