//! What the controller has to be told.

use std::net::SocketAddr;
use std::time::Duration;

use kuryr_core::port::Settings;

use crate::lease::LeaseSettings;
use crate::pods::policies::PolicyConfig;
use crate::service::ServiceConfig;

/// `[kubernetes] pod_subnets_driver = namespace`: what networks of namespaces are made of.
#[derive(Clone, Debug)]
pub struct NamespaceNetworks {
    /// `[namespace_subnet] pod_router`.
    pub router: String,
    /// `[namespace_subnet] pod_subnet_pool`, in the order in which they are used; of each IP version a subnet is made.
    pub pools: Vec<String>,
    /// `[kubernetes] namespace_project_driver = annotation`.
    pub networks_by_annotation: bool,
    /// `[kubernetes] pod_project_driver = annotation`.
    pub ports_by_annotation: bool,
}

/// Settings of one controller.
#[derive(Clone, Debug)]
pub struct ControllerConfig {
    /// Name of the cluster among those that share the OpenStack project; part of the tag.
    pub cluster_id: String,
    /// `[neutron_defaults] pod_subnet`: of each IP version among them a port has an address in one of them, unless namespaces
    /// have networks.
    pub pod_subnets: Vec<String>,
    /// Whether NetworkPolicies are put in force, and how.
    pub policies: Option<PolicyConfig>,
    /// Networks of namespaces, where they get their own.
    pub namespaces: Option<NamespaceNetworks>,
    /// `[neutron_defaults] pod_security_groups`.
    pub pod_security_groups: Vec<String>,
    /// `[neutron_defaults] project`; the token's project if empty.
    pub project: Option<String>,
    /// `[neutron_defaults] network_device_mtu`; the network's if none.
    pub mtu: Option<u32>,
    /// `[neutron_defaults] resource_tags`: tags besides the cluster's.
    pub resource_tags: Vec<String>,
    /// `[pod_vif_nested] worker_nodes_subnets`: parent ports are looked for in these only.
    pub node_subnets: Vec<String>,
    /// `[kubernetes] port_debug`: ports get a name that shows what they are.
    pub port_debug: bool,
    /// Numbers of the port reconciler.
    pub ports: Settings,
    /// How often everything is listed again to find drift.
    pub resync: Duration,
    /// Leader election.
    pub lease: LeaseSettings,
    /// Where `/alive` and `/ready` are served.
    pub health: Option<SocketAddr>,
    /// Where `/metrics` is served.
    pub metrics: Option<SocketAddr>,
    /// Load balancers for Services, if they are wanted.
    pub services: Option<ServiceConfig>,
    /// Whether it is said which networks' pods may be switched on their nodes.
    pub local_switching: bool,
    /// Whether Events are written.
    pub use_events: bool,
}
