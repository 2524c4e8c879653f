//! What the operator sets.

use std::collections::BTreeMap;

use super::allowed::Allowed;
use super::model::Id;
use super::tree::Algorithm;
use crate::Millis;
use ipnet::IpNet;

/// Settings of the service reconciler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Project of load balancers.
    pub project: Option<Id>,
    /// Octavia provider; none: Octavia's default, whichever that is.
    pub provider: Option<Id>,
    /// Security groups of VIPs.
    pub security_groups: Vec<Id>,
    /// Subnets of cluster addresses.
    pub service_subnets: Vec<Subnet>,
    /// Subnets of pods and nodes.
    pub member_subnets: Vec<Subnet>,
    /// Whether namespaces have networks of their own: nothing is done before it is known which.
    pub has_namespace_subnets: bool,
    /// Those networks' subnets, by namespace, as their KuryrNetworks say. A Service's members are looked for in its own
    /// namespace's only: what another's KuryrNetwork says does not concern it.
    pub namespace_subnets: BTreeMap<Id, Subnet>,
    /// How members are reached.
    pub member_mode: MemberMode,
    /// How connections are spread, where the provider has it.
    pub algorithm: Algorithm,
    /// Whether the OVN provider keeps a client's endpoint (its releases from 4.0 on); none of its answers says so.
    pub ovn_keeps_affinity: bool,
    /// How long a client may be silent, milliseconds; none: Octavia's default.
    pub timeout_client: Option<u32>,
    /// How long a member may be silent, milliseconds; none: Octavia's default.
    pub timeout_member: Option<u32>,
    /// Whether pools have health monitors, where no annotation says it.
    pub monitors: bool,
    /// Network to take floating IPs from, and a subnet of it.
    pub external: Option<(Id, Option<Id>)>,
    /// Pods, nodes and Services: admitted where source ranges are enforced at the VIP.
    pub cluster: Vec<IpNet>,
    /// Whether the Service `default/kubernetes` gets a load balancer.
    pub serve_kubernetes: bool,
    /// Whether NodePort Services are served at their cluster address, without node ports.
    pub serve_node_port: bool,
    /// What a Service's owner may ask for.
    pub allowed: Allowed,
    /// The `loadBalancerClass` that is ours; Services without one are ours in any case.
    pub class: Option<Id>,
    /// Whether a load balancer without our tag that a KuryrLoadBalancer names is taken over.
    pub adopt: bool,
    /// Changing calls to Octavia under way at once, over all load balancers.
    pub changes_at_once: usize,
    /// Looks at load balancers under way at once.
    pub looks_at_once: usize,
    /// A load balancer or floating IP of ours that no Service or KuryrLoadBalancer has is
    /// deleted after so long.
    pub orphan_grace: Millis,
    /// First wait before a look at a load balancer that changes.
    pub look_first: Millis,
    /// Longest such wait.
    pub look_longest: Millis,
    /// A new Service with a selector waits so long for its first slice, so that the load
    /// balancer is created with its members.
    pub gather: Millis,
    /// A load balancer that changes for so long is told of.
    pub stuck: Millis,
    /// Failures of a load balancer are forgotten after so long without one.
    pub calm: Millis,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            project: None,
            provider: None,
            security_groups: Vec::new(),
            service_subnets: Vec::new(),
            member_subnets: Vec::new(),
            has_namespace_subnets: false,
            namespace_subnets: BTreeMap::new(),
            member_mode: MemberMode::L3,
            algorithm: Algorithm::RoundRobin,
            ovn_keeps_affinity: false,
            timeout_client: None,
            timeout_member: None,
            monitors: false,
            external: None,
            cluster: Vec::new(),
            serve_kubernetes: false,
            serve_node_port: true,
            allowed: Allowed::default(),
            class: None,
            adopt: false,
            changes_at_once: 8,
            looks_at_once: 8,
            orphan_grace: 60_000,
            look_first: 100,
            look_longest: 5_000,
            gather: 300,
            stuck: 300_000,
            calm: 600_000,
        }
    }
}

/// A Neutron subnet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subnet {
    pub id: Id,
    /// Its addresses.
    pub cidr: IpNet,
}

/// How a load balancer reaches its members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberMode {
    /// Through the router: members are given the VIP's subnet.
    L3,
    /// In their own subnet.
    L2,
}
