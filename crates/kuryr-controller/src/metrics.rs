//! What metrics of all reconcilers have in common, and those of the process.

use std::collections::{BTreeMap, BTreeSet};

use kuryr_process::Resident;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// How many of what is counted are in a state.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct StateLabel {
    pub(crate) state: &'static str,
}

/// Actions by their name and by whether they worked (`ok`, `failed`).
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct ActionLabel {
    pub(crate) action: &'static str,
    pub(crate) outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ReasonLabel {
    reason: String,
}

/// What is held up, by reason; a reason that is over goes to 0.
#[derive(Debug)]
pub(crate) struct HeldUp {
    family: Family<ReasonLabel, Gauge>,
    /// Reasons that are shown, be there something or not.
    known: BTreeSet<String>,
}

impl HeldUp {
    /// A registered family that shows these reasons from the start.
    pub(crate) fn new(
        registry: &mut Registry,
        name: &str,
        help: &str,
        known: impl IntoIterator<Item = String>,
    ) -> Self {
        let family = Family::default();
        registry.register(name, help, family.clone());
        let known = known.into_iter().collect();
        Self { family, known }
    }

    /// Shows how many things each reason holds up.
    pub(crate) fn show<R: ToString>(&mut self, counts: BTreeMap<R, usize>) {
        let counts = counts.into_iter().map(|(r, n)| (r.to_string(), n));
        let mut counts: BTreeMap<String, usize> = counts.collect();
        for reason in &self.known {
            counts.entry(reason.clone()).or_default();
        }
        for (reason, n) in counts {
            self.known.insert(reason.clone());
            let label = ReasonLabel { reason };
            self.family.get_or_create(&label).set(gauge(n));
        }
    }
}

/// A number of things as a gauge's value.
pub(crate) fn gauge(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Registers what is told of the process; the gauge is 1 while it leads.
pub(crate) fn process(registry: &mut Registry) -> Gauge {
    let leader = Gauge::default();
    registry.register(
        "kuryr_leader",
        "1 if this replica may write",
        leader.clone(),
    );
    registry.register_collector(Box::new(Resident));
    leader
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus_client::encoding::text::encode;

    #[test]
    fn a_reason_that_is_over_is_shown_as_none() {
        let mut registry = Registry::default();
        let mut held_up = HeldUp::new(&mut registry, "held", "Held", ["A".to_owned()]);
        process(&mut registry).set(1);
        held_up.show([("B", 2)].into());
        held_up.show([("A", 1)].into());
        let mut text = String::new();
        assert!(encode(&mut text, &registry).is_ok());
        for line in [
            "held{reason=\"A\"} 1\n",
            "held{reason=\"B\"} 0\n",
            "kuryr_leader 1\n",
        ] {
            assert!(text.contains(line), "{text}");
        }
        assert!(text.contains("\nprocess_resident_memory_bytes "), "{text}");
    }
}
