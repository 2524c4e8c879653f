//! ADDs under way, and what may stop them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::error::Refusal;
use crate::ports::PodKey;

/// A pod's interface, by pod and name.
type Interface = (PodKey, String);

/// Why an ADD is to be given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// A DEL for the same container came.
    Deleted,
    /// An ADD for another container of the same pod came.
    Superseded(String),
}

/// The ADDs under way, at most one container for each interface of a pod.
#[derive(Debug, Default)]
pub struct Pending {
    ongoing: Mutex<HashMap<Interface, Entry>>,
}

#[derive(Debug)]
struct Entry {
    container: String,
    stop: Arc<watch::Sender<Option<Stop>>>,
    calls: usize,
}

/// One ADD under way; dropped when it ends.
#[derive(Debug)]
pub struct Ongoing {
    pending: Arc<Pending>,
    interface: Interface,
    sender: Arc<watch::Sender<Option<Stop>>>,
    stop: watch::Receiver<Option<Stop>>,
    /// The runtime hung up, or the daemon stops.
    gone: CancellationToken,
}

impl Pending {
    /// An ADD begins; one for another container of the pod is stopped by it.
    pub fn begin(
        self: &Arc<Self>,
        pod: &PodKey,
        ifname: &str,
        container: &str,
        gone: CancellationToken,
    ) -> Ongoing {
        let interface = (pod.clone(), ifname.to_owned());
        let mut ongoing = self.ongoing();
        let same = ongoing
            .get_mut(&interface)
            .filter(|entry| entry.container == container && entry.stop.borrow().is_none());
        let sender = if let Some(entry) = same {
            entry.calls += 1;
            Arc::clone(&entry.stop)
        } else {
            let entry = Entry {
                container: container.to_owned(),
                stop: Arc::new(watch::Sender::new(None)),
                calls: 1,
            };
            let sender = Arc::clone(&entry.stop);
            if let Some(older) = ongoing.insert(interface.clone(), entry) {
                older.give_up(Stop::Superseded(container.to_owned()));
            }
            sender
        };
        drop(ongoing);
        Ongoing {
            pending: Arc::clone(self),
            interface,
            stop: sender.subscribe(),
            sender,
            gone,
        }
    }

    /// Stops the container's ADD of an interface. The pod for which it was, if there is one.
    pub fn stop(&self, container: &str, ifname: &str) -> Option<PodKey> {
        let ongoing = self.ongoing();
        let ((pod, _), entry) = ongoing
            .iter()
            .find(|((_, name), entry)| name == ifname && entry.container == container)?;
        entry.give_up(Stop::Deleted);
        Some(pod.clone())
    }

    /// Whether the container's ADD of an interface is under way.
    #[must_use]
    pub fn has(&self, container: &str, ifname: &str) -> bool {
        self.ongoing()
            .iter()
            .any(|((_, name), entry)| name == ifname && entry.container == container)
    }

    fn ongoing(&self) -> MutexGuard<'_, HashMap<Interface, Entry>> {
        self.ongoing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn give_up(&self, why: Stop) {
        self.stop.send_modify(|stop| {
            stop.get_or_insert(why);
        });
    }
}

impl Ongoing {
    /// Whether to go on.
    ///
    /// # Errors
    /// [`Refusal::Stopped`] says who gave the ADD up.
    pub fn check(&self) -> Result<(), Refusal> {
        let stop = self.stop.borrow().clone();
        match stop {
            Some(stop) => Err(self.refusal(&stop)),
            None if self.gone.is_cancelled() => Err(self.hung_up()),
            None => Ok(()),
        }
    }

    /// Resolves when the ADD is to be given up.
    pub async fn stopped(&mut self) -> Refusal {
        let gone = self.gone.clone();
        let stop = tokio::select! {
            // The sender lives as long as this does.
            stop = self.stop.wait_for(Option::is_some) => stop.ok().and_then(|s| s.clone()),
            () = gone.cancelled() => None,
        };
        stop.map_or_else(|| self.hung_up(), |stop| self.refusal(&stop))
    }

    fn refusal(&self, stop: &Stop) -> Refusal {
        let why = match stop {
            Stop::Deleted => "DEL came for its container".to_owned(),
            Stop::Superseded(by) => format!("ADD came for the pod's newer container {by}"),
        };
        let pod = self.interface.0.clone();
        Refusal::Stopped { pod, why }
    }

    fn hung_up(&self) -> Refusal {
        Refusal::Stopped {
            pod: self.interface.0.clone(),
            why: "the runtime hung up, or the daemon is stopping".to_owned(),
        }
    }
}

impl Drop for Ongoing {
    fn drop(&mut self) {
        let mut ongoing = self.pending.ongoing();
        if let Some(entry) = ongoing.get_mut(&self.interface)
            && Arc::ptr_eq(&entry.stop, &self.sender)
        {
            entry.calls -= 1;
            if entry.calls == 0 {
                ongoing.remove(&self.interface);
            }
        }
    }
}
