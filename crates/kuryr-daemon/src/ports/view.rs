//! A KuryrPort reduced to what concerns the daemon.

use std::collections::BTreeMap;
use std::fmt;

use kube::ResourceExt;
use kube::core::DynamicObject;
use kuryr_api::crd::{KuryrPortSpec, KuryrPortStatus};
use kuryr_api::names::WAIT_REASON_ANNOTATION;
use kuryr_api::vif::Vif;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Namespace and name of a pod; its KuryrPort has the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PodKey {
    pub namespace: String,
    pub name: String,
}

impl fmt::Display for PodKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// What is known of a KuryrPort.
#[derive(Clone, Debug, PartialEq)]
pub enum Known {
    /// It was understood.
    Port(PodPort),
    /// It was not, and why; the others are not harmed by it.
    Unreadable(String),
}

/// A KuryrPort, without what does not concern the daemon.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PodPort {
    /// Uid of its pod.
    pub uid: String,
    /// Whether the pod is a static one, whose uid the runtime does not know.
    pub is_static: bool,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// Interfaces by their name in the pod.
    /// Each a VIF, or why it cannot be plugged.
    pub vifs: BTreeMap<String, Result<Vif, String>>,
    /// Why there is none yet.
    pub waits_for: Option<WaitReason>,
}

/// Why the controller cannot give a port yet.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct WaitReason {
    /// One word, as an Event has it.
    pub reason: String,
    /// A sentence for people.
    pub message: String,
}

impl PodPort {
    /// The interface of that name. Another one's port is not to be moved to it: that would take the other away.
    #[must_use]
    pub fn vif(&self, ifname: &str) -> Option<&Result<Vif, String>> {
        self.vifs.get(ifname)
    }

    /// The interface whose port this is.
    #[must_use]
    pub fn vif_of(&self, port_id: &str) -> Option<(&String, &Vif)> {
        self.vifs.iter().find_map(|(ifname, v)| {
            let vif = v.as_ref().ok().filter(|v| v.port_id == port_id)?;
            Some((ifname, vif))
        })
    }

    /// What of a VIF one of the interfaces has too, in words.
    #[must_use]
    pub fn shares(&self, vif: &Vif) -> Option<String> {
        let own = self.vifs.values().filter_map(|v| v.as_ref().ok());
        own.into_iter().find_map(|other| {
            if other.port_id == vif.port_id {
                Some(format!("port {}", vif.port_id))
            } else if other.vlan == vif.vlan {
                Some(format!("VLAN {}", vif.vlan))
            } else if other.mac == vif.mac {
                Some(format!("MAC address {}", vif.mac))
            } else if other.link_name() == vif.link_name() {
                Some(format!("link name {}", vif.link_name()))
            } else {
                None
            }
        })
    }

    /// Whether one of the interfaces is this port. One that cannot be read may be.
    #[must_use]
    pub fn has(&self, port_id: &str) -> bool {
        self.vifs
            .values()
            .any(|v| v.as_ref().map_or(true, |vif| vif.port_id == port_id))
    }
}

/// Reduces an object as the API server sent it. Not read as a typed KuryrPort, because one
/// object that is wrong would then end the whole list.
#[must_use]
pub fn view(object: &DynamicObject) -> (PodKey, Known) {
    let key = PodKey {
        namespace: object.namespace().unwrap_or_default(),
        name: object.name_any(),
    };
    let known = match port(object) {
        Ok(port) => Known::Port(port),
        Err(e) => Known::Unreadable(e),
    };
    (key, known)
}

fn port(object: &DynamicObject) -> Result<PodPort, String> {
    let spec: KuryrPortSpec = part(object, "spec")?.ok_or("it has no spec")?;
    let status: KuryrPortStatus = part(object, "status")?.unwrap_or_default();
    let vifs = status.vifs.into_iter().map(|(ifname, entry)| {
        let vif = Vif::from_wire(&entry.vif).map_err(|e| e.to_string());
        (ifname, vif)
    });
    Ok(PodPort {
        uid: spec.pod_uid,
        is_static: spec.pod_static.unwrap_or_default(),
        deleting: object.metadata.deletion_timestamp.is_some(),
        vifs: vifs.collect(),
        waits_for: object
            .annotations()
            .get(WAIT_REASON_ANNOTATION)
            .and_then(|text| serde_json::from_str(text).ok()),
    })
}

/// A part of the object; `None` if it is absent or null.
fn part<T: for<'a> Deserialize<'a>>(
    object: &DynamicObject,
    name: &str,
) -> Result<Option<T>, String> {
    match object.data.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => T::deserialize(value)
            .map(Some)
            .map_err(|e| format!("its {name} cannot be read: {e}")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(spec: Value, status: Value) -> DynamicObject {
        serde_json::from_value(json!({
            "apiVersion": "openstack.org/v1", "kind": "KuryrPort",
            "metadata": {"name": "web-0", "namespace": "demo"},
            "spec": spec, "status": status,
        }))
        .unwrap()
    }

    fn spec() -> Value {
        json!({"podUid": "u1", "podNodeName": "n1"})
    }

    #[test]
    fn an_object_without_status_has_no_interface_yet() {
        for status in [Value::Null, json!({}), json!({"vifs": {}})] {
            let (key, known) = view(&object(spec(), status));
            assert_eq!(key.to_string(), "demo/web-0");
            assert!(matches!(known, Known::Port(p) if p.vifs.is_empty() && p.uid == "u1"));
        }
    }

    #[test]
    fn a_wrong_object_is_unreadable_and_says_why() {
        for (spec, status, what) in [
            (Value::Null, json!({}), "no spec"),
            (json!({"podUid": 7}), json!({}), "spec"),
            (spec(), json!({"vifs": []}), "status"),
            (spec(), json!({"vifs": {"eth0": {"vif": "tap"}}}), "status"),
            (spec(), json!("text"), "status"),
        ] {
            let (_, known) = view(&object(spec, status));
            assert!(
                matches!(&known, Known::Unreadable(e) if e.contains(what)),
                "{known:?}"
            );
        }
    }

    #[test]
    fn a_vif_of_another_class_is_kept_with_its_reason() {
        let vif = json!({
            "versioned_object.name": "VIFMacvlanNested", "versioned_object.namespace": "os_vif",
            "versioned_object.version": "1.0",
            "versioned_object.data": {"id": "p1", "address": "fa:16:3e:00:00:01"},
        });
        let (_, known) = view(&object(spec(), json!({"vifs": {"eth0": {"vif": vif}}})));
        let Known::Port(port) = known else {
            panic!("{known:?}")
        };
        let vif = &port.vifs["eth0"];
        assert!(vif.as_ref().unwrap_err().contains("VIFMacvlanNested"));
    }

    #[test]
    fn the_controllers_reason_is_read_and_a_garbled_one_passed_over() {
        let mut object = object(spec(), Value::Null);
        let mut annotate = |text: &str| {
            object
                .annotations_mut()
                .insert(WAIT_REASON_ANNOTATION.into(), text.into());
            match view(&object).1 {
                Known::Port(port) => port.waits_for,
                Known::Unreadable(e) => panic!("{e}"),
            }
        };
        let reason = annotate(r#"{"reason": "OverQuota", "message": "quota of ports is used up"}"#);
        assert_eq!(reason.unwrap().reason, "OverQuota");
        assert_eq!(annotate("no json"), None);
    }
}
