//! KuryrLoadBalancer: the Octavia load balancer of one Service. Its name is the Service's.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What the load balancer is to be.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema, CustomResource)]
#[kube(
    group = "openstack.org",
    version = "v1",
    kind = "KuryrLoadBalancer",
    plural = "kuryrloadbalancers",
    singular = "kuryrloadbalancer",
    shortname = "klb",
    namespaced,
    status = "KuryrLoadBalancerStatus",
    derive = "PartialEq",
    printcolumn(name = "IP", type_ = "string", json_path = ".spec.ip"),
    printcolumn(name = "Provider", type_ = "string", json_path = ".spec.provider"),
    printcolumn(name = "Type", type_ = "string", json_path = ".spec.type"),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    )
)]
pub struct KuryrLoadBalancerSpec {
    /// The Service's cluster address, which becomes the VIP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// The Service's `loadBalancerIP`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lb_ip: Option<String>,
    /// The Service's ports.
    #[serde(default)]
    pub ports: Vec<LbPort>,
    /// OpenStack project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    /// Security groups of the VIP.
    #[serde(default)]
    pub security_groups_ids: Vec<String>,
    /// Subnet of the VIP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnet_id: Option<String>,
    /// `ClusterIP` or `LoadBalancer`.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_: Option<String>,
    /// Octavia provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Client inactivity timeout, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub timeout_client_data: Option<i64>,
    /// Member inactivity timeout, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub timeout_member_data: Option<i64>,
    /// The endpoints, in a form of EndpointSlice that upstream froze here.
    #[serde(
        default,
        rename = "endpointSlices",
        skip_serializing_if = "Option::is_none"
    )]
    pub endpoint_slices: Option<Vec<LbEndpointSlice>>,
}

/// One port of a Service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LbPort {
    /// Name, where the Service has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Port of the Service.
    #[schemars(range(min = 1, max = 65535))]
    pub port: i32,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: String,
    /// Port of the pods, a number or a name, as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_port: Option<String>,
}

/// A set of endpoints that share ports.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LbEndpointSlice {
    /// The endpoints.
    #[serde(default)]
    pub endpoints: Vec<LbEndpoint>,
    /// Their ports.
    #[serde(default)]
    pub ports: Vec<LbEndpointPort>,
}

/// One endpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct LbEndpoint {
    /// Addresses of one family.
    #[serde(default)]
    pub addresses: Vec<String>,
    /// Whether it is ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conditions: Option<LbEndpointConditions>,
    /// Host name, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// The pod behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-preserve-unknown-fields" = true), with = "std::collections::BTreeMap<String, String>")]
    pub target_ref: Option<Value>,
}

/// Conditions of an endpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LbEndpointConditions {
    /// Whether it takes traffic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready: Option<bool>,
}

/// A port of an endpoint slice.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LbEndpointPort {
    /// Name, matched with the Service's port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<i32>,
    /// Protocol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
}

/// What Octavia has.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct KuryrLoadBalancerStatus {
    /// The load balancer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loadbalancer: Option<LbStatus>,
    /// Its listeners.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listeners: Option<Vec<LbListener>>,
    /// Their pools.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pools: Option<Vec<LbPool>>,
    /// The pools' members.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<Vec<LbMember>>,
    /// The floating IP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_pub_ip_info: Option<LbPublicIp>,
}

/// A load balancer as Octavia has it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct LbStatus {
    /// Id.
    pub id: String,
    /// VIP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// Name, `<namespace>/<service>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Port of the VIP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port_id: Option<String>,
    /// Project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    /// Provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Security groups of the VIP.
    #[serde(default)]
    pub security_groups: Vec<String>,
    /// Subnet of the VIP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnet_id: Option<String>,
}

/// A listener as Octavia has it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct LbListener {
    /// Id.
    pub id: String,
    /// Load balancer's id.
    pub loadbalancer_id: String,
    /// Name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Port.
    pub port: i32,
    /// Protocol.
    pub protocol: String,
    /// Project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    /// Client inactivity timeout, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_client_data: Option<i64>,
    /// Member inactivity timeout, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_member_data: Option<i64>,
}

/// A pool as Octavia has it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct LbPool {
    /// Id.
    pub id: String,
    /// Listener's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listener_id: Option<String>,
    /// Load balancer's id.
    pub loadbalancer_id: String,
    /// Name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    /// Protocol.
    pub protocol: String,
}

/// A member as Octavia has it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct LbMember {
    /// Id.
    pub id: String,
    /// Address.
    pub ip: String,
    /// Name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Pool's id.
    pub pool_id: String,
    /// Port.
    pub port: i32,
    /// Project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    /// Subnet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnet_id: Option<String>,
}

/// A floating IP and how it was come by.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LbPublicIp {
    /// Id of the floating IP.
    pub ip_id: String,
    /// Address.
    pub ip_addr: String,
    /// `user` or `pool`: only what came from the pool is given back.
    pub alloc_method: String,
}
