//! Neutron's state and rules, pure: no socket, no clock of its own, no thread.
//!
//! Each call is a method of [`Cloud`] that returns what the API answers, or the [`ApiError`] it refuses with.
//! Time enters by [`Cloud::advance`] only; what happens later (a port that becomes ACTIVE) is due then.
//! What differs by kind is in the module of that kind; storing, listing, updating and deleting is here, once.

mod activation;
mod addresses;
mod attributes;
mod floating_ip;
mod list;
mod network;
pub(super) mod object;
mod port;
mod query;
mod quota;
mod router;
mod schema;
mod security;
mod subnet;
mod subports;
mod tags;
mod trunk;
pub(super) mod validate;
mod wiring;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::time::SystemTime;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

pub use query::{Page, Query};
pub use schema::{Access, Fields, Kind};
pub use trunk::Membership;
pub use wiring::{Filter, PortWiring, RouterLeg, RouterWiring, Rule, Wiring};

use super::{ApiError, Settings};
use activation::Transition;
use object::{flag, given, items, text};

/// Who calls: what a token stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The token's project.
    pub project_id: String,
    /// Whether the role `admin` is among its roles.
    pub admin: bool,
}

/// Neutron's whole state.
#[derive(Debug)]
pub struct Cloud {
    settings: Settings,
    now: SystemTime,
    rng: StdRng,
    tables: HashMap<Kind, BTreeMap<String, Fields>>,
    /// Addresses in use, by subnet; the value is the port.
    addresses: HashMap<String, BTreeMap<IpAddr, String>>,
    /// Ports by network and MAC address.
    macs: HashMap<(String, String), String>,
    /// Subports of each trunk: port to VLAN.
    subports: HashMap<String, BTreeMap<String, u16>>,
    /// The trunk that a port is a subport of.
    memberships: HashMap<String, Membership>,
    /// The trunk that a port is the parent of.
    parents: HashMap<String, String>,
    /// Ports plugged into a hypervisor, with its name.
    plugged: HashMap<String, String>,
    /// ML2/OVS only: VLANs of a trunk that a removed port still holds, see [`trunk`].
    leaks: HashMap<(String, u16), String>,
    /// Rules of each security group, and rules that name it.
    rules: HashMap<String, BTreeSet<String>>,
    naming: HashMap<String, BTreeSet<String>>,
    used: HashMap<(String, Kind), i64>,
    quotas: HashMap<String, BTreeMap<String, i64>>,
    pending: BTreeMap<(SystemTime, u64), Transition>,
    sequence: u64,
    revision: u64,
}

impl Cloud {
    /// An empty cloud at a given time.
    pub fn new(settings: Settings, now: SystemTime) -> Self {
        let rng = settings
            .seed
            .map_or_else(StdRng::from_os_rng, StdRng::seed_from_u64);
        Self {
            settings,
            now,
            rng,
            tables: HashMap::new(),
            addresses: HashMap::new(),
            macs: HashMap::new(),
            subports: HashMap::new(),
            memberships: HashMap::new(),
            parents: HashMap::new(),
            plugged: HashMap::new(),
            leaks: HashMap::new(),
            rules: HashMap::new(),
            naming: HashMap::new(),
            used: HashMap::new(),
            quotas: HashMap::new(),
            pending: BTreeMap::new(),
            sequence: 0,
            revision: 0,
        }
    }

    /// The settings it was made with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Grows with each change of state, so that a watcher knows when to look again.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Creates one object: POST of `{singular: {...}}`.
    ///
    /// # Errors
    /// What Neutron refuses: attributes, quota, what the kind's own rules say.
    pub fn create(
        &mut self,
        caller: &Caller,
        kind: Kind,
        asked: Fields,
    ) -> Result<Fields, ApiError> {
        let mut created = self.create_bulk(caller, kind, vec![asked])?;
        created.pop().ok_or_else(ApiError::internal)
    }

    /// Creates several objects or none: POST of `{plural: [...]}`.
    ///
    /// # Errors
    /// The first refusal; nothing is left of the others then.
    pub fn create_bulk(
        &mut self,
        caller: &Caller,
        kind: Kind,
        asked: Vec<Fields>,
    ) -> Result<Vec<Fields>, ApiError> {
        if asked.is_empty() {
            return Err(ApiError::bad_request("Resources required"));
        }
        let checked: Vec<Fields> = asked
            .into_iter()
            .map(|fields| validate::for_post(caller, kind, fields))
            .collect::<Result<_, _>>()?;
        self.check_quota(kind, &checked)?;
        if kind == Kind::SecurityGroupRule {
            security::check_batch(&checked)?;
        }
        let mut ids = Vec::with_capacity(checked.len());
        for fields in checked {
            match self.create_checked(caller, kind, fields) {
                Ok(id) => ids.push(id),
                Err(refused) => {
                    ids.iter().rev().for_each(|id| self.remove(kind, id));
                    return Err(refused);
                }
            }
        }
        let mut created = ids
            .iter()
            .map(|id| self.view(caller, kind, id, &[]))
            .collect::<Result<Vec<_>, _>>()?;
        if kind == Kind::SecurityGroupRule {
            // Only a GET shows them.
            created
                .iter_mut()
                .for_each(|rule| drop(rule.remove("tags")));
        }
        Ok(created)
    }

    fn create_checked(
        &mut self,
        caller: &Caller,
        kind: Kind,
        fields: Fields,
    ) -> Result<String, ApiError> {
        match kind {
            Kind::Network => self.create_network(fields),
            Kind::Subnet => self.create_subnet(caller, fields),
            Kind::SubnetPool => self.create_subnet_pool(fields),
            Kind::Port => self.create_port(caller, fields),
            Kind::Trunk => self.create_trunk(caller, fields),
            Kind::SecurityGroup => self.create_security_group(fields),
            Kind::SecurityGroupRule => self.create_security_group_rule(caller, fields),
            Kind::Router => Ok(self.create_router(fields)),
            Kind::FloatingIp => self.create_floating_ip(caller, fields),
        }
    }

    /// One object, with only the fields asked for where any are.
    ///
    /// # Errors
    /// 404 when there is none that the caller may see.
    pub fn show(
        &mut self,
        caller: &Caller,
        kind: Kind,
        id: &str,
        fields: &[String],
    ) -> Result<Fields, ApiError> {
        self.visible(caller, kind, id)?;
        self.view(caller, kind, id, fields)
    }

    /// Changes one object: PUT. `if_match` is the revision that it must have.
    ///
    /// # Errors
    /// 404, attributes, 412, what the kind's own rules say.
    pub fn update(
        &mut self,
        caller: &Caller,
        kind: Kind,
        id: &str,
        asked: Fields,
        if_match: Option<i64>,
    ) -> Result<Fields, ApiError> {
        self.owned(caller, kind, id)?;
        let mut changes = validate::for_put(caller, kind, asked)?;
        self.check_revision(kind, id, if_match)?;
        match kind {
            Kind::Port => self.prepare_port_update(caller, id, &mut changes)?,
            Kind::Subnet => self.prepare_subnet_update(id, &changes)?,
            Kind::SecurityGroup => self.prepare_security_group_update(id, &changes)?,
            Kind::FloatingIp => self.prepare_floating_ip_update(caller, id, &mut changes)?,
            Kind::Network
            | Kind::SubnetPool
            | Kind::Trunk
            | Kind::SecurityGroupRule
            | Kind::Router => {}
        }
        let changes_state = changes.contains_key("admin_state_up");
        if let Some(object) = self.table_mut(kind).get_mut(id) {
            object.extend(changes);
        }
        self.touch(kind, id);
        if kind == Kind::Port && changes_state {
            self.admin_state_changed(id);
        }
        self.view(caller, kind, id, &[])
    }

    /// Deletes one object.
    ///
    /// # Errors
    /// 404, 412, 409 when something still uses it.
    pub fn delete(
        &mut self,
        caller: &Caller,
        kind: Kind,
        id: &str,
        if_match: Option<i64>,
    ) -> Result<(), ApiError> {
        self.owned(caller, kind, id)?;
        self.check_revision(kind, id, if_match)?;
        match kind {
            Kind::Network => self.prepare_network_delete(id)?,
            Kind::Subnet => self.prepare_subnet_delete(id)?,
            Kind::SubnetPool => self.prepare_subnet_pool_delete(id)?,
            Kind::Port => self.prepare_port_delete(id)?,
            Kind::Trunk => self.prepare_trunk_delete(id)?,
            Kind::SecurityGroup => self.prepare_security_group_delete(caller, id)?,
            Kind::SecurityGroupRule | Kind::FloatingIp => {}
            Kind::Router => self.prepare_router_delete(id)?,
        }
        self.remove(kind, id);
        Ok(())
    }

    fn check_revision(&self, kind: Kind, id: &str, if_match: Option<i64>) -> Result<(), ApiError> {
        let Some(asked) = if_match else { return Ok(()) };
        let current = self
            .get(kind, id)
            .and_then(|object| object.get("revision_number"))
            .and_then(Value::as_i64);
        match current {
            Some(current) if current != asked => Err(ApiError::stale_revision(asked, current)),
            _ => Ok(()),
        }
    }

    fn table(&self, kind: Kind) -> impl Iterator<Item = (&String, &Fields)> {
        self.tables.get(&kind).into_iter().flatten()
    }

    fn table_mut(&mut self, kind: Kind) -> &mut BTreeMap<String, Fields> {
        self.tables.entry(kind).or_default()
    }

    fn get(&self, kind: Kind, id: &str) -> Option<&Fields> {
        self.tables.get(&kind)?.get(id)
    }

    /// The object, where the caller may see it.
    fn visible(&self, caller: &Caller, kind: Kind, id: &str) -> Result<&Fields, ApiError> {
        let object = self
            .get(kind, id)
            .filter(|object| self.may_see(caller, kind, object));
        object.ok_or_else(|| kind.not_found(id))
    }

    /// The object, where the caller may change it; what it sees but doesn't own is refused by policy.
    fn owned(&self, caller: &Caller, kind: Kind, id: &str) -> Result<(), ApiError> {
        let object = self.visible(caller, kind, id)?;
        if caller.admin || text(object, "project_id") == caller.project_id {
            return Ok(());
        }
        Err(ApiError::forbidden(format!(
            "rule:update_{}",
            kind.singular()
        )))
    }

    fn may_see(&self, caller: &Caller, kind: Kind, object: &Fields) -> bool {
        let own = |object: &Fields| caller.admin || text(object, "project_id") == caller.project_id;
        let network = || self.get(Kind::Network, text(object, "network_id"));
        own(object)
            || match kind {
                Kind::Network => flag(object, "shared") || flag(object, "router:external"),
                Kind::SubnetPool => flag(object, "shared"),
                Kind::Subnet => {
                    network().is_some_and(|network| flag(network, "shared") || own(network))
                }
                Kind::Port => network().is_some_and(own),
                Kind::SecurityGroupRule
                | Kind::SecurityGroup
                | Kind::Trunk
                | Kind::Router
                | Kind::FloatingIp => false,
            }
    }

    /// Stores a new object with what all kinds have, and returns its id.
    fn insert(&mut self, kind: Kind, mut fields: Fields) -> String {
        let id = uuid::Builder::from_random_bytes(self.rng.random())
            .into_uuid()
            .to_string();
        let now = self.timestamp();
        fields.insert("id".to_owned(), json!(id));
        fields.entry("tags").or_insert_with(|| json!([]));
        // Setting the tags of a new object is a change of its own.
        let tagged = i64::from(!items(&fields, "tags").is_empty());
        fields.insert("created_at".to_owned(), json!(now));
        fields.insert("updated_at".to_owned(), json!(now));
        fields.insert(
            "revision_number".to_owned(),
            json!(kind.first_revision() + tagged),
        );
        *self
            .used
            .entry((text(&fields, "project_id").to_owned(), kind))
            .or_default() += 1;
        if kind == Kind::SecurityGroupRule {
            self.note_rule(&id, &fields);
        }
        self.table_mut(kind).insert(id.clone(), fields);
        self.revision += 1;
        id
    }

    /// Takes an object out, with what the indices hold of it.
    fn remove(&mut self, kind: Kind, id: &str) {
        let Some(object) = self.table_mut(kind).remove(id) else {
            return;
        };
        *self
            .used
            .entry((text(&object, "project_id").to_owned(), kind))
            .or_default() -= 1;
        match kind {
            Kind::Port => self.forget_port(id, &object),
            Kind::Trunk => self.forget_trunk(id, &object),
            Kind::SecurityGroup => self.forget_security_group(id),
            Kind::Subnet => drop(self.addresses.remove(id)),
            Kind::FloatingIp => self.forget_floating_ip(&object),
            Kind::SecurityGroupRule => self.forget_rule(id, &object),
            Kind::Network | Kind::SubnetPool | Kind::Router => {}
        }
        self.revision += 1;
    }

    /// Marks an object as changed now.
    fn touch(&mut self, kind: Kind, id: &str) {
        let now = self.timestamp();
        if let Some(object) = self.table_mut(kind).get_mut(id) {
            let revision = object
                .get("revision_number")
                .and_then(Value::as_i64)
                .unwrap_or_default();
            object.insert("revision_number".to_owned(), json!(revision + 1));
            object.insert("updated_at".to_owned(), json!(now));
        }
        self.revision += 1;
    }

    /// Sets attributes that the cloud itself owns, where they differ.
    fn set(&mut self, kind: Kind, id: &str, changes: &[(&str, Value)]) {
        let Some(object) = self.table_mut(kind).get_mut(id) else {
            return;
        };
        let mut changed = false;
        for (name, value) in changes {
            if object.get(*name) != Some(value) {
                object.insert((*name).to_owned(), value.clone());
                changed = true;
            }
        }
        if changed {
            self.touch(kind, id);
        }
    }

    fn timestamp(&self) -> String {
        let now = jiff::Timestamp::try_from(self.now).unwrap_or_default();
        now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }
}
