//! Services that wait for their turn, first come, first served.

use std::collections::{HashSet, VecDeque};

use crate::service::model::ServiceKey;

/// Services in the order in which they are served; who waits already keeps its place.
#[derive(Clone, Debug, Default)]
pub(crate) struct Line {
    order: VecDeque<ServiceKey>,
    members: HashSet<ServiceKey>,
}

impl Line {
    pub(crate) fn join(&mut self, key: &ServiceKey) {
        if self.members.insert(key.clone()) {
            self.order.push_back(key.clone());
        }
    }

    /// Who is next; it stays in its place.
    pub(crate) fn first(&self) -> Option<ServiceKey> {
        self.order.front().cloned()
    }

    /// The first one was served.
    pub(crate) fn leave(&mut self) {
        if let Some(first) = self.order.pop_front() {
            self.members.remove(&first);
        }
    }

    pub(crate) fn contains(&self, key: &ServiceKey) -> bool {
        self.members.contains(key)
    }

    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }
}
