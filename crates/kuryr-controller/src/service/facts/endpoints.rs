//! Endpoints to slices, where the cluster has no slices: each subset is one.
//! A subset is named by its place.

use k8s_openapi::api::core::v1 as core;
use kube::ResourceExt;
use kube::core::DynamicObject;
use kuryr_core::service::{Endpoint, Family, Id, Slice, SlicePort};

use super::service::protocol;

/// Reads all subsets, split by family.
#[must_use]
pub(crate) fn slices(object: DynamicObject) -> Vec<Slice> {
    let Some(namespace) = object.namespace().map(Id::from) else {
        return Vec::new();
    };
    let name = object.name_any();
    let read: core::Endpoints = match object.try_parse() {
        Ok(read) => read,
        Err(error) => {
            tracing::warn!(%namespace, name, %error, "endpoints can't be read");
            return Vec::new();
        }
    };
    let subsets = read.subsets.unwrap_or_default();
    let both = subsets
        .iter()
        .enumerate()
        .flat_map(|(i, s)| [Family::V4, Family::V6].map(|family| (i, s, family)));
    both.map(|(i, subset, family)| Slice {
        namespace: namespace.clone(),
        name: subset_name(&name, i, family),
        service: name.as_str().into(),
        family: Some(family),
        ports: subset.ports.iter().flatten().filter_map(port).collect(),
        endpoints: endpoints(subset, family),
    })
    .filter(|slice| !slice.endpoints.is_empty())
    .collect()
}

/// The name of a subset's slice.
fn subset_name(endpoints: &str, index: usize, family: Family) -> Id {
    format!("{endpoints}/{index}/{family}").into()
}

fn endpoints(subset: &core::EndpointSubset, family: Family) -> Vec<Endpoint> {
    let ready = subset.addresses.iter().flatten().map(|a| (a, true));
    let not_ready = subset
        .not_ready_addresses
        .iter()
        .flatten()
        .map(|a| (a, false));
    ready
        .chain(not_ready)
        .filter_map(|(a, ready)| {
            let address = a.ip.parse().ok().filter(|ip| Family::of(*ip) == family)?;
            let pod = a
                .target_ref
                .as_ref()
                .filter(|r| r.kind.as_deref() == Some("Pod"));
            Some(Endpoint {
                addresses: vec![address],
                ready,
                serving: ready,
                terminating: false,
                pod: pod.and_then(|r| {
                    Some((r.namespace.as_deref()?.into(), r.name.as_deref()?.into()))
                }),
            })
        })
        .collect()
}

fn port(port: &core::EndpointPort) -> Option<SlicePort> {
    Some(SlicePort {
        name: port.name.as_deref().unwrap_or_default().into(),
        protocol: protocol(port.protocol.as_deref())?,
        port: u16::try_from(port.port).ok(),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn subsets_stay_apart() {
        let object = json!({
            "apiVersion": "v1", "kind": "Endpoints",
            "metadata": {"namespace": "shop", "name": "web"},
            "subsets": [
                {"addresses": [{"ip": "10.1.0.5"}], "ports": [{"port": 8080}]},
                {"notReadyAddresses": [{"ip": "10.1.0.6"}, {"ip": "fd00::6"}], "ports": [{"port": 8081}]},
            ],
        });
        let all = slices(serde_json::from_value(object).unwrap());
        let seen: Vec<_> = all
            .iter()
            .map(|s| {
                (
                    &*s.name,
                    s.ports[0].port,
                    s.endpoints.len(),
                    s.endpoints[0].ready,
                )
            })
            .collect();
        assert_eq!(
            seen,
            [
                ("web/0/IPv4", Some(8080), 1, true),
                ("web/1/IPv4", Some(8081), 1, false),
                ("web/1/IPv6", Some(8081), 1, false),
            ]
        );
    }
}
