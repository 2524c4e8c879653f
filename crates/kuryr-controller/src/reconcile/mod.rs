//! The mechanism that carries every reconciler of `kuryr-core`, written once.
//!
//! ```text
//! follow     a watch of one kind, as news           kuryr_core::reconcile::Watched
//! engine     the loop: news in, step, actions out, outcomes in
//! turns      which calls wait for each other        kuryr_core::reconcile::Lane
//! ```
//!
//! A reconciler brings what only it can: its watches ([`follow()`] with the reading of an object), its [`Hands`] and its
//! [`Meters`].

mod engine;
mod follow;
mod turns;

pub(crate) use engine::{Duty, Engine, Hands, Meters};
pub(crate) use follow::{Kind, LONGEST_PAUSE, Pauses, Watch, follow, version};
