//! Hypervisors, VMs and what lies between them, as network namespaces of this machine.
//!
//! ```text
//!  namespace LAB-node1 (a VM)                     namespace LAB-underlay
//!     eth0 ── tap ┐                                  bridge, MTU 1500
//!                 │ tagged: tc-bpf to the VLAN's leg     │
//!  namespace LAB-hv1                                     │
//!     leg ── port of the network's bridge ── vxlan ── underlay ── LAB-hv2 …
//! ```
//!
//! A tenant network is a bridge on each hypervisor, joined to the others by one VXLAN: one encapsulation, as with a
//! real tenant network. A router is a namespace with a leg on each of its networks. Security groups are nftables
//! rules on each hypervisor, stateful, default drop, with anti-spoofing.
//!
//! [`Topology`] follows the embedded Neutron's state: whenever it changes, [`plan`] says what differs from what is
//! wired, and that is done. Nothing is made in this machine's own namespace; everything is named `LAB-…`, and is
//! removed when the [`Topology`] is dropped. What a killed lab of the same name left is removed at the next start.

mod apply;
mod error;
pub mod filter;
pub mod lock;
pub(crate) mod names;
pub mod plan;
mod preflight;
mod reconcile;
mod vm;

pub use error::TopologyError;
pub use names::LabId;
pub use preflight::{Missing, Need, preflight, run_nft};
pub use reconcile::remove_namespaces;
pub use reconcile::{Topology, TopologySpec};
pub use vm::{Vm, VmSpec};
