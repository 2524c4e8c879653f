//! What pods have at one time, put together from their objects. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::PathBuf;

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kuryr_api::KuryrPort;
use kuryr_api::names::{DEFAULT_IFNAME, WAIT_REASON_ANNOTATION};
use kuryr_api::vif::Vif;
use serde::Serialize;

/// A worker, as the lab made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Worker {
    /// Its name, also of its Node.
    pub name: String,
    /// Its address in the nodes' subnet.
    pub address: IpAddr,
    /// Its network namespace.
    pub netns: PathBuf,
    /// The link that is its trunk port.
    pub uplink: String,
    /// The trunk's parent port in Neutron.
    pub parent: String,
    /// The hypervisor that it runs on.
    pub hypervisor: String,
}

/// All pods at one time.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Snapshot {
    /// By namespace and name.
    pub pods: Vec<PodRow>,
    /// KuryrPorts whose pods are gone.
    pub unclaimed: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PodRow {
    pub namespace: String,
    pub name: String,
    /// Uid: a re-created pod of the same name has another.
    pub uid: String,
    /// How it stands.
    #[serde(flatten)]
    pub state: PodState,
    /// Its worker, once it has one.
    pub node: Option<String>,
    /// The worker's hypervisor.
    pub hypervisor: Option<String>,
    /// Its addresses: the port's, or those of its status if it has no port.
    pub addresses: Vec<IpAddr>,
    /// Its Neutron port, by id.
    pub subport: Option<String>,
    /// The port's segmentation id on the trunk.
    pub vlan: Option<u16>,
    /// The port's MAC address.
    pub mac: Option<String>,
    /// Whether it has its worker's network instead of a port.
    pub host_network: bool,
}

/// How a pod stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", content = "why", rename_all = "lowercase")]
pub enum PodState {
    /// Running and ready.
    Ready,
    /// Not ready yet; why, as far as known.
    Pending(String),
    /// Being deleted.
    Terminating,
    /// Its containers ended.
    Completed,
}

impl Snapshot {
    /// Puts pods, their KuryrPorts and the workers together.
    pub fn of<P, K>(
        pods: impl IntoIterator<Item = P>,
        ports: impl IntoIterator<Item = K>,
        workers: &[Worker],
    ) -> Self
    where
        P: AsRef<Pod>,
        K: AsRef<KuryrPort>,
    {
        let ports: Vec<K> = ports.into_iter().collect();
        let key = |namespace: Option<String>, name: String| (namespace.unwrap_or_default(), name);
        let of_pod: BTreeMap<_, &KuryrPort> = ports
            .iter()
            .map(AsRef::as_ref)
            .map(|port| (key(port.namespace(), port.name_any()), port))
            .collect();
        let pods: Vec<P> = pods.into_iter().collect();
        let uids: BTreeSet<&String> = pods
            .iter()
            .filter_map(|pod| pod.as_ref().metadata.uid.as_ref())
            .collect();
        let unclaimed = ports.iter().map(AsRef::as_ref);
        let unclaimed = unclaimed.filter(|port| !uids.contains(&port.spec.pod_uid));
        let unclaimed = unclaimed.map(ResourceExt::name_any).collect();
        let row = |pod: &P| {
            let pod = pod.as_ref();
            let port = of_pod.get(&key(pod.namespace(), pod.name_any())).copied();
            let uid = pod.uid().unwrap_or_default();
            row(pod, port.filter(|port| port.spec.pod_uid == uid), workers)
        };
        let mut pods: Vec<PodRow> = pods.iter().map(row).collect();
        pods.sort_by_cached_key(natural);
        Self { pods, unclaimed }
    }

    /// Pods that are ready and have a port.
    pub fn ready(&self) -> impl Iterator<Item = &PodRow> {
        self.pods
            .iter()
            .filter(|pod| pod.state == PodState::Ready && pod.subport.is_some())
    }
}

impl PodRow {
    /// `name`, with its namespace before it where that is not `default`.
    pub fn title(&self) -> String {
        match self.namespace.as_str() {
            "default" => self.name.clone(),
            namespace => format!("{namespace}/{}", self.name),
        }
    }

    /// What tells it from any other pod, also of another time.
    pub fn key(&self) -> String {
        format!("{}/{} {}", self.namespace, self.name, self.uid)
    }
}

/// Names in the order that people expect: `pod-2` before `pod-10`.
fn natural(pod: &PodRow) -> (String, String, u64, String) {
    let stem = pod.name.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = pod.name[stem.len()..].parse().unwrap_or(0);
    (
        pod.namespace.clone(),
        stem.to_owned(),
        number,
        pod.name.clone(),
    )
}

fn row(pod: &Pod, port: Option<&KuryrPort>, workers: &[Worker]) -> PodRow {
    let spec = pod.spec.as_ref();
    let node = spec
        .and_then(|spec| spec.node_name.clone())
        .filter(|node| !node.is_empty());
    let worker = workers
        .iter()
        .find(|worker| Some(&worker.name) == node.as_ref());
    let vif = port.and_then(vif);
    let of_status = || {
        let ips = pod
            .status
            .as_ref()
            .and_then(|status| status.pod_ips.as_ref());
        ips.into_iter()
            .flatten()
            .filter_map(|ip| ip.ip.parse().ok())
            .collect()
    };
    let addresses = vif
        .as_ref()
        .map(|vif| vif.addresses().map(|address| address.addr()).collect());
    PodRow {
        namespace: pod.namespace().unwrap_or_default(),
        name: pod.name_any(),
        uid: pod.uid().unwrap_or_default(),
        state: state(pod, port, vif.as_ref()),
        node,
        hypervisor: worker.map(|worker| worker.hypervisor.clone()),
        addresses: addresses.unwrap_or_else(of_status),
        subport: vif.as_ref().map(|vif| vif.port_id.clone()),
        vlan: vif.as_ref().map(|vif| vif.vlan),
        mac: vif.map(|vif| vif.mac),
        host_network: spec.and_then(|spec| spec.host_network).unwrap_or_default(),
    }
}

fn vif(port: &KuryrPort) -> Option<Vif> {
    let entry = port.status.as_ref()?.vifs.get(DEFAULT_IFNAME)?;
    Vif::from_wire(&entry.vif).ok()
}

fn state(pod: &Pod, port: Option<&KuryrPort>, vif: Option<&Vif>) -> PodState {
    let status = pod.status.as_ref();
    let condition = |name: &str| {
        let all = status.and_then(|status| status.conditions.as_ref());
        all.into_iter()
            .flatten()
            .find(|condition| condition.type_ == name)
    };
    if pod.metadata.deletion_timestamp.is_some() {
        return PodState::Terminating;
    }
    if matches!(
        status.and_then(|s| s.phase.as_deref()),
        Some("Succeeded" | "Failed")
    ) {
        return PodState::Completed;
    }
    if condition("Ready").is_some_and(|ready| ready.status == "True") {
        return PodState::Ready;
    }
    let unscheduled = condition("PodScheduled").filter(|scheduled| scheduled.status == "False");
    let reason = port.and_then(|port| port.annotations().get(WAIT_REASON_ANNOTATION));
    PodState::Pending(match (unscheduled, reason, vif) {
        (Some(unscheduled), ..) => unscheduled
            .message
            .clone()
            .unwrap_or_else(|| "no node takes it".to_owned()),
        (None, Some(reason), _) => message_of(reason),
        (None, None, Some(vif)) if vif.active => "its kubelet plugs it".to_owned(),
        (None, None, Some(_)) => "its port is not active yet".to_owned(),
        (None, None, None) => "it has no port yet".to_owned(),
    })
}

/// The message in a KuryrPort's wait reason.
fn message_of(reason: &str) -> String {
    let parsed: Option<serde_json::Value> = serde_json::from_str(reason).ok();
    let message = parsed
        .as_ref()
        .and_then(|reason| reason.get("message")?.as_str());
    message.unwrap_or(reason).to_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;

    const PORT: &str = "6f1e3a52-7c1c-4a75-9c43-0d5a3b1f9e77";

    fn workers() -> Vec<Worker> {
        vec![Worker {
            name: "worker1".to_owned(),
            address: "10.10.0.5".parse().unwrap(),
            netns: "/run/netns/lab-worker1".into(),
            uplink: "eth0".to_owned(),
            parent: "p".to_owned(),
            hypervisor: "hv1".to_owned(),
        }]
    }

    fn pod(name: &str, status: Value) -> Arc<Pod> {
        Arc::new(
            serde_json::from_value(json!({
                "metadata": {"name": name, "namespace": "default", "uid": "u"},
                "spec": {"nodeName": "worker1", "containers": []}, "status": status,
            }))
            .unwrap(),
        )
    }

    fn port(uid: &str, active: bool) -> Arc<KuryrPort> {
        let wire = kuryr_api::vif::Vif {
            port_id: PORT.to_owned(),
            mac: "fa:16:3e:00:00:01".to_owned(),
            vlan: 7,
            active,
            network: kuryr_api::vif::VifNetwork {
                id: "n".to_owned(),
                name: "pods".to_owned(),
                mtu: 1442,
                subnets: vec![kuryr_api::vif::VifSubnet {
                    cidr: "10.20.0.0/16".parse().unwrap(),
                    gateway: None,
                    dns: vec![],
                    routes: vec![],
                    ips: vec!["10.20.0.9".parse().unwrap()],
                }],
            },
        }
        .to_wire();
        Arc::new(
            serde_json::from_value(json!({
                "apiVersion": "openstack.org/v1", "kind": "KuryrPort",
                "metadata": {"name": "web-1", "namespace": "default"},
                "spec": {"podUid": uid, "podNodeName": "worker1"},
                "status": {"vifs": {"eth0": {"default": true, "vif": wire}}},
            }))
            .unwrap(),
        )
    }

    fn one(status: Value, ports: Vec<Arc<KuryrPort>>) -> PodRow {
        Snapshot::of([pod("web-1", status)], ports, &workers())
            .pods
            .remove(0)
    }

    fn ready() -> Value {
        json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]})
    }

    #[test]
    fn a_ready_pod_has_its_ports_values() {
        let row = one(ready(), vec![port("u", true)]);
        assert_eq!(row.state, PodState::Ready);
        assert_eq!((row.vlan, row.subport.as_deref()), (Some(7), Some(PORT)));
        assert_eq!(row.addresses, ["10.20.0.9".parse::<IpAddr>().unwrap()]);
        assert_eq!(row.hypervisor.as_deref(), Some("hv1"));
    }

    #[test]
    fn the_port_of_an_earlier_pod_is_not_its() {
        let row = one(json!({}), vec![port("earlier", true)]);
        assert_eq!(row.subport, None);
        assert_eq!(
            row.state,
            PodState::Pending("it has no port yet".to_owned())
        );
    }

    #[test]
    fn a_pending_pod_says_what_it_waits_for() {
        let row = one(json!({}), vec![port("u", false)]);
        assert_eq!(
            row.state,
            PodState::Pending("its port is not active yet".to_owned())
        );
        let mut refused = (*port("u", false)).clone();
        let reason = json!({"reason": "QuotaExceeded", "message": "over quota: port"}).to_string();
        refused
            .annotations_mut()
            .insert(WAIT_REASON_ANNOTATION.to_owned(), reason);
        let row = one(json!({}), vec![Arc::new(refused)]);
        assert_eq!(row.state, PodState::Pending("over quota: port".to_owned()));
    }

    #[test]
    fn pods_are_in_the_order_of_their_numbers() {
        let names = ["pod-10", "pod-2", "a"].map(|name| pod(name, json!({})));
        let snapshot = Snapshot::of(names, Vec::<Arc<KuryrPort>>::new(), &[]);
        let names: Vec<&str> = snapshot.pods.iter().map(|pod| pod.name.as_str()).collect();
        assert_eq!(names, ["a", "pod-2", "pod-10"]);
    }
}
