//! Pods: watches in, `kuryr-core`'s plans for ports and namespaces' networks out to Neutron and Kubernetes.
//!
//! ```text
//! watches    pods, nodes and KuryrPorts, namespaces and KuryrNetworks, as news
//! slim       objects read without what nothing is drawn from
//! networks   where pods' networks come from; subnets and networks as VIFs need them
//! execute/   an action ──> calls ──> an outcome                     (no decision here)
//! metrics    figures of pods, ports and networks
//! ```

mod execute;
mod metrics;
pub(crate) mod networks;
mod slim;
mod watches;

pub(crate) use execute::Executor;
pub(crate) use metrics::Metrics;
pub(crate) use watches::watches;
