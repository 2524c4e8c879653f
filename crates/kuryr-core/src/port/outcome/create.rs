//! Bulk creates.

use crate::Millis;
use crate::port::action::{Answer, Outcome, Reason};
use crate::port::model::{Port, PortNotes};
use crate::port::world::{Held, Order, World};
use crate::reconcile::{Failure, FailureKind};

impl World {
    pub(super) fn finish_create(&mut self, orders: &[Order], outcome: Outcome, took: Millis) {
        self.making.ends(orders);
        self.population.made(orders);
        orders.iter().for_each(|(node, ..)| self.touch(node));
        match outcome {
            Ok(Answer::Created(ports)) => self.created(orders, ports, took),
            Ok(_) => {}
            Err(failure) => self.create_failed(orders, &failure),
        }
    }

    fn created(&mut self, orders: &[Order], ports: Vec<Port>, took: Millis) {
        self.settle(Held::Create, None, None);
        if self.making.made(orders, took) {
            let message = "the project's quota of ports is used up";
            let failure = Failure::new(FailureKind::Quota { free: Some(0) }, message);
            self.settle(Held::Create, Some(&failure), Some(Reason::QuotaReached));
        }
        let mut nodes = orders
            .iter()
            .flat_map(|(node, _, n)| std::iter::repeat_n(node, *n));
        for mut port in ports {
            let worn = self.take_groups(&mut port);
            self.sequence += 1;
            let notes = PortNotes {
                made_for: nodes.next().cloned(),
                touched: self.sequence,
                ..PortNotes::default()
            };
            let id = port.id.clone();
            self.put_port(port, notes);
            self.wears(&id, worn);
        }
        for (_, kind, _) in orders {
            self.settle(Held::Kind(kind.clone()), None, None);
        }
    }

    fn create_failed(&mut self, orders: &[Order], failure: &Failure) {
        match &failure.kind {
            FailureKind::Quota { free } => {
                if self.making.over_quota(orders, *free) {
                    self.settle(Held::Create, Some(failure), Some(Reason::QuotaReached));
                }
            }
            FailureKind::SubnetFull => {
                if self.making.subnet_full(orders) {
                    for (_, kind, _) in orders {
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
