//! KuryrPort to claim.

use kube::ResourceExt;
use kube::core::DynamicObject;
use kuryr_api::names::{DEFAULT_IFNAME, KURYRPORT_FINALIZER};
use kuryr_core::port::{Claim, ClaimedVif, PodKey};
use serde_json::Value;

use crate::reconcile::version;

/// Reads a KuryrPort as far as it can be read.
///
/// One that upstream's looser schema let through must not hide the others, and its port
/// must not be taken for free: the id is enough for that, whatever else is wrong.
#[must_use]
pub fn claim(object: &DynamicObject) -> Claim {
    let text = |path: &str| {
        object
            .data
            .pointer(path)
            .and_then(Value::as_str)
            .unwrap_or("")
    };
    let vif = object
        .data
        .pointer("/status/vifs")
        .and_then(|vifs| vifs.get(DEFAULT_IFNAME))
        .and_then(|e| e.pointer("/vif/versioned_object.data"))
        .and_then(claimed_vif);
    Claim {
        pod: PodKey::new(object.namespace().unwrap_or_default(), object.name_any()),
        pod_uid: text("/spec/podUid").into(),
        node: text("/spec/podNodeName").into(),
        vif,
        deleting: object.metadata.deletion_timestamp.is_some(),
        finalizer: object.finalizers().iter().any(|f| f == KURYRPORT_FINALIZER),
        version: version(object.metadata.resource_version.as_deref()),
    }
}

fn claimed_vif(data: &Value) -> Option<ClaimedVif> {
    Some(ClaimedVif {
        port: data.get("id")?.as_str()?.into(),
        vlan: data
            .get("vlan_id")
            .and_then(Value::as_u64)
            .and_then(|v| u16::try_from(v).ok())
            .unwrap_or(0),
        active: data.get("active").and_then(Value::as_bool).unwrap_or(false),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(data: Value) -> DynamicObject {
        serde_json::from_value(data).unwrap()
    }

    #[test]
    fn a_claim_has_the_port_and_its_vlan() {
        let c = claim(&object(json!({
            "metadata": {"name": "web-0", "namespace": "shop", "resourceVersion": "7",
                "finalizers": [KURYRPORT_FINALIZER]},
            "spec": {"podUid": "u", "podNodeName": "n1"},
            "status": {"vifs": {"eth0": {"default": true, "vif": {"versioned_object.data":
                {"id": "p", "vlan_id": 5, "active": true}}}}},
        })));
        assert_eq!(
            (c.pod.to_string(), c.version, c.finalizer),
            ("shop/web-0".into(), 7, true)
        );
        let vif = c.vif.unwrap();
        assert_eq!((&*vif.port, vif.vlan, vif.active), ("p", 5, true));
    }

    #[test]
    fn a_malformed_one_still_says_which_port_it_has() {
        let c = claim(&object(json!({
            "metadata": {"name": "web-0", "namespace": "shop"},
            "spec": {"podUid": 7},
            "status": {"vifs": {"eth0": {"vif": {"versioned_object.data":
                {"id": "p", "vlan_id": "five"}}}}},
        })));
        assert_eq!(&*c.vif.unwrap().port, "p");
        assert_eq!(&*c.pod_uid, "");
    }
}
