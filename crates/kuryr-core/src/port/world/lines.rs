//! Nodes that wait for ports to be made, first come, first served.

use super::making::Order;
use crate::Millis;
use crate::port::model::Id;
use crate::reconcile::Line;

/// Who waits for ports to be made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines {
    /// Nodes with pods that wait.
    pub(crate) pods: Line<Id>,
    /// Nodes whose pools are to grow.
    pub(crate) pools: Line<Id>,
    /// Since when somebody's pods have been left in line.
    since: Option<Millis>,
}

impl Lines {
    /// How long somebody has been left in line.
    pub(crate) fn waited(&self, now: Millis) -> Millis {
        self.since.map_or(0, |since| now.saturating_sub(since))
    }

    /// Notes whether somebody's pods are left in line now.
    pub(crate) fn note(&mut self, now: Millis) {
        self.since = (!self.pods.is_empty()).then(|| self.since.unwrap_or(now));
    }
}

/// Those that were called and not served are first again.
pub(crate) fn put_back<'a>(
    line: &mut Line<Id>,
    orders: impl DoubleEndedIterator<Item = &'a Order>,
) {
    orders.rev().for_each(|(node, ..)| line.put_back(node));
}
