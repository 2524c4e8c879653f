//! The state of both services, shared.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use tokio::sync::watch;

use crate::openstack::identity::Identity;
use crate::openstack::model::Cloud;

/// Both services' state, under one lock.
#[derive(Debug)]
pub struct State {
    /// Keystone.
    pub identity: Identity,
    /// Neutron.
    pub cloud: Cloud,
}

/// A handle to the state; clones share it.
#[derive(Debug, Clone)]
pub struct Handle {
    state: Arc<Mutex<State>>,
    changed: watch::Sender<u64>,
}

impl Handle {
    pub(super) fn new(identity: Identity, cloud: Cloud) -> Self {
        let state = Arc::new(Mutex::new(State { identity, cloud }));
        Self {
            state,
            changed: watch::Sender::new(0),
        }
    }

    /// Works on the state as it is now, and wakes those who wait for changes.
    pub fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        state.cloud.advance(SystemTime::now());
        let result = work(&mut state);
        let revision = state.cloud.revision();
        drop(state);
        self.changed
            .send_if_modified(|known| std::mem::replace(known, revision) != revision);
        result
    }

    /// Sees each change of Neutron's state, as a number that grows.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
