//! A check's result as JSON.

use std::collections::BTreeMap;
use std::time::Duration;

use kuryr_lab::run::{Lab, PodRow, Snapshot, Step, Worker};
use serde::Serialize;

use super::session::Found;
use super::view::Pairs;

/// The whole of it.
#[derive(Debug, Serialize)]
pub(super) struct Report<'a> {
    ok: bool,
    seconds: f64,
    kubernetes: String,
    hypervisors: &'a [String],
    workers: &'a [Worker],
    pods: &'a [PodRow],
    pairs: Pairs,
    directions: Vec<Direction>,
    way: Option<&'a [Step]>,
    neutron_calls: usize,
    calls: &'a BTreeMap<String, usize>,
    failures: &'a [String],
}

/// From one pod to another.
#[derive(Debug, Serialize)]
struct Direction {
    from: String,
    to: String,
    reached: bool,
    round_trip_us: Option<u128>,
    why: Option<String>,
}

impl<'a> Report<'a> {
    pub(super) fn new(lab: &'a Lab, found: &'a Found) -> Self {
        Self {
            ok: found.failures.is_empty(),
            seconds: found.took.as_secs_f64(),
            kubernetes: lab.kubernetes(),
            hypervisors: lab.hypervisors(),
            workers: lab.workers(),
            pods: &found.snapshot.pods,
            pairs: Pairs::of(&found.snapshot, &found.reach),
            directions: directions(&found.snapshot, found),
            way: found.way.as_deref(),
            neutron_calls: found.calls,
            calls: &found.operations,
            failures: &found.failures,
        }
    }

    /// As one line of JSON.
    pub(super) fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|error| format!("{{\"error\": \"{error}\"}}"))
    }
}

fn directions(snapshot: &Snapshot, found: &Found) -> Vec<Direction> {
    let title = |key: &str| {
        let pod = snapshot.pods.iter().find(|pod| pod.key() == key);
        pod.map_or_else(|| key.to_owned(), PodRow::title)
    };
    let direction =
        |(pair, result): (&kuryr_lab::run::Pair, &Result<Duration, String>)| Direction {
            from: title(&pair.from),
            to: title(&pair.to),
            reached: result.is_ok(),
            round_trip_us: result.as_ref().ok().map(Duration::as_micros),
            why: result.as_ref().err().cloned(),
        };
    found.reach.iter().map(direction).collect()
}
