//! Pods: watches in, `kuryr-core`'s plans for ports out to Neutron and Kubernetes.
//!
//! ```text
//! watches    pods, nodes and KuryrPorts, as news
//! slim       objects read without what nothing is drawn from
//! networks   subnets and networks as VIFs need them
//! execute/   an action ──> calls ──> an outcome                     (no decision here)
//! metrics    figures of pods and ports
//! ```

mod execute;
mod metrics;
pub(crate) mod networks;
mod slim;
mod watches;

pub(crate) use execute::Executor;
pub(crate) use metrics::Metrics;
pub(crate) use watches::watches;
