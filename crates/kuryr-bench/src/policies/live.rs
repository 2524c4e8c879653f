//! The controller as it runs, beside an embedded cloud: calls, times and memory.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use kuryr_embedded_kubernetes::api::{Part, Target, WriteOptions};
use kuryr_embedded_kubernetes::store::Key;
use kuryr_embedded_openstack::{Caller, Kind, State};
use serde_json::{Value, json};

use super::shape::{self, Size};
use super::{Options, count};
use crate::simulated::calls::Counts;
use crate::simulated::controller::Program;
use crate::simulated::objects;
use crate::simulated::run::{BURST, Run, bar};
use crate::simulated::site::{Site, caller, write};
use crate::stats::Runs;
use crate::{BenchError, Report};

/// For how long a controller at rest is watched.
const REST: Duration = Duration::from_secs(10);
/// After each change it is waited until all is quiet, so that there are no more of them.
const MOST_ROUNDS: usize = 20;
/// A cloud with its pods and policies, and the controller.
struct Bench {
    run: Run,
    size: Size,
    /// Pods made so far.
    made: usize,
    _conf: tempfile::TempDir,
}

/// Pods and policies of a size, from nothing to rest; then single changes, if any.
pub(super) async fn run(
    options: &Options,
    size: Size,
    figure: &impl Fn(&str) -> String,
    report: &mut Report,
) -> Result<(), BenchError> {
    let rounds = options.rounds.min(MOST_ROUNDS);
    let mut bench = Bench::start(options, size).await?;
    bench.run.start(drop).await?;
    let begun = Instant::now();
    bench.pods().await?;
    report.figure(&figure("pods_s"), begun.elapsed().as_secs_f64());
    bench.run.settle().await?;
    bench.policies(figure, report).await?;
    bench.at_rest(figure, report).await?;
    bench.labels(rounds, figure, report).await?;
    bench.joins(rounds, figure, report).await?;
    bench.restart(figure, report).await
}

impl Bench {
    async fn start(options: &Options, size: Size) -> Result<Self, BenchError> {
        let mut site = Site::start(size.pods).await?;
        site.grow(size.nodes())?;
        let conf = tempfile::tempdir().map_err(|error| BenchError::Cloud {
            what: "make a temporary folder".to_owned(),
            message: error.to_string(),
        })?;
        let enforcing = "[kubernetes]\npod_security_groups_driver = policy\n";
        let file: PathBuf = write(&conf.path().join("policies.conf"), enforcing)?;
        let program = Program::new(&site, options.program.clone(), vec![file], true)?;
        for number in 0..size.namespaces() {
            let labels = shape::namespace_labels(number);
            let object = json!({"metadata": {"name": shape::namespace(number), "labels": labels}});
            site.make("", "namespaces", "", object)?;
        }
        Ok(Self {
            run: Run::new(site, program, options.limit),
            size,
            made: 0,
            _conf: conf,
        })
    }

    fn create(&mut self, number: usize) -> Result<(), BenchError> {
        let (namespace, name) = shape::pod(number, self.size);
        self.run.watch.expect(&name);
        let node = &self.run.site.nodes[number % self.run.site.nodes.len()].name;
        let mut pod = objects::pod(&name, node);
        pod["metadata"]["namespace"] = json!(namespace);
        pod["metadata"]["labels"] = shape::labels(shape::app(number, self.size));
        self.run.site.make("", "pods", &namespace, pod)?;
        self.made = self.made.max(number + 1);
        Ok(())
    }

    async fn pods(&mut self) -> Result<(), BenchError> {
        let bar = bar(self.size.pods, "pods get their ports");
        for number in 0..self.size.pods {
            self.create(number)?;
            if number % BURST == 0 {
                tokio::task::yield_now().await;
            }
        }
        let (watch, all) = (self.run.watch.clone(), self.size.pods);
        self.run
            .until("every pod has its port", || {
                let ready = watch.seen().ready.len();
                bar.set_position(ready as u64);
                ready >= all
            })
            .await?;
        bar.finish_and_clear();
        Ok(())
    }

    /// All policies at once, until each is in force on all of its pods.
    async fn policies(
        &mut self,
        figure: &impl Fn(&str) -> String,
        report: &mut Report,
    ) -> Result<(), BenchError> {
        let bar = bar(self.size.policies, "policies are in force");
        let (begun, before, cpu) = (
            Instant::now(),
            self.run.counter.read(),
            self.run.usage().cpu_s,
        );
        for number in 0..self.size.policies {
            let policy = shape::policy(number, self.size);
            let namespace = policy["metadata"]["namespace"].as_str().unwrap_or_default();
            let namespace = namespace.to_owned();
            self.run
                .site
                .make("networking.k8s.io", "networkpolicies", &namespace, policy)?;
            if number % BURST == 0 {
                tokio::task::yield_now().await;
            }
        }
        let (watch, all) = (self.run.watch.clone(), self.size.policies as u64);
        self.run
            .until("every policy is in force", || {
                let told = watch.seen().events.get("InForce").copied().unwrap_or(0);
                bar.set_position(told);
                told >= all
            })
            .await?;
        bar.finish_and_clear();
        let calls = since(&before, &self.run.counter.read());
        report.figure(&figure("from_nothing_s"), begun.elapsed().as_secs_f64());
        report.figure(&figure("from_nothing_calls"), whole(calls.changing));
        report.figure(&figure("from_nothing_cpu_s"), self.run.usage().cpu_s - cpu);
        self.run.settle().await
    }

    async fn at_rest(
        &mut self,
        figure: &impl Fn(&str) -> String,
        report: &mut Report,
    ) -> Result<(), BenchError> {
        let (begun, cpu) = (Instant::now(), self.run.usage().cpu_s);
        tokio::time::sleep(REST).await;
        self.run.alive()?;
        let cores = (self.run.usage().cpu_s - cpu) / begun.elapsed().as_secs_f64();
        report.figure(&figure("rest_cpu_cores"), cores);
        let usage = self.run.usage();
        report.figure(&figure("controller_rss_mb"), usage.rss_mb);
        report.figure(&figure("controller_rss_peak_mb"), usage.peak_mb);
        Ok(())
    }

    /// A pod becomes one of another application: until Neutron has the groups of its policies on its port.
    async fn labels(
        &mut self,
        rounds: usize,
        figure: &impl Fn(&str) -> String,
        report: &mut Report,
    ) -> Result<(), BenchError> {
        let turns = self.size.policies.div_ceil(self.size.namespaces());
        let pods = (0..self.size.pods).filter(|number| {
            let app = shape::app(*number, self.size);
            app < turns && shape::other(app) < turns
        });
        let pods: Vec<usize> = pods.step_by(7).take(rounds).collect();
        let (mut took, mut calls, mut rules) = (Runs::default(), Runs::default(), Runs::default());
        let bar = bar(pods.len(), "labels change");
        for number in pods {
            let app = shape::app(number, self.size);
            let before = self.run.counter.read();
            let begun = Instant::now();
            self.relabel(number, shape::other(app))?;
            self.until_enforced(number, shape::other(app)).await?;
            took.push(begun.elapsed().as_secs_f64() * 1e3);
            self.run.settle().await?;
            let made = since(&before, &self.run.counter.read());
            calls.push(kind(&made, "set security groups"));
            rules.push(kind(&made, "security groups and rules"));
            self.relabel(number, app)?;
            self.until_enforced(number, app).await?;
            // A call is counted when it is answered, a moment after what it does can be seen.
            self.run.settle().await?;
            bar.inc(1);
        }
        bar.finish_and_clear();
        report.runs(&figure("label_to_enforced"), "ms", took);
        report.runs(&figure("label"), "calls", calls);
        let most = rules.max().unwrap_or_default();
        report.figure(&figure("label_rules_touched"), most);
        Ok(())
    }

    /// Pods come: calls beside those that give any pod its port.
    async fn joins(
        &mut self,
        rounds: usize,
        figure: &impl Fn(&str) -> String,
        report: &mut Report,
    ) -> Result<(), BenchError> {
        let (mut calls, mut rules) = (Runs::default(), Runs::default());
        for _ in 0..rounds {
            let before = self.run.counter.read();
            let number = self.made;
            self.create(number)?;
            let (_, name) = shape::pod(number, self.size);
            let watch = self.run.watch.clone();
            self.run
                .until("a pod has its port", || {
                    watch.seen().ready.contains_key(&name)
                })
                .await?;
            self.run.settle().await?;
            let made = since(&before, &self.run.counter.read());
            calls.push(kind(&made, "set security groups"));
            rules.push(kind(&made, "security groups and rules"));
        }
        report.figure(&figure("join_calls"), calls.max().unwrap_or_default());
        report.figure(
            &figure("join_rules_touched"),
            rules.max().unwrap_or_default(),
        );
        Ok(())
    }

    async fn restart(
        &mut self,
        figure: &impl Fn(&str) -> String,
        report: &mut Report,
    ) -> Result<(), BenchError> {
        self.run.kill().await?;
        let before = self.run.counter.read();
        let took = self.run.start(drop).await?;
        self.run.settle().await?;
        let made = since(&before, &self.run.counter.read());
        report.figure(&figure("restart_s"), took);
        report.figure(&figure("restart_changing_calls"), whole(made.changing));
        Ok(())
    }

    fn relabel(&self, number: usize, app: usize) -> Result<(), BenchError> {
        let (namespace, name) = shape::pod(number, self.size);
        let api = self.run.site.kube.api();
        let written = api.kind("", "pods").and_then(|kind| {
            let key = Key::new(&namespace, &name);
            let target = Target { kind, key };
            api.update(&target, Part::Main, &WriteOptions::default(), |old| {
                let mut new = old.clone();
                new["metadata"]["labels"] = shape::labels(app);
                Ok(new)
            })
        });
        written.map(drop).map_err(|error| BenchError::Cloud {
            what: format!("change the labels of pod {name}"),
            message: error.message,
        })
    }

    /// Waits until Neutron has on the pod's port the groups of its application's policy, and of no other.
    async fn until_enforced(&mut self, number: usize, app: usize) -> Result<(), BenchError> {
        let (namespace, name) = shape::pod(number, self.size);
        let port = self.run.watch.seen().ready.get(&name).cloned();
        let port = port.unwrap_or_default();
        let handle = self.run.site.openstack.handle().clone();
        let own = format!("policy {namespace}/policy-{app:03} ");
        self.run
            .until("a port has its policies' groups", || {
                let names = handle.with(|state| groups_of(state, &port));
                let mut of_policies = names
                    .iter()
                    .filter(|name| name.contains("gress of policy "));
                let both = ["ingress", "egress"].map(|d| format!("/{d} of {own}"));
                let has_own = both
                    .iter()
                    .all(|own| names.iter().any(|name| name.contains(own)));
                has_own && of_policies.all(|name| name.contains(&own))
            })
            .await
    }
}

/// The names of the security groups of a port.
fn groups_of(state: &mut State, port: &str) -> Vec<String> {
    let caller: Caller = caller(state);
    let port = state.cloud.show(&caller, Kind::Port, port, &[]);
    let groups = port.map(|port| port["security_groups"].clone());
    let groups = groups.unwrap_or_default();
    let ids = groups.as_array().into_iter().flatten();
    let names = ids.filter_map(Value::as_str).filter_map(|id| {
        let group = state
            .cloud
            .show(&caller, Kind::SecurityGroup, id, &["name".to_owned()]);
        group.ok()?["name"].as_str().map(str::to_owned)
    });
    names.collect()
}

/// What was called between two readings.
fn since(before: &Counts, after: &Counts) -> Counts {
    let kinds = after.by_kind.iter().map(|(kind, n)| {
        let then = before.by_kind.get(kind).copied().unwrap_or(0);
        (*kind, n - then)
    });
    Counts {
        by_kind: kinds.collect(),
        changing: after.changing - before.changing,
    }
}

fn kind(counts: &Counts, kind: &str) -> f64 {
    whole(counts.by_kind.get(kind).copied().unwrap_or(0))
}

fn whole(calls: u64) -> f64 {
    count(usize::try_from(calls).unwrap_or(usize::MAX))
}
