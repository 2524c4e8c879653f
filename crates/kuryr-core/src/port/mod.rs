//! Pods and their ports: what is there, what is wanted, and the next actions.
//!
//! [`World`] holds the facts: pods, claims (KuryrPorts), nodes, trunks, ports. Watches and
//! lists put facts in; `plan` reads them and says what to do; the executor carries out each
//! [`Action`] and reports an [`Outcome`], which is a fact again ([`crate::reconcile`]). A port that no claim
//! names is free: it is given to a waiting pod, kept in a pool, or taken away. So whatever
//! a crash left behind is an ordinary case.

mod action;
mod adopt;
mod event;
mod model;
mod outcome;
mod plan;
mod reconciler;
mod room;
mod settings;
mod world;

#[cfg(test)]
pub(crate) mod simulation;

pub use action::{Action, Answer, Assignment, Outcome, Reason};
pub use adopt::{Shown, adoptable};
pub use event::Event;
pub use model::{
    Claim, ClaimedVif, Id, Place, Pod, PodKey, PodLife, Port, PortKind, PortStatus, Trunk, Want,
};
pub use reconciler::Figures;
pub use room::Rooms;
pub use settings::Settings;
pub use world::{NodeTrunk, World, Worn};
