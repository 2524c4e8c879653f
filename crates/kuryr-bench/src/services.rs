//! Services: what load balancers cost in calls and time.
//!
//! The endpoints are written as slices and need not be there: what is measured is the way from
//! Kubernetes to Octavia, seen in the KuryrLoadBalancer's status.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use k8s_openapi::api::core::v1::Service;
use kube::api::{ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::GroupVersionKind;
use kube::{Api, Client};
use kuryr_api::KuryrLoadBalancer;
use serde_json::{Value, json};

use crate::error::For;
use crate::scrape::{Scrape, between};
use crate::stats::Runs;
use crate::{BenchError, Report};

/// How the names of changing operations begin.
const CHANGES: [&str; 6] = ["create_", "update_", "delete_", "set_", "add_", "failover_"];
/// How often it is looked.
const LOOK: Duration = Duration::from_millis(20);

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Options {
    /// Namespace, which is there.
    pub namespace: String,
    /// New Services that are timed.
    pub rounds: usize,
    /// Ports of each, TCP and UDP in turn.
    pub ports: u16,
    /// Endpoints that are added one by one.
    pub singles: usize,
    /// The first endpoint's address; the others follow.
    pub first_address: Ipv4Addr,
    /// Longest wait for one thing.
    pub limit: Duration,
    /// The controller's `/metrics`.
    pub controller_metrics: String,
}

struct Bench<'a> {
    options: &'a Options,
    services: Api<Service>,
    slices: Api<DynamicObject>,
    resource: ApiResource,
    balancers: Api<KuryrLoadBalancer>,
}

/// Runs it.
///
/// # Errors
/// [`BenchError`] says what is missing.
pub async fn run(client: &Client, options: &Options) -> Result<Report, BenchError> {
    let resource = slices(client).await?;
    let bench = Bench {
        options,
        services: Api::namespaced(client.clone(), &options.namespace),
        slices: Api::namespaced_with(client.clone(), &options.namespace, &resource),
        balancers: Api::namespaced(client.clone(), &options.namespace),
        resource,
    };
    let mut report = Report::new("services: from Kubernetes to Octavia");
    bench.new_services(&mut report).await?;
    bench.growth(&mut report).await?;
    Ok(report)
}

/// The newest version of slices that the cluster has.
async fn slices(client: &Client) -> Result<ApiResource, BenchError> {
    let groups = client
        .list_api_groups()
        .await
        .while_("asking for API groups")?;
    let discovery = groups
        .groups
        .into_iter()
        .find(|g| g.name == "discovery.k8s.io");
    let versions: Vec<String> = discovery
        .into_iter()
        .flat_map(|g| g.versions)
        .map(|v| v.version)
        .collect();
    let newest = ["v1", "v1beta1"]
        .into_iter()
        .find(|v| versions.iter().any(|has| has == v));
    let Some(version) = newest else {
        let what = "this cluster has no EndpointSlices, which the benchmark writes";
        return Err(BenchError::Options(what.to_owned()));
    };
    let kind = GroupVersionKind::gvk("discovery.k8s.io", version, "EndpointSlice");
    Ok(ApiResource::from_gvk_with_plural(&kind, "endpointslices"))
}

impl Bench<'_> {
    /// New Services with 10 endpoints, one after the other.
    async fn new_services(&self, report: &mut Report) -> Result<(), BenchError> {
        let bar = ProgressBar::new(self.options.rounds as u64).with_message("new Services");
        let (mut made, mut gone, mut calls) = (Runs::default(), Runs::default(), Runs::default());
        for round in 0..self.options.rounds {
            let name = format!("bench-{round}");
            let before = self.changes().await?;
            let begun = Instant::now();
            self.endpoints(&name, 10).await?;
            self.service(&name).await?;
            self.until_members(&name, 10 * self.members()).await?;
            made.runs.push(begun.elapsed().as_secs_f64());
            calls
                .runs
                .push(between(&before, &self.changes().await?).values().sum());
            gone.runs.push(self.delete(&name).await?);
            bar.inc(1);
        }
        bar.finish_and_clear();
        if let Some(worst) = calls.max() {
            report.figure("new_service_10_endpoints_calls", worst);
        }
        report
            .runs
            .insert("new_service_10_endpoints_calls".to_owned(), calls);
        report.runs("new_service_10_endpoints", "s", made);
        report.runs("delete_service", "s", gone);
        Ok(())
    }

    /// One Service from 10 endpoints to 60, then one endpoint more at a time.
    async fn growth(&self, report: &mut Report) -> Result<(), BenchError> {
        let name = "bench-growth";
        self.endpoints(name, 10).await?;
        self.service(name).await?;
        self.until_members(name, 10 * self.members()).await?;
        let before = self.changes().await?;
        let begun = Instant::now();
        self.endpoints(name, 60).await?;
        self.until_members(name, 60 * self.members()).await?;
        report.figure("scale_10_to_60_s", begun.elapsed().as_secs_f64());
        let made = between(&before, &self.changes().await?);
        let per_port = made.values().sum::<f64>() / f64::from(self.options.ports);
        report.figure("scale_10_to_60_calls_per_port", per_port);
        let bar = ProgressBar::new(self.options.singles as u64).with_message("one endpoint more");
        let mut single = Runs::default();
        for count in 61..=60 + self.options.singles {
            let begun = Instant::now();
            self.endpoints(name, count).await?;
            self.until_members(name, count * self.members()).await?;
            single.runs.push(begun.elapsed().as_secs_f64() * 1e3);
            bar.inc(1);
        }
        bar.finish_and_clear();
        report.runs("endpoint_to_member", "ms", single);
        report.note("an endpoint is a member when the KuryrLoadBalancer says so, of all ports");
        self.delete(name).await?;
        Ok(())
    }

    /// Members that an endpoint comes to.
    fn members(&self) -> usize {
        self.options.ports.into()
    }

    /// Ports from a number on.
    fn ports(&self, first: u16) -> Vec<Value> {
        let port = |n: u16| {
            let protocol = if n.is_multiple_of(2) { "TCP" } else { "UDP" };
            json!({"name": format!("p{n}"), "port": first.saturating_add(n), "protocol": protocol})
        };
        (0..self.options.ports).map(port).collect()
    }

    async fn service(&self, name: &str) -> Result<(), BenchError> {
        let object = json!({"metadata": {"name": name}, "spec": {"ports": self.ports(80)}});
        let service: Service = serde_json::from_value(object)
            .map_err(kube::Error::SerdeError)
            .while_("a Service")?;
        let made = self.services.create(&PostParams::default(), &service).await;
        made.while_("creating a Service").map(drop)
    }

    /// Sets a Service's endpoints, 100 a slice at most, as Kubernetes itself does.
    async fn endpoints(&self, name: &str, count: usize) -> Result<(), BenchError> {
        for (i, first) in (0..count).step_by(100).enumerate() {
            let slice = self.slice(name, i, first..count.min(first + 100));
            let patch = Patch::Apply(&slice);
            let by = PatchParams::apply("kuryr-bench").force();
            let written = self.slices.patch(&format!("{name}-{i}"), &by, &patch).await;
            written.while_("writing endpoints")?;
        }
        Ok(())
    }

    fn slice(&self, service: &str, index: usize, range: std::ops::Range<usize>) -> Value {
        let first = u32::from(self.options.first_address);
        let endpoint = |n: usize| {
            let offset = u32::try_from(n).unwrap_or(0);
            let address = Ipv4Addr::from(first.wrapping_add(offset));
            json!({"addresses": [address], "conditions": {"ready": true}})
        };
        json!({
            "apiVersion": self.resource.api_version, "kind": "EndpointSlice",
            "metadata": {
                "name": format!("{service}-{index}"),
                "labels": {"kubernetes.io/service-name": service},
            },
            "addressType": "IPv4",
            "ports": self.ports(8080),
            "endpoints": range.map(endpoint).collect::<Vec<_>>(),
        })
    }

    async fn until_members(&self, name: &str, count: usize) -> Result<(), BenchError> {
        let mut seen = 0;
        self.until(&format!("{name} has {count} members"), async || {
            let there = self
                .balancers
                .get_opt(name)
                .await
                .while_("reading a KuryrLoadBalancer")?;
            let status = there.and_then(|b| b.status);
            seen = status.and_then(|s| s.members).map_or(0, |m| m.len());
            Ok((seen == count, format!("it has {seen}")))
        })
        .await
    }

    /// Deletes a Service and its slices; seconds until its KuryrLoadBalancer is gone.
    async fn delete(&self, name: &str) -> Result<f64, BenchError> {
        let begun = Instant::now();
        let now = DeleteParams::default();
        self.services
            .delete(name, &now)
            .await
            .while_("deleting a Service")?;
        self.until(&format!("{name} is gone"), async || {
            let there = self
                .balancers
                .get_opt(name)
                .await
                .while_("reading a KuryrLoadBalancer")?;
            Ok((there.is_none(), "it is there".to_owned()))
        })
        .await?;
        Ok(begun.elapsed().as_secs_f64())
    }

    async fn until(
        &self,
        what: &str,
        mut look: impl AsyncFnMut() -> Result<(bool, String), BenchError>,
    ) -> Result<(), BenchError> {
        let begun = Instant::now();
        loop {
            let (done, state) = look().await?;
            if done {
                return Ok(());
            }
            if begun.elapsed() > self.options.limit {
                return Err(BenchError::Late {
                    what: what.to_owned(),
                    seconds: self.options.limit.as_secs(),
                    state,
                });
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Changing calls to Octavia so far, by operation.
    async fn changes(&self) -> Result<BTreeMap<String, f64>, BenchError> {
        let scrape = Scrape::read(&self.options.controller_metrics).await?;
        let mut calls = scrape.octavia_calls();
        calls.retain(|operation, _| CHANGES.iter().any(|c| operation.starts_with(c)));
        Ok(calls)
    }
}
