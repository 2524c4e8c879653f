//! Why options of several groups have no effect, each said once.

pub(super) const NO_RULES: &str =
    "security group rules that let a load balancer through to its members are the operator's yet";
pub(super) const BY_DRIVER: &str =
    "NetworkPolicies are in force where pod_security_groups_driver = policy";
pub(super) const NO_MULTI_VIF: &str = "pods have one interface; further ones are not made yet";
pub(super) const NOT_NESTED: &str = "pods are attached as subports of their node's trunk only";
