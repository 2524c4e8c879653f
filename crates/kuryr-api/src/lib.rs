//! What all parts of Kuryr agree on: the four custom resources, the VIF wire
//! format, and the names written to Kubernetes and OpenStack objects.
//!
//! ```text
//! crd/     KuryrPort, KuryrNetwork, KuryrLoadBalancer, KuryrNetworkPolicy (openstack.org/v1)
//! ovo      the os-vif "versioned object" envelope and the objects inside it
//! vif      the few facts of a VIF that Kuryr works with, to and from `ovo`
//! names    labels, annotations, finalizers, tags
//! ```
//!
//! Names, fields and formats are those of kuryr-kubernetes 10.0 (2024), so that
//! an object written by it is read here, and the other way round.

#![warn(missing_docs)] // Descriptions of the CRDs are made of them.

pub mod crd;
pub mod names;
pub mod ovo;
pub mod vif;

pub use crd::{KuryrLoadBalancer, KuryrNetwork, KuryrNetworkPolicy, KuryrPort};
