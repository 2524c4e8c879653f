//! Who leads, and how much room quota and subnets have.

use crate::doctor::catalogue::FindingKind;
use crate::doctor::facts::{Lease, Usage};
use crate::doctor::finding::{Finding, Remedy, Severity, Subject, span};
use crate::doctor::picture::Picture;

pub(in crate::doctor) fn check(p: &Picture<'_>, out: &mut Vec<Finding>) {
    out.extend(leader(&p.facts.lease));
    let nearly = p.facts.limits.nearly;
    if let Some(quota) = p.facts.quota {
        out.extend(room(
            quota,
            nearly,
            FindingKind::QuotaNearlyUsed,
            Subject::Project,
            "ports of the project's quota are used",
            "raise the project's quota of ports, or find what else uses it",
        ));
    }
    for subnet in &p.facts.subnets {
        out.extend(room(
            subnet.addresses,
            nearly,
            FindingKind::SubnetNearlyFull,
            Subject::Subnet(subnet.id.clone()),
            &format!("addresses of {} are given out", subnet.cidr),
            "give pods a larger subnet by [neutron_defaults] pod_subnet",
        ));
    }
}

fn leader(lease: &Lease) -> Option<Finding> {
    let what = match lease {
        Lease::Unreadable => return None,
        _ if lease.leader().is_some() => return None,
        Lease::Absent => "no controller leads: the Lease is not there".to_owned(),
        Lease::Seen { holder, .. } if holder.is_empty() => {
            "no controller leads: the Lease was given up".to_owned()
        }
        Lease::Seen {
            holder, renewed, ..
        } => {
            let ago = renewed.map_or_else(
                || "it was never renewed".to_owned(),
                |ago| format!("it was last renewed {} ago", span(ago)),
            );
            format!("no controller leads: the Lease of {holder} has expired, {ago}")
        }
    };
    Some(Finding::new(
        FindingKind::NoLeader,
        Severity::Error,
        Subject::Lease,
        what,
        Remedy::operator("start kuryr controller, or see why it does not run"),
    ))
}

fn room(
    usage: Usage,
    nearly: u64,
    kind: FindingKind,
    subject: Subject,
    what: &str,
    remedy: &str,
) -> Option<Finding> {
    let severity = match usage {
        u if u.is_full() => Severity::Error,
        u if u.is_nearly(nearly) => Severity::Warning,
        _ => return None,
    };
    let what = format!("{} of {} {what}", usage.used, usage.limit);
    Some(Finding::new(
        kind,
        severity,
        subject,
        what,
        Remedy::operator(remedy),
    ))
}
