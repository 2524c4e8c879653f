//! Objects read without what facts are not drawn from: most of a pod, all of a node's images,
//! and who manages which field. A list of thousands costs a part of the time and memory.

use std::borrow::Cow;
use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Node, NodeAddress, NodeStatus, Pod, PodSpec, PodStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use kube::Resource;
use serde::{Deserialize, Deserializer};

/// An object of which only some fields were read; the others are at their defaults.
#[derive(Clone, Debug)]
pub(crate) struct Slim<K>(pub(crate) K);

impl<K: Resource<DynamicType = ()>> Resource for Slim<K> {
    type DynamicType = ();
    type Scope = K::Scope;

    fn kind((): &()) -> Cow<'_, str> {
        K::kind(&())
    }

    fn group((): &()) -> Cow<'_, str> {
        K::group(&())
    }

    fn version((): &()) -> Cow<'_, str> {
        K::version(&())
    }

    fn plural((): &()) -> Cow<'_, str> {
        K::plural(&())
    }

    fn meta(&self) -> &ObjectMeta {
        self.0.meta()
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        self.0.meta_mut()
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
}

impl From<Meta> for ObjectMeta {
    fn from(meta: Meta) -> Self {
        Self {
            name: meta.name,
            namespace: meta.namespace,
            uid: meta.uid,
            resource_version: meta.resource_version,
            creation_timestamp: meta.creation_timestamp,
            deletion_timestamp: meta.deletion_timestamp,
            deletion_grace_period_seconds: meta.deletion_grace_period_seconds,
            finalizers: meta.finalizers,
            annotations: meta.annotations,
            ..Self::default()
        }
    }
}

/// An object's parts, of which some may be absent.
#[derive(Deserialize)]
#[serde(bound = "S: Deserialize<'de>, T: Deserialize<'de>")]
struct Parts<S, T> {
    #[serde(default)]
    metadata: Meta,
    spec: Option<S>,
    status: Option<T>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SpecOfPod {
    node_name: Option<String>,
    host_network: Option<bool>,
}

#[derive(Deserialize)]
struct StatusOfPod {
    phase: Option<String>,
}

impl<'de> Deserialize<'de> for Slim<Pod> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let parts = Parts::<SpecOfPod, StatusOfPod>::deserialize(reader)?;
        let spec = |s: SpecOfPod| PodSpec {
            node_name: s.node_name,
            host_network: s.host_network,
            ..PodSpec::default()
        };
        let status = |s: StatusOfPod| PodStatus {
            phase: s.phase,
            ..PodStatus::default()
        };
        Ok(Self(Pod {
            metadata: parts.metadata.into(),
            spec: parts.spec.map(spec),
            status: parts.status.map(status),
        }))
    }
}

#[derive(Deserialize)]
struct SpecOfNode {}

#[derive(Deserialize)]
struct StatusOfNode {
    addresses: Option<Vec<NodeAddress>>,
}

impl<'de> Deserialize<'de> for Slim<Node> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let parts = Parts::<SpecOfNode, StatusOfNode>::deserialize(reader)?;
        let status = |s: StatusOfNode| NodeStatus {
            addresses: s.addresses,
            ..NodeStatus::default()
        };
        Ok(Self(Node {
            metadata: parts.metadata.into(),
            spec: None,
            status: parts.status.map(status),
        }))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;

    use kuryr_api::names::{CONFIG_SOURCE_ANNOTATION, POD_FINALIZER};
    use kuryr_core::port::PortKind;
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
            "spec": {"nodeName": "n1", "containers": [{"name": "main", "image": "i"}]},
            "status": {"phase": "Running", "containerStatuses": []},
        })
    }

    #[test]
    fn a_slim_pod_is_the_same_fact_as_a_whole_one() {
        let kind = Ok(Arc::new(PortKind {
            project: "p".into(),
            network: "n".into(),
            subnets: vec![],
            security_groups: vec![],
        }));
        for over in [false, true] {
            let whole: Pod = serde_json::from_value(pod(over)).unwrap();
            let slim: Slim<Pod> = serde_json::from_value(pod(over)).unwrap();
            assert!(slim.0.metadata.managed_fields.is_none());
            assert_eq!(slim.meta().resource_version.as_deref(), Some("7"));
            let fact = facts::pod(&slim.0, &kind);
            assert!(fact.is_some());
            assert_eq!(fact, facts::pod(&whole, &kind));
        }
    }

    #[test]
    fn a_slim_node_has_its_addresses_and_one_without_status_none() {
        let status = json!({"addresses": [{"type": "InternalIP", "address": "10.0.0.1"}],
            "images": [{"names": ["i"], "sizeBytes": 1}]});
        let node = json!({"metadata": {"name": "n"}, "spec": {"podCIDR": "x"}, "status": status});
        let slim: Slim<Node> = serde_json::from_value(node).unwrap();
        assert_eq!(facts::addresses(&slim.0).len(), 1);
        let bare: Slim<Node> = serde_json::from_value(json!({"metadata": {"name": "n"}})).unwrap();
        assert!(facts::addresses(&bare.0).is_empty());
    }
}
