//! All facts, with the indexes that decisions need.

mod balancers;
mod claims;
mod floating;
mod guests;
mod services;
mod subsets;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use super::complaint::{Complaint, Reason};
use super::model::{Claim, Id, Service, ServiceKey, Slice};
use super::plan::Line;
use super::provider::Providers;
use super::settings::Settings;
use super::tree::BalancerKey;
use crate::Millis;
use crate::backoff::Backoff;

pub(crate) use self::balancers::{BalancerState, Illness};
pub(crate) use self::floating::FloatingState;
pub(crate) use self::guests::shared_name;

/// What a failure holds up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Held {
    List,
    Claim(ServiceKey),
    Status(ServiceKey),
    Floating(ServiceKey),
    Balancer(BalancerKey),
    /// Repairs of a load balancer.
    Ill(BalancerKey),
    Look(Id),
    /// All creations: the project's quota is used up.
    Quota,
}

/// The facts. See the module's page.
#[derive(Clone, Debug)]
pub struct World {
    pub(crate) settings: Settings,
    pub(crate) providers: Providers,
    pub(crate) services: HashMap<ServiceKey, Arc<Service>>,
    /// When each Service was first seen.
    pub(crate) first_seen: HashMap<ServiceKey, Millis>,
    /// Who asks for which floating IP, the oldest first.
    pub(crate) asked: BTreeMap<IpAddr, BTreeSet<(u64, ServiceKey)>>,
    /// Who asks to share which load balancer, by its id or name, the oldest first.
    pub(crate) guests: BTreeMap<Id, BTreeSet<(u64, ServiceKey)>>,
    /// Slices of a Service, by name.
    pub(crate) slices: HashMap<ServiceKey, BTreeMap<Id, Arc<Slice>>>,
    /// The Service of a slice, by the slice's namespace and name.
    pub(crate) slice_of: HashMap<(Id, Id), ServiceKey>,
    /// Names of the slices that each Endpoints object came to, by its namespace and name.
    pub(crate) subsets: HashMap<(Id, Id), BTreeSet<Id>>,
    pub(crate) claims: HashMap<ServiceKey, Claim>,
    /// When the list of claims under way began, by sequence.
    pub(crate) claims_from: u64,
    /// When each claim was last written, by sequence.
    pub(crate) claim_touched: HashMap<ServiceKey, u64>,
    /// Claims that a call is under way for.
    pub(crate) claim_calls: HashSet<ServiceKey>,
    /// Deletions seen while such a call was under way: its answer may be older.
    pub(crate) claim_gone: HashMap<ServiceKey, u64>,
    pub(crate) balancers: HashMap<Id, BalancerState>,
    /// Whose each load balancer is.
    pub(crate) place: HashMap<Id, BalancerKey>,
    pub(crate) of_service: HashMap<ServiceKey, BTreeSet<Id>>,
    /// Load balancers that claims name.
    pub(crate) recorded: HashMap<Id, ServiceKey>,
    /// Load balancers that claims name and Octavia does not have.
    pub(crate) gone: HashSet<Id>,
    pub(crate) looking: HashSet<Id>,
    /// When each look under way began, by sequence.
    pub(crate) look_from: HashMap<Id, u64>,
    pub(crate) creating: BTreeSet<BalancerKey>,
    /// Creations that may have been carried out: none is tried again before a list that
    /// began after this.
    pub(crate) unsure: BTreeMap<BalancerKey, u64>,
    pub(crate) ills: BTreeMap<BalancerKey, Illness>,
    /// Why nothing can be created, while the quota is used up.
    pub(crate) quota: Option<Complaint>,
    /// The creation that is tried meanwhile.
    pub(crate) probe: Option<BalancerKey>,
    /// Changing calls under way.
    pub(crate) changing: usize,
    pub(crate) floating: HashMap<Id, FloatingState>,
    pub(crate) floating_of: HashMap<ServiceKey, BTreeSet<Id>>,
    pub(crate) floating_calls: HashSet<ServiceKey>,
    /// As `unsure`, for floating IPs.
    pub(crate) floating_unsure: BTreeMap<ServiceKey, u64>,
    /// Services whose status or finalizers are being written.
    pub(crate) service_calls: HashSet<ServiceKey>,
    pub(crate) listing: bool,
    pub(crate) list_wanted: bool,
    pub(crate) list_from: u64,
    /// Load balancers and floating IPs that went since the list under way began: it may show them still.
    pub(crate) gone_meanwhile: HashSet<Id>,
    /// What was listed before this is no longer known.
    pub(crate) led_from: u64,
    pub(crate) synced: Synced,
    pub(crate) backoff: Backoff<Held>,
    /// Why something is held up, for the Services that wait for it.
    pub(crate) trouble: BTreeMap<Held, Complaint>,
    /// What each Service's owner was told and still holds.
    pub(crate) reported: HashMap<ServiceKey, BTreeSet<(Reason, String)>>,
    pub(crate) dirty: BTreeSet<ServiceKey>,
    pub(crate) later: BTreeSet<(Millis, ServiceKey)>,
    /// Who waits for a changing call.
    pub(crate) changes: Line,
    /// Who waits for a look.
    pub(crate) looks: Line,
    pub(crate) sequence: u64,
    pub(crate) now: Millis,
}

/// Which watches and lists have been read whole at least once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Synced {
    pub(crate) services: bool,
    pub(crate) slices: bool,
    pub(crate) claims: bool,
    pub(crate) balancers: bool,
}

impl World {
    /// A world in which nothing is known.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            providers: Providers::default(),
            services: HashMap::new(),
            first_seen: HashMap::new(),
            asked: BTreeMap::new(),
            guests: BTreeMap::new(),
            slices: HashMap::new(),
            slice_of: HashMap::new(),
            subsets: HashMap::new(),
            claims: HashMap::new(),
            claims_from: 0,
            claim_touched: HashMap::new(),
            claim_calls: HashSet::new(),
            claim_gone: HashMap::new(),
            balancers: HashMap::new(),
            place: HashMap::new(),
            of_service: HashMap::new(),
            recorded: HashMap::new(),
            gone: HashSet::new(),
            looking: HashSet::new(),
            look_from: HashMap::new(),
            creating: BTreeSet::new(),
            unsure: BTreeMap::new(),
            ills: BTreeMap::new(),
            quota: None,
            probe: None,
            changing: 0,
            floating: HashMap::new(),
            floating_of: HashMap::new(),
            floating_calls: HashSet::new(),
            floating_unsure: BTreeMap::new(),
            service_calls: HashSet::new(),
            listing: false,
            list_wanted: true,
            list_from: 0,
            gone_meanwhile: HashSet::new(),
            led_from: 0,
            synced: Synced::default(),
            backoff: Backoff::default(),
            trouble: BTreeMap::new(),
            reported: HashMap::new(),
            dirty: BTreeSet::new(),
            later: BTreeSet::new(),
            changes: Line::default(),
            looks: Line::default(),
            sequence: 0,
            now: 0,
        }
    }

    /// Moves the clock, and wakes what waited for it.
    pub(super) fn tick(&mut self, now: Millis) {
        let before = self.now;
        self.now = self.now.max(now);
        let ready: Vec<Held> = self
            .backoff
            .became_ready(before, self.now)
            .cloned()
            .collect();
        ready.iter().for_each(|held| self.touch_held(held));
        while let Some((at, key)) = self.later.first().cloned() {
            if at > self.now {
                break;
            }
            self.later.pop_first();
            self.dirty.insert(key);
        }
    }

    /// This process leads from now on.
    pub(super) fn start_term(&mut self) {
        self.sequence += 1;
        self.led_from = self.sequence;
        self.synced.balancers = false;
        self.list_wanted = true;
        self.backoff.retain(|_| false);
        self.trouble.clear();
        self.balancers.values_mut().for_each(|b| b.fresh = false);
        self.touch_all();
    }

    /// Whether all watches and lists have been read, so that absence means something.
    pub(crate) fn has_read_all(&self) -> bool {
        let Synced {
            services,
            slices,
            claims,
            balancers,
        } = self.synced;
        services && slices && claims && balancers
    }

    /// When something is to be looked at again without any new fact.
    pub(super) fn wakes_at(&self) -> Option<Millis> {
        let held = self.backoff.next(self.now);
        let later = self.later.first().map(|(at, _)| *at);
        held.into_iter().chain(later).min()
    }

    /// What holds Services up now, for metrics: a reason for each thing held.
    pub fn troubles(&self) -> impl Iterator<Item = Reason> + '_ {
        self.trouble.values().map(|c| c.reason)
    }

    pub(crate) fn touch(&mut self, key: &ServiceKey) {
        self.dirty.insert(key.clone());
        self.touch_company(key);
    }

    pub(crate) fn touch_all(&mut self) {
        let services = self.services.keys().chain(self.claims.keys());
        let others = self.of_service.keys().chain(self.floating_of.keys());
        self.dirty.extend(services.chain(others).cloned());
    }

    pub(crate) fn touch_held(&mut self, held: &Held) {
        match held {
            Held::List => {}
            Held::Quota => self.touch_all(),
            Held::Claim(key) | Held::Status(key) | Held::Floating(key) => self.touch(key),
            Held::Balancer(key) | Held::Ill(key) => self.touch(&key.service),
            Held::Look(lb) => self.touch_balancer(lb),
        }
    }

    pub(crate) fn is_held(&self, held: &Held) -> bool {
        !self.backoff.ready(held, self.now)
    }

    pub(crate) fn later(&mut self, at: Millis, key: &ServiceKey) {
        self.later.insert((at, key.clone()));
    }
}
