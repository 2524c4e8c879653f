//! Everything of ours that can be left somewhere, listed.

use std::collections::BTreeSet;
use std::fmt;

use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};
use kuryr_api::names::POD_FINALIZER;
use kuryr_api::{KuryrLoadBalancer, KuryrPort};
use kuryr_openstack::model::SecurityGroup;
use serde::Deserialize;
use serde_json::Value;
use tokio::process::Command;

use crate::Outcome;
use crate::cloud::{Group, Tenant};
use crate::node::Node;
use crate::stack;

/// One line for each thing: what it is and where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traces(pub BTreeSet<String>);

/// Whom to ask.
#[derive(Clone, Copy)]
pub struct Places<'a> {
    /// Kubernetes.
    pub kube: &'a Client,
    /// Neutron.
    pub tenant: &'a Tenant,
    /// The group of all pods' ports.
    pub group: Option<&'a Group>,
    pub nodes: &'a [Node],
}

/// A bpf program or map, as `bpftool -j` has it.
#[derive(Deserialize)]
struct Bpf {
    id: u32,
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    name: String,
}

impl Traces {
    /// Looks everywhere.
    ///
    /// # Errors
    /// A place can't be looked at.
    pub async fn list(places: Places<'_>) -> Outcome<Self> {
        let mut found = BTreeSet::new();
        in_neutron(places, &mut found).await?;
        in_kubernetes(places.kube, &mut found).await?;
        for node in places.nodes {
            on_node(node, &mut found).await?;
        }
        in_kernel(&mut found).await?;
        Ok(Self(found))
    }

    /// What is here and was not in `before`.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        Self(self.0.difference(&before.0).cloned().collect())
    }
}

impl fmt::Display for Traces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} left", self.0.len())?;
        self.0.iter().try_for_each(|line| write!(f, "\n    {line}"))
    }
}

async fn in_neutron(places: Places<'_>, found: &mut BTreeSet<String>) -> Outcome {
    found.extend(places.tenant.balancing().await?);
    let groups = places.tenant.policy_groups().await?;
    let group = |group: &SecurityGroup| format!("security group {} {}", group.id, group.name);
    found.extend(groups.iter().map(group));
    let networks = places.tenant.networks().await?;
    found.extend(
        networks
            .iter()
            .map(|n| format!("network {} {}", n.id, n.name)),
    );
    let mut ports = places.tenant.ours().await?;
    if let Some(group) = places.group {
        ports.extend(places.tenant.ports_in(group).await?);
    }
    found.extend(ports.iter().map(|port| format!("port {}", port.id)));
    let subports = places.tenant.subports().await?;
    found.extend(subports.iter().map(|(trunk, port)| {
        format!(
            "subport {} VLAN {} of trunk {trunk}",
            port.port_id, port.segmentation_id
        )
    }));
    Ok(())
}

async fn in_kubernetes(kube: &Client, found: &mut BTreeSet<String>) -> Outcome {
    let everything = ListParams::default();
    for port in Api::<KuryrPort>::all(kube.clone())
        .list(&everything)
        .await?
    {
        let finalizers = port.finalizers().join(" ");
        found.insert(format!(
            "kuryrport {} finalizers [{finalizers}]",
            name(&port)
        ));
    }
    let balancers = Api::<KuryrLoadBalancer>::all(kube.clone());
    for balancer in balancers.list(&everything).await? {
        found.insert(format!("kuryrloadbalancer {}", name(&balancer)));
    }
    for pod in Api::<Pod>::all(kube.clone()).list(&everything).await? {
        if pod.finalizers().iter().any(|f| f == POD_FINALIZER) {
            found.insert(format!("finalizer of pod {}", name(&pod)));
        }
    }
    Ok(())
}

fn name(object: &impl ResourceExt) -> String {
    format!(
        "{}/{}",
        object.namespace().unwrap_or_default(),
        object.name_any()
    )
}

async fn on_node(node: &Node, found: &mut BTreeSet<String>) -> Outcome {
    for link in node.links().await? {
        found.insert(format!(
            "link {} {} on {}",
            link.ifindex, link.ifname, node.name
        ));
    }
    for line in node.traffic_control().await? {
        found.insert(format!("tc on {}: {line}", node.name));
    }
    for path in node.pod_networks()? {
        found.insert(format!("namespace {}", path.display()));
    }
    Ok(())
}

/// Programs for tc, and maps, whoever holds them.
async fn in_kernel(found: &mut BTreeSet<String>) -> Outcome {
    for what in ["prog", "map"] {
        let mut bpftool = Command::new("bpftool");
        bpftool.args(["-j", what, "show"]);
        // What went away while it was listed is shown as an error.
        let all: Vec<Value> = stack::json(bpftool).await?;
        let all = all
            .into_iter()
            .filter_map(|v| serde_json::from_value::<Bpf>(v).ok());
        for bpf in all.filter(|bpf| what == "map" || bpf.kind == "sched_cls") {
            found.insert(format!("bpf {what} {} {} {}", bpf.id, bpf.kind, bpf.name));
        }
    }
    Ok(())
}
