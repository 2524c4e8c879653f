//! Networks of namespaces: a network, its subnets and their legs in the router for each namespace that has pods.
//!
//! It is the first stage of the pods' reconciler ([`crate::pods`]): what it says of a namespace ([`Standing`]) is what ports of
//! its pods are made of. It knows nothing of ports but how many there are on each network, and of pods but how many want one.
//!
//! A network is known by its mark and its name, `<uid>/<namespace>` as upstream has it, and by that it is found again; its
//! KuryrNetwork is there before it and goes after it. So whatever a crash left behind is an ordinary case: what is missing is
//! made, and what no namespace needs is undone, legs first.

mod action;
mod model;
mod outcome;
mod plan;
mod reconciler;
mod room;
mod settings;
mod world;

pub use action::{Action, Answer, Outcome};
pub use model::{Claim, Leg, Namespace, Network, Own, Standing, Status, Subnet, label, label_of};
pub use reconciler::{Event, Figures};
pub use room::{PoolRoom, free_subnets};
pub use settings::{PrefixPool, Settings};
pub use world::World;
