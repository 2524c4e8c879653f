//! What a kubelet reports of pods and nodes: pure.

use std::net::IpAddr;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

/// Version that the Node reports.
pub const VERSION: &str = "v1.33.0";

/// What a pod wants of its kubelet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// A network namespace and the plugin's interface in it.
    Network,
    /// Nothing but the node's own network.
    HostNetwork,
    /// Nothing any more: it ended by itself.
    Nothing,
    /// To be ended and removed.
    Removal,
}

/// What a pod wants.
pub fn wanted(pod: &Pod) -> Wanted {
    let phase = pod
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref());
    let host = pod
        .spec
        .as_ref()
        .is_some_and(|spec| spec.host_network == Some(true));
    if pod.metadata.deletion_timestamp.is_some() {
        Wanted::Removal
    } else if matches!(phase, Some("Succeeded" | "Failed")) {
        Wanted::Nothing
    } else if host {
        Wanted::HostNetwork
    } else {
        Wanted::Network
    }
}

/// Whether a pod's status says already that it runs with these addresses.
pub fn reported(pod: &Pod, addresses: &[IpAddr]) -> bool {
    let Some(status) = &pod.status else {
        return false;
    };
    let shown = status
        .pod_ips
        .iter()
        .flatten()
        .map(|address| address.ip.clone());
    let conditions = status.conditions.iter().flatten();
    let ready = conditions
        .into_iter()
        .any(|condition| condition.type_ == "Ready" && condition.status == "True");
    ready && shown.eq(addresses.iter().map(ToString::to_string))
}

/// A pod's status before its network is there.
pub fn pending(pod: &Pod, host: IpAddr, now: Timestamp) -> Value {
    status(pod, "Pending", host, &[], now)
}

/// A pod's status once it runs.
pub fn running(pod: &Pod, host: IpAddr, addresses: &[IpAddr], now: Timestamp) -> Value {
    status(pod, "Running", host, addresses, now)
}

fn status(pod: &Pod, phase: &str, host: IpAddr, addresses: &[IpAddr], now: Timestamp) -> Value {
    let up = phase == "Running";
    let now = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let start = pod
        .status
        .as_ref()
        .and_then(|status| status.start_time.as_ref())
        .map_or_else(|| json!(now), |start| json!(start));
    let condition = |kind: &str, met: bool| {
        let mut condition = json!({"type": kind, "status": if met { "True" } else { "False" }, "lastTransitionTime": now, "lastProbeTime": null});
        if !met {
            condition["reason"] = json!("ContainersNotReady");
        }
        condition
    };
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    let containers: Vec<Value> = containers
        .map(|container| container_status(pod, container, up, &now))
        .collect();
    json!({"status": {
        "phase": phase,
        "hostIP": host.to_string(),
        "hostIPs": [{"ip": host.to_string()}],
        "podIP": addresses.first().map(ToString::to_string),
        "podIPs": addresses.iter().map(|address| json!({"ip": address.to_string()})).collect::<Vec<_>>(),
        "startTime": start,
        "qosClass": "BestEffort",
        "conditions": [
            condition("PodReadyToStartContainers", up),
            condition("Initialized", true),
            condition("Ready", up),
            condition("ContainersReady", up),
            condition("PodScheduled", true),
        ],
        "containerStatuses": containers,
    }})
}

fn container_status(
    pod: &Pod,
    container: &k8s_openapi::api::core::v1::Container,
    up: bool,
    now: &str,
) -> Value {
    let image = container.image.clone().unwrap_or_default();
    let uid = pod.metadata.uid.clone().unwrap_or_default();
    let state = match up {
        true => json!({"running": {"startedAt": now}}),
        false => json!({"waiting": {"reason": "ContainerCreating"}}),
    };
    json!({
        "name": container.name,
        "image": image,
        "imageID": if up { format!("lab://{image}") } else { String::new() },
        "containerID": up.then(|| format!("lab://{uid}/{}", container.name)),
        "ready": up,
        "started": up,
        "restartCount": 0,
        "lastState": {},
        "state": state,
    })
}

/// The addresses in a CNI result of any version.
pub fn addresses(result: &Value) -> Vec<IpAddr> {
    let ips = result
        .get("ips")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let of_list = ips.filter_map(|ip| ip.get("address")?.as_str());
    let of_old = ["ip4", "ip6"]
        .into_iter()
        .filter_map(|family| result.get(family)?.get("ip")?.as_str());
    of_list
        .chain(of_old)
        .filter_map(|cidr| cidr.split('/').next()?.parse().ok())
        .collect()
}

/// A new Node.
pub fn node(name: &str) -> Value {
    let labels = json!({
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "beta.kubernetes.io/os": "linux",
    });
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}, "spec": {}})
}

/// A Node's status. `network` says why the network is not ready, where it is not.
pub fn node_status(
    name: &str,
    addresses: &[IpAddr],
    network: Result<(), &str>,
    since: Timestamp,
    now: Timestamp,
) -> Value {
    let time = |time: Timestamp| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let condition = |kind: &str, met: bool, reason: &str, message: &str| {
        json!({
            "type": kind, "status": if met { "True" } else { "False" }, "reason": reason, "message": message,
            "lastHeartbeatTime": time(now), "lastTransitionTime": time(since),
        })
    };
    let ready = match network {
        Ok(()) => condition(
            "Ready",
            true,
            "KubeletReady",
            "kubelet is posting ready status",
        ),
        Err(why) => {
            let message = format!(
                "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network \
                 plugin returns error: {why}"
            );
            condition("Ready", false, "KubeletNotReady", &message)
        }
    };
    let internal = addresses
        .iter()
        .map(|address| json!({"type": "InternalIP", "address": address.to_string()}));
    let addresses: Vec<Value> = internal
        .chain([json!({"type": "Hostname", "address": name})])
        .collect();
    let room = json!({"cpu": "16", "memory": "64Gi", "pods": "4096", "ephemeral-storage": "100Gi"});
    json!({"status": {
        "addresses": addresses,
        "capacity": room,
        "allocatable": room,
        "conditions": [
            condition("MemoryPressure", false, "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
            condition("DiskPressure", false, "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
            condition("PIDPressure", false, "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
            ready,
        ],
        "nodeInfo": {
            "kubeletVersion": VERSION, "kubeProxyVersion": "", "containerRuntimeVersion": "lab://0.1",
            "osImage": "lab", "operatingSystem": "linux", "architecture": "amd64", "kernelVersion": "",
            "machineID": name, "systemUUID": name, "bootID": name,
        },
    }})
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn pod(spec: Value, extra: Value) -> Pod {
        let mut pod = json!({"metadata": {"name": "p", "uid": "u"}, "spec": spec});
        pod.as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        serde_json::from_value(pod).unwrap()
    }

    #[test]
    fn a_pod_wants_what_its_spec_and_state_say() {
        let containers = json!({"containers": [{"name": "c"}]});
        let host = json!({"containers": [{"name": "c"}], "hostNetwork": true});
        let ended = json!({"status": {"phase": "Succeeded"}});
        let deleted =
            json!({"metadata": {"name": "p", "deletionTimestamp": "2026-01-01T00:00:00Z"}});
        assert_eq!(wanted(&pod(containers.clone(), json!({}))), Wanted::Network);
        assert_eq!(wanted(&pod(host.clone(), json!({}))), Wanted::HostNetwork);
        assert_eq!(wanted(&pod(containers, ended.clone())), Wanted::Nothing);
        assert_eq!(wanted(&pod(host.clone(), ended)), Wanted::Nothing);
        assert_eq!(wanted(&pod(host, deleted)), Wanted::Removal);
    }

    #[test]
    fn addresses_are_found_in_results_of_all_versions() {
        let new = json!({"cniVersion": "1.0.0", "ips": [{"address": "10.0.0.5/24"}, {"address": "fd00::5/64"}]});
        let old = json!({"cniVersion": "0.2.0", "ip4": {"ip": "10.0.0.6/24"}});
        assert_eq!(
            addresses(&new),
            [
                "10.0.0.5".parse::<IpAddr>().unwrap(),
                "fd00::5".parse().unwrap()
            ]
        );
        assert_eq!(addresses(&old), ["10.0.0.6".parse::<IpAddr>().unwrap()]);
        assert!(addresses(&Value::Null).is_empty());
    }

    #[test]
    fn a_reported_pod_is_not_reported_again() {
        let host = "10.0.0.1".parse().unwrap();
        let address = "10.1.0.5".parse().unwrap();
        let fresh = pod(
            json!({"containers": [{"name": "c", "image": "i"}]}),
            json!({}),
        );
        assert!(!reported(&fresh, &[address]));
        let shown = running(&fresh, host, &[address], Timestamp::UNIX_EPOCH);
        let known = pod(json!({"containers": [{"name": "c", "image": "i"}]}), shown);
        assert!(reported(&known, &[address]));
        assert!(!reported(&known, &["10.1.0.6".parse().unwrap()]));
    }
}
