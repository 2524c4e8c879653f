//! KuryrPort: the interfaces of one pod. Its name is the pod's.

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ovo::{Ovo, VifData};

/// Whose ports these are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema, CustomResource)]
#[kube(
    group = "openstack.org",
    version = "v1",
    kind = "KuryrPort",
    plural = "kuryrports",
    singular = "kuryrport",
    shortname = "kp",
    namespaced,
    status = "KuryrPortStatus",
    derive = "PartialEq",
    printcolumn(
        name = "IP",
        type_ = "string",
        json_path = r".status.vifs.eth0.vif.versioned_object\.data.network.versioned_object\.data.subnets.versioned_object\.data.objects[0].versioned_object\.data.ips.versioned_object\.data.objects[0].versioned_object\.data.address"
    ),
    printcolumn(name = "Node", type_ = "string", json_path = ".spec.podNodeName"),
    printcolumn(
        name = "VLAN",
        type_ = "integer",
        json_path = r".status.vifs.eth0.vif.versioned_object\.data.vlan_id"
    ),
    printcolumn(
        name = "Active",
        type_ = "boolean",
        json_path = r".status.vifs.eth0.vif.versioned_object\.data.active"
    ),
    printcolumn(
        name = "Port",
        type_ = "string",
        json_path = r".status.vifs.eth0.vif.versioned_object\.data.id",
        priority = 1
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct KuryrPortSpec {
    /// Uid of the pod; a re-created pod of the same name has another one.
    #[schemars(length(min = 1))]
    pub pod_uid: String,
    /// Node on which the pod runs.
    #[schemars(length(min = 1, max = 253))]
    pub pod_node_name: String,
    /// Whether a kubelet made the pod from a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_static: Option<bool>,
}

/// The interfaces, by name in the pod.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct KuryrPortStatus {
    /// Interface name (`eth0`) to interface.
    #[serde(default)]
    pub vifs: BTreeMap<String, VifEntry>,
}

/// One interface of a pod.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct VifEntry {
    /// Whether it is the one that Kubernetes knows as the pod's address.
    #[serde(default)]
    pub default: bool,
    /// The os-vif object.
    pub vif: Ovo<VifData>,
}
