//! NetworkPolicies as security groups: what policies mean, which groups that needs, and the next calls.
//!
//! ```text
//! policies, pods, namespaces, nodes, Services ──> compile ──┐
//!                                                           ├──> plan ──> calls for groups; what each pod's port carries now
//! security groups, ports ───────────────────────────────────┘
//! ```
//!
//! [`World`] holds the facts. Ports are the next stage's: [`World::dress`] tells it what a pod's port is to carry now, and it tells
//! what ports carry ([`World::port_is`]).
//!
//! | module | decides |
//! |---|---|
//! | [`oracle`] | what policies allow, straight from the specification: what the rest is compared with |
//! | [`compile()`] | which groups there are to be, with which rules, and which each pod carries |
//! | [`cloud`] | what Neutron lets pass, given groups and ports |
//! | `plan` | the next call for a group (`group`), what a port carries next (`pod`), whether that opens or closes (`change`) |
//! | `outcome` | what an answer changes, and when to try again |
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
//!
//! **One change opens nothing that neither the old nor the new policies allow, and cuts nothing that both allow.** A packet passes by
//! the egress of one port and the ingress of another, and the two change at different moments. So:
//!
//! 1. who is to be let in becomes a member first, of groups that no rule in use names yet;
//! 2. then ports and rules let less pass: what old and new let pass both stays;
//! 3. then they let more pass, when all others of the namespace, and the policy's other direction, have done with 2.
//!
//! **KuryrNetworkPolicies say what was in force last.** Nothing is read from them but the groups that upstream made, which go when no
//! port carries them.
//!
//! The order is one policy's, or one namespace's, and nobody else waits for it; [`Settings::patience`] bounds it. Some
//! things are said and not kept. What both allow may be cut while ports change by an edit that changes who is selected and what is
//! allowed at once; by one after which ingress names ports by name; by one of both directions where what old and new let pass both
//! is no rule (members of two groups at once); and by a namespace's labels that let its pods in by another rule than before.

mod action;
mod behind;
mod claim;
pub mod cloud;
mod compile;
mod complaint;
pub mod flow;
mod group;
mod mark;
mod meet;
mod model;
pub mod oracle;
mod outcome;
mod plan;
mod reconciler;
mod settings;
mod world;

#[cfg(test)]
pub(crate) mod simulation;
#[cfg(test)]
pub(crate) mod tests;

pub use action::{Action, Answer, Outcome, SeenGroup, SeenRule, Trouble};
pub use behind::Behind;
pub use claim::{Claim, Content, ListedRule, MOST_RULES};
pub use compile::compile;
pub use complaint::{Complaint, News, Reason};
pub use group::{
    Compiled, GroupKey, Member, Needs, Numbers, OwnPort, Purpose, Remote, Rule, Selecting, Traffic,
    Where,
};
pub use mark::Mark;
pub use model::{
    Allow, Backend, Direction, Facts, Family, Id, Labels, NamedPort, Namespace, Node, Peer, Pod,
    PodKey, Policy, PolicyKey, PolicyPort, Ports, Protocol, Requirement, Selector, Service,
    ServiceKey, ServicePort, Test,
};
pub use reconciler::{Event, Figures};
pub use settings::{Limits, Settings};
pub use world::{Dress, SeenPort, World};
