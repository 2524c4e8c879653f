//! The same load by another generator, where it is installed: so that nobody has to believe ours.

mod iperf3;

pub use iperf3::{Iperf3, streams_only};
