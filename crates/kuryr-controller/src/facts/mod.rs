//! From objects of Kubernetes and Neutron to facts about pods and ports.

mod claim;
mod neutron;
mod node;
mod pod;

pub use claim::claim;
pub use neutron::{PORT_FIELDS, places, port, port_status, trunks};
pub use node::addresses;
pub use pod::pod;
