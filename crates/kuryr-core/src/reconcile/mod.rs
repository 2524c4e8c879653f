//! What every reconciler is made of.

mod failure;

pub use failure::{Failure, FailureKind};
