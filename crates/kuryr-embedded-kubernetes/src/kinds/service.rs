//! Services: defaults, what may change, and how one shows in `kubectl get`.

use serde_json::{Value, json};

use super::{
    Behaviour,
    addresses::allocate,
    table::{Cell, Column},
};
use crate::model::{error::FieldError, object};

pub(super) const BEHAVIOUR: Behaviour = Behaviour {
    defaults,
    on_create: |service, context| {
        object::set(service, &["status"], json!({"loadBalancer": {}}));
        allocate(service, context)
    },
    on_update: |service, old, context| {
        keep_allocated(service, old);
        allocate(service, context)
    },
    validate,
    selectable: &["spec.clusterIP", "spec.type"],
    columns: &[
        Column::new("Type", |service| Cell::text(service, &["spec", "type"])),
        Column::new("Cluster-IP", |service| {
            Cell::or_none(object::text(service, &["spec", "clusterIP"]).unwrap_or_default())
        }),
        Column::new("External-IP", external_addresses),
        Column::new("Port(s)", ports),
        Column::age("Age"),
        Column::wide("Selector", |service| {
            Cell::pairs(service, &["spec", "selector"])
        }),
    ],
    ..Behaviour::PLAIN
};

pub(super) fn kind_of(service: &Value) -> &str {
    object::text(service, &["spec", "type"]).unwrap_or("ClusterIP")
}

fn defaults(service: &mut Value) {
    object::set_default(service, &["spec", "type"], json!("ClusterIP"));
    object::set_default(service, &["spec", "sessionAffinity"], json!("None"));
    if kind_of(service) != "ExternalName" {
        object::set_default(
            service,
            &["spec", "internalTrafficPolicy"],
            json!("Cluster"),
        );
        object::set_default(service, &["spec", "ipFamilies"], json!(["IPv4"]));
        object::set_default(service, &["spec", "ipFamilyPolicy"], json!("SingleStack"));
    }
    if has_node_ports(service) {
        object::set_default(
            service,
            &["spec", "externalTrafficPolicy"],
            json!("Cluster"),
        );
    }
    if kind_of(service) == "LoadBalancer" {
        object::set_default(
            service,
            &["spec", "allocateLoadBalancerNodePorts"],
            json!(true),
        );
    }
    let ports = object::entry(service, &["spec"])
        .get_mut("ports")
        .and_then(Value::as_array_mut);
    for port in ports.into_iter().flatten() {
        object::set_default(port, &["protocol"], json!("TCP"));
        let number = port["port"].clone();
        object::set_default(port, &["targetPort"], number);
    }
}

pub(super) fn has_node_ports(service: &Value) -> bool {
    matches!(kind_of(service), "NodePort" | "LoadBalancer")
}

/// What was allocated stays if the update does not speak of it.
fn keep_allocated(service: &mut Value, old: &Value) {
    if kind_of(service) == "ExternalName" || kind_of(old) == "ExternalName" {
        return;
    }
    for field in ["clusterIP", "clusterIPs"] {
        if object::at(service, &["spec", field]).is_none() {
            object::copy(old, service, &["spec", field]);
        }
    }
    if !has_node_ports(service) {
        return;
    }
    let old_ports = object::list(old, &["spec", "ports"]).to_vec();
    let ports = object::entry(service, &["spec"])
        .get_mut("ports")
        .and_then(Value::as_array_mut);
    for port in ports
        .into_iter()
        .flatten()
        .filter(|port| port.get("nodePort").is_none())
    {
        let same =
            |other: &&Value| other["port"] == port["port"] && other["protocol"] == port["protocol"];
        if let Some(number) = old_ports
            .iter()
            .find(same)
            .and_then(|other| other.get("nodePort"))
        {
            port["nodePort"] = number.clone();
        }
    }
}

fn validate(service: &Value, old: Option<&Value>) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let headless = object::text(service, &["spec", "clusterIP"]) == Some("None");
    let ports = object::list(service, &["spec", "ports"]);
    if ports.is_empty() && !headless && kind_of(service) != "ExternalName" {
        errors.push(FieldError::required("spec.ports", ""));
    }
    for (index, port) in ports.iter().enumerate() {
        let field = |name: &str| format!("spec.ports[{index}].{name}");
        if !port["port"]
            .as_u64()
            .is_some_and(|number| (1..=65535).contains(&number))
        {
            let detail = "must be between 1 and 65535, inclusive";
            errors.push(FieldError::invalid(field("port"), &port["port"], detail));
        }
        if ports.len() > 1 && object::text(port, &["name"]).unwrap_or_default().is_empty() {
            errors.push(FieldError::required(field("name"), ""));
        }
        let allowed = [json!("SCTP"), json!("TCP"), json!("UDP")];
        if !allowed.contains(&port["protocol"]) {
            errors.push(FieldError::unsupported(
                field("protocol"),
                &port["protocol"],
                &allowed,
            ));
        }
    }
    let kinds = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"].map(Value::from);
    if !kinds.contains(&service["spec"]["type"]) {
        errors.push(FieldError::unsupported(
            "spec.type",
            &service["spec"]["type"],
            &kinds,
        ));
    }
    let address = |service: &Value| object::at(service, &["spec", "clusterIP"]).cloned();
    if let Some(old) = old
        && kind_of(old) != "ExternalName"
        && kind_of(service) != "ExternalName"
        && address(old) != address(service)
    {
        let value = address(service).unwrap_or_default();
        errors.push(FieldError::invalid(
            "spec.clusterIPs[0]",
            &value,
            "may not change once set",
        ));
    }
    errors
}

fn external_addresses(service: &Value) -> Cell {
    let ingress = object::list(service, &["status", "loadBalancer", "ingress"]);
    let addresses = ingress
        .iter()
        .filter_map(|entry| entry["ip"].as_str().or(entry["hostname"].as_str()));
    let external = object::list(service, &["spec", "externalIPs"])
        .iter()
        .filter_map(Value::as_str);
    let all: Vec<&str> = addresses.chain(external).collect();
    match (kind_of(service), all.is_empty()) {
        ("LoadBalancer", true) => Cell::from("<pending>".to_owned()),
        ("ExternalName", _) => Cell::text(service, &["spec", "externalName"]),
        _ => Cell::or_none(&all.join(",")),
    }
}

fn ports(service: &Value) -> Cell {
    let ports = object::list(service, &["spec", "ports"])
        .iter()
        .map(|port| {
            let protocol = object::text(port, &["protocol"]).unwrap_or("TCP");
            match port["nodePort"].as_u64() {
                Some(node_port) => format!("{}:{node_port}/{protocol}", port["port"]),
                None => format!("{}/{protocol}", port["port"]),
            }
        });
    Cell::or_none(&ports.collect::<Vec<_>>().join(","))
}
