//! What is wrong with a cluster's ports, and what would be done about each: facts in, findings out.
//!
//! ```text
//! facts      what one look at Kubernetes and Neutron brought
//! picture    the same, indexed
//! check/     a module a subject: cluster, nodes, claims, pods, ports, networks, policies
//! catalogue  the kinds of findings, each with its meaning and what is done: docs/doctor.md
//! finding    one finding: severity, subject, what it is, what would be done
//! guard      whether a fix is still right, by facts read again just before it
//! overview   counts by node and by namespace
//! ```
//!
//! What is to be done is [`Action`](crate::port::Action)s, the same that the controller carries out. Nothing here
//! reads a clock: ages are facts.

mod catalogue;
mod check;
mod facts;
mod finding;
mod guard;
mod overview;
mod picture;

#[cfg(test)]
mod tests;

pub use catalogue::{Class, FindingKind, markdown};
pub use facts::{
    ClaimFact, Facts, HeldObject, Lease, Limits, NetworkFact, Node, OtherPort, PodFact,
    PolicyFacts, PortFact, SeenPolicyGroup, SubnetUsage, Usage, Wait,
};
pub use finding::{By, Finding, Remedy, Scope, Severity, Subject, span};
pub use guard::{Fresh, Need, check as still_right, need};
pub use overview::{NamespaceRow, NodeRow, Overview, overview};

use picture::Picture;

/// Segmentation ids that a trunk has.
pub const TRUNK_MAX: usize = (crate::vlan::MAX - crate::vlan::MIN + 1) as usize;

/// All findings, in the order in which they are shown: the cluster's, then node by node, in each by namespace, the
/// worst first.
#[must_use]
pub fn diagnose(facts: &Facts) -> Vec<Finding> {
    let picture = Picture::of(facts);
    let mut findings = Vec::new();
    check::cluster(&picture, &mut findings);
    check::nodes(&picture, &mut findings);
    check::claims(&picture, &mut findings);
    check::pods(&picture, &mut findings);
    check::ports(&picture, &mut findings);
    check::held(&picture, &mut findings);
    check::networks(&picture, &mut findings);
    check::policies(&picture, &mut findings);
    findings.sort_by(|a, b| a.order().cmp(&b.order()));
    findings
}

/// Those of a second look that the first had, too: what was only passing is left out.
///
/// The lists of one look are made one after the other, and a busy cluster is always in the middle of something.
#[must_use]
pub fn persistent(first: &[Finding], second: Vec<Finding>) -> Vec<Finding> {
    let before: std::collections::BTreeSet<_> =
        first.iter().map(|f| (f.kind, &f.subject)).collect();
    second
        .into_iter()
        .filter(|f| f.kind.is_lasting() || before.contains(&(f.kind, &f.subject)))
        .collect()
}
