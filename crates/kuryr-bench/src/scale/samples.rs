//! A line of figures each second: what the plots are drawn from.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::simulated::calls::Counter;
use crate::simulated::controller::usage;
use crate::simulated::watch::Watch;

const EVERY: Duration = Duration::from_secs(1);

/// What was so at a moment.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Sample {
    /// Seconds since the start.
    pub(super) at: f64,
    /// Pods with an ACTIVE port.
    pub(super) ready: usize,
    /// Pods that wait for one.
    pub(super) waiting: usize,
    /// Controller's memory, MB.
    pub(super) rss_mb: f64,
    /// Calls a second since the sample before, by kind.
    pub(super) calls: BTreeMap<&'static str, f64>,
}

/// A phase of the run.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Mark {
    pub(super) at: f64,
    pub(super) phase: String,
}

/// All samples; they end when the last clone is dropped.
#[derive(Clone, Debug)]
pub(super) struct Sampler {
    begun: Instant,
    shared: Arc<Mutex<Shared>>,
    _stop: Arc<DropGuard>,
}

#[derive(Debug, Default)]
struct Shared {
    samples: Vec<Sample>,
    marks: Vec<Mark>,
    pid: Option<u32>,
}

impl Sampler {
    pub(super) fn start(watch: Watch, counter: Counter) -> Self {
        let stop = CancellationToken::new();
        let (begun, shared) = (Instant::now(), Arc::<Mutex<Shared>>::default());
        let own = shared.clone();
        let sampling = async move {
            let mut ticks = tokio::time::interval(EVERY);
            let (mut last, mut before) = (begun, BTreeMap::new());
            loop {
                ticks.tick().await;
                let now = BTreeMap::from_iter(counts(&watch, &counter));
                let seconds = last.elapsed().as_secs_f64().max(1e-3);
                last = Instant::now();
                let sample = sample(&watch, begun, &before, &now, seconds);
                before = now;
                let mut shared = own.lock().unwrap_or_else(PoisonError::into_inner);
                let rss_mb = shared.pid.map_or(0.0, |pid| usage(&pid.to_string()).rss_mb);
                shared.samples.push(Sample { rss_mb, ..sample });
            }
        };
        tokio::spawn(stop.clone().run_until_cancelled_owned(sampling));
        Self {
            begun,
            shared,
            _stop: Arc::new(stop.drop_guard()),
        }
    }

    /// A phase begins; `pid` is the controller's.
    pub(super) fn mark(&self, phase: &str, pid: Option<u32>) {
        let mark = Mark {
            at: self.begun.elapsed().as_secs_f64(),
            phase: phase.to_owned(),
        };
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.marks.push(mark);
        shared.pid = pid;
    }

    /// Everything so far.
    pub(super) fn read(&self) -> (Vec<Sample>, Vec<Mark>) {
        let shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        (shared.samples.clone(), shared.marks.clone())
    }
}

fn counts(watch: &Watch, counter: &Counter) -> Vec<(&'static str, u64)> {
    let mut counts: Vec<_> = counter.read().by_kind.into_iter().collect();
    counts.push(("KuryrPort changes", watch.seen().claim_changes));
    counts
}

#[allow(clippy::cast_precision_loss)] // counts of calls
fn sample(
    watch: &Watch,
    begun: Instant,
    before: &BTreeMap<&'static str, u64>,
    now: &BTreeMap<&'static str, u64>,
    seconds: f64,
) -> Sample {
    let rate = |(kind, n): (&&'static str, &u64)| {
        let more = n - before.get(kind).copied().unwrap_or(0).min(*n);
        (*kind, more as f64 / seconds)
    };
    let seen = watch.seen();
    Sample {
        at: begun.elapsed().as_secs_f64(),
        ready: seen.ready.len(),
        waiting: seen.waiting.len(),
        rss_mb: 0.0,
        calls: now.iter().map(rate).collect(),
    }
}
