//! KuryrLoadBalancer to claim.

use std::net::IpAddr;

use kube::ResourceExt;
use kube::core::DynamicObject;
use kuryr_api::names::KURYRLOADBALANCER_FINALIZER;
use kuryr_core::service::{Claim, ClaimSpec, ClaimedAddress, Id, Record, ServicePort};
use serde_json::Value;

use super::service::{key, protocol};
use crate::reconcile::version;

/// Reads a KuryrLoadBalancer as far as it can be read: one that upstream's looser schema let
/// through must not hide the others, nor the load balancer that it names.
#[must_use]
pub(crate) fn claim(object: &DynamicObject) -> Claim {
    let (spec, status) = (&object.data["spec"], &object.data["status"]);
    Claim {
        service: key(object),
        uid: object.uid().unwrap_or_default().into(),
        owner: object
            .owner_references()
            .iter()
            .find(|o| o.kind == "Service")
            .map(|o| o.uid.as_str().into()),
        deleting: object.metadata.deletion_timestamp.is_some(),
        finalizer: object
            .finalizers()
            .iter()
            .any(|f| f == KURYRLOADBALANCER_FINALIZER),
        version: version(object.metadata.resource_version.as_deref()),
        spec: claim_spec(spec),
        record: record(status),
        floating: floating(&status["service_pub_ip_info"]),
    }
}

fn claim_spec(spec: &Value) -> ClaimSpec {
    ClaimSpec {
        ip: address(&spec["ip"]),
        lb_ip: address(&spec["lb_ip"]),
        ports: items(&spec["ports"]).filter_map(port).collect(),
        project: text(&spec["project_id"]),
        security_groups: items(&spec["security_groups_ids"])
            .filter_map(text)
            .collect(),
        subnet: text(&spec["subnet_id"]),
        external: spec["type"] == "LoadBalancer",
        provider: text(&spec["provider"]),
        timeout_client: number(&spec["timeout_client_data"]),
        timeout_member: number(&spec["timeout_member_data"]),
    }
}

fn port(port: &Value) -> Option<ServicePort> {
    Some(ServicePort {
        name: text(&port["name"]).unwrap_or_else(|| "".into()),
        protocol: protocol(port["protocol"].as_str())?,
        port: port["port"].as_u64().and_then(|n| u16::try_from(n).ok())?,
        target: text(&port["targetPort"]).unwrap_or_else(|| "".into()),
    })
}

fn record(status: &Value) -> Option<Record> {
    let balancer = &status["loadbalancer"];
    let children = ["listeners", "pools", "members"]
        .into_iter()
        .flat_map(|kind| items(&status[kind]))
        .filter_map(|child| text(&child["id"]));
    Some(Record {
        balancer: text(&balancer["id"])?,
        provider: text(&balancer["provider"]),
        address: address(&balancer["ip"]),
        children: children.collect(),
    })
}

fn floating(info: &Value) -> Option<ClaimedAddress> {
    Some(ClaimedAddress {
        id: text(&info["ip_id"])?,
        address: address(&info["ip_addr"])?,
        from_pool: info["alloc_method"] == "pool",
    })
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn text(text: &Value) -> Option<Id> {
    text.as_str().filter(|t| !t.is_empty()).map(Into::into)
}

fn address(text: &Value) -> Option<IpAddr> {
    text.as_str()?.parse().ok()
}

fn number(number: &Value) -> Option<u32> {
    number.as_u64().and_then(|n| u32::try_from(n).ok())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(data: Value) -> Claim {
        claim(&serde_json::from_value(data).unwrap())
    }

    #[test]
    fn what_upstream_wrote_is_read() {
        let c = read(json!({
            "metadata": {"namespace": "shop", "name": "web", "uid": "k", "resourceVersion": "7",
                "finalizers": [KURYRLOADBALANCER_FINALIZER],
                "ownerReferences": [{"apiVersion": "v1", "kind": "Service", "name": "web", "uid": "s"}]},
            "spec": {"ip": "10.96.0.9", "type": "LoadBalancer", "provider": "ovn",
                "ports": [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": "8080"}],
                "security_groups_ids": ["g"], "project_id": "p", "subnet_id": "n"},
            "status": {
                "loadbalancer": {"id": "lb", "ip": "10.96.0.9", "provider": "ovn"},
                "listeners": [{"id": "l"}], "pools": [{"id": "p"}], "members": [{"id": "m"}],
                "service_pub_ip_info": {"ip_id": "f", "ip_addr": "172.24.4.9", "alloc_method": "pool"}},
        }));
        assert_eq!(
            (c.service.to_string(), c.version, c.finalizer),
            ("shop/web".into(), 7, true)
        );
        assert_eq!(c.owner.as_deref(), Some("s"));
        assert_eq!((c.spec.external, &*c.spec.ports[0].target), (true, "8080"));
        let record = c.record.unwrap();
        assert_eq!((&*record.balancer, record.children.len()), ("lb", 3));
        assert!(c.floating.unwrap().from_pool);
    }

    #[test]
    fn a_malformed_one_still_says_which_load_balancer_it_has() {
        let c = read(json!({
            "metadata": {"namespace": "shop", "name": "web"},
            "spec": {"ip": 7, "ports": "none"},
            "status": {"loadbalancer": {"id": "lb", "ip": "?"}, "listeners": {}},
        }));
        assert_eq!(&*c.record.unwrap().balancer, "lb");
        assert_eq!((c.spec, c.floating), (ClaimSpec::default(), None));
    }
}
