//! The embedded Keystone, Neutron and Octavia: each refusal, what it looks like over HTTP, and what always holds.

#![allow(clippy::unwrap_used)]

mod backends;
mod faults;
mod invariants;
mod keystone;
mod neutron;
mod octavia;
mod refusals;
mod support;
