//! The attachments of this node: what ADD, DEL, CHECK, STATUS and GC do.
//!
//! | module | what it knows |
//! |---|---|
//! | [`progress`], [`plan`] | what to wait for, what has to go: decisions, no effects |
//! | [`record`], [`ledger`], [`checkpoint`] | what is plugged, in memory and on disk |
//! | [`locks`], [`pending`] | what keeps calls from harming each other |
//! | `add`, `del`, `check`, `tidy` | the commands |
//!
//! # How calls are kept apart
//! Waiting (for a port, for it to be active) holds nothing. Whoever plugs or unplugs holds
//! the attachment's pod and VLAN ([`locks::Key`]). An ADD looks whether it is still wanted
//! once it holds them, and writes its record before it touches the kernel; a DEL first stops
//! the ADD, then takes the same locks. So either the ADD sees that it was stopped, or the
//! DEL sees its record.

mod add;
mod check;
pub mod checkpoint;
mod del;
pub mod ledger;
pub mod locks;
pub mod pending;
pub mod plan;
pub mod progress;
pub mod record;
mod tidy;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use kuryr_net::NetError;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

pub use checkpoint::{Checkpoint, CheckpointError};
pub use ledger::Ledger;
pub use progress::Waiting;
pub use record::Attachment;

use crate::error::Refusal;
use crate::plug::{Netns, Plugger};
use crate::ports::PortStore;
use crate::ports::watch::Probe;
use locks::{Key, Locks};
use pending::Pending;

/// What the daemon needs to know of its node.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The Kubernetes node's name, for messages.
    pub node: String,
    /// How long an ADD waits for its port, unless the plugin gives up earlier.
    pub port_wait: Duration,
    /// Interfaces worked on at once.
    pub workers: usize,
}

/// The attachments of this node.
pub struct Attachments {
    limits: Limits,
    store: Arc<PortStore>,
    plugger: Arc<dyn Plugger>,
    probe: Probe,
    ledger: Ledger,
    locks: Arc<Locks<Key>>,
    pending: Arc<Pending>,
    workers: Semaphore,
    /// Interfaces that are cut off and being taken away.
    removals: TaskTracker,
    /// Whether what the last run left was tidied up.
    tidied: AtomicBool,
    /// Interfaces in a row that the kernel refused.
    failures: AtomicU32,
}

impl Attachments {
    /// None served yet: first [`Attachments::undo_unfinished`], then, once the store is
    /// synced, [`Attachments::adopt_leftovers`].
    #[must_use]
    pub fn new(
        limits: Limits,
        store: Arc<PortStore>,
        plugger: Arc<dyn Plugger>,
        ledger: Ledger,
        probe: Probe,
    ) -> Self {
        Self {
            workers: Semaphore::new(limits.workers.max(1)),
            limits,
            store,
            plugger,
            probe,
            ledger,
            locks: Arc::default(),
            pending: Arc::default(),
            removals: TaskTracker::new(),
            tidied: AtomicBool::new(false),
            failures: AtomicU32::new(0),
        }
    }

    /// The record.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Resolves when nothing is being taken away any more. For the end: what begins later is not waited for.
    pub async fn removals_end(&self) {
        self.removals.close();
        self.removals.wait().await;
    }

    /// How many interfaces in a row the kernel refused to plug.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failures.load(Ordering::Relaxed)
    }

    /// The inode of the namespace at a path, if there is one. Asks for a moment only.
    fn inode(&self, path: &Path) -> Option<u64> {
        match self.plugger.netns(path) {
            Netns::There(inode) => Some(inode),
            Netns::Gone | Netns::Unknown => None,
        }
    }

    /// Runs what blocks on a thread for it. The error is a panic's.
    async fn kernel<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Plugger) -> T + Send + 'static,
    ) -> Result<T, String> {
        // The semaphore is never closed.
        let _turn = self.workers.acquire().await.map_err(|e| e.to_string())?;
        let plugger = Arc::clone(&self.plugger);
        tokio::task::spawn_blocking(move || work(&*plugger))
            .await
            .map_err(|e| e.to_string())
    }

    /// [`Attachments::kernel`] for an attachment, its errors as refusals.
    async fn on_kernel<T: Send + 'static>(
        &self,
        attempted: &'static str,
        a: &Attachment,
        work: impl FnOnce(&dyn Plugger) -> Result<T, NetError> + Send + 'static,
    ) -> Result<T, Refusal> {
        match self.kernel(work).await {
            Ok(result) => result.map_err(|source| Refusal::Kernel {
                attempted,
                pod: a.pod.clone(),
                port_id: a.port_id.clone(),
                vlan: a.vlan,
                source: Box::new(source),
            }),
            Err(reason) => Err(Refusal::Died {
                attempted,
                pod: a.pod.clone(),
                reason,
            }),
        }
    }

    /// Unplugs and forgets. The caller holds the attachment's pod or VLAN.
    async fn unplug(&self, attachment: &Attachment) -> Result<(), Refusal> {
        let a = attachment.clone();
        self.on_kernel("unplugging", attachment, move |plugger| {
            let its = netns_is_its(plugger, &a) != Some(false);
            plugger.unplug(&a.unplug_spec(its))
        })
        .await?;
        self.forget(attachment).await?;
        tracing::info!(pod = %attachment.pod, port = attachment.port_id,
            vlan = attachment.vlan, "unplugged");
        Ok(())
    }

    async fn forget(&self, attachment: &Attachment) -> Result<(), Refusal> {
        let forgotten = self.ledger.remove(&attachment.port_id).await;
        forgotten.map_err(|source| record_error(attachment, source))
    }

    async fn remember(&self, attachment: Attachment) -> Result<(), Refusal> {
        let recorded = self.ledger.put(attachment.clone()).await;
        recorded.map_err(|source| record_error(&attachment, source))
    }
}

fn record_error(attachment: &Attachment, source: CheckpointError) -> Refusal {
    Refusal::Record {
        pod: attachment.pod.clone(),
        source,
    }
}

/// Whether the namespace at the attachment's path is the one that it was plugged into;
/// `None`: that cannot be said.
fn netns_is_its(plugger: &dyn Plugger, attachment: &Attachment) -> Option<bool> {
    match plugger.netns(attachment.netns.as_deref()?) {
        Netns::There(inode) => Some(attachment.netns_inode.is_none_or(|its| its == inode)),
        Netns::Gone => Some(false),
        Netns::Unknown => None,
    }
}
