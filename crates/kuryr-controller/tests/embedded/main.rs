//! The real controller on the embedded cloud: what crashes, faults and other hands do to it.
//!
//! [`world`] starts an embedded OpenStack, an embedded Kubernetes API and controllers, all over
//! loopback and without a node: a pod is created bound, and is ready when its KuryrPort says
//! that its port is ACTIVE. Each other module is one part of what can go wrong.

#![allow(clippy::unwrap_used)]

mod crash;
mod drift;
mod ill_kubernetes;
mod ill_openstack;
mod leadership;
mod local_switching;
mod namespaces;
mod policies;
mod rights;
mod rooms;
mod services;
mod sharing;
mod world;
