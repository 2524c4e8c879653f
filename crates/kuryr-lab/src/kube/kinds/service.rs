//! Services: defaults, cluster addresses and node ports; and the columns of the kinds
//! that go with them.

use std::{
    collections::HashSet,
    net::{IpAddr, Ipv4Addr},
    sync::{Mutex, MutexGuard, PoisonError},
};

use ipnet::Ipv4Net;
use serde_json::{Value, json};

use super::{
    Behaviour, Context,
    table::{Cell, Column},
};
use crate::kube::{
    model::{
        error::{ApiError, FieldError},
        object,
    },
    store::{Store, TableName},
};

/// Ports given to services of type NodePort and LoadBalancer.
const NODE_PORTS: std::ops::RangeInclusive<u16> = 30000..=32767;
/// The longest list of endpoints shown in a column.
const SHOWN_ENDPOINTS: usize = 3;

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

pub(super) const ENDPOINTS: Behaviour = Behaviour {
    columns: &[Column::new("Endpoints", endpoints)],
    ..Behaviour::PLAIN
};

pub(super) const CONFIG_MAPS: Behaviour = Behaviour {
    columns: &[Column::integer("Data", |object| {
        Cell(json!(size(object, "data") + size(object, "binaryData")))
    })],
    ..Behaviour::PLAIN
};

pub(super) const SECRETS: Behaviour = Behaviour {
    defaults: |secret| object::set_default(secret, &["type"], json!("Opaque")),
    selectable: &["type"],
    columns: &[
        Column::new("Type", |secret| Cell::text(secret, &["type"])),
        Column::integer("Data", |secret| Cell(json!(size(secret, "data")))),
    ],
    ..Behaviour::PLAIN
};

pub(super) const NETWORK_POLICIES: Behaviour = Behaviour {
    defaults: default_policy_types,
    columns: &[Column::new("Pod-Selector", |policy| {
        Cell::pairs(policy, &["spec", "podSelector", "matchLabels"])
    })],
    ..Behaviour::PLAIN
};

/// Addresses of services; the first one is the API's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceRange(pub Ipv4Net);

impl ServiceRange {
    /// The address of the service `kubernetes`.
    pub fn first(&self) -> Ipv4Addr {
        self.0.hosts().next().unwrap_or(self.0.addr())
    }

    fn free(&self, used: &HashSet<IpAddr>) -> Option<IpAddr> {
        self.0
            .hosts()
            .map(IpAddr::from)
            .find(|address| !used.contains(address))
    }
}

/// Gives out addresses. Whoever creates or updates services holds [`Addresses::lock`]
/// from the choice of an address until the service is stored.
#[derive(Debug)]
pub struct Addresses {
    range: ServiceRange,
    choosing: Mutex<()>,
}

impl Addresses {
    /// Gives out addresses of this range.
    pub fn new(range: ServiceRange) -> Self {
        Self {
            range,
            choosing: Mutex::new(()),
        }
    }

    /// Held while an address is chosen and stored.
    pub fn lock(&self) -> MutexGuard<'_, ()> {
        self.choosing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn kind_of(service: &Value) -> &str {
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

fn has_node_ports(service: &Value) -> bool {
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

fn allocate(service: &mut Value, context: Context<'_>) -> Result<(), ApiError> {
    if kind_of(service) == "ExternalName" {
        return Ok(());
    }
    let others = Used::by_others(context.store, service);
    let address = object::text(service, &["spec", "clusterIP"])
        .unwrap_or_default()
        .to_owned();
    let address = match address.parse::<IpAddr>() {
        Ok(address) if others.addresses.contains(&address) => {
            return Err(refused(
                service,
                "clusterIP",
                &address.to_string(),
                "provided IP is already allocated",
            ));
        }
        Ok(address) => address.to_string(),
        Err(_) if address.is_empty() => match context.addresses.range.free(&others.addresses) {
            Some(address) => address.to_string(),
            None => {
                return Err(ApiError::new(
                    500,
                    "InternalError",
                    "failed to allocate a serviceIP: range is full",
                ));
            }
        },
        Err(_) if address == "None" => address,
        Err(_) => {
            return Err(refused(
                service,
                "clusterIP",
                &address,
                "must be empty, 'None', or a valid IP address",
            ));
        }
    };
    object::set(service, &["spec", "clusterIPs"], json!([address]));
    object::set(service, &["spec", "clusterIP"], json!(address));
    if has_node_ports(service) {
        allocate_node_ports(service, others.ports);
    }
    Ok(())
}

fn refused(service: &Value, field: &str, value: &str, detail: &str) -> ApiError {
    let error = FieldError::invalid(format!("spec.{field}"), &json!(value), detail);
    ApiError::invalid("", "Service", object::name(service), &[error])
}

fn allocate_node_ports(service: &mut Value, mut used: HashSet<u64>) {
    let ports = object::entry(service, &["spec"])
        .get_mut("ports")
        .and_then(Value::as_array_mut);
    for port in ports.into_iter().flatten() {
        let number = match port["nodePort"].as_u64().filter(|number| *number > 0) {
            Some(number) => number,
            None => match NODE_PORTS
                .map(u64::from)
                .find(|number| !used.contains(number))
            {
                Some(number) => number,
                None => continue,
            },
        };
        used.insert(number);
        port["nodePort"] = json!(number);
    }
}

/// What other services hold.
struct Used {
    addresses: HashSet<IpAddr>,
    ports: HashSet<u64>,
}

impl Used {
    fn by_others(store: &Store, service: &Value) -> Self {
        let mut used = Self {
            addresses: HashSet::new(),
            ports: HashSet::new(),
        };
        let own = (object::namespace(service), object::name(service));
        for other in store.all(&TableName::from("services")) {
            if (object::namespace(&other.value), object::name(&other.value)) == own {
                continue;
            }
            let address = object::text(&other.value, &["spec", "clusterIP"]);
            used.addresses
                .extend(address.and_then(|address| address.parse::<IpAddr>().ok()));
            let ports = object::list(&other.value, &["spec", "ports"]);
            used.ports
                .extend(ports.iter().filter_map(|port| port["nodePort"].as_u64()));
        }
        used
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

fn default_policy_types(policy: &mut Value) {
    let egress = object::at(policy, &["spec", "egress"]).is_some();
    let types = if egress {
        json!(["Ingress", "Egress"])
    } else {
        json!(["Ingress"])
    };
    object::set_default(policy, &["spec", "policyTypes"], types);
    object::set_default(policy, &["spec", "podSelector"], json!({}));
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

fn endpoints(endpoints: &Value) -> Cell {
    let mut found = Vec::new();
    for subset in object::list(endpoints, &["subsets"]) {
        for port in object::list(subset, &["ports"]) {
            for address in object::list(subset, &["addresses"]) {
                let address = object::text(address, &["ip"]).unwrap_or_default();
                found.push(format!("{address}:{}", port["port"]));
            }
        }
    }
    if found.len() > SHOWN_ENDPOINTS {
        let more = found.len() - SHOWN_ENDPOINTS;
        found.truncate(SHOWN_ENDPOINTS);
        return Cell::from(format!("{} + {more} more...", found.join(",")));
    }
    Cell::or_none(&found.join(","))
}

fn size(object: &Value, field: &str) -> usize {
    object
        .get(field)
        .and_then(Value::as_object)
        .map_or(0, serde_json::Map::len)
}
