//! What is refused of new objects and changes, whatever the provider.

use serde_json::Value;

use super::super::model::object::{given, items};
use super::super::{ApiError, Caller, Cloud, Fields, Kind};
use super::error::{bad_request, conflict, immutable, invalid, no_object, no_subresource};
use super::schema::LbKind;
use super::{Octavia, text};

impl Octavia {
    /// What of a new object is wrong in itself, or with what it refers to.
    pub(super) fn check_new(
        &self,
        cloud: &mut Cloud,
        kind: LbKind,
        fields: &Fields,
    ) -> Result<(), ApiError> {
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

    pub(super) fn check_default_pool(
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
    pub(super) fn check_mutable(
        &self,
        kind: LbKind,
        balancer: &str,
        fields: &Fields,
    ) -> Result<(), ApiError> {
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
    pub(super) fn check_free(
        &self,
        kind: LbKind,
        balancer: &str,
        fields: &Fields,
    ) -> Result<(), ApiError> {
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

    pub(super) fn check_cidrs(&self, balancer: &str, asked: &Fields) -> Result<(), ApiError> {
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

pub(super) fn check_persistence(pool: &Fields) -> Result<(), ApiError> {
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
