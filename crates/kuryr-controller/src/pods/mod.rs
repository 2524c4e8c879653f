//! Pods: watches in, `kuryr-core`'s plans for ports, namespaces' networks and policies out to Neutron and Kubernetes.
//!
//! ```text
//! watches    pods, nodes and KuryrPorts, namespaces and KuryrNetworks, policies and Services, as news
//! slim       objects read without what nothing is drawn from
//! networks   where pods' networks come from; subnets and networks as VIFs need them
//! policies   how policies are put in force
//! asked      what policies are about, read once
//! execute/   an action ──> calls ──> an outcome                     (no decision here)
//! metrics    figures of pods, ports, networks and policies
//! ```

pub(crate) mod asked;
mod execute;
mod metrics;
pub(crate) mod networks;
pub(crate) mod policies;
mod slim;
mod watches;

pub(crate) use execute::Executor;
pub(crate) use metrics::Metrics;
pub(crate) use watches::watches;
