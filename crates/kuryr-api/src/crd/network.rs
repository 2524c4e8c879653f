//! KuryrNetwork: the Neutron network of one namespace. Its name is the namespace's.

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which namespace the network is for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema, CustomResource)]
#[kube(
    group = "openstack.org",
    version = "v1",
    kind = "KuryrNetwork",
    plural = "kuryrnetworks",
    singular = "kuryrnetwork",
    shortname = "kns",
    namespaced,
    status = "KuryrNetworkStatus",
    derive = "PartialEq",
    printcolumn(
        name = "Subnet CIDR",
        type_ = "string",
        json_path = ".status.subnetCIDR"
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct KuryrNetworkSpec {
    /// Name of the namespace.
    #[schemars(length(min = 1, max = 63))]
    pub ns_name: String,
    /// OpenStack project of the network.
    #[schemars(length(min = 1))]
    pub project_id: String,
    /// Labels of the namespace.
    #[serde(default)]
    pub ns_labels: BTreeMap<String, String>,
}

/// What was made for it so far; each field is written as soon as it is known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KuryrNetworkStatus {
    /// Neutron network id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub net_id: Option<String>,
    /// Neutron subnet id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnet_id: Option<String>,
    /// Prefix of the subnet.
    #[serde(
        default,
        rename = "subnetCIDR",
        skip_serializing_if = "Option::is_none"
    )]
    pub subnet_cidr: Option<String>,
    /// Neutron router id, once the subnet is attached to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub router_id: Option<String>,
    /// Whether pools were filled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub populated: Option<bool>,
    /// Labels that security groups were last computed with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ns_labels: Option<BTreeMap<String, String>>,
}
