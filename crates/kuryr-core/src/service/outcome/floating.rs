//! Calls about floating IPs.

use crate::service::action::{Action, Failure, Outcome};
use crate::service::complaint::Reason;
use crate::service::model::{Id, ServiceKey};
use crate::service::world::{Held, World};

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
            Outcome::Failed(failure) => self.floating_failed(service, action, &failure),
            Outcome::Floating(ip) => {
                self.put_floating(ip);
                self.succeeded(&held);
            }
            Outcome::Gone => self.floating_gone(service, action),
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

    fn floating_gone(&mut self, service: &ServiceKey, action: &Action) {
        let held = Held::Floating(service.clone());
        if let Some(id) = id_of(action) {
            self.remove_floating(id);
        }
        if let Action::FindFloatingIp { address, .. } = action {
            let message = format!("there is no floating IP {address} in the project");
            let failure = Failure::Invalid { message };
            self.failed(held, &failure, Reason::FloatingIpFailed);
        } else {
            self.succeeded(&held);
        }
    }

    fn floating_failed(&mut self, service: &ServiceKey, action: &Action, failure: &Failure) {
        let held = Held::Floating(service.clone());
        match (failure, action) {
            (Failure::Gone { .. }, Action::DeleteFloatingIp { id, .. }) => {
                self.remove_floating(&id.clone());
                self.succeeded(&held);
                return;
            }
            (Failure::Gone { .. }, _) => {
                if let Some(id) = id_of(action) {
                    self.remove_floating(id);
                }
            }
            (Failure::Unknown { .. }, Action::CreateFloatingIp { .. }) => {
                self.floating_unsure.insert(service.clone(), self.sequence);
                self.list_wanted = true;
            }
            // What became of it is seen by a list.
            (Failure::Unknown { .. }, _) => self.list_wanted = true,
            _ => {}
        }
        self.failed(held, failure, Reason::FloatingIpFailed);
    }
}

fn id_of(action: &Action) -> Option<&Id> {
    match action {
        Action::AssociateFloatingIp { id, .. } | Action::DeleteFloatingIp { id, .. } => Some(id),
        _ => None,
    }
}
