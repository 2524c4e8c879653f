//! EndpointSlice to fact. Its versions `v1` and `v1beta1` agree in all that is read here.

use k8s_openapi::api::discovery::v1 as discovery;
use kube::ResourceExt;
use kube::core::{DynamicObject, TypeMeta};
use kuryr_core::service::{Endpoint, Family, Slice, SlicePort};

use super::service::protocol;

/// Label of a slice: the Service that it is of.
const SERVICE: &str = "kubernetes.io/service-name";
/// Label by which a Service, and its slices, are left to others.
const HEADLESS: &str = "service.kubernetes.io/headless";

/// Reads a slice; none if it is of no Service or can't be read.
#[must_use]
pub(crate) fn slice(mut object: DynamicObject) -> Option<Slice> {
    let service = object.labels().get(SERVICE)?.as_str().into();
    if object.labels().contains_key(HEADLESS) {
        return None;
    }
    let (namespace, name) = (object.namespace()?.into(), object.name_any().into());
    object.types = Some(TypeMeta::resource::<discovery::EndpointSlice>());
    let read: discovery::EndpointSlice = object
        .try_parse()
        .inspect_err(|error| tracing::warn!(%namespace, %name, %error, "a slice can't be read"))
        .ok()?;
    Some(Slice {
        namespace,
        name,
        service,
        family: family(&read.address_type),
        ports: read.ports.iter().flatten().filter_map(port).collect(),
        endpoints: read.endpoints.iter().map(endpoint).collect(),
    })
}

fn family(address_type: &str) -> Option<Family> {
    match address_type {
        "IPv4" => Some(Family::V4),
        "IPv6" => Some(Family::V6),
        _ => None,
    }
}

fn port(port: &discovery::EndpointPort) -> Option<SlicePort> {
    Some(SlicePort {
        name: port.name.as_deref().unwrap_or_default().into(),
        protocol: protocol(port.protocol.as_deref())?,
        port: port.port.and_then(|p| u16::try_from(p).ok()),
    })
}

fn endpoint(endpoint: &discovery::Endpoint) -> Endpoint {
    let conditions = endpoint.conditions.as_ref();
    let pod = endpoint
        .target_ref
        .as_ref()
        .filter(|r| r.kind.as_deref() == Some("Pod"));
    Endpoint {
        addresses: endpoint
            .addresses
            .iter()
            .filter_map(|a| a.parse().ok())
            .collect(),
        ready: conditions.and_then(|c| c.ready).unwrap_or(true),
        serving: conditions
            .and_then(|c| c.serving.or(c.ready))
            .unwrap_or(true),
        terminating: conditions.and_then(|c| c.terminating).unwrap_or(false),
        pod: pod.and_then(|r| Some((r.namespace.as_deref()?.into(), r.name.as_deref()?.into()))),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(labels: Value) -> Option<Slice> {
        slice(serde_json::from_value(json!({
            "apiVersion": "discovery.k8s.io/v1beta1", "kind": "EndpointSlice",
            "metadata": {"namespace": "shop", "name": "web-x", "labels": labels},
            "addressType": "IPv4",
            "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
            "endpoints": [
                {"addresses": ["10.1.0.5"], "conditions": {"ready": true}, "topology": {"a": "b"},
                 "targetRef": {"kind": "Pod", "namespace": "shop", "name": "web-0"}},
                {"addresses": ["10.1.0.6"], "conditions": {"ready": false, "terminating": true}},
            ],
        })).unwrap())
    }

    #[test]
    fn an_older_slice_is_read_as_a_newer_one() {
        let s = read(json!({SERVICE: "web"})).unwrap();
        assert_eq!(s.service_key().to_string(), "shop/web");
        assert_eq!((s.family, s.ports[0].port), (Some(Family::V4), Some(8080)));
        assert!(s.endpoints[0].ready && !s.endpoints[1].ready && s.endpoints[1].terminating);
        assert_eq!(s.endpoints[0].pod, Some(("shop".into(), "web-0".into())));
    }

    #[test]
    fn slices_of_no_service_are_left_alone() {
        assert!(read(json!({})).is_none());
        assert!(read(json!({SERVICE: "web", HEADLESS: ""})).is_none());
    }
}
