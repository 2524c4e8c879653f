//! NetworkPolicies as security groups: what policies mean, and which groups that needs.
//!
//! ```text
//! policies, pods, namespaces, nodes, Services ──> compile ──> groups with their rules; which groups each pod's port carries
//! ```
//!
//! | module | decides |
//! |---|---|
//! | [`oracle`] | what policies allow, straight from the specification: what the rest is compared with |
//! | [`compile()`] | which groups there are, with which rules, and which each pod carries |
//! | [`cloud`] | what Neutron lets pass, given groups and ports |
//!
//! **Rules change in place.** A policy has a group for each direction that it has rules for, and the group stays when the policy is
//! edited: its rules change, and no port does. What comes and goes behind it (numbers of named ports, VIPs of Services whose
//! backends are all allowed) are rules of that group too.
//!
//! **Pods are named by membership.** What a rule's `podSelector` and `namespaceSelector` select is a group without rules that the
//! ports of those pods carry, and rules name it as remote group. A pod that comes, goes or changes its labels is one call for its
//! own port. Policies that select no pod come to nothing, so they cost no membership either.
//!
//! **Services are allowed one by one.** For a load balancer on the hypervisor a client's egress is judged with the VIP for the first
//! packet and with the backend for all later ones. Rules for addresses leave the networks of VIPs out, and a VIP is allowed where
//! everything behind it is: so that not one datagram passes to what is not allowed.

pub mod cloud;
mod compile;
mod complaint;
pub mod flow;
mod group;
mod model;
pub mod oracle;
mod settings;

#[cfg(test)]
mod tests;

pub use compile::compile;
pub use complaint::{Complaint, Reason};
pub use group::{
    Compiled, GroupKey, Member, Needs, Numbers, OwnPort, Purpose, Remote, Rule, Traffic, Where,
};
pub use model::{
    Allow, Backend, Direction, Facts, Family, Id, Labels, NamedPort, Namespace, Node, Peer, Pod,
    PodKey, Policy, PolicyKey, PolicyPort, Ports, Protocol, Requirement, Selector, Service,
    ServiceKey, ServicePort, Test,
};
pub use settings::{Limits, Settings};
