//! Bulk creates: how many are under way, and how much the next one may ask for.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::Millis;
use crate::batch::Sizer;
use crate::port::model::{Id, PortKind};

/// Ports to make: for which node, of which kind, how many.
pub(crate) type Order = (Id, Arc<PortKind>, usize);

/// What is being made, and what Neutron said of making more.
#[derive(Clone, Debug)]
pub(crate) struct Making {
    under_way: usize,
    coming: BTreeMap<(Id, Arc<PortKind>), usize>,
    /// How many ports the project may have more, where Neutron refused some.
    quota_free: Option<usize>,
    /// Largest create of a kind, after a subnet turned out to be nearly full.
    cap: BTreeMap<Arc<PortKind>, usize>,
    size: Sizer,
}

impl Default for Making {
    fn default() -> Self {
        Self {
            under_way: 0,
            coming: BTreeMap::new(),
            quota_free: None,
            cap: BTreeMap::new(),
            // Two creates share the time that each takes.
            size: Sizer::new(2_000, 2, 8, 100),
        }
    }
}

pub(crate) fn total(orders: &[Order]) -> usize {
    orders.iter().map(|(_, _, n)| n).sum()
}

impl Making {
    /// A create is sent.
    pub(crate) fn begins(&mut self, orders: &[Order]) {
        self.under_way += 1;
        for (node, kind, count) in orders {
            let key = (node.clone(), kind.clone());
            *self.coming.entry(key).or_default() += count;
        }
    }

    /// A create was answered.
    pub(crate) fn ends(&mut self, orders: &[Order]) {
        self.under_way = self.under_way.saturating_sub(1);
        for (node, kind, count) in orders {
            let key = (node.clone(), kind.clone());
            if let Some(n) = self.coming.get_mut(&key) {
                *n = n.saturating_sub(*count);
            }
        }
        self.coming.retain(|_, n| *n > 0);
    }

    /// How many more creates may be under way, of `most`.
    pub(crate) fn slots(&self, most: usize) -> usize {
        most.saturating_sub(self.under_way)
    }

    /// How many ports of a kind are being made for a node.
    pub(crate) fn coming(&self, node: &Id, kind: &Arc<PortKind>) -> usize {
        let key = (node.clone(), kind.clone());
        self.coming.get(&key).copied().unwrap_or(0)
    }

    /// How many ports the next create may hold; `waited` as [`Sizer::size`] has it.
    pub(crate) fn size(&self, waited: Option<Millis>) -> usize {
        self.size.size(waited)
    }

    /// How many more ports may be asked for. With nothing left, one is tried now and then: the quota may have been raised.
    pub(crate) fn room(&self) -> usize {
        self.quota_free.map_or(usize::MAX, |free| free.max(1))
    }

    /// How many ports of a kind one create may hold.
    pub(crate) fn cap(&self, kind: &Arc<PortKind>) -> usize {
        self.cap.get(kind).copied().unwrap_or(usize::MAX)
    }

    /// Ports were made, in so many milliseconds; true if the quota is used up by them. Where none was thought to be left and
    /// one was made all the same, the rest is unknown again.
    pub(crate) fn made(&mut self, orders: &[Order], took: Millis) -> bool {
        let made = total(orders);
        self.size.seen(made, took);
        for (_, kind, _) in orders {
            self.cap.remove(kind);
        }
        let free = self.quota_free.filter(|free| *free > 0);
        self.quota_free = free.map(|free| free.saturating_sub(made));
        self.quota_free == Some(0)
    }

    /// A create of these was over the quota, of which so much is left where that is known; true if nothing is.
    pub(crate) fn over_quota(&mut self, orders: &[Order], free: Option<usize>) -> bool {
        let asked = total(orders);
        let free = free.filter(|free| *free < asked).unwrap_or(asked / 2);
        self.quota_free = Some(free);
        free == 0
    }

    /// A create of these was too large for a subnet; true if even one port was.
    pub(crate) fn subnet_full(&mut self, orders: &[Order]) -> bool {
        let cap = total(orders) / 2;
        for (_, kind, _) in orders {
            self.cap.insert(kind.clone(), cap.max(1));
        }
        cap == 0
    }

    /// A port was deleted: how much is left is not known any more.
    pub(crate) fn room_was_made(&mut self) {
        self.quota_free = None;
    }

    /// Another term: the quota and the subnets may be others.
    pub(crate) fn start_term(&mut self) {
        self.quota_free = None;
        self.cap.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn orders(n: usize) -> Vec<Order> {
        let kind = Arc::new(PortKind {
            project: "p".into(),
            network: "n".into(),
            subnets: vec!["s".into()],
            security_groups: vec![],
        });
        vec![("node1".into(), kind, n)]
    }

    #[test]
    fn what_is_under_way_is_coming() {
        let mut making = Making::default();
        let orders = orders(3);
        making.begins(&orders);
        making.begins(&orders);
        let (node, kind, _) = &orders[0];
        assert_eq!((making.coming(node, kind), making.slots(2)), (6, 0));
        making.ends(&orders);
        assert_eq!((making.coming(node, kind), making.slots(2)), (3, 1));
    }

    #[test]
    fn a_used_up_quota_is_tried_with_one_port() {
        let mut making = Making::default();
        assert!(!making.over_quota(&orders(8), Some(5)));
        assert_eq!(making.room(), 5);
        assert!(making.made(&orders(5), 100), "that was the rest");
        assert_eq!(making.room(), 1);
        assert!(!making.made(&orders(1), 100), "it was raised");
        assert_eq!(making.room(), usize::MAX);
        assert!(making.over_quota(&orders(1), None));
    }

    #[test]
    fn a_nearly_full_subnet_is_asked_for_half_until_one_is_too_many() {
        let mut making = Making::default();
        let kind = orders(1)[0].1.clone();
        assert!(!making.subnet_full(&orders(8)));
        assert_eq!(making.cap(&kind), 4);
        assert!(making.subnet_full(&orders(1)));
        assert_eq!(making.cap(&kind), 1);
        making.made(&orders(1), 100);
        assert_eq!(making.cap(&kind), usize::MAX);
    }
}
