//! The embedded Keystone and Neutron: each refusal, what it looks like over HTTP, and what always holds.

#![allow(clippy::unwrap_used)]

mod backends;
mod faults;
mod invariants;
mod keystone;
mod neutron;
mod refusals;
mod support;
