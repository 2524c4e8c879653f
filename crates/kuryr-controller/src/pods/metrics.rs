//! Figures of pods and ports.

use std::sync::atomic::AtomicU64;

use kuryr_core::pods::{Figures, World};
use kuryr_core::port::Reason;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::metrics::{ActionLabel, HeldUp, StateLabel, gauge};
use crate::reconcile::Meters;

/// A subnet pool by its id.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct PoolLabel {
    subnet_pool: String,
}

/// See each metric's help.
#[derive(Debug)]
pub(crate) struct Metrics {
    ports: Family<StateLabel, Gauge>,
    pods: Family<StateLabel, Gauge>,
    networks: Family<StateLabel, Gauge>,
    room: Family<PoolLabel, Gauge>,
    policies: Gauge,
    groups: Gauge,
    rules: Gauge,
    undressed: Gauge,
    held_up: HeldUp,
    actions: Family<ActionLabel, Counter>,
    pod_latency: Histogram,
    port_ready: Counter<u64, AtomicU64>,
}

impl Metrics {
    /// Figures, registered.
    pub(crate) fn new(registry: &mut Registry) -> Self {
        // Upstream's name; its buckets began at 10 s.
        let buckets = [
            0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 40.0, 60.0, 120.0,
        ];
        let held_up = HeldUp::new(
            registry,
            "kuryr_held_up",
            "Kinds of ports, trunks and calls that are held up, by the reason that Events give",
            Reason::ALL.map(|reason| reason.to_string()),
        );
        let metrics = Self {
            ports: Family::default(),
            pods: Family::default(),
            networks: Family::default(),
            room: Family::default(),
            policies: Gauge::default(),
            groups: Gauge::default(),
            rules: Gauge::default(),
            undressed: Gauge::default(),
            held_up,
            actions: Family::default(),
            pod_latency: Histogram::new(buckets),
            port_ready: Counter::default(),
        };
        registry.register(
            "kuryr_ports",
            "Neutron ports of this cluster",
            metrics.ports.clone(),
        );
        registry.register(
            "kuryr_pods",
            "Pods on the pod network",
            metrics.pods.clone(),
        );
        registry.register(
            "kuryr_networks",
            "Networks of namespaces: pods get ports there, pods wait for it, it is being undone",
            metrics.networks.clone(),
        );
        registry.register(
            "kuryr_subnet_pool_free_subnets",
            "Subnets of the default size that a subnet pool of namespaces' networks has room for",
            metrics.room.clone(),
        );
        metrics.register_policies(registry);
        registry.register(
            "kuryr_actions",
            "Actions carried out",
            metrics.actions.clone(),
        );
        registry.register(
            "kuryr_pod_creation_latency",
            "Seconds from a pod being seen until its port is ACTIVE",
            metrics.pod_latency.clone(),
        );
        registry.register(
            "kuryr_port_readiness",
            "Ports seen ACTIVE for a pod",
            metrics.port_ready.clone(),
        );
        metrics
    }
}

impl Metrics {
    fn register_policies(&self, registry: &mut Registry) {
        let all = [
            (
                "kuryr_network_policies",
                "NetworkPolicies of this cluster, where they are in force",
                &self.policies,
            ),
            (
                "kuryr_policy_security_groups",
                "Security groups of this cluster that policies come to",
                &self.groups,
            ),
            (
                "kuryr_policy_security_group_rules",
                "Their rules",
                &self.rules,
            ),
            (
                "kuryr_policy_waiting_pods",
                "Pods whose ports do not carry yet what policies give them",
                &self.undressed,
            ),
        ];
        for (name, help, gauge) in all {
            registry.register(name, help, gauge.clone());
        }
    }
}

impl Meters<World> for Metrics {
    fn actions(&self) -> &Family<ActionLabel, Counter> {
        &self.actions
    }

    fn show(&mut self, figures: Figures) {
        let Figures {
            ports: figures,
            networks,
            policies,
        } = figures;
        for waited in figures.waited {
            #[allow(clippy::cast_precision_loss)] // milliseconds of a wait
            self.pod_latency.observe(waited as f64 / 1e3);
            self.port_ready.inc();
        }
        let set = |family: &Family<StateLabel, Gauge>, state, n| {
            family.get_or_create(&StateLabel { state }).set(gauge(n));
        };
        let (used, free) = figures.ports;
        set(&self.ports, "used", used);
        set(&self.ports, "free", free);
        set(&self.pods, "waiting", figures.waiting);
        if let Some(networks) = networks {
            set(&self.networks, "ready", networks.ready);
            set(&self.networks, "waiting", networks.waiting);
            set(&self.networks, "ending", networks.ending);
            for (pool, free) in networks.room {
                let label = PoolLabel {
                    subnet_pool: pool.to_string(),
                };
                let free = i64::try_from(free).unwrap_or(i64::MAX);
                self.room.get_or_create(&label).set(free);
            }
        }
        if let Some(policies) = policies {
            self.policies.set(gauge(policies.policies));
            self.groups.set(gauge(policies.groups));
            self.rules.set(gauge(policies.rules));
            self.undressed.set(gauge(policies.waiting));
        }
        self.held_up.show(figures.held_up);
    }
}
