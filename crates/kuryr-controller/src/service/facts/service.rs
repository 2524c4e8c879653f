//! Service to fact.

use k8s_openapi::api::core::v1 as core;
use kube::ResourceExt;
use kuryr_api::names::SERVICE_FINALIZER;
use kuryr_core::service::{
    Complaint, Id, Kind, Protocol, Reason, Service, ServiceKey, ServicePort, annotations,
};

/// Labels by which a Service is another proxy's, or nobody's (kubernetes.io, well-known labels).
const LEFT_TO_OTHERS: [&str; 2] = [
    "service.kubernetes.io/service-proxy-name",
    "service.kubernetes.io/headless",
];

/// How long a client stays where `sessionAffinityConfig` says nothing, seconds: Kubernetes' default.
const AFFINITY: u32 = 10_800;

/// Reads a Service.
#[must_use]
pub(crate) fn service(object: &core::Service) -> Service {
    let none = core::ServiceSpec::default();
    let spec = object.spec.as_ref().unwrap_or(&none);
    let (annotations, mut complaints) = annotations::parse(object.annotations());
    complaints.extend(external_ips(spec));
    Service {
        key: key(object),
        uid: object.uid().unwrap_or_default().into(),
        kind: kind(spec),
        cluster_ips: cluster_ips(spec),
        headless: spec.cluster_ip.as_deref() == Some("None"),
        ports: spec.ports.iter().flatten().filter_map(port).collect(),
        affinity: affinity(spec),
        left_to_others: LEFT_TO_OTHERS
            .iter()
            .any(|label| object.labels().contains_key(*label)),
        source_ranges: source_ranges(object, spec),
        load_balancer_ip: text(spec.load_balancer_ip.as_deref()),
        class: text(spec.load_balancer_class.as_deref()),
        external_local: spec.external_traffic_policy.as_deref() == Some("Local"),
        internal_local: spec.internal_traffic_policy.as_deref() == Some("Local"),
        publish_not_ready: spec.publish_not_ready_addresses == Some(true),
        has_selector: spec.selector.as_ref().is_some_and(|s| !s.is_empty()),
        annotations,
        complaints,
        deleting: object.metadata.deletion_timestamp.is_some(),
        finalizer: object.finalizers().iter().any(|f| f == SERVICE_FINALIZER),
        ingress: ingress(object),
        age: age(object),
    }
}

/// The key of what has a namespace and a name.
pub(crate) fn key<K: ResourceExt>(object: &K) -> ServiceKey {
    ServiceKey::new(object.namespace().unwrap_or_default(), object.name_any())
}

/// The field, or the annotation where it says nothing, as Kubernetes' own load balancers have it.
fn source_ranges(object: &core::Service, spec: &core::ServiceSpec) -> Vec<Id> {
    let field = texts(spec.load_balancer_source_ranges.as_deref());
    if field.is_empty() {
        return annotations::source_ranges(object.annotations());
    }
    field
}

fn external_ips(spec: &core::ServiceSpec) -> Option<Complaint> {
    let first = spec.external_ips.iter().flatten().next()?;
    let message = format!(
        "externalIPs are not served: nothing of Kuryr's answers at {first}; a Service of type LoadBalancer gets a floating IP"
    );
    Some(Complaint::new(
        Reason::ExternalIpsNotServed,
        "externalIPs",
        message,
    ))
}

fn kind(spec: &core::ServiceSpec) -> Kind {
    match spec.type_.as_deref() {
        Some("NodePort") => Kind::NodePort,
        Some("LoadBalancer") => Kind::LoadBalancer,
        Some("ExternalName") => Kind::ExternalName,
        _ => Kind::ClusterIp,
    }
}

/// `clusterIPs`, or `clusterIP` of a cluster that has one family only.
fn cluster_ips(spec: &core::ServiceSpec) -> Vec<std::net::IpAddr> {
    let all = spec.cluster_ips.iter().flatten();
    let mut ips: Vec<std::net::IpAddr> = all.filter_map(|ip| ip.parse().ok()).collect();
    if ips.is_empty() {
        let one = spec.cluster_ip.as_deref();
        ips.extend(one.and_then(|ip| ip.parse::<std::net::IpAddr>().ok()));
    }
    ips
}

fn port(port: &core::ServicePort) -> Option<ServicePort> {
    use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
    let number = u16::try_from(port.port).ok()?;
    let target = match &port.target_port {
        Some(IntOrString::Int(n)) => n.to_string(),
        Some(IntOrString::String(name)) => name.clone(),
        None => number.to_string(),
    };
    Some(ServicePort {
        name: port.name.as_deref().unwrap_or_default().into(),
        protocol: protocol(port.protocol.as_deref())?,
        port: number,
        target: target.into(),
    })
}

/// A protocol; TCP where none is said.
pub(super) fn protocol(word: Option<&str>) -> Option<Protocol> {
    word.map_or(Some(Protocol::Tcp), Protocol::parse)
}

fn affinity(spec: &core::ServiceSpec) -> Option<u32> {
    (spec.session_affinity.as_deref() == Some("ClientIP")).then(|| {
        let config = spec.session_affinity_config.as_ref();
        let said = config.and_then(|c| c.client_ip.as_ref()?.timeout_seconds);
        said.and_then(|s| u32::try_from(s).ok()).unwrap_or(AFFINITY)
    })
}

fn ingress(object: &core::Service) -> Vec<std::net::IpAddr> {
    let status = object
        .status
        .as_ref()
        .and_then(|s| s.load_balancer.as_ref());
    let all = status.into_iter().flat_map(|s| s.ingress.iter().flatten());
    all.filter_map(|i| i.ip.as_deref()?.parse().ok()).collect()
}

fn age(object: &core::Service) -> u64 {
    let created = object.metadata.creation_timestamp.as_ref();
    created.map_or(u64::MAX, |t| u64::try_from(t.0.as_second()).unwrap_or(0))
}

fn text(text: Option<&str>) -> Option<Id> {
    text.filter(|t| !t.is_empty()).map(Into::into)
}

fn texts(texts: Option<&[String]>) -> Vec<Id> {
    texts
        .unwrap_or_default()
        .iter()
        .map(|t| t.as_str().into())
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(spec: serde_json::Value) -> Service {
        let object = json!({
            "metadata": {"namespace": "shop", "name": "web", "uid": "u",
                "creationTimestamp": "2026-01-02T03:04:05Z"},
            "spec": spec,
            "status": {"loadBalancer": {"ingress": [{"ip": "172.24.4.9"}, {"hostname": "x"}]}},
        });
        service(&serde_json::from_value(object).unwrap())
    }

    #[test]
    fn all_of_a_service_is_read() {
        let s = read(json!({
            "type": "LoadBalancer", "clusterIP": "10.96.0.9", "clusterIPs": ["10.96.0.9", "fd00::9"],
            "ports": [{"port": 80, "targetPort": "http"}, {"name": "dns", "port": 53, "protocol": "UDP"}],
            "sessionAffinity": "ClientIP", "externalTrafficPolicy": "Local",
            "loadBalancerSourceRanges": ["10.0.0.0/8"], "selector": {"app": "web"},
        }));
        assert_eq!(s.key.to_string(), "shop/web");
        assert_eq!(
            (s.kind, s.cluster_ips.len(), s.affinity),
            (Kind::LoadBalancer, 2, Some(AFFINITY))
        );
        assert_eq!(
            (&*s.ports[0].target, s.ports[1].protocol),
            ("http", Protocol::Udp)
        );
        assert_eq!((&*s.ports[1].target, s.ingress.len()), ("53", 1));
        assert!(s.external_local && s.has_selector && !s.headless && !s.internal_local);
        assert_eq!(s.age, 1_767_323_045);
    }

    #[test]
    fn annotations_and_labels_say_what_the_spec_does_not() {
        let with = |metadata: serde_json::Value, spec: serde_json::Value| {
            service(&serde_json::from_value(json!({"metadata": metadata, "spec": spec})).unwrap())
        };
        let ranges =
            json!({"annotations": {annotations::SOURCE_RANGES: "172.16.0.0/12, 10.0.0.0/8"}});
        assert_eq!(with(ranges.clone(), json!({})).source_ranges.len(), 2);
        let field = json!({"loadBalancerSourceRanges": ["192.0.2.0/24"]});
        assert_eq!(with(ranges, field).source_ranges, ["192.0.2.0/24".into()]);
        for label in LEFT_TO_OTHERS {
            assert!(with(json!({"labels": {label: "other"}}), json!({})).left_to_others);
        }
        let external = with(json!({}), json!({"externalIPs": ["192.0.2.7"]}));
        assert_eq!(external.complaints[0].reason, Reason::ExternalIpsNotServed);
        assert!(!external.left_to_others);
    }

    #[test]
    fn what_cannot_be_read_is_left_out() {
        let s = read(
            json!({"clusterIP": "None", "ports": [{"port": 99999}, {"port": 1, "protocol": "X"}]}),
        );
        assert!(s.headless && s.ports.is_empty() && s.cluster_ips.is_empty());
        assert_eq!(s.kind, Kind::ClusterIp);
    }
}
