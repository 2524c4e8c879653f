//! A healthy cluster, damage to it, and what comes of carrying out what the findings say.
#![allow(clippy::unwrap_used)]

mod cluster;
mod guard;
mod mended;
mod plant;
mod policies;
mod properties;
mod told;
