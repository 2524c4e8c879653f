//! Listeners, pools, members one by one, health monitors: made, changed, deleted.

use serde_json::{Value, json};

use super::super::model::object::{given, items};
use super::super::{ApiError, Caller, Cloud, Fields, Kind};
use super::error::{bad_request, conflict, immutable, invalid, no_object, no_subresource};
use super::schema::LbKind;
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
            self.check_member_subnet(cloud, text(&fields, "pool_id"), &fields, "creation")?;
        }
        fields.insert("project_id".to_owned(), json!(project));
        let id = self.adopt(kind, fields);
        self.touch_around(kind, &id, &balancer);
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

    /// What of a new object is wrong in itself, or with what it refers to.
    fn check_new(&self, cloud: &mut Cloud, kind: LbKind, fields: &Fields) -> Result<(), ApiError> {
        match kind {
            LbKind::Listener => {
                if let Some(pool) = given(fields, "default_pool_id").and_then(Value::as_str) {
                    let balancer = text(fields, "loadbalancer_id");
                    self.check_default_pool(balancer, text(fields, "protocol"), pool)?;
                }
                Ok(())
            }
            LbKind::Pool => {
                let listener = self.get(LbKind::Listener, text(fields, "listener_id"));
                if let Some(listener) = listener {
                    check_protocols(text(listener, "protocol"), text(fields, "protocol"))?;
                }
                check_persistence(fields)
            }
            LbKind::Member => check_subnet(cloud, fields),
            LbKind::HealthMonitor => {
                check_monitor(&self.protocol_of(text(fields, "pool_id")), fields)
            }
            LbKind::LoadBalancer => Ok(()),
        }
    }

    fn check_default_pool(
        &self,
        balancer: &str,
        protocol: &str,
        pool: &str,
    ) -> Result<(), ApiError> {
        let known = self
            .get(LbKind::Pool, pool)
            .filter(|known| text(known, "loadbalancer_id") == balancer);
        let known = known.ok_or_else(|| no_object("Pool", pool))?;
        check_protocols(protocol, text(known, "protocol"))
    }

    /// Refuses a change while work is under way on what it is about.
    fn check_mutable(&self, kind: LbKind, balancer: &str, fields: &Fields) -> Result<(), ApiError> {
        let active = |kind, id: &str| {
            self.get(kind, id)
                .is_some_and(|object| text(object, "provisioning_status") == "ACTIVE")
        };
        let pool = text(fields, "pool_id");
        if kind.parent_key() == Some("pool_id") && !active(LbKind::Pool, pool) {
            return Err(immutable(LbKind::Pool, pool));
        }
        if !active(LbKind::LoadBalancer, balancer) {
            return Err(immutable(LbKind::LoadBalancer, balancer));
        }
        Ok(())
    }

    /// Refuses a second object of what there can be one of.
    fn check_free(&self, kind: LbKind, balancer: &str, fields: &Fields) -> Result<(), ApiError> {
        match kind {
            LbKind::Listener => self.check_listener(balancer, fields),
            LbKind::Member => self.check_member(text(fields, "pool_id"), fields),
            LbKind::HealthMonitor
                if !self
                    .below(LbKind::HealthMonitor, text(fields, "pool_id"))
                    .is_empty() =>
            {
                Err(conflict("This pool already has a health monitor"))
            }
            LbKind::Pool => {
                let listener = self.get(LbKind::Listener, text(fields, "listener_id"));
                match listener.and_then(|listener| given(listener, "default_pool_id")) {
                    Some(_) => Err(conflict("This listener already has a default pool")),
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    /// Refuses a second listener of a layer 4 protocol and port, and sources of another IP version than the VIP's.
    pub(super) fn check_listener(&self, balancer: &str, asked: &Fields) -> Result<(), ApiError> {
        let same = |other: &Fields| {
            other.get("protocol_port") == asked.get("protocol_port")
                && layer4(text(other, "protocol")) == layer4(text(asked, "protocol"))
        };
        let others = self.below(LbKind::Listener, balancer).iter();
        let taken = others
            .filter_map(|id| self.get(LbKind::Listener, id))
            .find(|other| same(other));
        if let Some(other) = taken {
            let (protocol, port) = (text(other, "protocol"), &asked["protocol_port"]);
            return Err(conflict(format!(
                "Another Listener on this Load Balancer is already using protocol {protocol} and protocol_port {port}"
            )));
        }
        self.check_cidrs(balancer, asked)
    }

    fn check_cidrs(&self, balancer: &str, asked: &Fields) -> Result<(), ApiError> {
        let vip = self
            .get(LbKind::LoadBalancer, balancer)
            .map_or("", |balancer| text(balancer, "vip_address"));
        for cidr in items(asked, "allowed_cidrs")
            .iter()
            .filter_map(Value::as_str)
        {
            if cidr.contains(':') != vip.contains(':') {
                return Err(invalid(format!(
                    "CIDR {cidr} IP version incompatible with VIP {vip} IP version."
                )));
            }
        }
        Ok(())
    }

    /// Refuses a second member with an address and port.
    pub(super) fn check_member(&self, pool: &str, asked: &Fields) -> Result<(), ApiError> {
        if self.member_at(pool, asked).is_none() {
            return Ok(());
        }
        let (address, port) = (text(asked, "address"), &asked["protocol_port"]);
        Err(conflict(format!(
            "Another member on this pool is already using ip {address} on protocol_port {port}"
        )))
    }

    /// The member of a pool with the same address and port.
    pub(super) fn member_at(&self, pool: &str, asked: &Fields) -> Option<&str> {
        let same = |member: &Fields| {
            ["address", "protocol_port"]
                .iter()
                .all(|name| member.get(*name) == asked.get(*name))
        };
        let members = self.below(LbKind::Member, pool).iter();
        members
            .map(String::as_str)
            .find(|id| self.get(LbKind::Member, id).is_some_and(same))
    }

    /// `PUT` of one object.
    ///
    /// # Errors
    /// 404; 400; 409 while work is under way; 501 by the provider.
    pub fn update(
        &mut self,
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
        self.apply(kind, id, changes);
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
        caller: &Caller,
        kind: LbKind,
        pool: Option<&str>,
        id: &str,
    ) -> Result<(), ApiError> {
        self.check_pool(kind, pool, id)?;
        let object = self.allowed(caller, kind, id)?.clone();
        let balancer = self.balancer_of(kind, id).unwrap_or_default().to_owned();
        self.check_mutable(kind, &balancer, &object)?;
        self.touch_around(kind, id, &balancer);
        self.set(kind, id, "provisioning_status", "PENDING_DELETE");
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
            LbKind::Pool => Some(id.to_owned()),
            LbKind::Member | LbKind::HealthMonitor => self
                .get(kind, id)
                .map(|object| text(object, "pool_id").to_owned()),
            _ => None,
        };
        let pending = "PENDING_UPDATE";
        if let Some(pool) = pool {
            for listener in self.listeners_of(&pool) {
                self.set(LbKind::Listener, &listener, "provisioning_status", pending);
            }
            if kind != LbKind::Pool {
                self.set(LbKind::Pool, &pool, "provisioning_status", pending);
            }
        }
        self.set(
            LbKind::LoadBalancer,
            balancer,
            "provisioning_status",
            pending,
        );
        self.begin(balancer);
    }

    /// The protocol of a pool.
    pub(super) fn protocol_of(&self, pool: &str) -> String {
        self.get(LbKind::Pool, pool)
            .map_or("", |pool| text(pool, "protocol"))
            .to_owned()
    }
}

/// A subnet that is named is there.
pub(super) fn check_subnet(cloud: &mut Cloud, member: &Fields) -> Result<(), ApiError> {
    let Some(subnet) = given(member, "subnet_id").and_then(Value::as_str) else {
        return Ok(());
    };
    let everybody = Caller {
        project_id: String::new(),
        admin: true,
    };
    let shown = cloud.show(&everybody, Kind::Subnet, subnet, &[]);
    shown
        .map(drop)
        .map_err(|_| no_subresource("Subnet", subnet))
}

fn layer4(protocol: &str) -> &str {
    match protocol {
        "UDP" | "SCTP" => protocol,
        _ => "TCP",
    }
}

/// Which pools a listener may lead to.
fn check_protocols(listener: &str, pool: &str) -> Result<(), ApiError> {
    let fits = match listener {
        "TCP" => layer4(pool) == "TCP",
        "HTTP" | "TERMINATED_HTTPS" => matches!(pool, "HTTP" | "PROXY" | "PROXYV2"),
        "HTTPS" => matches!(pool, "HTTPS" | "PROXY" | "PROXYV2" | "TCP"),
        other => other == pool,
    };
    if fits {
        return Ok(());
    }
    Err(invalid(format!(
        "The pool protocol '{pool}' is invalid while the listener protocol is '{listener}'."
    )))
}

fn check_persistence(pool: &Fields) -> Result<(), ApiError> {
    let Some(persistence) = given(pool, "session_persistence") else {
        return Ok(());
    };
    let part = |name: &str| persistence.get(name).filter(|value| !value.is_null());
    let cookie = matches!(
        persistence["type"].as_str(),
        Some("APP_COOKIE" | "HTTP_COOKIE")
    );
    let datagrams = matches!(text(pool, "protocol"), "UDP" | "SCTP");
    let kept = part("persistence_timeout").is_some() || part("persistence_granularity").is_some();
    match (datagrams, cookie, kept) {
        (true, true, _) => Err(invalid(format!(
            "Session persistence of type {} is not supported for UDP/SCTP protocol pools.",
            persistence["type"].as_str().unwrap_or_default()
        ))),
        (false, _, true) => Err(invalid(
            "persistence_timeout and persistence_granularity is only for UDP and SCTP protocol pools.",
        )),
        _ => Ok(()),
    }
}

/// Which monitors a pool may have.
pub(super) fn check_monitor(pool_protocol: &str, monitor: &Fields) -> Result<(), ApiError> {
    let kind = text(monitor, "type");
    match (pool_protocol, kind) {
        ("UDP" | "SCTP", "UDP-CONNECT" | "SCTP" | "TCP" | "HTTP") => {}
        ("UDP" | "SCTP", _) => {
            return Err(invalid(format!(
                "The associated pool protocol is {pool_protocol}, so only a UDP-CONNECT/SCTP/TCP/HTTP health monitor is \
                 supported."
            )));
        }
        (_, "UDP-CONNECT" | "SCTP") => {
            return Err(invalid(format!(
                "The {kind} type is only supported for pools of type UDP/SCTP."
            )));
        }
        _ => {}
    }
    if matches!(kind, "HTTP" | "HTTPS") {
        return Ok(());
    }
    for name in ["http_method", "url_path", "expected_codes"] {
        if given(monitor, name).is_some() {
            return Err(bad_request(format!(
                "{name} is not a valid option for health monitors of type {kind}"
            )));
        }
    }
    Ok(())
}
