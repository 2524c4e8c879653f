//! NetworkPolicies, and who may talk to whom by them: what enforcement is compared with, whatever carries it out.
//!
//! | module | what it knows |
//! |---|---|
//! | [`cluster`] | the pods and Services that policies are about: three namespaces of three pods |
//! | [`mod@cases`] | the policies, each case with what of the specification it shows; some come one after the other |
//! | [`mod@facts`] | the cluster as the oracle sees it |
//! | [`mod@questions`] | who asks whom, and what the oracle of `kuryr-core` says to that |
//!
//! Pure: who makes the pods, asks and listens is the test's.

pub mod cases;
pub mod cluster;
pub mod facts;
pub mod questions;

pub use cases::{Added, Case, TruthError, cases, relabel, updates};
pub use facts::facts;
pub use questions::{Question, Target, Verdict, calls, questions, verdict};

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

/// Where everything is.
#[derive(Clone, Debug)]
pub struct Places {
    /// What namespaces' names begin with.
    pub prefix: String,
    /// Addresses of pods, such as `x/a`, of Services, such as `x/web`, and of nodes, `node1` and `node2`.
    pub addresses: BTreeMap<String, IpAddr>,
    /// The network that all pods are in.
    pub pods: IpNet,
}

impl Places {
    /// The address of a pod, Service or node.
    ///
    /// # Errors
    /// It has none.
    pub fn address(&self, name: &str) -> Result<IpAddr, TruthError> {
        let address = self.addresses.get(name).copied();
        address.ok_or_else(|| TruthError::Nowhere(name.to_owned()))
    }

    /// Whether a Service has an address.
    #[must_use]
    pub fn has(&self, service: &cluster::Service) -> bool {
        let name = format!("{}/{}", service.namespace, service.name);
        self.addresses.contains_key(&name)
    }

    /// The name of a namespace.
    #[must_use]
    pub fn namespace(&self, short: &str) -> String {
        format!("{}{short}", self.prefix)
    }
}
