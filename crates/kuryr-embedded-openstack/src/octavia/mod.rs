//! Octavia's state and rules, pure: no socket, no clock of its own.
//!
//! A change is carried out at once in what is stored, and then the load balancer and all that the change touches are
//! `PENDING_*` for [`lb_settle`](super::Latency::lb_settle), in which other changes of it are refused. Addresses are
//! ports of the embedded Neutron.
//!
//! - [`schema`], [`validate`]: what each kind of object has, and what of it a request may say.
//! - [`balancers`], [`children`], [`members`]: what is made, changed and deleted; [`checks`]: what is refused of it, and
//!   [`provider`]: by which provider; [`vip`]: addresses.
//! - [`settle`]: what happens by itself. [`view`], [`list`]: what is shown.

mod balancers;
mod checks;
mod children;
mod error;
mod list;
mod members;
mod provider;
mod quota;
mod schema;
mod settle;
mod validate;
mod view;
mod vip;

use std::collections::{BTreeMap, HashMap};
use std::time::SystemTime;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

pub(super) use error::{no_object, unknown_argument, unreadable};
pub use list::LbPage;
pub use provider::Provider;
pub use schema::LbKind;

use super::model::object::text;
use super::{ApiError, Caller, Fields, Settings};

/// Octavia's whole state.
#[derive(Debug)]
pub struct Octavia {
    settings: Settings,
    now: SystemTime,
    rng: StdRng,
    tables: HashMap<LbKind, BTreeMap<String, Fields>>,
    /// Ids of the objects of a kind below a parent.
    children: HashMap<(LbKind, String), Vec<String>>,
    used: HashMap<(String, LbKind), i64>,
    quotas: HashMap<String, BTreeMap<LbKind, i64>>,
    /// Load balancers whose work is done at a time.
    pending: BTreeMap<(SystemTime, u64), String>,
    /// How many of the next changes end in `ERROR`.
    failing: u32,
    sequence: u64,
    revision: u64,
}

impl Octavia {
    /// An Octavia without load balancers at a given time.
    pub fn new(settings: Settings, now: SystemTime) -> Self {
        // Other ids than Neutron's, which has the same seed.
        let seed = settings.seed.map(|seed| seed.wrapping_add(1));
        let rng = seed.map_or_else(StdRng::from_os_rng, StdRng::seed_from_u64);
        Self {
            settings,
            now,
            rng,
            tables: HashMap::new(),
            children: HashMap::new(),
            used: HashMap::new(),
            quotas: HashMap::new(),
            pending: BTreeMap::new(),
            failing: 0,
            sequence: 0,
            revision: 0,
        }
    }

    /// Grows with each change of state.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// One object as it is stored, with what only Octavia itself sees.
    pub fn get(&self, kind: LbKind, id: &str) -> Option<&Fields> {
        self.tables.get(&kind)?.get(id)
    }

    /// Ids of all objects of a kind.
    pub fn ids(&self, kind: LbKind) -> Vec<String> {
        let table = self.tables.get(&kind);
        table.map_or_else(Vec::new, |table| table.keys().cloned().collect())
    }

    fn find(&self, kind: LbKind, id: &str) -> Result<&Fields, ApiError> {
        self.get(kind, id).ok_or_else(|| error::not_found(kind, id))
    }

    /// The object, where the caller may see and change it.
    fn allowed(&self, caller: &Caller, kind: LbKind, id: &str) -> Result<&Fields, ApiError> {
        let object = self.find(kind, id)?;
        may(caller, text(object, "project_id"))?;
        Ok(object)
    }

    /// The objects of a kind below a parent.
    fn below(&self, kind: LbKind, parent: &str) -> &[String] {
        let found = self.children.get(&(kind, parent.to_owned()));
        found.map_or(&[], Vec::as_slice)
    }

    /// The load balancer that an object belongs to.
    fn balancer_of(&self, kind: LbKind, id: &str) -> Option<&str> {
        let object = self.get(kind, id)?;
        match kind {
            LbKind::LoadBalancer => object.get("id")?.as_str(),
            LbKind::Listener | LbKind::Pool => object.get("loadbalancer_id")?.as_str(),
            LbKind::Member | LbKind::HealthMonitor => {
                self.balancer_of(LbKind::Pool, object.get("pool_id")?.as_str()?)
            }
        }
    }

    fn new_id(&mut self) -> String {
        uuid::Builder::from_random_bytes(self.rng.random())
            .into_uuid()
            .to_string()
    }

    /// Stores a new object below its parent, and returns its id.
    fn insert(&mut self, kind: LbKind, mut fields: Fields) -> String {
        let id = match text(&fields, "id") {
            "" => self.new_id(),
            id => id.to_owned(),
        };
        self.sequence += 1;
        let own = [
            ("id", json!(id)),
            ("provisioning_status", json!("PENDING_CREATE")),
            ("operating_status", json!(kind.first_operating_status())),
            ("created_at", json!(self.timestamp())),
            ("updated_at", Value::Null),
            ("_order", json!(self.sequence)),
        ];
        fields.extend(own.map(|(name, value)| (name.to_owned(), value)));
        let project = text(&fields, "project_id").to_owned();
        *self.used.entry((project, kind)).or_default() += 1;
        if let Some(parent) = kind.parent_key() {
            let key = (kind, text(&fields, parent).to_owned());
            self.children.entry(key).or_default().push(id.clone());
        }
        self.table(kind).insert(id.clone(), fields);
        self.revision += 1;
        id
    }

    /// Takes an object out, with all that is below it.
    fn remove(&mut self, kind: LbKind, id: &str) {
        let Some(object) = self.table(kind).remove(id) else {
            return;
        };
        for child in kind.children() {
            for id in self.below(*child, id).to_vec() {
                self.remove(*child, &id);
            }
            self.children.remove(&(*child, id.to_owned()));
        }
        if kind == LbKind::Pool {
            self.forget_pool(text(&object, "loadbalancer_id"), id);
        }
        let project = text(&object, "project_id").to_owned();
        *self.used.entry((project, kind)).or_default() -= 1;
        if let Some(parent) = kind.parent_key() {
            let key = (kind, text(&object, parent).to_owned());
            if let Some(siblings) = self.children.get_mut(&key) {
                siblings.retain(|sibling| sibling != id);
            }
        }
        self.revision += 1;
    }

    /// Listeners that led to a pool lead nowhere.
    fn forget_pool(&mut self, balancer: &str, pool: &str) {
        for listener in self.below(LbKind::Listener, balancer).to_vec() {
            if self.leads_to(&listener, pool) {
                self.set(LbKind::Listener, &listener, "default_pool_id", Value::Null);
            }
        }
    }

    fn leads_to(&self, listener: &str, pool: &str) -> bool {
        self.get(LbKind::Listener, listener)
            .is_some_and(|listener| text(listener, "default_pool_id") == pool)
    }

    /// The listeners that lead to a pool.
    fn listeners_of(&self, pool: &str) -> Vec<String> {
        let balancer = self.balancer_of(LbKind::Pool, pool).unwrap_or_default();
        let all = self.below(LbKind::Listener, balancer).iter();
        all.filter(|listener| self.leads_to(listener, pool))
            .cloned()
            .collect()
    }

    fn table(&mut self, kind: LbKind) -> &mut BTreeMap<String, Fields> {
        self.tables.entry(kind).or_default()
    }

    fn set(&mut self, kind: LbKind, id: &str, name: &str, value: impl Into<Value>) {
        if let Some(object) = self.table(kind).get_mut(id) {
            object.insert(name.to_owned(), value.into());
        }
        self.revision += 1;
    }

    /// The time as Octavia writes it, to the second.
    pub fn timestamp(&self) -> String {
        let now = jiff::Timestamp::try_from(self.now).unwrap_or_default();
        now.strftime("%Y-%m-%dT%H:%M:%S").to_string()
    }
}

/// Refuses what is another project's.
fn may(caller: &Caller, project: &str) -> Result<(), ApiError> {
    if caller.admin || caller.project_id == project {
        return Ok(());
    }
    Err(error::forbidden())
}
