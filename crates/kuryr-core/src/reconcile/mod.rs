//! What every reconciler is: facts go in, calls that are to be made come out as data, and what came of them goes in again.
//!
//! ```text
//! watches ──> learn ──> facts ──> step ──> actions ──> an executor elsewhere
//!                         ^                                    │
//!                         └───────────── finish <──────────────┘
//! ```
//!
//! A reconciler is a value that owns its facts and that only its loop calls. It has no clock, sends nothing, and can be
//! copied in the middle of anything. The loop, the executors' common half and the supervision are written once, for all of
//! them, in `kuryr-controller`; the simulation that restarts a controller at any step and loses answers is written once for
//! all of them too (`simulation`, in tests).
//!
//! | part | what it is |
//! |---|---|
//! | [`Reconciler`] | what a loop does with a reconciler |
//! | [`Effect`], [`Lane`] | an action: its name, what it is about, and which calls it waits behind |
//! | [`Failure`] | why a call failed, alike for Kubernetes, Neutron and Octavia |
//! | [`Watched`] | what a watch tells of the objects of one kind |
//! | `Agenda` | who is to be planned and when, what is held off, and what its owners are told |
//! | `Mirror` | custom objects of our own: versions, and our own writes read back |
//! | `Listing` | a full list of what OpenStack has: wanted, under way, and what it can say |
//! | `Line` | a work queue |

mod agenda;
mod failure;
mod line;
mod listing;
mod mirror;
#[cfg(test)]
pub(crate) mod simulation;
mod watched;

pub(crate) use agenda::Agenda;
pub(crate) use line::Line;
pub(crate) use listing::Listing;
pub(crate) use mirror::{Mirror, Versioned};

pub use failure::{Failure, FailureKind};
pub use watched::Watched;

use crate::Millis;

/// What came of an action: what it brought, or why it failed.
pub type Outcome<R> = Result<<R as Reconciler>::Answer, Failure>;

/// A reconciler: the decisions about one kind of thing. `now` never goes back.
pub trait Reconciler {
    /// News from watches.
    type Event;
    /// Calls, as data that is complete: who carries one out looks nothing up here.
    type Action: Effect;
    /// What a call brought.
    type Answer;
    /// Figures for metrics.
    type Figures;

    /// Takes in news.
    fn learn(&mut self, now: Millis, event: Self::Event);

    /// This process leads from now on. While it did not, another may have changed anything: nothing is done before
    /// OpenStack is listed anew, and what failed before may work now.
    fn lead(&mut self);

    /// Asks for OpenStack's objects to be listed anew: the periodic look for what others changed.
    fn look_anew(&mut self);

    /// What is to be done now. It counts as begun: each action is to be answered by [`Self::finish`] once, whatever became of
    /// it. Nothing but lists comes out before all was read, because absence would be taken for deletion.
    fn step(&mut self, now: Millis) -> Vec<Self::Action>;

    /// What came of an action that took so many milliseconds.
    fn finish(&mut self, now: Millis, action: &Self::Action, outcome: Outcome<Self>, took: Millis)
    where
        Self: Sized;

    /// When [`Self::step`] is to be called though nothing was learned; none if there is nothing to wait for.
    fn next_wake(&self) -> Option<Millis>;

    /// Whether all watches and lists were read, so that absence means something.
    fn is_synced(&self) -> bool;

    /// Figures for metrics. It may cost a walk over everything.
    fn figures(&mut self) -> Self::Figures;
}

/// An action: one call, or a few that belong together, each safe to repeat.
pub trait Effect {
    /// Its name in logs and metrics, such as `create_ports`.
    fn name(&self) -> &'static str;

    /// What it is about, for logs, such as `pod shop/web-0`; empty if it is about everything.
    fn subject(&self) -> String;

    /// Which calls it waits behind.
    fn lane(&self) -> Lane;
}

/// Calls of one lane wait for each other, where there are many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// It changes nothing, so that it needs no lease.
    Read,
    /// A change in OpenStack, whose client has a limit of its own.
    Cloud,
    /// A change in Kubernetes that somebody waits for.
    Urgent,
    /// A change in Kubernetes that says that something waits.
    Patient,
}
