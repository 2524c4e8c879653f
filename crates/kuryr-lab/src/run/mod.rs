//! A whole lab: cloud, cluster, workers and pods, started, watched and stopped as one.
//!
//! ```text
//!  Lab::start ── site        Keystone, Neutron and a tenant in it, hypervisors and workers, a folder
//!             ── cluster     the embedded Kubernetes API, or a real etcd and kube-apiserver
//!             ── parts       the controller and daemons, which the caller brings as Product
//!             ── nodes       a kubelet for each worker; it calls the plugin
//!             ── pods
//!  Lab::watch ── snapshot    what the pods have: address, subport, VLAN, node, hypervisor
//!  Lab::reach ── reach       who reaches whom, by echo requests in the pods' namespaces
//!  Lab::way   ── way         the steps of one packet between two pods
//! ```
//!
//! This crate knows neither controller nor daemon: whoever runs a lab brings them as a
//! [`Product`], so that they can be tested by it.

mod cluster;
mod error;
mod folder;
mod kubeconfig;
mod lab;
mod nodes;
mod options;
mod parts;
mod pods;
mod product;
mod reach;
mod real;
mod site;
mod snapshot;
mod way;

pub use error::LabError;
pub use lab::Lab;
pub use options::{KubernetesKind, LabOptions, Stage};
pub use product::{ControllerSeat, DaemonSeat, Product};
pub use reach::{Endpoint, Pair, Reach};
pub use real::RealError;
pub use snapshot::{PodRow, PodState, Snapshot, Worker};
pub use way::{Side, Step};
