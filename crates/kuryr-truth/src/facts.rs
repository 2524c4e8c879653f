//! The cluster as facts: what the oracle is asked about.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kuryr_core::policy::{
    Backend, Facts, Id, Labels, NamedPort, Namespace, Node, Pod, PodKey, Policy, Protocol,
    Service as ServiceFact, ServiceKey, ServicePort,
};
use serde_json::Value;

use super::cluster::{
    NAMESPACES, PODS, SERVICES, Service, container_ports, namespace_labels, node, pod_labels,
};
use super::{Added, Places, TruthError};

/// The cluster with these policies and these labels besides the usual ones. Services without an address are none of it.
///
/// # Errors
/// A pod or node has no address.
pub fn facts(places: &Places, policies: Vec<Policy>, added: &Added) -> Result<Facts, TruthError> {
    let mut facts = Facts::default();
    for short in NAMESPACES {
        let name: Id = places.namespace(short).into();
        let namespace = Namespace {
            name: name.clone(),
            labels: labels(&namespace_labels(short), added.get(short)),
        };
        facts.namespaces.insert(name, Arc::new(namespace));
        for pod in PODS {
            let labels = labels(&pod_labels(pod), added.get(&format!("{short}/{pod}")));
            let pod = pod_fact(places, short, pod, labels)?;
            facts.pods.insert(pod.key.clone(), Arc::new(pod));
        }
    }
    for number in 1..=2 {
        let name = format!("node{number}");
        let node = Node {
            addresses: [places.address(&name)?].into(),
            name: name.as_str().into(),
        };
        facts.nodes.insert(node.name.clone(), Arc::new(node));
    }
    for service in SERVICES.iter().filter(|s| places.has(s)) {
        let service = service_fact(places, service)?;
        facts
            .services
            .insert(service.key.clone(), Arc::new(service));
    }
    let policies = policies.into_iter();
    facts.policies = policies.map(|p| (p.key.clone(), Arc::new(p))).collect();
    Ok(facts)
}

fn labels(usual: &Value, added: Option<&BTreeMap<String, String>>) -> Labels {
    let usual = usual.as_object().into_iter().flatten();
    let usual = usual.map(|(key, value)| (key.as_str(), value.as_str().unwrap_or("")));
    let added = added.into_iter().flatten();
    let added = added.map(|(key, value)| (key.as_str(), value.as_str()));
    let all = usual.chain(added);
    all.map(|(key, value)| (key.into(), value.into())).collect()
}

fn pod_fact(
    places: &Places,
    namespace: &str,
    pod: &str,
    labels: Labels,
) -> Result<Pod, TruthError> {
    let ports = container_ports(pod);
    let named = ports.as_array().into_iter().flatten().filter_map(|port| {
        Some(NamedPort {
            name: port["name"].as_str()?.into(),
            protocol: Protocol::parse(port["protocol"].as_str()?)?,
            number: u16::try_from(port["containerPort"].as_u64()?).ok()?,
        })
    });
    Ok(Pod {
        key: PodKey::new(places.namespace(namespace), pod),
        uid: "".into(),
        labels,
        addresses: vec![places.address(&format!("{namespace}/{pod}"))?],
        ports: named.collect::<BTreeSet<_>>(),
        node: Some(format!("node{}", node(pod)).into()),
        host_network: false,
        over: false,
    })
}

fn service_fact(places: &Places, service: &Service) -> Result<ServiceFact, TruthError> {
    let (namespace, name) = (service.namespace, service.name);
    let mut ports: BTreeMap<(Protocol, u16), BTreeSet<Backend>> = BTreeMap::new();
    for (protocol, port, target) in service.ports {
        let protocol = Protocol::parse(protocol).unwrap_or(Protocol::Tcp);
        for pod in service.pods {
            let backend = Backend {
                address: places.address(&format!("{namespace}/{pod}"))?,
                port: *target,
            };
            ports.entry((protocol, *port)).or_default().insert(backend);
        }
    }
    let ports = ports.into_iter();
    Ok(ServiceFact {
        key: ServiceKey::new(places.namespace(namespace), name),
        on_hypervisor: true,
        vips: [places.address(&format!("{namespace}/{name}"))?].into(),
        ports: ports
            .map(|((protocol, port), backends)| ServicePort {
                protocol,
                port,
                backends,
            })
            .collect(),
    })
}
