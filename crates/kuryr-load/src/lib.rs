//! A load generator: two ends that send each other checked payload over TCP or UDP, and say how much arrived, how
//! long answers took, and what processor time it cost at either end.
//!
//! | module | what it knows |
//! |---|---|
//! | [`load`] | what can be asked for: [`Pattern`], sizes, threads, time, pace |
//! | [`payload`] | what is sent, and how the other end sees that it is that |
//! | [`server`], [`client`] | the two ends, on sockets that the caller may have made in another network namespace |
//! | [`control`] | one line of JSON each way before and after, so that the ends can be two machines |
//! | [`outcome`] | what came of it; latencies as HDR histograms |
//! | [`uperf`] | uperf's XML profiles, read and written |
//! | [`foreign`] | the same load by iperf3, to compare generators |
//!
//! # Blocking
//! Everything blocks, on threads of its own: one thread a connection is what a program with plain sockets does, and
//! what the sockets cost is what is measured. A runtime between them would be measured too.

pub mod client;
pub mod control;
mod cpu;
mod error;
pub mod foreign;
pub mod load;
pub mod outcome;
pub mod payload;
pub mod server;
pub mod uperf;

pub use error::LoadError;
pub use load::{Load, Pattern, Protocol};
pub use outcome::{Latency, Outcome};
