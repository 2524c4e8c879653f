//! What is applied to a cluster, from one source: the files in `deploy/`.
//!
//! - `source` has those files, and the patches of a platform;
//! - `values` is what an operator may set, and what must be set;
//! - `slots` says where each value goes;
//! - `render` puts values in (`kuryr manifests`), `chart` puts Helm's expressions for them there instead.
//!
//! Everything is pure: nothing here reads a file or asks a cluster.

mod chart;
mod render;
mod slots;
mod source;
mod values;

pub use chart::chart;
pub use render::{Rendered, render};
pub use values::{DEFAULTS, Platform, Problem, Values};
