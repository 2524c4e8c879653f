//! What objects are made of: defaults of Neutron and Octavia objects.

use std::collections::BTreeMap;

use super::reasons::{NO_MULTI_VIF, NO_RULES, NOT_NESTED};
use crate::macros::{choices, option_group};
use crate::spec::{Kind, kinds::*};

option_group! {
    /// The Neutron objects that pods and services use where nothing else is said.
    pub struct NeutronDefaults for "neutron_defaults" {
        /// Id of the project in which ports are made. Unset: the project of the
        /// credentials.
        project: Option<String> = of(Kind::Id);
        /// Ids of the subnets of pods' ports, all of one network. Of each IP version among
        /// them a port has an address in one: in that with the most room.
        pod_subnet: Vec<String> = of(Kind::List);
        /// Ids of the security groups of pods' ports. Empty: the project's default
        /// security group, which Neutron then chooses.
        pod_security_groups: Vec<String> = of(Kind::List);
        /// MTU of pods' interfaces in bytes; 0: that of the Neutron network.
        network_device_mtu: u32 = integer(0, 65535, "0");
        /// Tags that each OpenStack object gets beside the cluster's own.
        resource_tags: Vec<String> = of(Kind::List);
        /// Id of the subnet of Services' addresses. Unset: Services get no load
        /// balancers.
        service_subnet: Option<String> = of(Kind::Id);
        /// Id of the network from which Services get floating IPs.
        external_svc_net: Option<String> = of(Kind::Id);
        /// Id of the subnet from which Services get floating IPs.
        external_svc_subnet: Option<String> = of(Kind::Id);
        /// How long a load balancer may take to become active before its Service is
        /// told, in seconds.
        lbaas_activation_timeout: u32 = at_least(0, "300");
        /// Subnet of further interfaces by the kind of their driver.
        subnet_mapping: BTreeMap<String, String> = of(Kind::Map)
            .ignored(NO_MULTI_VIF);
    }
    accepted {
        /// Open vSwitch bridge of ports that are not subports.
        ovs_bridge = of(Kind::Id).ignored(NOT_NESTED);
    }
}

option_group! {
    /// Ports that are subports of their node's trunk.
    pub struct PodVifNested for "pod_vif_nested" {
        /// Ids of the subnets of the nodes, by which a node's trunk is found from its
        /// address.
        worker_nodes_subnets: Vec<String> = of(Kind::List).aliases(&["worker_nodes_subnet"]);
    }
    accepted {
        /// How often a Neutron object that changed meanwhile is tried again.
        rev_update_attempts = at_least(0, "3")
            .ignored("a change that loses a race is planned anew, without limit");
    }
}

option_group! {
    /// Namespaces with networks of their own.
    pub struct NamespaceSubnet for "namespace_subnet" {
        /// Id of the router that namespaces' subnets are attached to.
        pod_router: Option<String> = of(Kind::Id);
        /// Ids of the subnet pools from which namespaces' subnets come. Of each IP version
        /// that is among them a namespace gets a subnet, from the first pool with room.
        pod_subnet_pool: Vec<String> = of(Kind::List);
    }
    accepted {}
}

choices! {
    /// How a load balancer reaches its members.
    pub enum MemberMode {
        /// Through the router, from the subnet of the VIP.
        L3 = "L3",
        /// In the subnet of the members.
        L2 = "L2",
    }
}

choices! {
    /// How Octavia spreads connections over members.
    pub enum LbAlgorithm {
        /// One after the other.
        RoundRobin = "ROUND_ROBIN",
        /// To the member with the fewest.
        LeastConnections = "LEAST_CONNECTIONS",
        /// By the client's address.
        SourceIp = "SOURCE_IP",
        /// By the client's address and port.
        SourceIpPort = "SOURCE_IP_PORT",
    }
}

option_group! {
    /// Load balancers of Services.
    pub struct OctaviaDefaults for "octavia_defaults" {
        /// How a load balancer reaches its members: `L3` through the router, `L2` in
        /// their own subnet.
        member_mode: MemberMode = choice(MemberMode::WORDS, "L3");
        /// Let a load balancer through to its members by security group rules where it
        /// hides the client's address.
        enforce_sg_rules: bool = boolean("true").ignored(NO_RULES);
        /// How connections are spread over members. Octavia's OVN provider has
        /// `SOURCE_IP_PORT` only.
        lb_algorithm: LbAlgorithm = choice(LbAlgorithm::WORDS, "ROUND_ROBIN");
        /// How long a client may be silent, in milliseconds; 0: Octavia's default.
        timeout_client_data: u32 = at_least(0, "0");
        /// How long a member may be silent, in milliseconds; 0: Octavia's default.
        timeout_member_data: u32 = at_least(0, "0");
    }
    accepted {
        /// How security groups of load balancers were changed, in older releases.
        sg_mode = choice(&["create", "update"], "update")
            .ignored("upstream removed it before its last release");
    }
}
