//! The KuryrPorts of this node, as the daemon sees them.
//!
//! [`view`] reduces an object to what concerns the daemon, [`watch`] keeps the [`PortStore`]
//! at what the API server has, and everyone else reads the store or waits for it to change.

pub mod view;
pub mod watch;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use kuryr_api::vif::Vif;
use tokio::sync::watch as channel;

pub use view::{Known, PodKey, PodPort, WaitReason};

/// The KuryrPorts of this node and how fresh they are.
#[derive(Debug)]
pub struct PortStore {
    state: Mutex<State>,
    changes: channel::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    ports: HashMap<PodKey, Known>,
    /// What a list in progress has brought so far.
    listing: HashMap<PodKey, Known>,
    synced: bool,
    failing: Option<Failing>,
}

/// The API server has not answered since.
#[derive(Debug, Clone)]
pub struct Failing {
    /// When it first failed.
    pub since: Instant,
    /// What it last said.
    pub error: String,
}

/// How fresh the store is.
#[derive(Debug, Clone)]
pub struct Freshness {
    /// Whether a whole list was read since the start.
    pub synced: bool,
    /// Whether the watch has been failing, and since when.
    pub failing: Option<Failing>,
}

impl Default for PortStore {
    fn default() -> Self {
        Self {
            state: Mutex::default(),
            changes: channel::Sender::new(0),
        }
    }
}

impl PortStore {
    /// Resolves each time something in the store changed.
    #[must_use]
    pub fn subscribe(&self) -> channel::Receiver<u64> {
        self.changes.subscribe()
    }

    /// What is known of a pod's KuryrPort.
    #[must_use]
    pub fn get(&self, pod: &PodKey) -> Option<Known> {
        self.state().ports.get(pod).cloned()
    }

    /// Whether a pod still has a port: its KuryrPort names it and is not being deleted. One
    /// that cannot be read is given the benefit of the doubt.
    #[must_use]
    pub fn holds(&self, pod: &PodKey, port_id: &str) -> bool {
        match self.state().ports.get(pod) {
            Some(Known::Port(port)) => !port.deleting && port.has(port_id),
            Some(Known::Unreadable(_)) => true,
            None => false,
        }
    }

    /// The pod that has a port, the pod's uid, the interface's name and the VIF.
    #[must_use]
    pub fn find_port(&self, port_id: &str) -> Option<(PodKey, String, String, Vif)> {
        let state = self.state();
        state.ports.iter().find_map(|(pod, known)| {
            let Known::Port(port) = known else {
                return None;
            };
            let (ifname, vif) = port.vif_of(port_id)?;
            Some((pod.clone(), port.uid.clone(), ifname.clone(), vif.clone()))
        })
    }

    /// What of a VIF another pod's KuryrPort has too, if it has: its port, VLAN, MAC address or link would be taken away.
    /// KuryrPorts can be written by others than the controller, and one that is being deleted has nothing any more.
    #[must_use]
    pub fn taken(&self, pod: &PodKey, vif: &Vif) -> Option<String> {
        let state = self.state();
        let mut others = state.ports.iter().filter(|(other, _)| *other != pod);
        others.find_map(|(_, known)| match known {
            Known::Port(port) if !port.deleting => port.shares(vif),
            _ => None,
        })
    }

    /// How fresh the store is.
    #[must_use]
    pub fn freshness(&self) -> Freshness {
        let state = self.state();
        Freshness {
            synced: state.synced,
            failing: state.failing.clone(),
        }
    }

    /// An object appeared or changed.
    pub fn apply(&self, pod: PodKey, known: Known) {
        self.change(|state| {
            state.ports.insert(pod, known);
            state.failing = None;
        });
    }

    /// An object is gone.
    pub fn delete(&self, pod: &PodKey) {
        self.change(|state| {
            state.ports.remove(pod);
            state.failing = None;
        });
    }

    /// A list begins.
    pub fn list_begins(&self) {
        self.state().listing.clear();
    }

    /// A list brings an object.
    pub fn list_brings(&self, pod: PodKey, known: Known) {
        self.state().listing.insert(pod, known);
    }

    /// A list is complete: what it did not bring is gone.
    pub fn list_ends(&self) {
        self.change(|state| {
            state.ports = std::mem::take(&mut state.listing);
            state.synced = true;
            state.failing = None;
        });
    }

    /// The API server did not answer.
    pub fn failed(&self, error: String) {
        self.change(|state| {
            let since = state.failing.take().map_or_else(Instant::now, |f| f.since);
            state.failing = Some(Failing { since, error });
        });
    }

    /// The API server answers again, though the watch has not said anything yet.
    pub fn reached(&self) {
        self.state().failing = None;
    }

    /// How many wait for a change.
    #[must_use]
    pub fn readers(&self) -> usize {
        self.changes.receiver_count()
    }

    /// Makes those who wait look again, though no KuryrPort changed.
    pub fn touch(&self) {
        self.change(|_| {});
    }

    fn change(&self, edit: impl FnOnce(&mut State)) {
        edit(&mut self.state());
        self.changes.send_modify(|n| *n = n.wrapping_add(1));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
