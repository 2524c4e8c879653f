//! Figures of Services and load balancers.

use std::collections::{BTreeMap, BTreeSet};

use kuryr_core::service::World;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::metrics::{ActionLabel, ReasonLabel};

/// See each metric's help.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    pub(super) actions: Family<ActionLabel, Counter>,
    services: Gauge,
    waiting: Gauge,
    held_up: Family<ReasonLabel, Gauge>,
    /// Reasons that were ever counted.
    known: BTreeSet<String>,
}

impl Metrics {
    /// Figures, registered.
    pub(crate) fn new(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "kuryr_service_actions",
            "Actions for Services carried out",
            metrics.actions.clone(),
        );
        registry.register(
            "kuryr_services",
            "Services of this cluster",
            metrics.services.clone(),
        );
        registry.register(
            "kuryr_services_waiting",
            "Services that wait for their turn to change a load balancer",
            metrics.waiting.clone(),
        );
        registry.register(
            "kuryr_services_held_up",
            "Load balancers, floating IPs and calls that are held up, by the reason that Events give",
            metrics.held_up.clone(),
        );
        metrics
    }

    /// Counts what there is.
    pub(super) fn count(&mut self, world: &World) {
        let gauge = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        self.services.set(gauge(world.services().count()));
        self.waiting.set(gauge(world.waiting()));
        let mut counts: BTreeMap<String, usize> =
            self.known.iter().map(|r| (r.clone(), 0)).collect();
        for reason in world.troubles() {
            *counts.entry(reason.to_string()).or_default() += 1;
        }
        for (reason, n) in counts {
            self.known.insert(reason.clone());
            self.held_up
                .get_or_create(&ReasonLabel { reason })
                .set(gauge(n));
        }
    }
}
