//! The services on loopback: three listeners, plain HTTP, one state.
//!
//! A call goes: read the body, pass the checkpoint, look for a fault, take the time that it costs, carry it out under
//! the lock, log it, pass the checkpoint again.

mod answer;
mod call;
mod keystone;
mod neutron;
mod octavia;
mod server;
mod state;

pub use server::OpenStack;
pub use state::{Handle, State};
