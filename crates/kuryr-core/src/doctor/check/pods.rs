//! Pods that wait, and pods that a finalizer holds.

use crate::doctor::catalogue::FindingKind;
use crate::doctor::facts::{PodFact, Wait};
use crate::doctor::finding::{Finding, Remedy, Severity, Subject, span};
use crate::doctor::picture::Picture;
use crate::port::{Action, PodLife, PortStatus};

pub(in crate::doctor) fn check(p: &Picture<'_>, out: &mut Vec<Finding>) {
    for fact in p.pods.values() {
        out.extend(waits(p, fact));
        out.extend(held(fact));
    }
}

fn finding(
    kind: FindingKind,
    severity: Severity,
    fact: &PodFact,
    what: String,
    remedy: Remedy,
) -> Finding {
    let pod = &fact.pod.key;
    Finding::new(kind, severity, Subject::Pod(pod.clone()), what, remedy)
        .on(&fact.pod.node)
        .of(pod)
}

/// A pod that is bound to a node for long and whose port is not ready.
fn waits(p: &Picture<'_>, fact: &PodFact) -> Option<Finding> {
    fact.pod.wanted_kind()?;
    let claim = p.claim_of(fact);
    let vif = claim.and_then(|c| c.claim.vif.as_ref());
    let port = vif.map(|v| p.ports.get(&v.port));
    // That the port is gone is a finding of its own.
    let gone = port.is_some_and(|port| port.is_none());
    if fact.bound < p.facts.limits.patience || gone || vif.is_some_and(|v| v.active) {
        return None;
    }
    let told = claim.and_then(|c| c.wait.as_ref()).or(fact.event.as_ref());
    let why = match (told, claim, vif, port.flatten()) {
        (Some(Wait { reason, message }), ..) => format!("{reason}: {message}"),
        (_, None, ..) => "it has no KuryrPort".to_owned(),
        (_, _, None, _) => "its KuryrPort has no port".to_owned(),
        (_, _, Some(vif), Some(port)) if port.port.status == PortStatus::Active => {
            format!(
                "its port {} is ACTIVE, and its KuryrPort does not say so",
                vif.port
            )
        }
        (_, _, Some(vif), _) => format!("its port {} is not ACTIVE", vif.port),
    };
    let what = format!("it waits {} for its port: {why}", span(fact.bound));
    let remedy = if p.facts.lease.leader().is_some() {
        Remedy::operator("see the reason; the controller goes on as soon as it can")
    } else {
        Remedy::operator("start kuryr controller")
    };
    let kind = FindingKind::PodWaits;
    Some(finding(kind, Severity::Error, fact, what, remedy))
}

/// Upstream's finalizer on a pod that is over.
fn held(fact: &PodFact) -> Option<Finding> {
    if fact.pod.life != PodLife::Over || !fact.pod.finalizer {
        return None;
    }
    let (severity, what) = match fact.deleting {
        Some(since) => (
            Severity::Error,
            format!(
                "it was deleted {} ago and upstream's finalizer holds it",
                span(since)
            ),
        ),
        None => (
            Severity::Warning,
            "it has ended with upstream's finalizer on it".to_owned(),
        ),
    };
    let action = Action::DropPodFinalizer {
        pod: fact.pod.key.clone(),
        uid: fact.pod.uid.clone(),
    };
    let remedy = Remedy::fix("take the finalizer off", vec![action]);
    let kind = FindingKind::PodFinalizerStuck;
    Some(finding(kind, severity, fact, what, remedy))
}
