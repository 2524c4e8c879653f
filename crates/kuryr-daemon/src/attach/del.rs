//! DEL and GC: take interfaces away, whether or not any API server answers.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use kuryr_cni::protocol::{AttachmentId, Pod, Target};
use tokio::task::JoinHandle;
use tracing::Instrument;

use super::locks::{Guard, Key};
use super::record::MethodName;
use super::{Attachment, Attachments};
use crate::error::Refusal;
use crate::ports::PodKey;

/// What is left to do of a DEL.
pub struct Removal(Option<JoinHandle<Result<(), Refusal>>>);

impl Removal {
    const DONE: Self = Self(None);

    /// Waits for it.
    ///
    /// # Errors
    /// The interface could not be removed; it is still recorded then.
    pub async fn end(self) -> Result<(), Refusal> {
        match self.0 {
            Some(removal) => match removal.await {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic.into_panic()),
            },
            None => Ok(()),
        }
    }
}

impl Attachments {
    /// Takes a container's interface away and stops its ADD if one is under way. What is not
    /// there is passed over; the pod's newer container is left alone.
    ///
    /// # Errors
    /// The interface could not be removed; it is still recorded then.
    pub async fn del(self: &Arc<Self>, target: &Target) -> Result<(), Refusal> {
        self.detach(target).await?.end().await
    }

    /// As [`del`](Self::del), but done as soon as nothing of the pod passes any more: the kernel takes tens of milliseconds
    /// to take a link away. Until it has, whoever wants the pod or the VLAN waits. What can't be removed then stays recorded
    /// as unfinished: a DEL that is repeated, the end of its namespace or the next start removes it.
    ///
    /// # Errors
    /// The interface could not be cut off or, if it is a vlan link, not be removed.
    pub async fn detach(self: &Arc<Self>, target: &Target) -> Result<Removal, Refusal> {
        let stopped = self.pending.stop(&target.container_id, &target.ifname);
        let pod = stopped.or_else(|| target.pod.as_ref().map(key));
        loop {
            let mut keys: BTreeSet<Key> = pod
                .iter()
                .map(|pod| Key::Pod(pod.clone(), target.ifname.clone()))
                .collect();
            keys.extend(self.found(target).iter().flat_map(Attachment::keys));
            let guard = self.locks.lock(keys).await;
            match self.found(target) {
                None => {
                    tracing::debug!("nothing is plugged");
                    return Ok(Removal::DONE);
                }
                Some(found) if guard.covers(&found.keys()) => {
                    return self.cut_off(found, guard).await;
                }
                Some(_) => {}
            }
        }
    }

    /// The lock is held until the interface is gone.
    async fn cut_off(
        self: &Arc<Self>,
        found: Attachment,
        guard: Guard<Key>,
    ) -> Result<Removal, Refusal> {
        if found.method != Some(MethodName::Bpf) {
            self.unplug(&found).await?;
            return Ok(Removal::DONE);
        }
        let spec = found.unplug_spec(false);
        self.on_kernel("cutting off", &found, move |plugger| plugger.cut(&spec))
            .await?;
        let unfinished = Attachment {
            complete: false,
            ..found
        };
        self.remember(unfinished.clone()).await?;
        let this = Arc::clone(self);
        let removal = async move {
            let _guard = guard;
            let removed = this.unplug(&unfinished).await;
            if let Err(error) = &removed {
                tracing::warn!(%error, "a pod that is cut off left its link behind; the end of its namespace removes it");
            }
            removed
        };
        let removal = removal.instrument(tracing::Span::current());
        Ok(Removal(Some(self.removals.spawn(removal))))
    }

    fn found(&self, target: &Target) -> Option<Attachment> {
        self.ledger
            .find(&target.container_id, &target.ifname)
            .or_else(|| self.found_adopted(target))
    }

    /// An interface without a record is the pod's, unless uid or namespace say otherwise.
    fn found_adopted(&self, target: &Target) -> Option<Attachment> {
        let pod = target.pod.as_ref()?;
        let found = self.ledger.find_adopted(&key(pod), &target.ifname)?;
        let other_uid = pod.uid.as_ref().is_some_and(|uid| *uid != found.pod_uid);
        let theirs = target
            .netns
            .as_ref()
            .and_then(|path| self.inode(path.as_ref()));
        let other_netns = theirs
            .zip(found.netns_inode)
            .is_some_and(|(theirs, its)| theirs != its);
        (!other_uid && !other_netns).then_some(found)
    }

    /// Takes away what the runtime does not list. ADDs under way are not meant, nor what
    /// other networks have.
    ///
    /// # Errors
    /// [`Refusal::Garbage`] after everything was tried.
    pub async fn gc(
        self: &Arc<Self>,
        network: &str,
        valid: &[AttachmentId],
    ) -> Result<(), Refusal> {
        let valid: HashSet<(&str, &str)> = valid
            .iter()
            .map(|id| (id.container_id.as_str(), id.ifname.as_str()))
            .collect();
        let stale: Vec<Target> = self
            .ledger
            .all()
            .into_iter()
            .filter(|a| a.network == network)
            .filter_map(|a| {
                let container = a.container?;
                let listed = valid.contains(&(container.as_str(), a.ifname.as_str()));
                let busy = self.pending.has(&container, &a.ifname);
                (!listed && !busy).then(|| Target {
                    network: network.to_owned(),
                    container_id: container,
                    ifname: a.ifname,
                    netns: None,
                    pod: None,
                })
            })
            .collect();
        let mut reasons = Vec::new();
        for target in &stale {
            if let Err(refusal) = self.del(target).await {
                reasons.push(refusal.to_string());
            }
        }
        if reasons.is_empty() {
            return Ok(());
        }
        Err(Refusal::Garbage {
            failed: reasons.len(),
            all: stale.len(),
            reasons: reasons.join("; "),
        })
    }
}

fn key(pod: &Pod) -> PodKey {
    PodKey {
        namespace: pod.namespace.clone(),
        name: pod.name.clone(),
    }
}
