//! Pods created to Ready.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;

use crate::cluster::Playground;
use crate::scrape::{Ports, Scrape, between};
use crate::stats::Runs;
use crate::{BenchError, Report};

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Options {
    /// Nodes with Kuryr.
    pub nodes: Vec<String>,
    /// A node with another plugin, to compare with.
    pub other: Option<String>,
    /// Pods made one by one, on each side.
    pub singles: usize,
    /// Pods made at once; 0 leaves that out.
    pub burst: usize,
    /// The controller's `/metrics`.
    pub controller_metrics: Option<String>,
    /// A daemon's `/metrics`.
    pub daemon_metrics: Option<String>,
}

/// Runs it.
///
/// # Errors
/// [`BenchError`] says what is missing.
pub async fn run(playground: &Playground, options: &Options) -> Result<Report, BenchError> {
    let mut report = Report::new("pods: created to Ready");
    let before = ports(options).await?;
    singles(playground, options, &mut report).await?;
    if options.burst > 0 {
        settle(options, before).await?;
        burst(playground, options, &mut report).await?;
        // what comes next is not to be slowed down by what this left behind
        settle(options, before).await?;
    }
    for (name, url) in [
        ("controller_rss_mb", &options.controller_metrics),
        ("daemon_rss_mb", &options.daemon_metrics),
    ] {
        if let Some(url) = url
            && let Some(mb) = Scrape::read(url).await?.rss_mb()
        {
            report.figure(name, mb);
        }
    }
    Ok(report)
}

/// One pod after the other, the two plugins in turn.
async fn singles(
    playground: &Playground,
    options: &Options,
    report: &mut Report,
) -> Result<(), BenchError> {
    if options.singles == 0 {
        return Ok(());
    }
    let bar = ProgressBar::new(options.singles as u64).with_message("one pod at a time");
    let (mut ours, mut theirs, mut active) = (Runs::default(), Runs::default(), Runs::default());
    let first = options
        .nodes
        .first()
        .ok_or_else(|| BenchError::Options("no node to put pods on".to_owned()))?;
    for i in 0..options.singles {
        let node = std::slice::from_ref(first);
        let times = playground.run(&format!("kuryr-{i}"), node, 1).await?;
        active.runs.extend(times.active.values());
        ours.runs.extend(playground.reached(times).into_values());
        if let Some(other) = &options.other {
            let node = std::slice::from_ref(other);
            let times = playground.run(&format!("other-{i}"), node, 1).await?;
            theirs.runs.extend(playground.reached(times).into_values());
        }
        playground.clear().await?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    if let (Some(a), Some(b)) = (ours.median(), theirs.median()) {
        report.figure("pod_ready_ratio_to_bridge", a / b);
    }
    report.runs("pod_ready", "s", ours);
    report.runs("pod_active", "s", active);
    if options.other.is_some() {
        report.runs("pod_ready_other", "s", theirs);
    }
    Ok(())
}

/// Many pods at once, with the calls that they cost.
async fn burst(
    playground: &Playground,
    options: &Options,
    report: &mut Report,
) -> Result<(), BenchError> {
    let before = calls(options).await?;
    let times = playground
        .run("burst", &options.nodes, options.burst)
        .await?;
    let after = calls(options).await?;
    let n = options.burst;
    for (what, times) in [("ready", times.ready), ("active", times.active)] {
        let runs: Runs = times.into_values().collect();
        if let (Some(first), Some(last)) = (runs.min(), runs.max()) {
            report.figure(&format!("cold_{n}_{what}_first_s"), first);
            report.figure(&format!("cold_{n}_{what}_last_s"), last);
        }
        if !runs.runs.is_empty() {
            let single = report.runs.get("pod_active_s").and_then(Runs::median);
            if let (Some(first), Some(single), "active") = (runs.min(), single, what) {
                report.figure(&format!("cold_{n}_first_ratio_to_single"), first / single);
            }
            report.runs.insert(format!("cold_{n}_{what}_s"), runs);
        }
    }
    if let (Some(before), Some(after)) = (before, after) {
        let made = between(&before, &after);
        report.figure(&format!("neutron_calls_{n}_cold"), made.values().sum());
        let parts: Vec<String> = made.iter().map(|(k, v)| format!("{k} {v}")).collect();
        report.note(format!("Neutron calls for {n} pods: {}", parts.join(", ")));
    }
    let gone = playground.clear().await?;
    report.figure(&format!("delete_{n}_s"), gone.pods);
    report.figure(&format!("release_{n}_s"), gone.kuryrports);
    Ok(())
}

async fn ports(options: &Options) -> Result<Option<Ports>, BenchError> {
    match &options.controller_metrics {
        Some(url) => Ok(Some(Scrape::read(url).await?.ports())),
        None => Ok(None),
    }
}

/// How long the controller's ports stay as they are before they are taken as settled, though there are more of them
/// than before: in a pool.
const SETTLED: Duration = Duration::from_secs(30);
/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// Waits until the ports of the pods that are gone are gone too, or rest in a pool.
async fn settle(options: &Options, before: Option<Ports>) -> Result<(), BenchError> {
    let Some(before) = before else {
        return Ok(());
    };
    let bar = ProgressBar::new_spinner().with_message("waiting until earlier ports are gone");
    let begun = Instant::now();
    let (mut last, mut since) = (Ports::default(), begun);
    while begun.elapsed() < PATIENCE {
        let now = ports(options).await?.unwrap_or_default();
        if now != last {
            (last, since) = (now, Instant::now());
        }
        if now.used <= before.used && (now.free <= before.free || since.elapsed() > SETTLED) {
            break;
        }
        bar.tick();
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    bar.finish_and_clear();
    Ok(())
}

async fn calls(options: &Options) -> Result<Option<BTreeMap<String, f64>>, BenchError> {
    match &options.controller_metrics {
        Some(url) => Ok(Some(Scrape::read(url).await?.neutron_calls())),
        None => Ok(None),
    }
}
