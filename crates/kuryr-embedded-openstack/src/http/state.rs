//! The state of all services, shared.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use tokio::sync::watch;

use crate::identity::Identity;
use crate::model::Cloud;
use crate::octavia::Octavia;

/// The services' state, under one lock.
#[derive(Debug)]
pub struct State {
    /// Keystone.
    pub identity: Identity,
    /// Neutron.
    pub cloud: Cloud,
    pub octavia: Octavia,
}

impl State {
    /// Lets time pass.
    fn advance(&mut self, now: SystemTime) {
        self.cloud.advance(now);
        self.octavia.advance(now, &mut self.cloud);
    }

    /// When something is due to happen by itself.
    pub(super) fn next_due(&self) -> Option<SystemTime> {
        let due = [self.cloud.next_due(), self.octavia.next_due()];
        due.into_iter().flatten().min()
    }

    /// Grows with each change.
    fn revision(&self) -> u64 {
        self.cloud.revision() + self.octavia.revision()
    }
}

/// A handle to the state; clones share it.
#[derive(Debug, Clone)]
pub struct Handle {
    state: Arc<Mutex<State>>,
    changed: watch::Sender<u64>,
}

impl Handle {
    pub(super) fn new(identity: Identity, cloud: Cloud, octavia: Octavia) -> Self {
        let state = State {
            identity,
            cloud,
            octavia,
        };
        let state = Arc::new(Mutex::new(state));
        Self {
            state,
            changed: watch::Sender::new(0),
        }
    }

    /// Works on the state as it is now, and wakes those who wait for changes.
    pub fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        state.advance(SystemTime::now());
        let result = work(&mut state);
        let revision = state.revision();
        drop(state);
        self.changed
            .send_if_modified(|known| std::mem::replace(known, revision) != revision);
        result
    }

    /// Sees each change of Neutron's and Octavia's state, as a number that grows.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
