//! The comparison of the document that this project implements, as a tool: pods on subports, encapsulated once,
//! beside pods behind an overlay of their own, encapsulated twice; same workers, same hypervisors, in turn.
//!
//! | module | what it knows |
//! |---|---|
//! | [`cell`] | what is compared: a [`Cell`] of the matrix, and the systems in it |
//! | [`select`] | which cells are wanted |
//! | [`plan`] | the runs in their order, how long they take, what is left |
//! | [`path`] | where the packets of a cell must pass, and where they must not |
//! | [`site`] | the machines, as network namespaces |
//! | [`run`] | one run after the other, each noted at once |
//! | [`journal`] | the runs as a file, so that they can be resumed |
//! | [`figures`], [`claims`] | from runs to ratios; from ratios to what the paper says |
//! | [`report`] | HTML, CSV, JSON |
//!
//! All but `site` and `run` is pure.

pub mod cell;
pub mod claims;
mod error;
pub mod figures;
pub mod journal;
pub mod machine;
pub mod path;
pub mod plan;
pub mod report;
pub mod run;
pub mod select;
pub mod site;

pub use cell::Cell;
pub use error::MatrixError;
