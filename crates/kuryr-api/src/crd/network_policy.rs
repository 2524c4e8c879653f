//! KuryrNetworkPolicy: the security group of one NetworkPolicy. Its name is the policy's.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The rules that the policy asks for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema, CustomResource)]
#[kube(
    group = "openstack.org",
    version = "v1",
    kind = "KuryrNetworkPolicy",
    plural = "kuryrnetworkpolicies",
    singular = "kuryrnetworkpolicy",
    shortname = "knp",
    namespaced,
    status = "KuryrNetworkPolicyStatus",
    derive = "PartialEq",
    printcolumn(
        name = "SG-ID",
        type_ = "string",
        json_path = ".status.securityGroupId"
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct KuryrNetworkPolicySpec {
    /// Rules for traffic to the selected pods.
    pub ingress_sg_rules: Vec<PolicyRule>,
    /// Rules for traffic from the selected pods.
    pub egress_sg_rules: Vec<PolicyRule>,
    /// The selected pods.
    pub pod_selector: LabelSelector,
    /// `Ingress`, `Egress` or both.
    pub policy_types: Vec<String>,
}

/// A rule and the pods that made it necessary.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyRule {
    /// The rule.
    pub sg_rule: SgRule,
    /// Namespace whose subnet the rule names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Pods whose addresses the rule names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affected_pods: Option<Vec<AffectedPod>>,
}

/// A pod named in a rule.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AffectedPod {
    /// Address.
    #[serde(rename = "podIP")]
    pub pod_ip: String,
    /// Namespace.
    #[serde(rename = "podNamespace")]
    pub pod_namespace: String,
}

/// A Neutron security group rule, with Neutron's field names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct SgRule {
    /// Id, once it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Security group, once it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_group_id: Option<String>,
    /// Free text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// `ingress` or `egress`.
    #[schemars(regex(pattern = "^(ingress|egress)$"))]
    pub direction: String,
    /// `IPv4` or `IPv6`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ethertype: Option<String>,
    /// Lowest port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 65535))]
    pub port_range_min: Option<i32>,
    /// Highest port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 65535))]
    pub port_range_max: Option<i32>,
    /// Protocol, lower case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// Peer prefix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote_ip_prefix: Option<String>,
}

/// What Neutron has.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KuryrNetworkPolicyStatus {
    /// The security group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_group_id: Option<String>,
    /// Its rules.
    #[serde(default)]
    pub security_group_rules: Vec<SgRule>,
    /// Selector that was last applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_selector: Option<LabelSelector>,
}
