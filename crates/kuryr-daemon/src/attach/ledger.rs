//! What is plugged: in memory, and in the checkpoint before anyone acts on it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::checkpoint::{Checkpoint, CheckpointError};
use super::record::Attachment;
use crate::ports::PodKey;

/// The attachments of this node, one for each port.
#[derive(Debug)]
pub struct Ledger {
    state: Mutex<State>,
    /// Generation that the file has. Held while it is written, so that those who wait
    /// meanwhile are served by the next write together.
    written: tokio::sync::Mutex<u64>,
    file: Checkpoint,
    changes: tokio::sync::watch::Sender<()>,
}

#[derive(Debug, Default)]
struct State {
    by_port: BTreeMap<String, Attachment>,
    generation: u64,
}

impl Ledger {
    /// Reads the record.
    ///
    /// # Errors
    /// See [`Checkpoint::load`].
    pub fn load(file: Checkpoint) -> Result<Self, CheckpointError> {
        let attachments = file.load()?;
        let by_port = attachments.into_iter().map(|a| (a.port_id.clone(), a));
        Ok(Self {
            state: Mutex::new(State {
                by_port: by_port.collect(),
                generation: 0,
            }),
            written: tokio::sync::Mutex::new(0),
            file,
            changes: tokio::sync::watch::Sender::new(()),
        })
    }

    /// Resolves each time something was recorded or forgotten.
    #[must_use]
    pub fn subscribe(&self) -> tokio::sync::watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// All attachments.
    #[must_use]
    pub fn all(&self) -> Vec<Attachment> {
        self.state().by_port.values().cloned().collect()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.state().by_port.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The attachment of a port.
    #[must_use]
    pub fn of_port(&self, port_id: &str) -> Option<Attachment> {
        self.state().by_port.get(port_id).cloned()
    }

    /// The container's attachment of an interface.
    #[must_use]
    pub fn find(&self, container: &str, ifname: &str) -> Option<Attachment> {
        let state = self.state();
        state
            .by_port
            .values()
            .find(|a| a.is(container, ifname))
            .cloned()
    }

    /// The attachment of a pod's interface whose container is not known.
    #[must_use]
    pub fn find_adopted(&self, pod: &PodKey, ifname: &str) -> Option<Attachment> {
        self.state()
            .by_port
            .values()
            .find(|a| a.container.is_none() && a.pod == *pod && a.ifname == ifname)
            .cloned()
    }

    /// Records an attachment; the one that its port had is replaced.
    ///
    /// # Errors
    /// The record could not be written; in memory nothing is changed then.
    pub async fn put(&self, attachment: Attachment) -> Result<(), CheckpointError> {
        let port_id = attachment.port_id.clone();
        self.change(&port_id, Some(attachment)).await
    }

    /// Forgets the attachment of a port.
    ///
    /// # Errors
    /// As for [`Ledger::put`].
    pub async fn remove(&self, port_id: &str) -> Result<(), CheckpointError> {
        self.change(port_id, None).await
    }

    async fn change(&self, port_id: &str, to: Option<Attachment>) -> Result<(), CheckpointError> {
        let (before, generation) = {
            let mut state = self.state();
            state.generation += 1;
            (state.set(port_id, to), state.generation)
        };
        let result = self.write(generation).await;
        if result.is_err() {
            // Whoever changes an attachment holds its locks: nobody has touched it since.
            let mut state = self.state();
            state.generation += 1;
            state.set(port_id, before);
        }
        self.changes.send_replace(());
        result
    }

    async fn write(&self, generation: u64) -> Result<(), CheckpointError> {
        let mut written = self.written.lock().await;
        if *written >= generation {
            return Ok(());
        }
        let (attachments, generation) = {
            let state = self.state();
            let all = state.by_port.values().cloned().collect();
            (all, state.generation)
        };
        // A few hundred kilobytes to the page cache: cheaper than another thread.
        self.file.store(attachments)?;
        *written = generation;
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn set(&mut self, port_id: &str, to: Option<Attachment>) -> Option<Attachment> {
        match to {
            Some(attachment) => self.by_port.insert(port_id.to_owned(), attachment),
            None => self.by_port.remove(port_id),
        }
    }
}
