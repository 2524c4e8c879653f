//! NetworkPolicies, the security groups that come of them, and what these let pass.

use std::collections::BTreeSet;
use std::net::IpAddr;

use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use kuryr_api::names::cluster_tag;
use kuryr_lab::openstack::{Fields, Kind, PortWiring, Rule, Wiring};
use serde_json::{Value, json};

use super::cluster::NAMESPACE;
use super::{CLUSTER, Options, World};

/// What stands before the key in the tag of a policy's security group.
const KEY: &str = "kuryr-policy-group=";

impl Options {
    /// One that enforces NetworkPolicies.
    pub(crate) fn enforcing() -> Self {
        Self {
            policies: true,
            ..Self::default()
        }
    }
}

impl World {
    fn policies(&self) -> Api<NetworkPolicy> {
        Api::namespaced(self.client.clone(), NAMESPACE)
    }

    /// Creates a NetworkPolicy in the usual namespace.
    pub(crate) async fn add_policy(&self, name: &str, spec: Value) {
        let policy = json!({"metadata": {"name": name}, "spec": spec});
        let policy = serde_json::from_value(policy).unwrap();
        let api = self.policies();
        api.create(&PostParams::default(), &policy).await.unwrap();
    }

    /// Gives a NetworkPolicy another spec.
    pub(crate) async fn change_policy(&self, name: &str, spec: Value) {
        let mut policy = self.policies().get(name).await.unwrap();
        policy.spec = serde_json::from_value(spec).unwrap();
        let api = self.policies();
        let done = api.replace(name, &PostParams::default(), &policy).await;
        done.unwrap();
    }

    /// Deletes a NetworkPolicy.
    pub(crate) async fn delete_policy(&self, name: &str) {
        let api = self.policies();
        api.delete(name, &DeleteParams::default()).await.unwrap();
    }

    /// Creates a pod on a node with the label `app`.
    pub(crate) async fn add_app(&self, name: &str, node: &str, app: &str) {
        let labels = json!({"labels": {"app": app}});
        self.add_pod_with(name, node, labels).await;
    }

    /// Gives a pod another label `app`.
    pub(crate) async fn relabel(&self, pod: &str, app: &str) {
        let labels = json!({"metadata": {"labels": {"app": app}}});
        let patch = Patch::Merge(&labels);
        let done = self.pods().patch(pod, &PatchParams::default(), &patch);
        done.await.unwrap();
    }

    /// The security groups of a cluster's policies.
    pub(crate) fn policy_groups_of(&self, cluster: &str) -> Vec<Fields> {
        let tag = json!(cluster_tag(cluster));
        let mut all = self.objects(Kind::SecurityGroup);
        all.retain(|group| {
            let tags = group["tags"].as_array().unwrap();
            let keyed = tags.iter().any(|t| t.as_str().unwrap().starts_with(KEY));
            tags.contains(&tag) && keyed
        });
        all
    }

    /// Those of the usual cluster.
    pub(crate) fn policy_groups(&self) -> Vec<Fields> {
        self.policy_groups_of(CLUSTER)
    }

    /// Whether the cloud lets a TCP connection between two pods pass.
    pub(crate) fn passes(&self, from: &str, to: &str, port: u16) -> Result<bool, String> {
        let wiring = self.cloud(|state, _| state.cloud.wiring());
        let (from, to) = (self.wired(&wiring, from)?, self.wired(&wiring, to)?);
        let out = lets(&wiring, from, false, address(to), port);
        Ok(out && lets(&wiring, to, true, address(from), port))
    }

    fn wired<'a>(&self, wiring: &'a Wiring, pod: &str) -> Result<&'a PortWiring, String> {
        let claim = self.claim(pod).ok_or(format!("{pod} has no KuryrPort"))?;
        let (port, _, active) = claim.vif.ok_or(format!("{pod} has no port"))?;
        let wired = wiring.ports.get(&port).filter(|_| active);
        wired.ok_or(format!("{pod} is not ready"))
    }

    /// Waits until exactly these connections to a TCP port pass, of all between these pods.
    pub(crate) async fn only(&self, pods: &[&str], port: u16, pairs: &[(&str, &str)]) {
        self.until(|world| {
            let mut passing = BTreeSet::new();
            for from in pods {
                for to in pods.iter().filter(|to| *to != from) {
                    if world.passes(from, to, port)? {
                        passing.insert((*from, *to));
                    }
                }
            }
            let wanted: BTreeSet<_> = pairs.iter().copied().collect();
            (passing == wanted)
                .then_some(())
                .ok_or(format!("{port}: {passing:?} pass and not {wanted:?}"))
        })
        .await;
    }

    /// Waits until no policy has left anything, and pods have the operator's groups.
    pub(crate) async fn no_policy_left(&self) {
        self.until(|world| {
            let groups = world.policy_groups().len();
            let none = (groups == 0).then_some(());
            none.ok_or(format!("{groups} security groups"))?;
            world.check_pods()
        })
        .await;
    }

    /// Calls that were to change something in Neutron, by method and path.
    pub(crate) fn neutron_changes(&self) -> Vec<String> {
        let mut calls = self.openstack.calls().all();
        calls.retain(|c| c.changes() && c.path.starts_with("/v2.0/"));
        let words = calls.iter().map(|c| format!("{} {}", c.method, c.path));
        words.collect()
    }
}

fn address(port: &PortWiring) -> IpAddr {
    port.addresses[0].addr()
}

/// Whether a port's groups let traffic of a direction with somebody pass.
fn lets(wiring: &Wiring, port: &PortWiring, ingress: bool, with: IpAddr, number: u16) -> bool {
    let groups = port.groups.as_ref().unwrap().iter();
    let mut rules = groups
        .filter_map(|g| wiring.groups.get(g))
        .flat_map(|g| &g.rules);
    rules.any(|rule| rule.ingress == ingress && is_about(wiring, rule, with, number))
}

fn is_about(wiring: &Wiring, rule: &Rule, with: IpAddr, number: u16) -> bool {
    let member = |group: &String| {
        let group = wiring.groups.get(group);
        group.is_some_and(|g| g.members.iter().any(|m| m.contains(&with)))
    };
    let ports = match rule.ports {
        (Some(first), Some(last)) => (first..=last).contains(&number),
        _ => true,
    };
    ports
        && rule.ipv6 == with.is_ipv6()
        && matches!(rule.protocol.as_deref(), None | Some("tcp" | "6"))
        && rule.prefix.is_none_or(|prefix| prefix.contains(&with))
        && rule.group.as_ref().is_none_or(member)
}
