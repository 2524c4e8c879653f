//! Calls that create, change and read load balancers.

use crate::Millis;
use crate::reconcile::{Failure, FailureKind};
use crate::service::action::{Answer, Change, Outcome};
use crate::service::complaint::{Complaint, Reason};
use crate::service::model::{Id, ServiceKey};
use crate::service::observed::State;
use crate::service::provider::{Refusal, options_of_change, options_of_tree, refusal};
use crate::service::tree::{BalancerKey, Tree};
use crate::service::world::{Doubt, Held, World};

use super::QUIET;

/// Between two tries to create anything while the quota is used up, milliseconds.
const QUOTA_PAUSE: Millis = 5_000;

impl World {
    pub(super) fn begin_change(&mut self, key: &BalancerKey, lb: &Id, change: &Change) {
        self.changing += 1;
        if self.heals(lb, change) {
            self.note_repair(key);
        }
        if let Some(state) = self.balancers.get_mut(lb) {
            state.busy = true;
        }
    }

    /// Whether a change repairs what went wrong in Octavia.
    fn heals(&self, lb: &Id, change: &Change) -> bool {
        let Some(state) = self.balancers.get(lb) else {
            return false;
        };
        let is = state.observed.as_ref();
        match change {
            Change::Failover => true,
            Change::Delete => state.balancer.state == State::Error,
            Change::DeleteListener { id } => {
                is.is_some_and(|o| o.listeners.iter().any(|l| l.id == *id && l.broken))
            }
            Change::DeletePool { id } => {
                is.is_some_and(|o| o.pools.iter().any(|p| p.id == *id && p.broken))
            }
            _ => false,
        }
    }

    fn note_repair(&mut self, key: &BalancerKey) {
        let (now, calm) = (self.agenda.now(), self.settings.calm);
        let held = Held::Ill(key.clone());
        let ill = self.ills.entry(key.clone()).or_default();
        if ill.repairs > 0 && ill.at + calm < now {
            ill.repairs = 0;
            self.agenda.release(&held);
        }
        (ill.repairs, ill.at) = (ill.repairs + 1, now);
        self.agenda.hold(held, Millis::MAX, None);
    }

    pub(super) fn finish_change(
        &mut self,
        key: &BalancerKey,
        lb: &Id,
        change: &Change,
        outcome: Outcome,
    ) {
        self.changing = self.changing.saturating_sub(1);
        let held = Held::Balancer(key.clone());
        let mut again = false;
        if let Some(state) = self.balancers.get_mut(lb) {
            state.busy = false;
            again = state.last.as_ref() == Some(change);
        }
        self.expect_change(lb);
        if let Some(guest) = self.guest_of(lb, change).filter(|_| outcome.is_ok()) {
            self.no_trouble_of_guest(&guest);
        }
        match outcome {
            Err(failure) => self.change_failed(held, lb, change, &failure),
            // Accepted twice and still not there: not to be sent as fast as it is answered.
            _ if again => self.not_taken(held, lb, change),
            _ => {
                if let Some(state) = self.balancers.get_mut(lb) {
                    let provider = Some(&state.balancer.provider);
                    self.providers.took(provider, options_of_change(change));
                    state.last = Some(change.clone());
                }
                self.succeeded(&held);
            }
        }
    }

    fn not_taken(&mut self, held: Held, lb: &Id, change: &Change) {
        let message = format!(
            "Octavia accepted a change of load balancer {lb} that does not show: {}; it is sent \
             again at growing intervals",
            summary(change)
        );
        let complaint = Complaint::new(Reason::ChangeNotTaken, "", message);
        self.agenda.tell(held.clone(), complaint);
        self.agenda.hold(held, Millis::MAX, None);
    }

    fn change_failed(&mut self, held: Held, lb: &Id, change: &Change, failure: &Failure) {
        if let FailureKind::Refused { said } = &failure.kind {
            let provider = self.balancers.get(lb).map(|b| b.balancer.provider.clone());
            let by_call = match change {
                Change::Failover => Some(Refusal::Failover),
                _ => None,
            };
            let refusal = by_call.or_else(|| refusal(said));
            let options = options_of_change(change);
            if refusal.is_some_and(|r| self.providers.refuse(provider.as_ref(), r, &options)) {
                self.learned(&held);
                return;
            }
        }
        if *change == Change::Failover {
            self.not_failed_over(&held, failure);
        }
        if let Some(guest) = self.guest_at_fault(lb, change, failure) {
            // The others on this load balancer go on.
            self.failed(Held::Guest(guest), failure, Reason::OctaviaFailed);
            self.succeeded(&held);
            return;
        }
        self.failed(held, failure, Reason::OctaviaFailed);
    }

    /// The guest of a shared load balancer whose wish Octavia refused, if it was a guest's.
    fn guest_at_fault(&self, lb: &Id, change: &Change, failure: &Failure) -> Option<ServiceKey> {
        use FailureKind::{Invalid, Quota, Refused, Taken};
        let refused = matches!(
            failure.kind,
            Invalid | Taken | Quota { .. } | Refused { .. }
        );
        self.guest_of(lb, change).filter(|_| refused)
    }

    /// The guest of a shared load balancer whose listener or pool a change is about, if it is a guest's.
    fn guest_of(&self, lb: &Id, change: &Change) -> Option<ServiceKey> {
        let observed = self.balancers.get(lb)?.observed.as_ref()?;
        let pool = |id: &Id| observed.pools.iter().find(|p| p.id == *id).map(|p| &p.name);
        let name = match change {
            Change::CreateListener { listener } | Change::UpdateListener { listener, .. } => {
                Some(&listener.name)
            }
            Change::CreatePool { pool, .. } | Change::UpdatePool { pool, .. } => Some(&pool.name),
            Change::SetMembers { pool: of, .. }
            | Change::CreateMember { pool: of, .. }
            | Change::CreateMonitor { pool: of, .. } => pool(of),
            _ => None,
        };
        let owner = BalancerKey::parse(name?.split(':').next()?)?.service;
        let host = self.place.get(lb).map(|key| &key.service);
        (host != Some(&owner)).then_some(owner)
    }

    /// A failover that was not accepted is no repair, the first few times. One that was, though
    /// no answer came, may be asked for twice: that does no harm.
    fn not_failed_over(&mut self, held: &Held, failure: &Failure) {
        let Held::Balancer(key) = held else {
            return;
        };
        let refused = matches!(
            failure.kind,
            FailureKind::Refused { .. } | FailureKind::Invalid
        );
        let not_begun = !refused;
        let tries = self.agenda.failures(&Held::Ill(key.clone()));
        if let Some(ill) = self
            .ills
            .get_mut(key)
            .filter(|_| not_begun && tries < QUIET)
        {
            ill.repairs = ill.repairs.saturating_sub(1);
        }
    }

    /// A refusal taught something: what is wanted is another thing now.
    fn learned(&mut self, held: &Held) {
        self.agenda.release(held);
        self.touch_all();
    }

    pub(super) fn finish_creation(&mut self, key: &BalancerKey, tree: &Tree, outcome: Outcome) {
        self.changing = self.changing.saturating_sub(1);
        self.creating.remove(key);
        self.touch(&key.service);
        if self.quota.is_some() {
            self.touch_all();
        }
        let held = Held::Balancer(key.clone());
        match outcome {
            Ok(Answer::Created(balancer)) => {
                let id = balancer.id.clone();
                self.providers
                    .took(tree.provider.as_ref(), options_of_tree(tree));
                self.put_balancer(balancer);
                self.expect_change(&id);
                self.succeeded(&held);
                if self.quota.take().is_some() {
                    self.agenda.release(&Held::Quota);
                    self.touch_all();
                }
            }
            Err(failure) => self.creation_failed(key, tree, &failure),
            _ => self.succeeded(&held),
        }
    }

    fn creation_failed(&mut self, key: &BalancerKey, tree: &Tree, failure: &Failure) {
        let held = Held::Balancer(key.clone());
        match &failure.kind {
            FailureKind::Unknown => self.creation_unsure(key),
            FailureKind::Quota { .. } => {
                self.failed(held.clone(), failure, Reason::QuotaReached);
                self.quota = self.agenda.told(&held).cloned();
                self.touch_all();
                // Others that wait come first.
                let (all, own) = (QUOTA_PAUSE, Some(2 * QUOTA_PAUSE));
                self.agenda.hold(Held::Quota, all, Some(all));
                self.agenda.hold(held, Millis::MAX, own);
                return;
            }
            // Whose address it is may be seen by a list: an earlier creation's, perhaps.
            FailureKind::Taken => self.list.want(),
            FailureKind::Refused { said } => {
                let whole = (!tree.listeners.is_empty()).then_some(Refusal::FullTree);
                let provider = tree.provider.as_ref();
                let options = options_of_tree(tree);
                let mut news = |r: Refusal| self.providers.refuse(provider, r, &options);
                if refusal(said).is_some_and(&mut news) || whole.is_some_and(&mut news) {
                    self.learned(&held);
                    return;
                }
            }
            _ => {}
        }
        self.failed(held, failure, Reason::OctaviaFailed);
    }

    /// It may have been carried out: nothing is created before a list that begins now.
    fn creation_unsure(&mut self, key: &BalancerKey) {
        self.sequence += 1;
        let doubt = Doubt::Balancer(key.clone());
        self.list.doubt(doubt, self.sequence);
    }

    pub(super) fn begin_look(&mut self, lb: &Id) {
        self.looking.insert(lb.clone());
        self.look_from.insert(lb.clone(), self.sequence);
    }

    pub(super) fn finish_look(&mut self, lb: &Id, outcome: Outcome) {
        self.looking.remove(lb);
        let from = self.look_from.remove(lb).unwrap_or(0);
        let held = Held::Look(lb.clone());
        self.touch_balancer(lb);
        // Changed while it was looked at: what was seen may be older.
        let state = self.balancers.get(lb);
        let stale =
            !self.list.is_of_term(from) || state.is_some_and(|b| b.busy || b.touched > from);
        match outcome {
            Ok(Answer::Gone)
            | Err(Failure {
                kind: FailureKind::Gone,
                ..
            }) => {
                self.succeeded(&held);
                self.gone_for_sure(lb);
            }
            Err(failure) => self.failed(held, &failure, Reason::OctaviaFailed),
            Ok(Answer::Seen(observed)) => {
                self.succeeded(&held);
                if !stale {
                    self.see(*observed);
                }
            }
            _ => self.succeeded(&held),
        }
    }

    /// Octavia does not have it; ids are never used again.
    fn gone_for_sure(&mut self, lb: &Id) {
        let busy = self.balancers.get(lb).is_some_and(|b| b.busy);
        if busy {
            return;
        }
        if self.recorded.contains_key(lb) {
            self.gone.insert(lb.clone());
        }
        self.remove_balancer(lb);
    }
}

/// A change in a few words, for an Event.
fn summary(change: &Change) -> String {
    let (what, of) = match change {
        Change::Update { name } => ("set its name", name),
        Change::Delete => return "delete it".to_owned(),
        Change::Failover => return "fail over".to_owned(),
        Change::CreateListener { listener } => ("create listener", &listener.name),
        Change::UpdateListener { listener, .. } => ("update listener", &listener.name),
        Change::DeleteListener { id } => ("delete listener", id),
        Change::CreatePool { pool, .. } => ("create pool", &pool.name),
        Change::UpdatePool { pool, .. } => ("update pool", &pool.name),
        Change::DeletePool { id } => ("delete pool", id),
        Change::SetMembers { pool, .. } => ("set members of pool", pool),
        Change::CreateMember { member, .. } => ("create member", &member.name),
        Change::DeleteMember { id, .. } => ("delete member", id),
        Change::CreateMonitor { pool, .. } => ("create the monitor of pool", pool),
        Change::UpdateMonitor { id, .. } => ("update monitor", id),
        Change::DeleteMonitor { id } => ("delete monitor", id),
    };
    format!("{what} {of}")
}
