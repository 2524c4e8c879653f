//! The controller's own figures.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;

use kuryr_core::port::Reason;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct State {
    pub(crate) state: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct ActionLabel {
    pub(crate) action: &'static str,
    pub(crate) outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct ReasonLabel {
    pub(crate) reason: String,
}

/// See each metric's help.
#[derive(Debug)]
pub(crate) struct Metrics {
    pub(crate) ports: Family<State, Gauge>,
    pub(crate) pods: Family<State, Gauge>,
    pub(crate) held_up: Family<ReasonLabel, Gauge>,
    pub(crate) actions: Family<ActionLabel, Counter>,
    pub(crate) leader: Gauge,
    pub(crate) resident: Gauge,
    pub(crate) pod_latency: Histogram,
    pub(crate) port_ready: Counter<u64, AtomicU64>,
}

impl Metrics {
    pub(crate) fn new(registry: &mut Registry) -> Self {
        // Upstream's name; its buckets began at 10 s.
        let buckets = [
            0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 40.0, 60.0, 120.0,
        ];
        let metrics = Self {
            ports: Family::default(),
            pods: Family::default(),
            held_up: Family::default(),
            actions: Family::default(),
            leader: Gauge::default(),
            resident: Gauge::default(),
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
            "kuryr_held_up",
            "Kinds of ports, trunks and calls that are held up, by the reason that Events give",
            metrics.held_up.clone(),
        );
        registry.register(
            "kuryr_actions",
            "Actions carried out",
            metrics.actions.clone(),
        );
        registry.register(
            "kuryr_leader",
            "1 if this replica may write",
            metrics.leader.clone(),
        );
        registry.register(
            "process_resident_memory_bytes",
            "Resident memory of this process",
            metrics.resident.clone(),
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

    /// Sets how much is held up for which reason; a reason that is over goes to 0.
    pub(crate) fn count_troubles(&self, reasons: impl Iterator<Item = Reason>) {
        let mut counts: BTreeMap<Reason, i64> = Reason::ALL.map(|r| (r, 0)).into();
        for reason in reasons {
            *counts.entry(reason).or_default() += 1;
        }
        for (reason, n) in counts {
            let label = ReasonLabel {
                reason: reason.to_string(),
            };
            self.held_up.get_or_create(&label).set(n);
        }
    }
}

/// Resident memory of this process, bytes; 0 if the kernel does not say.
pub(crate) fn resident_bytes() -> i64 {
    let page = i64::try_from(rustix::param::page_size()).unwrap_or(4096);
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm
        .split(' ')
        .nth(1)
        .and_then(|p| p.parse::<i64>().ok())
        .unwrap_or(0)
        * page
}
