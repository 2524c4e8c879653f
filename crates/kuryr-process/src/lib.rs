//! What every program of Kuryr does as a process: it notices each task that dies, answers
//! probes, shows its metrics, tells people what they are to know by Events, and says in one line why it failed.

mod cause;
pub mod events;
mod resident;
mod serve;
mod tasks;

pub use cause::chain;
pub use resident::Resident;
pub use serve::{Answer, Probed, listen, metrics, probes, serve};
pub use tasks::{TaskEnded, Tasks};
