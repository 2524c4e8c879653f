//! Three namespaces of three pods, and Services over some of them.

use serde_json::{Value, json};

/// The namespaces, by the names that cases give them. Each has its name as label `ns`.
pub const NAMESPACES: [&str; 3] = ["x", "y", "z"];

/// The pods of each namespace.
pub const PODS: [&str; 3] = ["a", "b", "c"];

/// The ports that each pod answers at, by TCP and UDP.
pub const PORTS: [u16; 2] = [80, 81];

/// A Service, with the pods behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    pub namespace: &'static str,
    pub name: &'static str,
    /// Labels of the pods behind it.
    pub selector: (&'static str, &'static str),
    /// Their names.
    pub pods: &'static [&'static str],
    /// Its ports: protocol as Kubernetes writes it, number, and the pods' number.
    pub ports: &'static [(&'static str, u16, u16)],
}

/// The Services: one over two pods, a name server, and one over a pod that calls itself.
pub const SERVICES: [Service; 3] = [
    Service {
        namespace: "x",
        name: "web",
        selector: ("app", "web"),
        pods: &["a", "b"],
        ports: &[("TCP", 8080, 80)],
    },
    Service {
        namespace: "y",
        name: "one",
        selector: ("pod", "b"),
        pods: &["b"],
        ports: &[("UDP", 53, 80), ("TCP", 53, 80)],
    },
    Service {
        namespace: "z",
        name: "own",
        selector: ("pod", "c"),
        pods: &["c"],
        ports: &[("TCP", 80, 81)],
    },
];

/// Labels of a namespace.
#[must_use]
pub fn namespace_labels(namespace: &str) -> Value {
    json!({"ns": namespace})
}

/// Labels of a pod.
#[must_use]
pub fn pod_labels(pod: &str) -> Value {
    match pod {
        "a" => json!({"pod": "a", "app": "web", "tier": "front"}),
        "b" => json!({"pod": "b", "app": "web", "tier": "back"}),
        _ => json!({"pod": pod, "app": "db"}),
    }
}

/// Ports of a pod's container: the one by the name `web` has another number on pod b.
#[must_use]
pub fn container_ports(pod: &str) -> Value {
    let (web, other) = if pod == "b" { (81, 80) } else { (80, 81) };
    json!([
        {"name": "web", "containerPort": web, "protocol": "TCP"},
        {"name": "other", "containerPort": other, "protocol": "TCP"},
        {"name": "dns", "containerPort": 80, "protocol": "UDP"},
    ])
}

/// The node of a pod: of two that are told apart by their number.
#[must_use]
pub fn node(pod: &str) -> usize {
    if pod == "b" { 2 } else { 1 }
}

impl Service {
    /// Its spec, as Kubernetes takes it.
    #[must_use]
    pub fn spec(&self) -> Value {
        let ports = self.ports.iter().map(|(protocol, port, target)| {
            let name = format!("{}-{port}", protocol.to_lowercase());
            json!({"name": name, "protocol": protocol, "port": port, "targetPort": target})
        });
        let (key, value) = self.selector;
        json!({"selector": {key: value}, "ports": ports.collect::<Vec<_>>()})
    }
}
