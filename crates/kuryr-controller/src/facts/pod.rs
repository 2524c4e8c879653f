//! Pod to what ports are given by.

use k8s_openapi::api::core::v1 as core;
use kube::ResourceExt;
use kuryr_api::names::{CONFIG_SOURCE_ANNOTATION, POD_FINALIZER};
use kuryr_core::port::{Pod, PodKey, PodLife, Want};

/// Reduces a pod that wants this unless it is on its node's network; none as long as it is bound to no node.
#[must_use]
pub fn pod(pod: &core::Pod, want: &Want) -> Option<Pod> {
    let spec = pod.spec.as_ref()?;
    let node = spec.node_name.as_deref().filter(|n| !n.is_empty())?;
    let want = if spec.host_network == Some(true) {
        Want::Nothing
    } else {
        want.clone()
    };
    Some(Pod {
        key: PodKey::new(pod.namespace().unwrap_or_default(), pod.name_any()),
        uid: pod.uid().unwrap_or_default().into(),
        node: node.into(),
        want,
        life: life(pod),
        finalizer: pod.finalizers().iter().any(|f| f == POD_FINALIZER),
        is_static: is_static(pod),
        has_host_port: has_host_port(spec),
        age: age(pod),
    })
}

/// Completed pods need no network. One that is being deleted does until its kubelet is done
/// with it, which it says by a grace period of zero; a finalizer may keep it for longer.
pub(super) fn life(pod: &core::Pod) -> PodLife {
    let phase = pod.status.as_ref().and_then(|s| s.phase.as_deref());
    let completed = matches!(phase, Some("Succeeded" | "Failed"));
    let done = pod.metadata.deletion_timestamp.is_some()
        && pod.metadata.deletion_grace_period_seconds == Some(0);
    if completed || done {
        PodLife::Over
    } else {
        PodLife::Alive
    }
}

fn is_static(pod: &core::Pod) -> bool {
    pod.annotations()
        .get(CONFIG_SOURCE_ANNOTATION)
        .is_some_and(|source| source != "api")
}

fn has_host_port(spec: &core::PodSpec) -> bool {
    let ports = spec.containers.iter().filter_map(|c| c.ports.as_ref());
    ports.flatten().any(|port| port.host_port.unwrap_or(0) != 0)
}

fn age(pod: &core::Pod) -> u64 {
    let at = pod.metadata.creation_timestamp.as_ref();
    at.and_then(|t| u64::try_from(t.0.as_second()).ok())
        .unwrap_or(0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn reduced(value: Value) -> Option<Pod> {
        let object: core::Pod = serde_json::from_value(value).unwrap();
        pod(&object, &Want::Unknown(None))
    }

    #[test]
    fn an_unbound_pod_is_nobodys() {
        assert!(reduced(json!({"metadata": {"name": "a"}, "spec": {"containers": []}})).is_none());
    }

    #[test]
    fn pods_on_the_hosts_network_want_nothing() {
        let p = reduced(json!({"metadata": {"name": "a"},
            "spec": {"nodeName": "n", "hostNetwork": true, "containers": []}}));
        assert_eq!(p.unwrap().want, Want::Nothing);
    }

    #[test]
    fn a_pod_is_over_when_it_completed_or_its_kubelet_is_done() {
        for (meta, phase, life) in [
            (json!({}), "Running", PodLife::Alive),
            (json!({}), "Succeeded", PodLife::Over),
            (json!({}), "Failed", PodLife::Over),
            (
                json!({"deletionTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": 30}),
                "Running",
                PodLife::Alive,
            ),
            (
                json!({"deletionTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": 0}),
                "Running",
                PodLife::Over,
            ),
        ] {
            let p = reduced(json!({"metadata": meta, "status": {"phase": phase},
                "spec": {"nodeName": "n", "containers": []}}));
            assert_eq!(p.unwrap().life, life, "{meta} {phase}");
        }
    }

    #[test]
    fn a_port_of_the_node_is_seen() {
        for (port, is_one) in [
            (json!({"containerPort": 80, "hostPort": 8080}), true),
            (json!({"containerPort": 80}), false),
        ] {
            let p = reduced(json!({"metadata": {"name": "a"}, "spec": {"nodeName": "n",
                "containers": [{"name": "a"}, {"name": "b", "ports": [{"containerPort": 1}, port]}]}}));
            assert_eq!(p.unwrap().has_host_port, is_one);
        }
    }

    #[test]
    fn mirror_pods_are_static() {
        let p = reduced(json!({"metadata": {"name": "a",
            "annotations": {CONFIG_SOURCE_ANNOTATION: "file"}},
            "spec": {"nodeName": "n", "containers": []}}));
        assert!(p.unwrap().is_static);
    }
}
