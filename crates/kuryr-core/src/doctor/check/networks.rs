//! Networks of namespaces.

use crate::doctor::catalogue::FindingKind;
use crate::doctor::facts::NetworkFact;
use crate::doctor::finding::{Finding, Remedy, Severity, Subject, span};
use crate::doctor::picture::Picture;
use crate::port::PodKey;

pub(in crate::doctor) fn check(p: &Picture<'_>, out: &mut Vec<Finding>) {
    let patience = p.facts.limits.patience;
    for fact in &p.facts.networks {
        out.extend(match fact.namespace_ends {
            None => leaked(fact),
            Some(Some(since)) if since >= patience => stuck(fact, &span(since)),
            Some(Some(_)) => None,
            Some(None) => without_router(fact),
        });
    }
}

fn found(
    fact: &NetworkFact,
    kind: FindingKind,
    severity: Severity,
    what: String,
    remedy: Remedy,
) -> Finding {
    let subject = Subject::Network(fact.network.id.clone());
    let finding = Finding::new(kind, severity, subject, what, remedy);
    match &fact.network.made_for {
        Some((_, namespace)) => finding.of(&PodKey::new(namespace.clone(), "")),
        None => finding,
    }
}

/// Whose network it was, for a sentence.
fn of(fact: &NetworkFact) -> String {
    match &fact.network.made_for {
        Some((_, namespace)) => format!("of namespace {namespace}"),
        None => "whose name says no namespace".to_owned(),
    }
}

fn leaked(fact: &NetworkFact) -> Option<Finding> {
    let what = format!(
        "the network {} carries this cluster's tag, has {} of its ports, and the namespace is gone",
        of(fact),
        fact.ports
    );
    let remedy = "a controller that leads undoes it: the router's legs, then the network; what of others is on it has to go first";
    Some(found(
        fact,
        FindingKind::NetworkLeaked,
        Severity::Error,
        what,
        Remedy::controller(remedy, vec![]),
    ))
}

fn stuck(fact: &NetworkFact, since: &str) -> Option<Finding> {
    let what = format!(
        "the network {} is there though the namespace was deleted {since} ago; it has {} of this cluster's ports",
        of(fact),
        fact.ports
    );
    let remedy = "take away what of others is on the network (`openstack port list --network`); a controller that leads does the rest";
    Some(found(
        fact,
        FindingKind::NetworkStuck,
        Severity::Error,
        what,
        Remedy::operator(remedy),
    ))
}

fn without_router(fact: &NetworkFact) -> Option<Finding> {
    let bare = fact.network.subnets.iter().find(|s| s.leg.is_none())?;
    let what = format!(
        "no router has a leg in subnet {} ({}) of the network {}",
        bare.id,
        bare.cidr,
        of(fact)
    );
    let remedy = "a controller that leads adds it when a pod of the namespace wants a port";
    Some(found(
        fact,
        FindingKind::NetworkWithoutRouter,
        Severity::Warning,
        what,
        Remedy::controller(remedy, vec![]),
    ))
}
