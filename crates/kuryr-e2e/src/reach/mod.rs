//! Who reaches whom: packets sent from one network namespace to another, counted where they
//! arrive.
//!
//! A socket belongs to the namespace in which it was made, whichever thread uses it later. So
//! each place's sockets are made inside it, and one event loop works them all.

mod answer;
mod field;
mod stream;
mod survey;

use std::net::IpAddr;
use std::path::PathBuf;

pub use answer::{Answers, By, ask};
pub use field::{Counts, Field};
pub use stream::copy;
pub use survey::{Reply, Survey};

/// Somewhere packets are sent from and to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// What it is called in messages.
    pub name: String,
    /// Its network namespace.
    pub netns: PathBuf,
    pub address: IpAddr,
}
