//! NetworkPolicies as security groups: what policies mean, which groups that needs, and the next
//! calls.
//!
//! ```text
//! policies, pods, ... ──> compile ──┐
//!                                   ├──> plan ──> calls for groups; groups of each port
//! groups, ports ───> observed ──────┘
//! ```
//!
//! [`World`] holds the facts: policies, pods, namespaces, nodes, Services; ports and the security
//! groups of ours. [`fn@plan`] reads them and says what to do; the executor carries out each
//! [`Action`] and reports an [`Outcome`], which is a fact again. Ports belong to the port
//! reconciler: [`World::port_groups`] tells it what a pod's port is to carry now.
//!
//! | module | decides |
//! |---|---|
//! | [`meaning`] | what policies allow, straight from the specification: what the rest is compared with |
//! | [`compile()`] | which groups there are to be, with which rules, and which each pod carries |
//! | [`evaluate`] | what Neutron lets pass, given groups and ports |
//! | `plan` | which call is next for a group; when a group may go |
//! | `switch` | in which order ports change their groups |
//! | `outcome` | what an answer changes, and when to try again |
//!
//! **A group's contents never change**: its key is a hash of what it means, and it is carried by
//! a port only when it is complete. So a port goes from one meaning to another by one call, and
//! what a pod may do depends on the groups that its port and its peer's port carry, and nothing
//! else. `switch` keeps to one order: whatever makes a packet pass that did not waits until what
//! could make it stop elsewhere is done; so no packet passes that neither the old nor the new
//! policies allow.
//!
//! **Pods are named by membership**: what a rule's `podSelector` and `namespaceSelector` select is
//! a group without rules that the ports of those pods carry, and rules name it as remote group.
//! A pod that comes, goes or changes its labels is one call for its own port.

mod action;
mod compile;
mod complaint;
pub mod evaluate;
mod group;
pub mod meaning;
mod model;
mod observed;
mod outcome;
mod plan;
mod selector;
mod settings;
mod switch;
mod world;

#[cfg(test)]
pub(crate) mod fixtures;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

pub use action::{Action, Failure, Outcome};
pub use compile::compile;
pub use complaint::{Complaint, Reason};
pub use evaluate::Flow;
pub use group::{Assigned, Compiled, Group, GroupKey, GroupKind, Needs, Remote, Rule};
pub use model::{
    Allow, Backend, Cidr, Direction, Facts, Family, Id, NamedPort, Namespace, Node, Peer, Pod,
    PodKey, Policy, PolicyKey, PolicyPort, Ports, Protocol, Service, ServicePort,
};
pub use observed::{SeenGroup, SeenPort, SeenRule};
pub use plan::plan;
pub use selector::{Labels, Requirement, Selector, Test};
pub use settings::{Limits, Settings};
pub use world::{Fact, FactKind, PortGroups, Progress, World};
