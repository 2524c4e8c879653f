//! Calls to Kubernetes: claims, the status of Services.

use std::sync::Arc;

use crate::reconcile::{Failure, FailureKind};
use crate::service::action::{Action, Answer, Outcome};
use crate::service::complaint::Reason;
use crate::service::model::{Claim, Service, ServiceKey};
use crate::service::world::{Held, World};

impl World {
    pub(super) fn finish_claim(&mut self, key: &ServiceKey, action: &Action, outcome: Outcome) {
        let ended = self.claims.call_ends(key);
        let held = Held::Claim(key.clone());
        self.touch(key);
        match outcome {
            // Its deletion was seen before its creation was answered.
            Ok(Answer::Gone)
            | Err(Failure {
                kind: FailureKind::Gone,
                ..
            }) => {
                self.claim_is_gone(key, action);
                self.succeeded(&held);
            }
            Err(failure) => self.failed(held, &failure, Reason::OctaviaFailed),
            Ok(Answer::Claim(claim)) => {
                let before = self.claims.get(key).cloned();
                // The watch may have been faster than the answer.
                if ended.is_current(&*claim) {
                    self.apply_claim(*claim);
                }
                let after = self.claims.get(key);
                let wrote = matches!(action, Action::WriteClaim { .. });
                let idle = wrote && matches!((&before, after), (Some(b), Some(a)) if alike(b, a));
                if idle {
                    // Else it would be tried as fast as it is answered.
                    let failure =
                        Failure::again("the KuryrLoadBalancer did not take what was written");
                    self.failed(held, &failure, Reason::ChangeNotTaken);
                } else {
                    self.succeeded(&held);
                }
            }
            _ => {
                // The watch tells of it later.
                if matches!(action, Action::DropClaim { .. }) {
                    self.claim_is_gone(key, action);
                }
                self.succeeded(&held);
            }
        }
    }

    /// The claim that an action was about is not there any more.
    fn claim_is_gone(&mut self, key: &ServiceKey, action: &Action) {
        if let Action::WriteClaim { uid, .. } | Action::DropClaim { uid, .. } = action
            && let Some(known) = self.claims.get(key).filter(|c| c.uid == *uid)
        {
            self.delete_claim(key, known.version);
        }
    }

    pub(super) fn finish_service(
        &mut self,
        key: &ServiceKey,
        outcome: Outcome,
        done: impl FnOnce(&mut Service),
    ) {
        self.service_calls.remove(key);
        let held = Held::Status(key.clone());
        self.touch(key);
        if let Err(failure) = outcome {
            self.failed(held, &failure, Reason::OctaviaFailed);
            return;
        }
        self.succeeded(&held);
        // The watch tells of it later.
        if let Some(service) = self.services.get_mut(key) {
            done(Arc::make_mut(service));
        }
    }
}

/// Whether two versions of a claim say the same.
fn alike(a: &Claim, b: &Claim) -> bool {
    let says = |c: &Claim| {
        (
            c.spec.clone(),
            c.record.clone(),
            c.floating.clone(),
            c.finalizer,
        )
    };
    says(a) == says(b)
}
