//! What an action changes: when it is sent, and when its outcome is known.

use std::collections::BTreeSet;

use super::action::{Action, Answer, Outcome};
use super::model::{Leg, Network};
use super::world::{Brought, Held, World};
use crate::port::Reason;
use crate::reconcile::{Failure, FailureKind};
use crate::{Id, Millis};

/// Longest pause before something is tried again that pods or a namespace wait for, milliseconds.
const SOON: Millis = 15_000;

impl World {
    /// The action is sent.
    pub(super) fn begin(&mut self, action: &Action) {
        match action {
            Action::List => {
                self.sequence += 1;
                self.list.begin(self.sequence);
            }
            Action::CreateClaim { namespace, .. }
            | Action::WriteStatus { namespace, .. }
            | Action::ReleaseClaim { namespace, .. } => {
                self.claims.call_begins(namespace.clone(), ())
            }
            Action::Report {
                namespace, reason, ..
            } => {
                if *reason == Reason::SubnetPoolLow {
                    let told = self.news_of_low().map(|(version, _)| version);
                    self.told_low.extend(told);
                } else {
                    self.reported.insert(namespace.clone(), *reason);
                }
            }
            _ => {
                if let Some(namespace) = action.namespace() {
                    self.busy.insert(namespace.clone());
                }
            }
        }
    }

    /// Its outcome is known.
    pub(super) fn conclude(&mut self, action: &Action, outcome: Outcome) {
        match action {
            Action::List => self.finish_list(outcome),
            Action::CreateClaim { namespace, .. }
            | Action::WriteStatus { namespace, .. }
            | Action::ReleaseClaim { namespace, .. } => self.finish_claim(namespace, outcome),
            Action::Report { .. } => {}
            _ => {
                if let Some(namespace) = action.namespace() {
                    self.busy.remove(namespace);
                    self.agenda.touch(namespace.clone());
                    self.finish_cloud(namespace, action, outcome);
                }
            }
        }
    }

    fn finish_claim(&mut self, namespace: &Id, outcome: Outcome) {
        let ended = self.claims.call_ends(namespace);
        let failure = match outcome {
            Ok(Answer::Claim(claim)) => {
                if ended.is_current(&claim) {
                    self.apply_claim(claim);
                }
                None
            }
            Ok(_) => {
                self.delete_claim(namespace, u64::MAX);
                None
            }
            Err(failure) => Some(failure),
        };
        self.settle(Held::Claim(namespace.clone()), failure.as_ref(), None);
        self.agenda.touch(namespace.clone());
    }

    fn finish_list(&mut self, outcome: Outcome) {
        let counts = self.list.end();
        let failure = outcome.as_ref().err().cloned();
        match outcome {
            Ok(Answer::All { networks, pools }) if counts => {
                self.observe(networks);
                let room = pools.into_iter().filter_map(|p| Some((p.pool, p.free?)));
                self.room = room.collect();
                let low: BTreeSet<u8> = self.low().into_iter().map(|(v, _)| v).collect();
                self.told_low.retain(|version| low.contains(version));
                self.list.resolved();
            }
            _ => self.list.want(),
        }
        self.settle(Held::List, failure.as_ref(), None);
        self.touch_all();
    }

    /// Takes over a full list, except where we changed something after it began.
    fn observe(&mut self, networks: Vec<Network>) {
        let listed: BTreeSet<Id> = networks.iter().map(|n| n.id.clone()).collect();
        let is_old = |world: &Self, id: &Id| {
            let touched = world.touched.get(id);
            touched.is_none_or(|at| world.list.knows(*at))
        };
        let gone = self.networks.keys().filter(|id| !listed.contains(*id));
        let gone: Vec<Id> = gone.filter(|id| is_old(self, id)).cloned().collect();
        gone.iter().for_each(|id| self.drop_network(id));
        for network in networks {
            let is_busy = self
                .namespace_of(&network.id)
                .is_some_and(|n| self.busy.contains(&n));
            if is_old(self, &network.id) && !self.list.went(&network.id) && !is_busy {
                self.put_network(network);
            }
        }
        // What was not to be had may be there now.
        self.refused.clear();
        self.list.taken();
    }

    fn finish_cloud(&mut self, namespace: &Id, action: &Action, outcome: Outcome) {
        let failure = match outcome {
            Ok(answer) => {
                self.done(namespace, action, answer);
                None
            }
            Err(failure) => self.failed(namespace, action, failure),
        };
        let reason = failure.as_ref().map(|f| reason(action, f));
        self.settle(Held::Namespace(namespace.clone()), failure.as_ref(), reason);
    }

    /// A call to Neutron did what it was to do.
    fn done(&mut self, namespace: &Id, action: &Action, answer: Answer) {
        match (action, answer) {
            (Action::ReadOwn { own, .. }, Answer::Network(network)) => {
                let own = own.clone();
                self.brought
                    .insert(namespace.clone(), Brought { own, network });
            }
            (_, Answer::Network(network)) => {
                let id = network.id.clone();
                self.list.note_there(&id);
                self.put_network(network);
                self.change_network(&id, |_| {});
            }
            (Action::CreateSubnet { network, pool, .. }, Answer::Subnet(subnet)) => {
                self.change_network(network, |n| n.subnets.push(subnet));
                self.settle(Held::Pool(pool.clone()), None, None);
                if let Some(free) = self.room.get_mut(pool) {
                    *free = free.saturating_sub(1);
                }
                self.last_cut = Some(namespace.clone());
            }
            (
                Action::AddLeg {
                    network,
                    subnet,
                    router,
                    ..
                },
                _,
            ) => {
                let leg = Leg {
                    router: router.clone(),
                };
                self.set_leg(network, subnet, Some(leg));
            }
            (
                Action::RemoveLeg {
                    network, subnet, ..
                },
                _,
            ) => self.set_leg(network, subnet, None),
            (Action::DeleteNetwork { network, .. }, _) => self.drop_network(network),
            (Action::Tag { network, .. }, _) => self.change_network(network, |n| n.tagged = true),
            _ => {}
        }
    }

    fn set_leg(&mut self, network: &Id, subnet: &Id, leg: Option<Leg>) {
        self.change_network(network, |n| {
            if let Some(subnet) = n.subnets.iter_mut().find(|s| s.id == *subnet) {
                subnet.leg = leg;
            }
        });
    }

    /// A call to Neutron failed; what of it holds the namespace up.
    fn failed(&mut self, namespace: &Id, action: &Action, failure: Failure) -> Option<Failure> {
        match (action, &failure.kind) {
            (_, FailureKind::NotLeader) => return Some(failure),
            // Another of the pools may have room, and this one later.
            (Action::CreateSubnet { pool, .. }, FailureKind::SubnetFull) => {
                let held = Held::Pool(pool.clone());
                self.room.insert(pool.clone(), 0);
                self.settle(held, Some(&failure), Some(Reason::SubnetFull));
                return None;
            }
            (Action::Adopt { network, .. }, FailureKind::Gone | FailureKind::Invalid) => {
                self.refused.insert(network.clone());
                return None;
            }
            // What was to be taken away is gone already.
            (
                Action::RemoveLeg {
                    network, subnet, ..
                },
                FailureKind::Gone,
            ) => {
                self.set_leg(network, subnet, None);
                return None;
            }
            (Action::DeleteNetwork { network, .. }, FailureKind::Gone) => {
                self.drop_network(network);
                return None;
            }
            (_, FailureKind::Unknown | FailureKind::Gone | FailureKind::Taken) => {
                self.sequence += 1;
                self.list.doubt(namespace.clone(), self.sequence);
            }
            _ => {}
        }
        Some(failure)
    }

    /// Notes success or failure of what `held` names.
    pub(super) fn settle(&mut self, held: Held, failure: Option<&Failure>, reason: Option<Reason>) {
        let Some(failure) = failure else {
            self.agenda.release(&held);
            if self.agenda.untell(&held).is_some() {
                if let Held::Namespace(name) = &held {
                    self.reported.remove(name);
                }
                self.touch_held(&held);
            }
            return;
        };
        if failure.kind == FailureKind::NotLeader {
            return;
        }
        if let Some(reason) = reason {
            self.agenda
                .tell(held.clone(), (reason, failure.message.clone()));
        }
        self.touch_held(&held);
        self.agenda.hold(held, SOON, failure.after);
    }
}

/// What pods of the namespace, or its owner, are told.
fn reason(action: &Action, failure: &Failure) -> Reason {
    match (action, &failure.kind) {
        (_, FailureKind::Quota { .. }) => Reason::QuotaReached,
        (Action::ReadOwn { .. }, FailureKind::Gone | FailureKind::Invalid) => {
            Reason::NoPodSubnetFound
        }
        (Action::DeleteNetwork { .. }, FailureKind::Again | FailureKind::Taken) => {
            Reason::NetworkInUse
        }
        _ => Reason::NeutronFailed,
    }
}
