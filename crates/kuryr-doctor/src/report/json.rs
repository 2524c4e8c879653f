//! One JSON object. Its fields are stable: new ones may come, none goes or changes its meaning.

use kuryr_core::doctor::{Finding, NamespaceRow, NodeRow};
use serde_json::{Value, json};

use super::Sums;
use crate::doctor::Look;
use crate::mend::Step;

/// What was seen last, and with a fix what it did.
#[must_use]
pub fn json(look: &Look, steps: Option<&[Step]>) -> String {
    let sums = Sums::of(look);
    let mut report = json!({
        "ok": look.is_healthy(),
        "leader": look.facts.lease.leader(),
        "summary": {
            "errors": sums.errors,
            "warnings": sums.warnings,
            "notes": sums.notes,
            "ports_in_use": sums.used,
            "ports_free": sums.free,
            "ports_of_others": sums.foreign,
        },
        "nodes": look.overview.nodes.iter().map(node).collect::<Vec<_>>(),
        "namespaces": look.overview.namespaces.iter().map(namespace).collect::<Vec<_>>(),
        "findings": look.findings.iter().map(finding).collect::<Vec<_>>(),
        "unseen": look.unseen.iter().map(|u| json!({"what": u.what, "why": u.why})).collect::<Vec<_>>(),
    });
    if let Some(steps) = steps {
        report["fixes"] = steps.iter().map(step).collect();
    }
    format!("{report:#}")
}

fn node(row: &NodeRow) -> Value {
    json!({
        "node": row.node.as_deref(),
        "trunk": row.trunk.as_deref(),
        "ports_in_use": row.used,
        "ports_free": row.free,
        "ports_of_others": row.foreign,
        "leaked": row.leaked,
        "missing": row.missing,
        "stuck": row.stuck,
    })
}

fn namespace(row: &NamespaceRow) -> Value {
    json!({
        "namespace": row.namespace,
        "pods": row.pods,
        "kuryrports": row.claims,
        "kuryrports_ready": row.ready,
        "leaked": row.leaked,
        "missing": row.missing,
        "stuck": row.stuck,
    })
}

fn finding(f: &Finding) -> Value {
    json!({
        "finding": f.kind.name(),
        "counts_as": f.kind.class().name(),
        "severity": f.severity.name(),
        "subject": { "kind": f.subject.kind(), "name": f.subject.name() },
        "node": f.node.as_deref(),
        "namespace": f.namespace.as_deref(),
        "ports": f.ports,
        "what": f.what,
        "remedy": { "by": f.remedy.by.name(), "what": f.remedy.what },
    })
}

fn step(step: &Step) -> Value {
    json!({
        "finding": step.kind.name(),
        "subject": { "kind": step.subject.kind(), "name": step.subject.name() },
        "what": step.what,
        "outcome": step.outcome.name(),
        "why": step.outcome.why(),
    })
}
