//! News from watches, for the stages that they are for.

use crate::reconcile::Watched;
use crate::{network, policy, port, service};

/// News from a watch.
#[derive(Clone, Debug)]
pub enum Event {
    /// Pods.
    Pod(Watched<port::PodKey, Pod>),
    /// Nodes and KuryrPorts.
    Port(port::Event),
    /// Namespaces and KuryrNetworks.
    Network(network::Event),
    /// NetworkPolicies.
    Policy(policy::Event),
    /// Services, what is behind them, and KuryrLoadBalancers: for policies.
    Service(Box<service::Event>),
}

/// A pod as each stage sees it.
#[derive(Clone, Debug)]
pub struct Pod {
    pub key: port::PodKey,
    /// None: it is bound to no node, and no port is for it.
    pub for_ports: Option<port::Pod>,
    /// None: policies are not in force.
    pub for_policies: Option<policy::Pod>,
}
