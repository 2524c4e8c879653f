//! What an action changes when it begins, and when its outcome is known.

mod change;
mod floating;
mod kubernetes;
mod list;

use crate::Millis;
use crate::reconcile::{Failure, FailureKind};
use crate::service::action::{Action, Outcome};
use crate::service::complaint::{Complaint, Reason};
use crate::service::world::{Held, World};

/// Milliseconds; the longest pause between two tries of the list of load balancers, and of a change of one that Octavia
/// is changing (409), however often it failed.
const SOON: Millis = 5_000;

/// Failures in a row of one call that are told by no Event: most are over before a person has read it.
const QUIET: u32 = 3;

/// Answers in a row that a load balancer is being changed (409, PENDING) before an Event tells of it: more than a minute.
const STUCK: u32 = 20;

impl World {
    /// The action is about to be carried out: what it concerns is busy until its outcome is known.
    pub(in crate::service) fn begin(&mut self, action: &Action) {
        match action {
            Action::CreateClaim { service, .. }
            | Action::WriteClaim { service, .. }
            | Action::DropClaim { service, .. } => self.claims.call_begins(service.clone(), ()),
            Action::WriteServiceStatus { service, .. }
            | Action::DropServiceFinalizer { service, .. } => {
                self.service_calls.insert(service.clone());
            }
            Action::List => {
                self.list.begin(self.sequence);
            }
            Action::Look { lb } => self.begin_look(lb),
            Action::CreateBalancer { key, .. } => {
                self.changing += 1;
                self.creating.insert(key.clone());
            }
            Action::Change { key, lb, change } => self.begin_change(key, lb, change),
            Action::CreateFloatingIp { service, .. }
            | Action::FindFloatingIp { service, .. }
            | Action::AssociateFloatingIp { service, .. }
            | Action::DeleteFloatingIp { service, .. } => {
                self.floating_calls.insert(service.clone());
            }
            Action::Report {
                service, complaint, ..
            } => {
                let told = self.reported.entry(service.clone()).or_default();
                told.insert(complaint.identity());
            }
        }
    }

    /// The action's outcome is known.
    pub(in crate::service) fn conclude(&mut self, action: &Action, outcome: Outcome) {
        match action {
            Action::CreateClaim { service, .. }
            | Action::WriteClaim { service, .. }
            | Action::DropClaim { service, .. } => {
                self.finish_claim(service, action, outcome);
            }
            Action::WriteServiceStatus {
                service, ingress, ..
            } => self.finish_service(service, outcome, |s| s.ingress.clone_from(ingress)),
            Action::DropServiceFinalizer { service, .. } => {
                self.finish_service(service, outcome, |s| s.finalizer = false);
            }
            Action::List => self.finish_list(outcome),
            Action::Look { lb } => self.finish_look(lb, outcome),
            Action::CreateBalancer { key, tree } => self.finish_creation(key, tree, outcome),
            Action::Change { key, lb, change } => self.finish_change(key, lb, change, outcome),
            Action::CreateFloatingIp { .. }
            | Action::FindFloatingIp { .. }
            | Action::AssociateFloatingIp { .. }
            | Action::DeleteFloatingIp { .. } => self.finish_floating(action, outcome),
            Action::Report { .. } => {}
        }
    }

    /// Notes success.
    fn succeeded(&mut self, held: &Held) {
        self.agenda.release(held);
        self.agenda.untell(held);
        self.touch_held(held);
    }

    /// Notes a failure, and what the owner is to know of it.
    fn failed(&mut self, held: Held, failure: &Failure, usual: Reason) {
        let failures = self.agenda.failures(&held);
        if let Some(reason) = reason_of(failure, usual, failures) {
            let text = &failure.message;
            let what = what_next(failure);
            let message = format!("{text}; {what}");
            self.agenda
                .tell(held.clone(), Complaint::new(reason, "", message));
        }
        self.touch_held(&held);
        let longest = match failure.kind {
            FailureKind::NotLeader => return,
            FailureKind::Immutable | FailureKind::Gone | FailureKind::Unknown => SOON,
            _ if held == Held::List => SOON,
            _ => Millis::MAX,
        };
        self.agenda.hold(held, longest, failure.after);
    }
}

/// The reason to tell of, if it is to be told.
fn reason_of(failure: &Failure, usual: Reason, failures: u32) -> Option<Reason> {
    match failure.kind {
        FailureKind::Quota { .. } => Some(Reason::QuotaReached),
        // Of a load balancer that is being deleted it is free soon.
        FailureKind::Taken => (failures >= QUIET).then_some(Reason::AddressInUse),
        FailureKind::Refused { .. } => Some(Reason::OptionRefused),
        FailureKind::Invalid => Some(usual),
        // Part of a load balancer may stay pending while the whole is ACTIVE.
        FailureKind::Immutable => (failures >= STUCK).then_some(Reason::LoadBalancerStuck),
        FailureKind::NotLeader => None,
        _ => (failures >= QUIET).then_some(usual),
    }
}

/// What happens next, for the owner.
fn what_next(failure: &Failure) -> &'static str {
    match failure.kind {
        FailureKind::Quota { .. } => "it is tried again when there may be room",
        FailureKind::Taken => "it is tried again until the address is free",
        FailureKind::Refused { .. } | FailureKind::Invalid => {
            "it is tried again at growing intervals and when the Service changes"
        }
        _ => "it is tried again",
    }
}
