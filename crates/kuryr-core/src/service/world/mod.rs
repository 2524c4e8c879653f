//! All facts, with the indexes that decisions need.

mod balancers;
mod claims;
mod floating;
mod guests;
mod services;
mod subnets;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use super::complaint::{Complaint, Reason};
use super::model::{Claim, Id, Service, ServiceKey};
use super::provider::Providers;
use super::settings::Settings;
use super::slices::Slices;
use super::tree::BalancerKey;
use crate::Millis;
use crate::reconcile::{Agenda, Line, Listing, Mirror, Versioned};

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
    /// What a guest of a shared load balancer has there.
    Guest(ServiceKey),
    Look(Id),
    /// All creations: the project's quota is used up.
    Quota,
}

/// When a Service asked for something: since when it does (0 where that was before this process had read all), and its age.
pub(crate) type Asked = (Millis, u64);

/// What may have been created without our knowing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Doubt {
    Balancer(BalancerKey),
    Floating(ServiceKey),
}

/// The facts. See the module's page.
#[derive(Clone, Debug)]
pub struct World {
    pub(crate) settings: Settings,
    pub(crate) providers: Providers,
    pub(crate) services: HashMap<ServiceKey, Arc<Service>>,
    /// When each Service was first seen.
    pub(crate) first_seen: HashMap<ServiceKey, Millis>,
    /// Who asks for which floating IP.
    pub(crate) asked: BTreeMap<IpAddr, BTreeMap<ServiceKey, Asked>>,
    /// Who asks to share which load balancer, by its id or name, the oldest first.
    pub(crate) guests: BTreeMap<Id, BTreeSet<(u64, ServiceKey)>>,
    /// What is behind Services.
    pub(crate) slices: Slices,
    /// KuryrLoadBalancers.
    pub(crate) claims: Mirror<ServiceKey, Claim>,
    pub(crate) balancers: HashMap<Id, BalancerState>,
    /// Whose each load balancer is.
    pub(crate) place: HashMap<Id, BalancerKey>,
    pub(crate) of_service: HashMap<ServiceKey, BTreeSet<Id>>,
    /// Which claims name a load balancer. Anybody who may write one can name any: it confirms, and decides nothing.
    pub(crate) recorded: HashMap<Id, BTreeSet<ServiceKey>>,
    /// Load balancers that claims name and Octavia does not have.
    pub(crate) gone: HashSet<Id>,
    pub(crate) looking: HashSet<Id>,
    /// When each look under way began, by sequence.
    pub(crate) look_from: HashMap<Id, u64>,
    pub(crate) creating: BTreeSet<BalancerKey>,
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
    /// Services whose status or finalizers are being written.
    pub(crate) service_calls: HashSet<ServiceKey>,
    /// The list of load balancers and floating IPs.
    pub(crate) list: Listing<Id, Doubt>,
    pub(crate) synced: Synced,
    /// Services that are to be planned. What is held up, and why, for the Services that wait for it.
    pub(crate) agenda: Agenda<ServiceKey, Held, Complaint>,
    /// What each Service's owner was told and still holds.
    pub(crate) reported: HashMap<ServiceKey, BTreeSet<(Reason, String)>>,
    /// Who waits for a changing call.
    pub(crate) changes: Line<ServiceKey>,
    /// Who waits for a look.
    pub(crate) looks: Line<ServiceKey>,
    pub(crate) sequence: u64,
}

/// Which watches and lists have been read whole at least once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Synced {
    pub(crate) services: bool,
    /// Subnets of namespaces, where they have some.
    pub(crate) subnets: bool,
}

impl World {
    /// A world in which nothing is known.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            providers: Providers::new(settings.ovn_keeps_affinity),
            settings,
            services: HashMap::new(),
            first_seen: HashMap::new(),
            asked: BTreeMap::new(),
            guests: BTreeMap::new(),
            slices: Slices::default(),
            claims: Mirror::default(),
            list: Listing::default(),
            agenda: Agenda::default(),
            balancers: HashMap::new(),
            place: HashMap::new(),
            of_service: HashMap::new(),
            recorded: HashMap::new(),
            gone: HashSet::new(),
            looking: HashSet::new(),
            look_from: HashMap::new(),
            creating: BTreeSet::new(),
            ills: BTreeMap::new(),
            quota: None,
            probe: None,
            changing: 0,
            floating: HashMap::new(),
            floating_of: HashMap::new(),
            floating_calls: HashSet::new(),
            service_calls: HashSet::new(),
            synced: Synced::default(),
            reported: HashMap::new(),
            changes: Line::default(),
            looks: Line::default(),
            sequence: 0,
        }
    }

    /// Moves the clock, and wakes what waited for it.
    pub(super) fn tick(&mut self, now: Millis) {
        for held in self.agenda.tick(now) {
            self.touch_held(&held);
        }
    }

    /// This process leads from now on.
    pub(super) fn start_term(&mut self) {
        self.sequence += 1;
        self.list.start_term(self.sequence);
        self.agenda.start_term();
        self.balancers.values_mut().for_each(|b| b.fresh = false);
        self.touch_all();
    }

    /// Whether all watches and lists have been read, so that absence means something.
    pub(crate) fn has_read_all(&self) -> bool {
        let subnets = self.synced.subnets || !self.settings.has_namespace_subnets;
        let watched = self.synced.services && self.slices.are_synced() && self.claims.is_listed();
        watched && subnets && self.list.is_listed()
    }

    /// When something is to be looked at again without any new fact.
    pub(super) fn wakes_at(&self) -> Option<Millis> {
        self.agenda.next_wake()
    }

    /// What holds Services up now, for metrics: a reason for each thing held.
    pub fn troubles(&self) -> impl Iterator<Item = Reason> + '_ {
        self.agenda.troubles().map(|(_, c)| c.reason)
    }

    pub(crate) fn touch(&mut self, key: &ServiceKey) {
        self.agenda.touch(key.clone());
        self.touch_company(key);
    }

    pub(crate) fn touch_all(&mut self) {
        let services = self.services.keys().chain(self.claims.keys());
        let others = self.of_service.keys().chain(self.floating_of.keys());
        self.agenda.touch_all(services.chain(others).cloned());
    }

    pub(crate) fn touch_held(&mut self, held: &Held) {
        match held {
            Held::List => {}
            Held::Quota => self.touch_all(),
            Held::Claim(key) | Held::Status(key) | Held::Floating(key) | Held::Guest(key) => {
                self.touch(key);
            }
            Held::Balancer(key) | Held::Ill(key) => self.touch(&key.service),
            Held::Look(lb) => self.touch_balancer(lb),
        }
    }

    pub(crate) fn is_held(&self, held: &Held) -> bool {
        self.agenda.is_held(held)
    }

    pub(crate) fn later(&mut self, at: Millis, key: &ServiceKey) {
        self.agenda.later(at, key.clone());
    }
}

impl Versioned for Claim {
    fn version(&self) -> u64 {
        self.version
    }
}
