//! One set of metrics for all calls.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Upper bounds of the histogram, seconds: from a token's 10 ms to a bulk of ports.
const BUCKETS: [f64; 12] = [
    0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    service: &'static str,
    operation: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OperationLabels {
    service: &'static str,
    operation: &'static str,
}

/// Metrics of the requests to OpenStack. Make one, [register](Self::register) it, give it to
/// [`Cloud::connect`](crate::Cloud::connect).
#[derive(Debug)]
pub struct Metrics {
    duration: Family<RequestLabels, Histogram, fn() -> Histogram>,
    in_flight: Gauge,
    retries: Family<OperationLabels, Counter>,
    logins: Counter,
    calls: Mutex<BTreeMap<&'static str, u64>>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Metrics that have counted nothing.
    pub fn new() -> Self {
        Self {
            duration: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
            in_flight: Gauge::default(),
            retries: Family::default(),
            logins: Counter::default(),
            calls: Mutex::default(),
        }
    }

    /// Adds the metrics to `registry` as `kuryr_openstack_*`.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("kuryr_openstack");
        registry.register(
            "request_duration_seconds",
            "Time of each request to OpenStack, by its outcome; retries count each",
            self.duration.clone(),
        );
        registry.register(
            "requests_in_flight",
            "Requests that wait for their answer now",
            self.in_flight.clone(),
        );
        registry.register(
            "retries",
            "Requests that were sent again",
            self.retries.clone(),
        );
        registry.register("logins", "Tokens asked of Keystone", self.logins.clone());
    }

    /// Requests sent so far by operation, retries included. Logins are `login`.
    pub fn calls(&self) -> BTreeMap<String, u64> {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.iter().map(|(k, v)| ((*k).to_owned(), *v)).collect()
    }

    fn count(&self, operation: &'static str) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        *calls.entry(operation).or_default() += 1;
    }

    /// Notes that a request is about to be sent; the guard's end notes that it is over.
    pub(crate) fn begin(&self, operation: &'static str) -> InFlight<'_> {
        self.count(operation);
        self.in_flight.inc();
        InFlight(&self.in_flight)
    }

    pub(crate) fn end(
        &self,
        service: &'static str,
        operation: &'static str,
        outcome: &'static str,
        took: Duration,
    ) {
        let labels = RequestLabels {
            service,
            operation,
            outcome,
        };
        self.duration
            .get_or_create(&labels)
            .observe(took.as_secs_f64());
    }

    pub(crate) fn retry(&self, service: &'static str, operation: &'static str) {
        self.retries
            .get_or_create(&OperationLabels { service, operation })
            .inc();
    }

    pub(crate) fn login(&self) {
        self.count("login");
        self.logins.inc();
    }
}

/// A request in flight; it may be dropped half way.
pub(crate) struct InFlight<'a>(&'a Gauge);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}
