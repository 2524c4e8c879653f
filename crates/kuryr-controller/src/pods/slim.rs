//! Objects read without what facts are not drawn from: most of a pod, all of a node's images,
//! and who manages which field. A list of thousands costs a part of the time and memory.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Container, ContainerPort, Node, NodeAddress, NodeStatus, Pod, PodIP, PodSpec, PodStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use kube::Resource;
use serde::{Deserialize, Deserializer};

/// A pod of which only some fields were read.
#[derive(Clone, Debug, Deserialize, Resource)]
#[resource(inherit = "Pod")]
pub(crate) struct SlimPod {
    #[serde(default, deserialize_with = "slim_meta")]
    metadata: ObjectMeta,
    spec: Option<SpecOfPod>,
    status: Option<StatusOfPod>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SpecOfPod {
    node_name: Option<String>,
    host_network: Option<bool>,
    /// Only those with ports that matter.
    #[serde(default, deserialize_with = "with_ports")]
    containers: Vec<Container>,
    /// The same.
    #[serde(default, deserialize_with = "with_ports")]
    init_containers: Vec<Container>,
}

/// Of a pod's containers those with ports of its node or with a name, and of them nothing else.
fn with_ports<'de, D: Deserializer<'de>>(reader: D) -> Result<Vec<Container>, D::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Slim {
        ports: Option<Vec<ContainerPort>>,
        restart_policy: Option<String>,
    }
    let matters =
        |port: &ContainerPort| port.name.is_some() || port.host_port.is_some_and(|p| p != 0);
    let all = Option::<Vec<Slim>>::deserialize(reader)?.unwrap_or_default();
    let slim = all.into_iter().filter_map(|container| {
        let ports = container.ports.into_iter().flatten();
        let ports: Vec<ContainerPort> = ports.filter(matters).collect();
        (!ports.is_empty()).then(|| Container {
            ports: Some(ports),
            restart_policy: container.restart_policy,
            ..Container::default()
        })
    });
    Ok(slim.collect())
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct StatusOfPod {
    phase: Option<String>,
    #[serde(rename = "podIPs")]
    pod_ips: Option<Vec<PodIP>>,
}

/// A node of which only some fields were read.
#[derive(Clone, Debug, Deserialize, Resource)]
#[resource(inherit = "Node")]
pub(crate) struct SlimNode {
    #[serde(default, deserialize_with = "slim_meta")]
    metadata: ObjectMeta,
    status: Option<StatusOfNode>,
}

#[derive(Clone, Debug, Deserialize)]
struct StatusOfNode {
    addresses: Option<Vec<NodeAddress>>,
}

/// The other fields are at their defaults.
impl From<SlimPod> for Pod {
    fn from(slim: SlimPod) -> Self {
        Self {
            metadata: slim.metadata,
            spec: slim.spec.map(|s| PodSpec {
                node_name: s.node_name,
                host_network: s.host_network,
                containers: s.containers,
                init_containers: Some(s.init_containers),
                ..PodSpec::default()
            }),
            status: slim.status.map(|s| PodStatus {
                phase: s.phase,
                pod_ips: s.pod_ips,
                ..PodStatus::default()
            }),
        }
    }
}

/// The other fields are at their defaults.
impl From<SlimNode> for Node {
    fn from(slim: SlimNode) -> Self {
        Self {
            metadata: slim.metadata,
            spec: None,
            status: slim.status.map(|s| NodeStatus {
                addresses: s.addresses,
                ..NodeStatus::default()
            }),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Meta {
    name: Option<String>,
    namespace: Option<String>,
    uid: Option<String>,
    resource_version: Option<String>,
    creation_timestamp: Option<Time>,
    deletion_timestamp: Option<Time>,
    deletion_grace_period_seconds: Option<i64>,
    finalizers: Option<Vec<String>>,
    annotations: Option<BTreeMap<String, String>>,
    labels: Option<BTreeMap<String, String>>,
}

fn slim_meta<'de, D: Deserializer<'de>>(reader: D) -> Result<ObjectMeta, D::Error> {
    let meta = Meta::deserialize(reader)?;
    Ok(ObjectMeta {
        name: meta.name,
        namespace: meta.namespace,
        uid: meta.uid,
        resource_version: meta.resource_version,
        creation_timestamp: meta.creation_timestamp,
        deletion_timestamp: meta.deletion_timestamp,
        deletion_grace_period_seconds: meta.deletion_grace_period_seconds,
        finalizers: meta.finalizers,
        annotations: meta.annotations,
        labels: meta.labels,
        ..ObjectMeta::default()
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;

    use kuryr_api::names::{CONFIG_SOURCE_ANNOTATION, POD_FINALIZER};
    use kuryr_core::port::{PortKind, Want};
    use serde_json::{Value, json};

    use super::*;
    use crate::facts;

    fn pod(over: bool) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "name": "a", "namespace": "n", "uid": "u", "resourceVersion": "7",
                "creationTimestamp": "2026-01-01T00:00:00Z",
                "deletionTimestamp": over.then_some("2026-01-02T00:00:00Z"),
                "deletionGracePeriodSeconds": over.then_some(0),
                "finalizers": [POD_FINALIZER],
                "annotations": {CONFIG_SOURCE_ANNOTATION: "file"},
                "managedFields": [{"manager": "kubelet", "fieldsV1": {"f:status": {}}}],
            },
            "spec": {"nodeName": "n1", "containers": [{"name": "main", "image": "i",
                "ports": [{"containerPort": 80, "hostPort": 8080}]}]},
            "status": {"phase": "Running", "containerStatuses": []},
        })
    }

    #[test]
    fn a_slim_pod_is_the_same_fact_as_a_whole_one() {
        let kind = Want::Port(Arc::new(PortKind {
            project: "p".into(),
            network: "n".into(),
            subnets: vec![],
            security_groups: vec![],
        }));
        for over in [false, true] {
            let whole: Pod = serde_json::from_value(pod(over)).unwrap();
            let slim: SlimPod = serde_json::from_value(pod(over)).unwrap();
            assert!(slim.metadata.managed_fields.is_none());
            assert_eq!(slim.meta().resource_version.as_deref(), Some("7"));
            let fact = facts::pod(&slim.into(), &kind);
            assert!(fact.as_ref().is_some_and(|f| f.has_host_port));
            assert_eq!(fact, facts::pod(&whole, &kind));
        }
    }

    #[test]
    fn a_slim_node_has_its_addresses_and_one_without_status_none() {
        let status = json!({"addresses": [{"type": "InternalIP", "address": "10.0.0.1"}],
            "images": [{"names": ["i"], "sizeBytes": 1}]});
        let node = json!({"metadata": {"name": "n"}, "spec": {"podCIDR": "x"}, "status": status});
        let slim: SlimNode = serde_json::from_value(node).unwrap();
        assert_eq!(facts::addresses(&slim.into()).len(), 1);
        let bare: SlimNode = serde_json::from_value(json!({"metadata": {"name": "n"}})).unwrap();
        assert!(facts::addresses(&bare.into()).is_empty());
    }
}
