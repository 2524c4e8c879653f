//! Objects that upstream's finalizers hold, and their namespaces with them.

use crate::doctor::catalogue::FindingKind;
use crate::doctor::facts::HeldObject;
use crate::doctor::finding::{Finding, Remedy, Severity, Subject, span};
use crate::doctor::picture::Picture;

pub(in crate::doctor) fn check(p: &Picture<'_>, out: &mut Vec<Finding>) {
    // A leader takes them off in a moment.
    let long = |held: &&HeldObject| held.deleting >= p.facts.limits.patience;
    out.extend(p.facts.held.iter().filter(long).map(stuck));
}

fn stuck(held: &HeldObject) -> Finding {
    let mut what = format!(
        "it was deleted {} ago and upstream's finalizer {} holds it",
        span(held.deleting),
        held.finalizer
    );
    if !held.left.is_empty() {
        what = format!(
            "{what}; it stands for {}, which stays",
            held.left.join(", ")
        );
    }
    let remedy = "take the finalizer off; a controller whose account has deploy/rbac/takeover.yaml does so, then delete what stays in \
                  OpenStack";
    Finding::new(
        FindingKind::UpstreamFinalizerStuck,
        Severity::Error,
        Subject::Object(held.kind, held.key.clone()),
        what,
        Remedy::controller(remedy, vec![]),
    )
}
