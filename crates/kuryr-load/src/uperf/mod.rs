//! Profiles of uperf (<https://uperf.org/manual.html>), as the paper's benchmarks and many others are written in: a
//! group of threads runs transactions, each a list of operations (`flowop`). What here is one [`Load`] is there a
//! transaction with a duration, between one that connects and one that disconnects.

mod read;
mod write;

use crate::Load;

pub use read::read;
pub use write::write;

/// A profile: its loads are run one after the other.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    pub name: String,
    pub loads: Vec<Load>,
    /// The `remotehost` that it names, if it names one.
    pub remote: Option<String>,
}
