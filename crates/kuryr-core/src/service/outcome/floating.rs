//! Calls about floating IPs.

use crate::reconcile::{Failure, FailureKind};
use crate::service::action::{Action, Answer, Outcome};
use crate::service::complaint::Reason;
use crate::service::model::{Id, ServiceKey};
use crate::service::world::{Doubt, Held, World};

impl World {
    pub(super) fn finish_floating(&mut self, action: &Action, outcome: Outcome) {
        let (Action::CreateFloatingIp { service, .. }
        | Action::FindFloatingIp { service, .. }
        | Action::AssociateFloatingIp { service, .. }
        | Action::DeleteFloatingIp { service, .. }) = action
        else {
            return;
        };
        self.floating_calls.remove(service);
        self.touch(service);
        self.sequence += 1;
        let held = Held::Floating(service.clone());
        match outcome {
            Err(failure) => self.floating_failed(service, action, &failure),
            Ok(Answer::Floating(ip)) => {
                self.put_floating(ip);
                self.succeeded(&held);
            }
            Ok(Answer::Gone) => self.floating_gone(service, action, "it is not there"),
            _ => {
                match action {
                    Action::DeleteFloatingIp { id, .. } => self.remove_floating(id),
                    Action::AssociateFloatingIp { id, port, .. } => {
                        self.leads_to(id, port.as_ref())
                    }
                    _ => {}
                }
                self.succeeded(&held);
            }
        }
    }

    /// A floating IP leads there now.
    fn leads_to(&mut self, id: &Id, port: Option<&Id>) {
        if let Some(mut ip) = self.floating.get(id).map(|s| s.ip.clone()) {
            ip.port = port.cloned();
            self.put_floating(ip);
        }
    }

    fn floating_gone(&mut self, service: &ServiceKey, action: &Action, said: &str) {
        let held = Held::Floating(service.clone());
        match action {
            Action::FindFloatingIp { address, .. } => {
                let message = format!("there is no floating IP {address} in the project");
                let failure = Failure::new(FailureKind::Invalid, message);
                self.failed(held, &failure, Reason::FloatingIpFailed);
            }
            // The port may be what is gone: the floating IP is kept until a list says more.
            Action::AssociateFloatingIp { id, .. } => {
                let doubt = Doubt::Floating(service.clone());
                self.list.doubt(doubt, self.sequence);
                let message = format!("floating IP {id} can't be led to the VIP: {said}");
                let failure = Failure::new(FailureKind::Gone, message);
                self.failed(held, &failure, Reason::FloatingIpFailed);
            }
            Action::DeleteFloatingIp { id, .. } => {
                self.remove_floating(id);
                self.succeeded(&held);
            }
            _ => self.succeeded(&held),
        }
    }

    fn floating_failed(&mut self, service: &ServiceKey, action: &Action, failure: &Failure) {
        let held = Held::Floating(service.clone());
        match (&failure.kind, action) {
            (
                FailureKind::Gone,
                Action::DeleteFloatingIp { .. } | Action::AssociateFloatingIp { .. },
            ) => return self.floating_gone(service, action, &failure.message),
            (FailureKind::Unknown, Action::CreateFloatingIp { .. }) => {
                let doubt = Doubt::Floating(service.clone());
                self.list.doubt(doubt, self.sequence);
            }
            // What became of it is seen by a list.
            (FailureKind::Unknown, _) => self.list.want(),
            _ => {}
        }
        self.failed(held, failure, Reason::FloatingIpFailed);
    }
}
