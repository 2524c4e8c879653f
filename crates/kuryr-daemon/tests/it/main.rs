//! The daemon without a kernel: a fake one, and KuryrPorts in memory.

#![allow(clippy::unwrap_used)]

mod adds;
mod commands;
mod dels;
mod messages;
mod random;
mod restarts;
mod socket;
mod whole;
mod world;
