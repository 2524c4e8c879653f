//! Pods as policies see them.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1 as core;
use kube::ResourceExt;
use kuryr_core::policy::{NamedPort, Pod, PodKey, Protocol};
use kuryr_core::port::PodLife;

use super::selector::labels;
use crate::facts::pod::life;

/// Reads a pod.
#[must_use]
pub fn pod(object: &core::Pod) -> Pod {
    let spec = object.spec.as_ref();
    let status = object.status.as_ref();
    let ips = status.and_then(|s| s.pod_ips.as_ref());
    let node = spec.and_then(|s| s.node_name.as_deref());
    Pod {
        key: PodKey::new(object.namespace().unwrap_or_default(), object.name_any()),
        uid: object.uid().unwrap_or_default().into(),
        labels: labels(object.labels()),
        addresses: ips
            .into_iter()
            .flatten()
            .filter_map(|ip| ip.ip.parse().ok())
            .collect(),
        ports: spec.map(named_ports).unwrap_or_default(),
        node: node.filter(|n| !n.is_empty()).map(Into::into),
        host_network: spec.is_some_and(|s| s.host_network == Some(true)),
        over: life(object) == PodLife::Over,
    }
}

/// Named ports of what runs as long as the pod: containers, and init containers that stay.
fn named_ports(spec: &core::PodSpec) -> BTreeSet<NamedPort> {
    let init = spec.init_containers.iter().flatten();
    let sidecars = init.filter(|c| c.restart_policy.as_deref() == Some("Always"));
    let containers = spec.containers.iter().chain(sidecars);
    let ports = containers.flat_map(|c| c.ports.iter().flatten());
    ports.filter_map(named_port).collect()
}

fn named_port(port: &core::ContainerPort) -> Option<NamedPort> {
    Some(NamedPort {
        name: port.name.as_deref()?.into(),
        protocol: Protocol::parse(port.protocol.as_deref().unwrap_or("TCP"))?,
        number: u16::try_from(port.container_port).ok()?,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn all_of_a_pod_that_policies_see() {
        let object = json!({
            "metadata": {"namespace": "shop", "name": "web-0", "uid": "u", "labels": {"app": "web"}},
            "spec": {
                "nodeName": "n1",
                "initContainers": [
                    {"name": "i", "ports": [{"name": "gone", "containerPort": 1}]},
                    {"name": "s", "restartPolicy": "Always", "ports": [{"name": "mesh", "containerPort": 15001}]},
                ],
                "containers": [{"name": "c", "ports": [
                    {"name": "http", "containerPort": 8080}, {"containerPort": 9},
                    {"name": "dns", "containerPort": 53, "protocol": "UDP"},
                ]}],
            },
            "status": {"phase": "Running", "podIPs": [{"ip": "10.0.0.5"}, {"ip": "fd00::5"}]},
        });
        let pod = pod(&serde_json::from_value(object).unwrap());
        let names: Vec<_> = pod.ports.iter().map(|p| (&*p.name, p.number)).collect();
        assert_eq!(names, [("dns", 53), ("http", 8080), ("mesh", 15001)]);
        assert_eq!((pod.addresses.len(), pod.node.as_deref()), (2, Some("n1")));
        assert!(pod.counts() && pod.labels.contains_key("app"));
    }

    #[test]
    fn completed_pods_and_those_on_the_host_do_not_count() {
        for (spec, phase) in [
            (json!({"containers": [], "hostNetwork": true}), "Running"),
            (json!({"containers": []}), "Succeeded"),
        ] {
            let object =
                json!({"metadata": {"name": "a"}, "spec": spec, "status": {"phase": phase}});
            assert!(!pod(&serde_json::from_value(object).unwrap()).counts());
        }
    }
}
