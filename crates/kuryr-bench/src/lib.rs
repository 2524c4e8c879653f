//! Figures, each with the runs behind it.
//!
//! ```text
//! stats    minimum, median, p99, maximum of some runs
//! report   figures under stable names: a table for people, one JSON object for programs
//! cni      ADD in the daemon, with the port ready
//! pods     pods created to Ready: one by one beside another plugin, and many at once
//! floor    what the same ports cost as bare bulk calls: Neutron's own floor
//! scale    restart, churn and memory at size, on an embedded cloud
//! policies NetworkPolicies: calls, times and memory, on an embedded cloud
//! simulated what benches at size run on
//! services load balancers: calls and times
//! cluster  pods made, watched and removed
//! scrape   calls and memory, read from the parts' own metrics
//! ```
//!
//! Nothing here asserts a time. Comparisons take turns in one run, so that noise hits both.

pub mod cluster;
pub mod cni;
mod error;
pub mod floor;
pub mod pods;
pub mod policies;
pub mod report;
pub mod scale;
pub mod scrape;
pub mod services;
mod simulated;
pub mod stats;

pub use error::BenchError;
pub use report::Report;
