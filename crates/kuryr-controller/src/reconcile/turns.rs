//! How many calls to Kubernetes are under way at once; OpenStack's client has a limit of its own.
//!
//! Ten thousand pods may come at once. Each call more under way is a connection more, here and
//! at the API server, and none of them is faster for it.

use kuryr_core::reconcile::Lane;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Calls that somebody waits for: they don't wait behind the others.
const URGENT: usize = 32;
/// Calls that say that something waits.
const PATIENT: usize = 16;

/// Who may call now.
#[derive(Debug)]
pub(super) struct Turns {
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
    /// Waits for a turn in a lane, which lasts until what is returned is dropped.
    pub(super) async fn wait(&self, lane: Lane) -> Option<SemaphorePermit<'_>> {
        let turns = match lane {
            Lane::Patient => &self.patient,
            Lane::Urgent => &self.urgent,
            Lane::Read | Lane::Cloud => return None,
        };
        turns.acquire().await.ok()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn who_is_waited_for_does_not_wait_behind_those_who_are_not() {
        let turns = Turns::default();
        let held: Vec<_> = (0..PATIENT)
            .map(|_| turns.wait(Lane::Patient).now_or_never().unwrap())
            .collect();
        assert!(turns.wait(Lane::Patient).now_or_never().is_none());
        assert!(turns.wait(Lane::Urgent).now_or_never().unwrap().is_some());
        drop(held);
        assert!(turns.wait(Lane::Patient).now_or_never().unwrap().is_some());
        assert!(turns.wait(Lane::Cloud).now_or_never().unwrap().is_none());
    }
}
