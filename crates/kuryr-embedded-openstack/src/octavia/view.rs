//! What of an object is shown: alone, whole with what is below it, and the tree of statuses.

use serde_json::{Value, json};

use super::super::Fields;
use super::schema::LbKind;
use super::{Octavia, text};

impl Octavia {
    /// An object as it is shown alone: of what is below it the ids.
    pub(super) fn view(&self, kind: LbKind, id: &str) -> Fields {
        let mut view = self.attributes(kind, id);
        let balancer = self.balancer_of(kind, id).unwrap_or_default();
        let put = |view: &mut Fields, name: &str, value| view.insert(name.to_owned(), value);
        match kind {
            LbKind::LoadBalancer => {
                put(
                    &mut view,
                    "listeners",
                    refs(self.below(LbKind::Listener, id)),
                );
                put(&mut view, "pools", refs(self.below(LbKind::Pool, id)));
            }
            LbKind::Listener => {
                put(&mut view, "loadbalancers", json!([{"id": balancer}]));
                put(&mut view, "l7policies", json!([]));
            }
            LbKind::Pool => {
                let monitor = self.below(LbKind::HealthMonitor, id).first();
                put(&mut view, "loadbalancers", json!([{"id": balancer}]));
                put(&mut view, "listeners", refs(&self.listeners_of(id)));
                put(&mut view, "members", refs(self.below(LbKind::Member, id)));
                if let Some(monitor) = monitor {
                    put(&mut view, "healthmonitor_id", json!(monitor));
                }
            }
            LbKind::Member => {}
            LbKind::HealthMonitor => {
                let pool = self.get(kind, id).map(|monitor| text(monitor, "pool_id"));
                put(&mut view, "pools", json!([{"id": pool}]));
            }
        }
        view
    }

    /// A load balancer with all that is below it, as its creation answers.
    pub(super) fn whole(&self, id: &str) -> Fields {
        let mut view = self.attributes(LbKind::LoadBalancer, id);
        let listeners: Vec<Value> = self
            .below(LbKind::Listener, id)
            .iter()
            .map(|listener| {
                let mut view = self.view(LbKind::Listener, listener);
                view.remove("loadbalancers");
                Value::Object(view)
            })
            .collect();
        let pools = self.below(LbKind::Pool, id).iter();
        let pools: Vec<Value> = pools.map(|pool| self.whole_pool(pool)).collect();
        view.insert("listeners".to_owned(), json!(listeners));
        view.insert("pools".to_owned(), json!(pools));
        view
    }

    fn whole_pool(&self, id: &str) -> Value {
        let mut view = self.view(LbKind::Pool, id);
        view.remove("loadbalancers");
        view.remove("healthmonitor_id");
        let members = self.below(LbKind::Member, id).iter();
        let members: Vec<Fields> = members
            .map(|member| self.view(LbKind::Member, member))
            .collect();
        view.insert("members".to_owned(), json!(members));
        // Read before it is there, whether there is one or not.
        view.insert("healthmonitor".to_owned(), Value::Null);
        Value::Object(view)
    }

    fn attributes(&self, kind: LbKind, id: &str) -> Fields {
        let Some(object) = self.get(kind, id) else {
            return Fields::new();
        };
        let shown = kind.attributes().iter().filter(|attribute| attribute.shown);
        shown
            .map(|attribute| {
                let value = object.get(attribute.name).cloned().unwrap_or_default();
                (attribute.name.to_owned(), value)
            })
            .collect()
    }

    /// The tree of statuses below a load balancer. Pools are below the listeners that lead to them.
    pub(super) fn statuses(&self, id: &str) -> Value {
        let mut tree = self.status(LbKind::LoadBalancer, id, &[]);
        let listeners: Vec<Value> = self
            .below(LbKind::Listener, id)
            .iter()
            .map(|listener| {
                let mut status = self.status(LbKind::Listener, listener, &[]);
                let pool = self
                    .get(LbKind::Listener, listener)
                    .map_or("", |listener| text(listener, "default_pool_id"));
                let pools: Vec<Value> = self
                    .get(LbKind::Pool, pool)
                    .iter()
                    .map(|_| self.pool_status(pool))
                    .collect();
                status.insert("pools".to_owned(), json!(pools));
                Value::Object(status)
            })
            .collect();
        tree.insert("listeners".to_owned(), json!(listeners));
        json!({"statuses": {"loadbalancer": tree}})
    }

    fn pool_status(&self, id: &str) -> Value {
        let mut status = self.status(LbKind::Pool, id, &[]);
        let members = self.below(LbKind::Member, id).iter();
        let members: Vec<Fields> = members
            .map(|member| self.status(LbKind::Member, member, &["address", "protocol_port"]))
            .collect();
        status.insert("members".to_owned(), json!(members));
        if let Some(monitor) = self.below(LbKind::HealthMonitor, id).first() {
            let monitor = self.status(LbKind::HealthMonitor, monitor, &["type"]);
            status.insert("health_monitor".to_owned(), json!(monitor));
        }
        Value::Object(status)
    }

    fn status(&self, kind: LbKind, id: &str, more: &[&str]) -> Fields {
        let Some(object) = self.get(kind, id) else {
            return Fields::new();
        };
        ["id", "name", "provisioning_status", "operating_status"]
            .iter()
            .chain(more)
            .map(|name| {
                let value = object.get(*name).cloned().unwrap_or_default();
                ((*name).to_owned(), value)
            })
            .collect()
    }
}

fn refs(ids: &[String]) -> Value {
    let refs: Vec<Value> = ids.iter().map(|id| json!({"id": id})).collect();
    json!(refs)
}
