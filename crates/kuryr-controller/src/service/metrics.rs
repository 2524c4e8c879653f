//! Figures of Services and load balancers.

use kuryr_core::service::{Figures, World};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::metrics::{ActionLabel, HeldUp, gauge};
use crate::reconcile::Meters;

/// See each metric's help.
#[derive(Debug)]
pub(crate) struct Metrics {
    actions: Family<ActionLabel, Counter>,
    services: Gauge,
    waiting: Gauge,
    held_up: HeldUp,
}

impl Metrics {
    /// Figures, registered.
    pub(crate) fn new(registry: &mut Registry) -> Self {
        let held_up = HeldUp::new(
            registry,
            "kuryr_services_held_up",
            "Load balancers, floating IPs and calls that are held up, by the reason that Events give",
            [],
        );
        let metrics = Self {
            actions: Family::default(),
            services: Gauge::default(),
            waiting: Gauge::default(),
            held_up,
        };
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
        metrics
    }
}

impl Meters<World> for Metrics {
    fn actions(&self) -> &Family<ActionLabel, Counter> {
        &self.actions
    }

    fn show(&mut self, figures: Figures) {
        self.services.set(gauge(figures.services));
        self.waiting.set(gauge(figures.waiting));
        self.held_up.show(figures.held_up);
    }
}
