//! Prometheus metrics of the daemon.

use std::time::Duration;

use kuryr_process::Resident;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

/// Upper bounds in seconds: upstream's from 10 on, and those in which a daemon that does not
/// poll lives.
const BUCKETS: [f64; 20] = [
    0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 40.0,
    50.0, 60.0, 120.0, 180.0,
];

/// The daemon's metrics.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<Request, Histogram, fn() -> Histogram>,
    attachments: Gauge,
    /// How many of them are switched on the node.
    pub switched: Gauge,
}

/// Labels of a call, as upstream has them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    command: &'static str,
    error: &'static str,
}

impl Metrics {
    /// Nothing counted yet. `method`: how pods are plugged, and why.
    #[must_use]
    pub fn new(method: (&'static str, String)) -> Self {
        let requests =
            Family::new_with_constructor((|| Histogram::new(BUCKETS)) as fn() -> Histogram);
        let attachments = Gauge::default();
        let mut registry = Registry::default();
        registry.register(
            "kuryr_cni_request_duration_seconds",
            "Time that a call of the CNI plugin took",
            requests.clone(),
        );
        registry.register(
            "kuryr_cni_attachments",
            "Interfaces of pods that are plugged on this node",
            attachments.clone(),
        );
        let switched = Gauge::default();
        registry.register(
            "kuryr_cni_locally_switched",
            "Interfaces of pods whose frames to each other are switched on this node",
            switched.clone(),
        );
        registry.register(
            "kuryr_cni_plug_method",
            "How pods are plugged on this node, and why so",
            Info::new([("method", method.0.to_owned()), ("reason", method.1)]),
        );
        registry.register_collector(Box::new(Resident));
        Self {
            registry,
            requests,
            attachments,
            switched,
        }
    }

    /// Counts a call.
    pub fn request(&self, command: &'static str, failed: bool, took: Duration) {
        let error = if failed { "True" } else { "False" };
        self.requests
            .get_or_create(&Request { command, error })
            .observe(took.as_secs_f64());
    }

    /// All metrics as Prometheus reads them.
    #[must_use]
    pub fn text(&self, attachments: usize) -> String {
        self.attachments
            .set(i64::try_from(attachments).unwrap_or(i64::MAX));
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
