//! From objects of Kubernetes and Neutron to facts about pods, their ports and their namespaces' networks.

mod claim;
mod network;
mod neutron;
mod node;
mod pod;
pub mod policies;

pub use claim::claim;
pub use network::{namespace, network, network_claim, subnet, subnet_pool};
pub use neutron::{PORT_FIELDS, places, port, port_status, trunks};
pub use node::addresses;
pub use pod::pod;
