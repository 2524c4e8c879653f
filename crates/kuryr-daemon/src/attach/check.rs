//! CHECK and STATUS.

use std::sync::atomic::Ordering;
use std::time::Duration;

use kuryr_cni::protocol::{Attached, Target};

use super::Attachments;
use crate::error::Refusal;

/// How long the watch may fail before the API server is asked whether it is there: a watch
/// that is made anew says nothing until something changes.
const PATIENCE: Duration = Duration::from_secs(30);

impl Attachments {
    /// Finds a container's interface as it was plugged. What it should be is what the answer
    /// says; the plugin compares it with `prevResult`.
    ///
    /// # Errors
    /// [`Refusal::NotAttached`], or [`Refusal::Changed`] with what differs.
    pub async fn check(&self, target: &Target) -> Result<Attached, Refusal> {
        let found = self
            .ledger
            .find(&target.container_id, &target.ifname)
            .filter(|a| a.complete)
            .ok_or_else(|| Refusal::NotAttached {
                container: target.container_id.clone(),
                ifname: target.ifname.clone(),
            })?;
        let spec = found
            .interface_spec()
            .map_err(|reason| Refusal::InvalidVif {
                pod: found.pod.clone(),
                reason,
            })?;
        let checked = self
            .on_kernel("checking", &found, move |plugger| plugger.check(&spec))
            .await;
        match checked {
            Ok(()) => Ok(found.to_attached()),
            Err(Refusal::Kernel { pod, source, .. }) => Err(Refusal::Changed { pod, source }),
            Err(other) => Err(other),
        }
    }

    /// Whether an ADD can be served now.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`] or [`Refusal::Limited`] with the cause.
    pub async fn available(&self) -> Result<(), Refusal> {
        let uplink = self.kernel(|plugger| plugger.check_uplink()).await;
        match uplink {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(Refusal::Limited(error.to_string())),
            Err(reason) => return Err(Refusal::Unavailable(reason)),
        }
        let fresh = self.store.freshness();
        if !fresh.synced {
            let why = fresh
                .failing
                .map_or_else(String::new, |f| format!(": {}", f.error));
            return Err(Refusal::Unavailable(format!(
                "the KuryrPorts were not read from the API server yet{why}"
            )));
        }
        if !self.tidied.load(Ordering::Acquire) {
            return Err(Refusal::Unavailable(
                "what the last run left is still being tidied up".to_owned(),
            ));
        }
        if fresh.failing.is_some_and(|f| f.since.elapsed() >= PATIENCE) {
            (self.probe)().await.map_err(|error| {
                Refusal::Unavailable(format!("the API server does not answer: {error}"))
            })?;
            self.store.reached();
        }
        Ok(())
    }
}
