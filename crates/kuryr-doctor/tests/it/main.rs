//! The doctor on the embedded cloud: a cluster that a real controller has put in order is damaged by hand; the doctor
//! names the damage, mends it, and leaves what is not ours as it was. One kind of damage a test.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod beside;
mod blind;
mod foreign;
mod mended;
mod policies;
mod preflight;
mod told;
mod world;
