//! What happens by itself: work that ends, and what a test has go wrong.

use std::time::SystemTime;

use serde_json::json;

use super::super::Cloud;
use super::super::model::object::flag;
use super::provider::Provider;
use super::schema::LbKind;
use super::{Octavia, text};

/// Of an object whose provider never ends the work on it.
pub(super) const FORGOTTEN: &str = "_forgotten";

/// Of a health monitor that its provider can't set up.
pub(super) const UNABLE: &str = "_unable";

impl Octavia {
    /// Lets time pass: work that is done by `now` ends.
    pub fn advance(&mut self, now: SystemTime, cloud: &mut Cloud) {
        self.now = self.now.max(now);
        while let Some(entry) = self.pending.first_entry() {
            if entry.key().0 > self.now {
                return;
            }
            let balancer = entry.remove();
            self.settle(&balancer, cloud);
        }
    }

    /// When the next work ends.
    pub fn next_due(&self) -> Option<SystemTime> {
        self.pending.keys().next().map(|(due, _)| *due)
    }

    /// Work on a load balancer has begun.
    pub(super) fn begin(&mut self, balancer: &str) {
        self.sequence += 1;
        let due = self.now + self.settings.latency.lb_settle;
        let key = (due, self.sequence);
        self.pending.insert(key, balancer.to_owned());
    }

    /// The next so many changes end with their load balancer in `ERROR`.
    pub fn fail_next(&mut self, changes: u32) {
        self.failing = changes;
    }

    /// Puts a load balancer into `ERROR`, as one whose provider failed.
    pub fn break_load_balancer(&mut self, id: &str) {
        self.set(LbKind::LoadBalancer, id, "provisioning_status", "ERROR");
        self.set(LbKind::LoadBalancer, id, "operating_status", "ERROR");
    }

    /// Has a member, or another object, be in an operating status, such as `ERROR` of one that does not answer its
    /// monitor.
    pub fn set_operating_status(&mut self, kind: LbKind, id: &str, status: &str) {
        self.set(kind, id, "operating_status", status);
    }

    /// Takes a load balancer away at once, with its port, as somebody else would.
    pub fn vanish(&mut self, id: &str, cloud: &mut Cloud) {
        if let Some(balancer) = self.get(LbKind::LoadBalancer, id).cloned() {
            self.remove(LbKind::LoadBalancer, id);
            Self::release_vip(cloud, &balancer);
        }
    }

    fn settle(&mut self, balancer: &str, cloud: &mut Cloud) {
        let Some(known) = self.get(LbKind::LoadBalancer, balancer).cloned() else {
            return;
        };
        if text(&known, "provisioning_status") == "PENDING_DELETE" {
            self.vanish(balancer, cloud);
            return;
        }
        for kind in [LbKind::Listener, LbKind::Pool] {
            for id in self.below(kind, balancer).to_vec() {
                self.settle_tree(kind, &id);
            }
        }
        self.finish(LbKind::LoadBalancer, balancer);
        self.operate(balancer);
        if self.failing > 0 {
            self.failing -= 1;
            self.break_load_balancer(balancer);
        }
    }

    fn settle_tree(&mut self, kind: LbKind, id: &str) {
        for child in kind.children() {
            for id in self.below(*child, id).to_vec() {
                self.settle_tree(*child, &id);
            }
        }
        self.finish(kind, id);
    }

    /// Ends the work on one object.
    fn finish(&mut self, kind: LbKind, id: &str) {
        let Some(object) = self.get(kind, id) else {
            return;
        };
        match text(object, "provisioning_status") {
            "PENDING_DELETE" => self.remove(kind, id),
            "PENDING_CREATE" | "PENDING_UPDATE" if flag(object, FORGOTTEN) => {}
            "PENDING_CREATE" if flag(object, UNABLE) => {
                self.set(kind, id, "provisioning_status", "ERROR");
                self.set(kind, id, "operating_status", "ERROR");
            }
            "PENDING_CREATE" | "PENDING_UPDATE" => {
                let now = self.timestamp();
                self.set(kind, id, "provisioning_status", "ACTIVE");
                self.set(kind, id, "updated_at", now);
            }
            _ => {}
        }
    }

    /// Operating statuses as the provider reports them once its work is done.
    fn operate(&mut self, balancer: &str) {
        if self.provider_of(balancer) == Provider::Amphora {
            return;
        }
        let online = json!("ONLINE");
        for listener in self.below(LbKind::Listener, balancer).to_vec() {
            self.set(
                LbKind::Listener,
                &listener,
                "operating_status",
                online.clone(),
            );
        }
        for pool in self.below(LbKind::Pool, balancer).to_vec() {
            // Once it has had a member, or was made for a listener.
            if !self.below(LbKind::Member, &pool).is_empty() || !self.listeners_of(&pool).is_empty()
            {
                self.set(LbKind::Pool, &pool, "operating_status", online.clone());
            }
        }
        let monitors = self.below(LbKind::Pool, balancer).to_vec();
        let monitors = monitors.iter().filter_map(|pool| {
            let monitor = self.below(LbKind::HealthMonitor, pool).first()?;
            let active = text(
                self.get(LbKind::HealthMonitor, monitor)?,
                "provisioning_status",
            );
            (active == "ACTIVE").then(|| monitor.clone())
        });
        for monitor in monitors.collect::<Vec<_>>() {
            self.set(
                LbKind::HealthMonitor,
                &monitor,
                "operating_status",
                online.clone(),
            );
        }
        self.set(LbKind::LoadBalancer, balancer, "operating_status", online);
    }
}
