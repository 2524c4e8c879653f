//! os-vif objects as they stand in a KuryrPort: oslo.versionedobjects' "primitive" form.
//!
//! Every object is an envelope of `versioned_object.{name,namespace,version,data}`;
//! lists keep theirs under `data.objects`. Shapes follow os-vif 5.3
//! (VIF 1.0, Network 1.1, Subnet, Route and FixedIP 1.0). Fields that we do not know are
//! kept and written back.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The namespace of every os-vif object.
pub const NAMESPACE: &str = "os_vif";
/// Class of a subport's VIF: a VLAN of the node's trunk.
pub const VIF_VLAN_NESTED: &str = "VIFVlanNested";

/// The envelope of one versioned object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct Ovo<T> {
    /// Class, such as `VIFVlanNested` or `SubnetList`.
    #[serde(rename = "versioned_object.name")]
    #[schemars(length(min = 1))]
    pub name: String,
    /// Always `os_vif`.
    #[serde(rename = "versioned_object.namespace")]
    pub namespace: String,
    /// Version of the class, such as `1.0`.
    #[serde(rename = "versioned_object.version")]
    pub version: String,
    /// The object's fields.
    #[serde(rename = "versioned_object.data")]
    pub data: T,
    /// Fields changed since the object was made; upstream writes it at times.
    #[serde(
        rename = "versioned_object.changes",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub changes: Option<Vec<String>>,
}

impl<T> Ovo<T> {
    /// Wraps `data` as an os-vif object.
    pub fn new(name: &str, version: &str, data: T) -> Self {
        Self {
            name: name.to_owned(),
            namespace: NAMESPACE.to_owned(),
            version: version.to_owned(),
            data,
            changes: None,
        }
    }
}

/// The data of a list object.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct List<T> {
    /// The members, each in an envelope of its own.
    pub objects: Vec<Ovo<T>>,
}

/// The data of a VIF, of whatever class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct VifData {
    /// The Neutron port's id.
    pub id: String,
    /// MAC address.
    #[schemars(regex(pattern = r"^([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}$"))]
    pub address: String,
    /// The network that the port is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Ovo<NetworkData>>,
    /// Whether Neutron filters the port's traffic.
    #[serde(default)]
    pub has_traffic_filtering: bool,
    /// Always false for pods.
    #[serde(default)]
    pub preserve_on_delete: bool,
    /// Whether the port was seen ACTIVE.
    #[serde(default)]
    pub active: bool,
    /// os-vif plugin: `noop` for a subport.
    #[serde(default)]
    pub plugin: String,
    /// Name of the link on the node before it moves into the pod.
    #[serde(default)]
    pub vif_name: String,
    /// Segmentation id on the node's trunk; only `VIFVlanNested` has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 4094))]
    pub vlan_id: Option<u16>,
    /// Fields of other classes, kept as they are.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: Map<String, Value>,
}

/// The data of a Network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct NetworkData {
    /// The Neutron network's id.
    pub id: String,
    /// The Neutron network's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// MTU of the network, bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 68, max = 65535))]
    pub mtu: Option<u32>,
    /// Subnets from which the port has addresses.
    pub subnets: Ovo<List<SubnetData>>,
    /// `multi_host`, `should_provide_bridge` and the like, kept as they are.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: Map<String, Value>,
}

/// The data of a Subnet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct SubnetData {
    /// Prefix, such as `10.41.0.0/16`.
    pub cidr: String,
    /// Name servers.
    #[serde(default)]
    pub dns: Vec<String>,
    /// Gateway address, absent where the subnet has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<String>,
    /// Host routes.
    pub routes: Ovo<List<RouteData>>,
    /// The port's addresses in this subnet.
    pub ips: Ovo<List<FixedIpData>>,
    /// Whatever else is there.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: Map<String, Value>,
}

/// The data of a Route.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct RouteData {
    /// Destination prefix.
    pub cidr: String,
    /// Next hop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<String>,
    /// Whatever else is there.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: Map<String, Value>,
}

/// The data of a FixedIP.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct FixedIpData {
    /// The address, without a prefix length.
    pub address: String,
    /// Whatever else is there.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: Map<String, Value>,
}
