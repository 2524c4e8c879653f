//! The daemon with a fake kernel and KuryrPorts in memory; `kernel` has the real one and
//! needs root.

#![allow(clippy::unwrap_used)]

mod adds;
mod commands;
mod dels;
mod kernel;
mod messages;
mod random;
mod restarts;
mod socket;
mod whole;
mod world;
