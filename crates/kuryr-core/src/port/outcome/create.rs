//! Bulk creates.

use std::sync::Arc;

use crate::Millis;
use crate::port::action::{Answer, Outcome, Reason};
use crate::port::model::{Id, Port, PortKind, PortNotes};
use crate::port::world::{Held, World};
use crate::reconcile::{Failure, FailureKind};

impl World {
    pub(super) fn finish_create(
        &mut self,
        orders: &[(Id, Arc<PortKind>, usize)],
        outcome: Outcome,
        took: Millis,
    ) {
        self.creates = self.creates.saturating_sub(1);
        let total: usize = orders.iter().map(|(_, _, n)| n).sum();
        for (node, kind, count) in orders {
            let key = (node.clone(), kind.clone());
            if let Some(n) = self.creating.get_mut(&key) {
                *n = n.saturating_sub(*count);
                if *n == 0 {
                    self.creating.remove(&key);
                }
            }
            self.touch(node);
        }
        match outcome {
            Ok(Answer::Created(ports)) => self.created(orders, ports, total, took),
            Err(f) => self.create_failed(orders, total, &f),
            _ => {}
        }
    }

    fn created(
        &mut self,
        orders: &[(Id, Arc<PortKind>, usize)],
        ports: Vec<Port>,
        total: usize,
        took: Millis,
    ) {
        self.create_size.seen(total, took);
        self.settle(Held::Create, None, None);
        self.quota_used(total);
        let mut nodes = orders
            .iter()
            .flat_map(|(node, kind, n)| std::iter::repeat_n((node, kind), *n));
        for port in ports {
            let made_for = nodes.next().map(|(node, _)| node.clone());
            self.sequence += 1;
            let notes = PortNotes {
                made_for,
                touched: self.sequence,
                ..PortNotes::default()
            };
            self.put_port(port, notes);
        }
        for (_, kind, _) in orders {
            self.settle(Held::Kind(kind.clone()), None, None);
            self.kind_cap.remove(kind);
        }
    }

    /// Ports were made while the quota's rest was known. Where none was thought to be left
    /// and one was made all the same, the rest is unknown again.
    fn quota_used(&mut self, made: usize) {
        self.quota_free = match self.quota_free {
            Some(free) if free > made => Some(free - made),
            Some(free) if free > 0 => {
                let message = "the project's quota of ports is used up";
                let failure = Failure::new(FailureKind::Quota { free: Some(0) }, message);
                self.settle(Held::Create, Some(&failure), Some(Reason::QuotaReached));
                Some(0)
            }
            _ => None,
        };
    }

    fn create_failed(
        &mut self,
        orders: &[(Id, Arc<PortKind>, usize)],
        total: usize,
        failure: &Failure,
    ) {
        match &failure.kind {
            FailureKind::Quota { free } => {
                let known = free.filter(|f| *f < total);
                self.quota_free = Some(known.unwrap_or(total / 2));
                if self.quota_free == Some(0) {
                    self.settle(Held::Create, Some(failure), Some(Reason::QuotaReached));
                }
            }
            FailureKind::SubnetFull => {
                for (_, kind, _) in orders {
                    let cap = total / 2;
                    self.kind_cap.insert(kind.clone(), cap.max(1));
                    if cap == 0 {
                        let held = Held::Kind(kind.clone());
                        self.settle(held, Some(failure), Some(Reason::SubnetFull));
                    }
                }
            }
            FailureKind::Unknown | FailureKind::Gone | FailureKind::Taken => {
                self.sequence += 1;
                self.list.doubt((), self.sequence);
                self.settle(Held::Create, Some(failure), Some(Reason::NeutronFailed));
            }
            _ => self.settle(Held::Create, Some(failure), Some(Reason::NeutronFailed)),
        }
    }
}
