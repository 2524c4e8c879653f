//! Figures of policies and their security groups.

use std::collections::{BTreeMap, BTreeSet};

use kuryr_core::policy::World;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::metrics::{ActionLabel, ReasonLabel};

/// See each metric's help.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    pub(super) actions: Family<ActionLabel, Counter>,
    policies: Gauge,
    groups: Gauge,
    held_up: Family<ReasonLabel, Gauge>,
    /// Reasons that were ever counted.
    known: BTreeSet<String>,
}

impl Metrics {
    /// Figures, registered.
    pub(crate) fn new(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "kuryr_policy_actions",
            "Actions for NetworkPolicies carried out",
            metrics.actions.clone(),
        );
        registry.register(
            "kuryr_policies",
            "NetworkPolicies of this cluster",
            metrics.policies.clone(),
        );
        registry.register(
            "kuryr_policy_groups",
            "Security groups that the NetworkPolicies come to",
            metrics.groups.clone(),
        );
        registry.register(
            "kuryr_policies_held_up",
            "Security groups of NetworkPolicies that are held up, by the reason that Events give",
            metrics.held_up.clone(),
        );
        metrics
    }

    /// Counts what there is.
    pub(super) fn count(&mut self, world: &World) {
        let gauge = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        self.policies.set(gauge(world.facts().policies.len()));
        self.groups.set(gauge(world.compiled().groups.len()));
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
