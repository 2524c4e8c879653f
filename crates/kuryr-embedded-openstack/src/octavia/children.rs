//! Listeners, pools, members one by one, health monitors: made, changed, deleted.

use serde_json::{Value, json};

use super::super::model::object::{given, items};
use super::super::{ApiError, Caller, Cloud, Fields};
use super::checks::check_persistence;
use super::error::invalid;
use super::provider::Provider;
use super::schema::LbKind;
use super::settle::{FORGOTTEN, UNABLE};
use super::{Octavia, may, text, validate};

impl Octavia {
    /// `GET` of one object; a member below its pool.
    ///
    /// # Errors
    /// 404; 403 for another project's.
    pub fn show(
        &self,
        caller: &Caller,
        kind: LbKind,
        pool: Option<&str>,
        id: &str,
        fields: &[String],
    ) -> Result<Fields, ApiError> {
        self.check_pool(kind, pool, id)?;
        self.allowed(caller, kind, id)?;
        let mut view = self.view(kind, id);
        view.retain(|name, _| fields.is_empty() || fields.contains(name));
        Ok(view)
    }

    /// `POST` of anything but load balancers; a member below its pool.
    ///
    /// # Errors
    /// What Octavia or the provider refuse.
    pub fn create(
        &mut self,
        cloud: &mut Cloud,
        caller: &Caller,
        kind: LbKind,
        pool: Option<&str>,
        asked: Fields,
    ) -> Result<Fields, ApiError> {
        let mut fields = validate::for_post(kind, asked)?;
        refuse_inner(&fields)?;
        if let Some(pool) = pool {
            fields.insert("pool_id".to_owned(), json!(pool));
        }
        let balancer = self.parent_balancer(kind, &mut fields)?;
        let owner = self.find(LbKind::LoadBalancer, &balancer)?;
        let project = text(owner, "project_id").to_owned();
        may(caller, &project)?;
        self.check_new(cloud, kind, &fields)?;
        self.check_quota(&project, kind, 1)?;
        self.check_mutable(kind, &balancer, &fields)?;
        self.check_free(kind, &balancer, &fields)?;
        self.provider_of(&balancer).check(kind, &fields)?;
        if kind == LbKind::Member {
            self.check_member_version(text(&fields, "pool_id"), &fields)?;
            self.check_member_subnet(cloud, text(&fields, "pool_id"), &fields, "creation with")?;
        }
        fields.insert("project_id".to_owned(), json!(project));
        let id = self.adopt(kind, fields);
        self.touch_around(kind, &id, &balancer);
        if kind == LbKind::HealthMonitor && !self.can_probe(cloud, &balancer) {
            self.set(kind, &id, UNABLE, true);
        }
        Ok(self.view(kind, &id))
    }

    /// Stores a new object; a pool that is made for a listener becomes its default.
    fn adopt(&mut self, kind: LbKind, mut fields: Fields) -> String {
        let listener = fields.remove("listener_id");
        fields.remove("members");
        fields.remove("healthmonitor");
        fields.remove("default_pool");
        let id = match kind {
            LbKind::Member | LbKind::HealthMonitor => {
                let pool = text(&fields, "pool_id").to_owned();
                let project = text(&fields, "project_id").to_owned();
                self.insert_below_pool(kind, &pool, &project, fields)
            }
            _ => self.insert(kind, fields),
        };
        if let Some(listener) = listener.as_ref().and_then(Value::as_str) {
            self.set(LbKind::Listener, listener, "default_pool_id", id.clone());
        }
        id
    }

    /// Stores a member or monitor with what it has of its own.
    pub(super) fn insert_below_pool(
        &mut self,
        kind: LbKind,
        pool: &str,
        project: &str,
        mut fields: Fields,
    ) -> String {
        fields.insert("pool_id".to_owned(), json!(pool));
        fields.insert("project_id".to_owned(), json!(project));
        if kind == LbKind::HealthMonitor {
            fill_monitor(&mut fields);
        }
        let monitored = !self.below(LbKind::HealthMonitor, pool).is_empty();
        let id = self.insert(kind, fields);
        if kind == LbKind::Member && monitored {
            self.set(kind, &id, "operating_status", "OFFLINE");
        }
        id
    }

    /// The load balancer that a new object is for, which it may name by its listener or pool.
    fn parent_balancer(&self, kind: LbKind, fields: &mut Fields) -> Result<String, ApiError> {
        if let Some(pool) = kind.parent_key().filter(|key| *key == "pool_id") {
            let pool = text(fields, pool).to_owned();
            self.find(LbKind::Pool, &pool)?;
            let balancer = self.balancer_of(LbKind::Pool, &pool).unwrap_or_default();
            return Ok(balancer.to_owned());
        }
        let (balancer, listener) = (
            text(fields, "loadbalancer_id").to_owned(),
            text(fields, "listener_id").to_owned(),
        );
        let balancer = match (kind, balancer.as_str(), listener.as_str()) {
            (LbKind::Pool, "", "") => {
                let words = "Must provide at least one of: loadbalancer_id, listener_id";
                return Err(invalid(words));
            }
            (LbKind::Pool, "", listener) => {
                let known = self.find(LbKind::Listener, listener)?;
                text(known, "loadbalancer_id").to_owned()
            }
            (_, "", _) => {
                let words = "Mandatory field missing.";
                return Err(super::error::invalid_field(
                    "loadbalancer_id",
                    "None",
                    words,
                ));
            }
            _ => balancer,
        };
        fields.insert("loadbalancer_id".to_owned(), json!(balancer));
        Ok(balancer)
    }

    /// `PUT` of one object.
    ///
    /// # Errors
    /// 404; 400; 409 while work is under way; 501 by the provider.
    pub fn update(
        &mut self,
        cloud: &mut Cloud,
        caller: &Caller,
        kind: LbKind,
        pool: Option<&str>,
        id: &str,
        asked: Fields,
    ) -> Result<Fields, ApiError> {
        if kind == LbKind::LoadBalancer {
            return self.update_load_balancer(caller, id, asked);
        }
        let changes = validate::for_put(kind, asked)?;
        self.check_pool(kind, pool, id)?;
        let object = self.allowed(caller, kind, id)?.clone();
        let balancer = self.balancer_of(kind, id).unwrap_or_default().to_owned();
        if let Some(pool) = given(&changes, "default_pool_id").and_then(Value::as_str) {
            self.check_default_pool(&balancer, text(&object, "protocol"), pool)?;
        }
        if kind == LbKind::Pool {
            let mut merged = object.clone();
            merged.extend(changes.clone());
            check_persistence(&merged)?;
        }
        self.check_mutable(kind, &balancer, &object)?;
        self.check_cidrs(&balancer, &changes)?;
        self.provider_of(&balancer).check(kind, &changes)?;
        if kind == LbKind::Member {
            let pool = text(&object, "pool_id");
            self.check_member_subnet(cloud, pool, &object, "update with")?;
        }
        let forgets = self.provider_of(&balancer).forgets(kind, &object, &changes);
        self.apply(kind, id, changes);
        self.set(kind, id, FORGOTTEN, false);
        self.set(LbKind::LoadBalancer, &balancer, FORGOTTEN, forgets);
        self.touch_around(kind, id, &balancer);
        self.set(kind, id, "provisioning_status", "PENDING_UPDATE");
        Ok(self.view(kind, id))
    }

    /// `DELETE` of one object.
    ///
    /// # Errors
    /// 404; 409 while work is under way.
    pub fn delete(
        &mut self,
        cloud: &mut Cloud,
        caller: &Caller,
        kind: LbKind,
        pool: Option<&str>,
        id: &str,
    ) -> Result<(), ApiError> {
        self.check_pool(kind, pool, id)?;
        let object = self.allowed(caller, kind, id)?.clone();
        let balancer = self.balancer_of(kind, id).unwrap_or_default().to_owned();
        self.check_mutable(kind, &balancer, &object)?;
        self.check_deletion(cloud, kind, id, &object)?;
        self.touch_around(kind, id, &balancer);
        self.set(kind, id, "provisioning_status", "PENDING_DELETE");
        Ok(())
    }

    /// The provider `ovn` must know the subnet of each member that goes.
    fn check_deletion(
        &self,
        cloud: &mut Cloud,
        kind: LbKind,
        id: &str,
        object: &Fields,
    ) -> Result<(), ApiError> {
        let members: Vec<&Fields> = match kind {
            LbKind::Member => vec![object],
            _ => {
                let below = self.below(LbKind::Member, id).iter();
                below
                    .filter_map(|id| self.get(LbKind::Member, id))
                    .collect()
            }
        };
        for member in members {
            let pool = text(member, "pool_id");
            // The words run together so.
            self.check_member_subnet(cloud, pool, member, "deletion if it iswith")?;
        }
        Ok(())
    }

    /// A member is looked for below its own pool only.
    fn check_pool(&self, kind: LbKind, pool: Option<&str>, id: &str) -> Result<(), ApiError> {
        let Some(pool) = pool else { return Ok(()) };
        self.find(LbKind::Pool, pool)?;
        let member = self.find(kind, id)?;
        if text(member, "pool_id") == pool {
            return Ok(());
        }
        Err(super::error::not_found(kind, id))
    }

    /// Writes changes into an object.
    pub(super) fn apply(&mut self, kind: LbKind, id: &str, changes: Fields) {
        for (name, value) in changes {
            self.set(kind, id, &name, value);
        }
    }

    /// The load balancer, and the listeners and pool around an object, are being changed with it.
    pub(super) fn touch_around(&mut self, kind: LbKind, id: &str, balancer: &str) {
        let pool = match kind {
            LbKind::Pool => id.to_owned(),
            _ => self
                .get(kind, id)
                .map_or("", |object| text(object, "pool_id"))
                .to_owned(),
        };
        self.touch_listeners(&pool);
        if kind != LbKind::Pool {
            self.touch(LbKind::Pool, &pool);
        }
        self.touch(LbKind::LoadBalancer, balancer);
        self.begin(balancer);
        // The provider `ovn` never ends its work on the listeners of a pool whose monitor is changed.
        if kind == LbKind::HealthMonitor && self.provider_of(balancer) == Provider::Ovn {
            for listener in self.listeners_of(&pool) {
                self.set(LbKind::Listener, &listener, FORGOTTEN, true);
            }
        }
    }

    /// The listeners that lead to a pool are being changed with it.
    pub(super) fn touch_listeners(&mut self, pool: &str) {
        for listener in self.listeners_of(pool) {
            self.touch(LbKind::Listener, &listener);
            self.set(LbKind::Listener, &listener, FORGOTTEN, false);
        }
    }

    pub(super) fn touch(&mut self, kind: LbKind, id: &str) {
        self.set(kind, id, "provisioning_status", "PENDING_UPDATE");
    }

    /// The protocol of a pool.
    pub(super) fn protocol_of(&self, pool: &str) -> String {
        self.get(LbKind::Pool, pool)
            .map_or("", |pool| text(pool, "protocol"))
            .to_owned()
    }
}

/// Only a load balancer can be made with what is below it: Octavia 11 fails on the rest.
fn refuse_inner(fields: &Fields) -> Result<(), ApiError> {
    let inner = given(fields, "default_pool").is_some()
        || given(fields, "healthmonitor").is_some()
        || !items(fields, "members").is_empty();
    if inner {
        return Err(super::error::internal(
            "'dict' object has no attribute '_sa_instance_state'",
        ));
    }
    Ok(())
}

/// What a monitor by HTTP asks for, and wants to hear, if it is not said.
fn fill_monitor(monitor: &mut Fields) {
    if !matches!(text(monitor, "type"), "HTTP" | "HTTPS") {
        return;
    }
    for (name, usual) in [
        ("http_method", "GET"),
        ("url_path", "/"),
        ("expected_codes", "200"),
    ] {
        if given(monitor, name).is_none() {
            monitor.insert(name.to_owned(), json!(usual));
        }
    }
}
