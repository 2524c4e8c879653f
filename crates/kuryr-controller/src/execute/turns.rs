//! How many calls to Kubernetes are under way at once; Neutron's client has a limit of its own.
//!
//! Ten thousand pods may come at once. Each call more under way is a connection more, here and
//! at the API server, and none of them is faster for it.

use kuryr_core::port::Action;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Calls that bring a pod nearer to its end: they don't wait behind the others.
const URGENT: usize = 32;
/// Calls that say that a pod waits.
const PATIENT: usize = 16;

/// Who may call now.
#[derive(Debug)]
pub(crate) struct Turns {
    urgent: Semaphore,
    patient: Semaphore,
}

impl Default for Turns {
    fn default() -> Self {
        Self {
            urgent: Semaphore::new(URGENT),
            patient: Semaphore::new(PATIENT),
        }
    }
}

impl Turns {
    /// Waits for an action's turn, which lasts until what is returned is dropped.
    pub(crate) async fn wait(&self, action: &Action) -> Option<SemaphorePermit<'_>> {
        let turns = match action {
            Action::CreateClaim { vif: None, .. }
            | Action::Report { .. }
            | Action::ReportNode { .. } => &self.patient,
            Action::CreateClaim { .. }
            | Action::WriteVif { .. }
            | Action::DropClaim { .. }
            | Action::DropPodFinalizer { .. } => &self.urgent,
            _ => return None,
        };
        turns.acquire().await.ok()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use futures::FutureExt;
    use kuryr_core::port::{Assignment, PodKey};

    use super::*;

    fn create(vif: Option<Assignment>) -> Action {
        Action::CreateClaim {
            pod: PodKey::new("ns", "pod"),
            uid: "u".into(),
            node: "n".into(),
            is_static: false,
            vif,
        }
    }

    #[test]
    fn a_port_for_a_pod_does_not_wait_behind_pods_without_one() {
        let turns = Turns::default();
        let empty = create(None);
        let full = create(Some(Assignment {
            port: "p".into(),
            vlan: 1,
            active: true,
        }));
        let held: Vec<_> = (0..PATIENT)
            .map(|_| turns.wait(&empty).now_or_never().unwrap())
            .collect();
        assert!(turns.wait(&empty).now_or_never().is_none());
        assert!(turns.wait(&full).now_or_never().unwrap().is_some());
        drop(held);
        assert!(turns.wait(&empty).now_or_never().unwrap().is_some());
        assert!(
            turns
                .wait(&Action::Refresh)
                .now_or_never()
                .unwrap()
                .is_none()
        );
    }
}
