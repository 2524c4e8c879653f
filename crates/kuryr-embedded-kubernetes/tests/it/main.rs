//! The embedded Kubernetes API, seen from outside: one scenario a test.
#![allow(clippy::unwrap_used)]

mod crds;
mod deletion;
mod faults;
mod kubectl;
mod lists;
mod objects;
mod patches;
mod scale;
mod scheduling;
mod support;
mod watches;
