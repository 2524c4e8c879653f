//! `kuryr doctor`: looks at a cluster's ports, says what is wrong, and mends what can be mended.
//!
//! ```text
//! look/     Kubernetes and Neutron ──> kuryr_core::doctor::Facts      (lists only)
//! doctor    look, look again, fix in rounds
//! mend/     one action: read again, ask the guard, write on condition
//! preflight a cloud before anything is installed on it
//! report/   the same as tables, and as JSON with stable fields
//! ```
//!
//! What is a finding, and what is to be done about it, is decided in [`kuryr_core::doctor`].

mod doctor;
mod error;
mod look;
mod mend;
mod preflight;
mod report;

pub use doctor::{Doctor, Fixed, Look, Options};
pub use error::LookError;
pub use look::Unseen;
pub use mend::{Outcome, Step};
pub use preflight::{Preflight, preflight_json, preflight_table};
pub use report::{json, steps, table};
