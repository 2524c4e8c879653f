//! The main run: one cloud, one size, phase by phase.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use kuryr_embedded_kubernetes::api::{DeleteOptions, Target};
use kuryr_embedded_kubernetes::store::Key;
use rand::Rng;

use super::page::Page;
use super::samples::Sampler;
use super::{Churn, Options, Size, leaks, seed};
use crate::simulated::controller::{Program, Usage, usage};
use crate::simulated::objects;
use crate::simulated::run::{BURST, Run, bar};
use crate::simulated::site::{NAMESPACE, Site};
use crate::stats::Runs;
use crate::{BenchError, Report};

/// After a restart, changes are counted for so long besides.
const AFTER_RESTART: Duration = Duration::from_secs(1);
/// A pool is emptied slowly: without any change for so long, what is left stays.
const FORSAKEN: Duration = Duration::from_secs(60);
/// VLANs of a trunk.
const TRUNK: usize = 4094;
/// A cloud with its pods, and the controller that serves it.
pub(super) struct Bench {
    pub(super) run: Run,
    sampler: Sampler,
    /// Pods that are there with their nodes, oldest first.
    pods: VecDeque<(String, usize)>,
    made: usize,
}

/// What a restart took.
pub(super) struct Restarted {
    /// Until it led and had read everything, seconds.
    pub(super) synced: f64,
    /// From then on, until a new pod had its port, seconds.
    pub(super) probe: f64,
    /// Changing calls to Neutron, and changes of KuryrPorts, other than that pod's.
    pub(super) changes: u64,
}

pub(super) async fn run(
    options: &Options,
    size: Size,
    report: &mut Report,
    page: &mut Page,
) -> Result<(), BenchError> {
    let mut bench = Bench::start(options, size.pods).await?;
    bench.run.site.grow(size.nodes)?;
    if options.seed {
        bench.seed(size.pods).await?;
        bench.start_controller("populate").await?;
    } else {
        bench.start_controller("populate").await?;
        bench.populate(size.pods, report).await?;
    }
    bench.run.settle().await?;
    if size.pods == TRUNK * size.nodes {
        bench.overfill(report).await?;
    }
    let restarted = bench.restart().await?;
    report.figure("restart_s", restarted.synced + restarted.probe);
    report.figure("restart_synced_s", restarted.synced);
    report.figure("restart_probe_s", restarted.probe);
    report.figure("restart_changing_calls", count(restarted.changes));
    bench.run.settle().await?;
    bench.memory("controller_rss_after_restart_mb", report);
    if let Some(churn) = options.churn {
        bench.churn(churn, report).await?;
    }
    bench.empty(report).await?;
    let (samples, marks) = bench.sampler.read();
    let most = samples.iter().map(|s| s.rss_mb).fold(0.0, f64::max);
    report.figure("controller_rss_mb", most.max(bench.peak()));
    report.figure("pods", count(size.pods as u64));
    report.figure("nodes", count(size.nodes as u64));
    page.course(samples, marks);
    Ok(())
}

#[allow(clippy::cast_precision_loss)] // counts are far below 2^52
pub(super) fn count(n: u64) -> f64 {
    n as f64
}

impl Bench {
    pub(super) async fn start(options: &Options, pods: usize) -> Result<Self, BenchError> {
        let site = Site::start(pods).await?;
        let program = Program::new(
            &site,
            options.program.clone(),
            options.config_files.clone(),
            options.pools,
        )?;
        let run = Run::new(site, program, options.limit);
        Ok(Self {
            sampler: Sampler::start(run.watch.clone(), run.counter.clone()),
            run,
            pods: VecDeque::new(),
            made: 0,
        })
    }

    /// Puts pods with their ports there until there are so many.
    pub(super) async fn seed(&mut self, pods: usize) -> Result<(), BenchError> {
        let more = pods.saturating_sub(self.pods.len());
        let bar = bar(more, "seeding pods");
        let fresh: Vec<(String, usize)> = (0..more).map(|_| self.name()).collect();
        tokio::task::block_in_place(|| seed::pods(&self.run.site, &fresh, &bar))?;
        self.pods.extend(fresh);
        let (watch, all) = (self.run.watch.clone(), self.pods.len());
        self.run
            .until("every seeded pod is seen", || {
                watch.seen().ready.len() >= all
            })
            .await?;
        bar.finish_and_clear();
        Ok(())
    }

    pub(super) async fn start_controller(&mut self, phase: &str) -> Result<f64, BenchError> {
        let sampler = &self.sampler;
        let started = |pid| sampler.mark(phase, Some(pid));
        self.run.start(started).await
    }

    /// The next pod's name and node.
    fn name(&mut self) -> (String, usize) {
        let number = self.made;
        self.made += 1;
        (
            format!("pod-{number:06}"),
            number % self.run.site.nodes.len(),
        )
    }

    fn create(&mut self, name: String, node: usize) -> Result<(), BenchError> {
        self.run.watch.expect(&name);
        let pod = objects::pod(&name, &self.run.site.nodes[node].name);
        self.run.site.make("", "pods", NAMESPACE, pod)?;
        self.pods.push_back((name, node));
        Ok(())
    }

    /// Deletes the oldest pod as a kubelet that is done with it.
    fn delete_oldest(&mut self) -> Result<(), BenchError> {
        let Some((name, _)) = self.pods.pop_front() else {
            return Ok(());
        };
        self.run.watch.forget(&name);
        let api = self.run.site.kube.api();
        let options = DeleteOptions {
            grace: Some(0),
            ..DeleteOptions::default()
        };
        let deleted = api.kind("", "pods").and_then(|kind| {
            let key = Key::new(NAMESPACE, &name);
            api.delete(&Target { kind, key }, &options)
        });
        deleted.map(drop).map_err(|error| BenchError::Cloud {
            what: format!("delete pod {name}"),
            message: error.message,
        })
    }

    /// All pods at once.
    async fn populate(&mut self, pods: usize, report: &mut Report) -> Result<(), BenchError> {
        let (begun, before) = (Instant::now(), self.run.counter.read().total());
        let bar = bar(pods, "pods get their ports");
        for first in (0..pods).step_by(BURST) {
            for _ in first..pods.min(first + BURST) {
                let (name, node) = self.name();
                self.create(name, node)?;
            }
            tokio::task::yield_now().await;
        }
        let watch = self.run.watch.clone();
        self.run
            .until("every pod has its port", || {
                let ready = watch.seen().ready.len();
                bar.set_position(ready as u64);
                ready >= pods
            })
            .await?;
        let took = begun.elapsed().as_secs_f64();
        bar.finish_and_clear();
        let waits = std::mem::take(&mut self.run.watch.seen().waits);
        report.figure("populate_first_ready_s", waits.min().unwrap_or_default());
        report.figure("populate_last_ready_s", took);
        report.figure("populate_pods_per_s", count(pods as u64) / took);
        let calls = self.run.counter.read().total() - before;
        report.figure("populate_neutron_calls", count(calls));
        Ok(())
    }

    /// One pod more than its trunk has VLANs: it waits, and says why.
    async fn overfill(&mut self, report: &mut Report) -> Result<(), BenchError> {
        let (name, node) = self.name();
        self.create(name.clone(), node)?;
        let watch = self.run.watch.clone();
        let told = || watch.seen().events.get("TrunkFull").copied().unwrap_or(0);
        self.run
            .until("the pod too many has an Event TrunkFull", || told() > 0)
            .await?;
        report.figure("trunk_full_events", count(told()));
        // It goes without ever having had a port, and another to make room for the next.
        self.pods.rotate_right(1);
        self.delete_oldest()?;
        self.delete_oldest()?;
        self.run.settle().await
    }

    /// Kills the controller and starts another.
    pub(super) async fn restart(&mut self) -> Result<Restarted, BenchError> {
        self.run.kill().await?;
        let before = self.run.changes();
        let synced = self.start_controller("restart").await?;
        tokio::time::sleep(AFTER_RESTART).await;
        let changes = self.run.changes() - before;
        let begun = Instant::now();
        let (name, node) = self.name();
        self.create(name.clone(), node)?;
        let watch = self.run.watch.clone();
        self.run
            .until("a pod gets its port after the restart", || {
                watch.seen().ready.contains_key(&name)
            })
            .await?;
        Ok(Restarted {
            synced,
            probe: begun.elapsed().as_secs_f64(),
            changes,
        })
    }

    /// Replaces pods at a rate.
    async fn churn(&mut self, churn: Churn, report: &mut Report) -> Result<(), BenchError> {
        self.sampler.mark("churn", self.run.pid());
        drop(std::mem::take(&mut self.run.watch.seen().waits));
        let (begun, calls) = (Instant::now(), self.run.counter.read().total());
        let used = [self.used(), usage("self").cpu_s];
        let bar = bar(churn.time.as_secs() as usize, "churn");
        let (mut queue, mut done) = (Runs::default(), 0u64);
        let mut ticks = tokio::time::interval(Duration::from_millis(50));
        while begun.elapsed() < churn.time {
            ticks.tick().await;
            while count(done) < begun.elapsed().as_secs_f64() * churn.rate {
                self.replace_one()?;
                done += 1;
            }
            let second = begun.elapsed().as_secs();
            if second > queue.runs.len() as u64 {
                queue.push(count(self.run.watch.seen().waiting.len() as u64));
                bar.set_position(second);
                self.run.alive()?;
            }
        }
        let took = begun.elapsed().as_secs_f64();
        let now = [self.used(), usage("self").cpu_s];
        let calls = self.run.counter.read().total() - calls;
        let watch = self.run.watch.clone();
        let drained = Instant::now();
        self.run
            .until("pods of the churn have their ports", || {
                watch.seen().waiting.is_empty()
            })
            .await?;
        bar.finish_and_clear();
        let waits = std::mem::take(&mut self.run.watch.seen().waits);
        report.figure("churn_pods_per_s", count(done) / took);
        report.figure("churn_calls_per_pod", count(calls) / count(done).max(1.0));
        report.figure("churn_drained_s", drained.elapsed().as_secs_f64());
        report.figure("controller_cpu_cores", (now[0] - used[0]) / took);
        report.figure("cloud_cpu_cores", (now[1] - used[1]) / took);
        halves(&queue, report);
        report.runs("churn_queue", "pods", queue);
        report.runs("churn_wait", "s", waits);
        self.run.settle().await?;
        let unnamed = leaks::unnamed(&self.run.site, &self.run.watch)?;
        report.figure("ports_beside_pods_after_churn", count(unnamed as u64));
        self.memory("controller_rss_after_churn_mb", report);
        Ok(())
    }

    /// Another pod, on any node, for the oldest.
    fn replace_one(&mut self) -> Result<(), BenchError> {
        self.delete_oldest()?;
        let (name, _) = self.name();
        let node = rand::rng().random_range(0..self.run.site.nodes.len());
        self.create(name, node)
    }

    /// Deletes all pods; what is left of their ports then is leaked.
    async fn empty(&mut self, report: &mut Report) -> Result<(), BenchError> {
        self.sampler.mark("delete", self.run.pid());
        let begun = Instant::now();
        let all = leaks::ours(&self.run.site)?.len();
        let bar = bar(all, "ports are given back");
        while !self.pods.is_empty() {
            for _ in 0..BURST {
                self.delete_oldest()?;
            }
            tokio::task::yield_now().await;
        }
        let watch = self.run.watch.clone();
        self.run
            .until("every KuryrPort is gone", || watch.seen().claims.is_empty())
            .await?;
        report.figure("delete_kuryrports_s", begun.elapsed().as_secs_f64());
        let (mut changed, mut changes) = (Instant::now(), self.run.changes());
        let left = loop {
            let left = leaks::ours(&self.run.site)?.len();
            bar.set_position(all.saturating_sub(left) as u64);
            let now = self.run.changes();
            if now != changes {
                (changed, changes) = (Instant::now(), now);
            }
            if left == 0 || changed.elapsed() > FORSAKEN {
                break left;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
            self.run.alive()?;
        };
        bar.finish_and_clear();
        report.figure("delete_ports_s", (changed - begun).as_secs_f64());
        report.figure("leaked_ports", count(left as u64));
        Ok(())
    }

    fn used(&self) -> f64 {
        self.usage().cpu_s
    }

    /// What the controller has used.
    pub(super) fn usage(&self) -> Usage {
        self.run.usage()
    }

    /// The most memory that the present controller ever had, MB.
    fn peak(&self) -> f64 {
        self.usage().peak_mb
    }

    /// The controller's memory at this moment.
    fn memory(&self, name: &str, report: &mut Report) {
        report.figure(name, self.usage().rss_mb);
    }
}

/// A queue that does not grow has as many in the second half as in the first.
fn halves(queue: &Runs, report: &mut Report) {
    let (first, second) = queue.runs.split_at(queue.runs.len() / 2);
    for (name, half) in [("first", first), ("second", second)] {
        if !half.is_empty() {
            let mean = half.iter().sum::<f64>() / count(half.len() as u64);
            report.figure(&format!("churn_queue_{name}_half_mean_pods"), mean);
        }
    }
}
