//! Load balancers: made whole, changed, deleted, built anew.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::model::object::{given, items};
use super::super::{ApiError, Caller, Cloud, Fields};
use super::error::{bad_request, conflict, invalid};
use super::provider::Provider;
use super::schema::LbKind;
use super::settle::FORGOTTEN;
use super::{Octavia, may, text, validate};

/// What a load balancer is made with: its listeners and pools, each pool once.
struct Tree {
    listeners: Vec<Fields>,
    pools: Vec<Fields>,
}

impl Octavia {
    /// `POST /v2/lbaas/loadbalancers`, with all that the body has below it: all or nothing, but for the port.
    ///
    /// # Errors
    /// What Octavia, its provider or Neutron refuse.
    pub fn create_load_balancer(
        &mut self,
        cloud: &mut Cloud,
        caller: &Caller,
        asked: Fields,
    ) -> Result<Fields, ApiError> {
        let mut fields = validate::for_post(LbKind::LoadBalancer, asked)?;
        let own = caller.project_id.clone();
        let project = text(&fields, "project_id").to_owned();
        let project = if project.is_empty() { own } else { project };
        may(caller, &project)?;
        fields.insert("project_id".to_owned(), json!(project));
        self.resolve_vip(cloud, caller, &mut fields)?;
        if given(&fields, "flavor_id").is_some() {
            return Err(invalid("Invalid flavor_id."));
        }
        if given(&fields, "availability_zone").is_some() {
            return Err(invalid("Invalid availability zone."));
        }
        let provider = self.choose_provider(&mut fields)?;
        self.check_quota(&project, LbKind::LoadBalancer, 1)?;
        let id = self.new_id();
        fields.insert("id".to_owned(), json!(id));
        self.make_vip(cloud, provider, &id, &mut fields)?;
        let tree = Tree::of(&mut fields)?;
        self.insert(LbKind::LoadBalancer, fields);
        if let Err(refused) = self.plant(provider, &id, &project, tree) {
            // The port is left behind, as the real one leaves it.
            self.remove(LbKind::LoadBalancer, &id);
            return Err(refused);
        }
        self.begin(&id);
        Ok(self.whole(&id))
    }

    fn choose_provider(&self, fields: &mut Fields) -> Result<Provider, ApiError> {
        let name = match text(fields, "provider") {
            "" => self.settings.lb_provider.name().to_owned(),
            name => name.to_owned(),
        };
        let provider = Provider::of(&name)
            .ok_or_else(|| bad_request(format!("Provider '{name}' is not enabled.")))?;
        fields.insert("provider".to_owned(), json!(provider.name()));
        Ok(provider)
    }

    /// Makes all that is below a new load balancer.
    fn plant(
        &mut self,
        provider: Provider,
        balancer: &str,
        project: &str,
        tree: Tree,
    ) -> Result<(), ApiError> {
        self.check_quota(project, LbKind::Pool, tree.pools.len())?;
        let mut pools = Vec::new();
        for pool in tree.pools {
            let name = text(&pool, "name").to_owned();
            let id = self.plant_pool(provider, balancer, project, pool)?;
            pools.push((name, id));
        }
        self.check_quota(project, LbKind::Listener, tree.listeners.len())?;
        for mut listener in tree.listeners {
            if let Some(Value::Object(pool)) = listener.remove("default_pool") {
                let named = pools.iter().find(|(name, _)| name == text(&pool, "name"));
                listener.insert("default_pool_id".to_owned(), json!(named.map(|(_, id)| id)));
            }
            provider.check_in_tree(LbKind::Listener, &listener)?;
            self.check_listener(balancer, &listener)?;
            listener.insert("loadbalancer_id".to_owned(), json!(balancer));
            listener.insert("project_id".to_owned(), json!(project));
            let id = self.insert(LbKind::Listener, listener);
            let now = self.timestamp();
            self.set(LbKind::Listener, &id, "updated_at", now);
        }
        Ok(())
    }

    fn plant_pool(
        &mut self,
        provider: Provider,
        balancer: &str,
        project: &str,
        mut pool: Fields,
    ) -> Result<String, ApiError> {
        for name in ["protocol", "lb_algorithm"] {
            if given(&pool, name).is_none() {
                return Err(invalid(format!(
                    "Pool definition for '{}' missing required attribute: {name}",
                    text(&pool, "name")
                )));
            }
        }
        provider.check_in_tree(LbKind::Pool, &pool)?;
        let members: Vec<Value> = items(&pool, "members").to_vec();
        let monitor = pool.remove("healthmonitor");
        pool.remove("members");
        pool.insert("loadbalancer_id".to_owned(), json!(balancer));
        pool.insert("project_id".to_owned(), json!(project));
        let id = self.insert(LbKind::Pool, pool);
        if let Some(Value::Object(monitor)) = monitor {
            self.check_quota(project, LbKind::HealthMonitor, 1)?;
            let protocol = self.protocol_of(&id);
            super::checks::check_monitor(&protocol, &monitor)?;
            let monitor = self.insert_below_pool(LbKind::HealthMonitor, &id, project, monitor);
            if provider == Provider::Ovn {
                // The provider does not look at it, and nobody ever ends its creation.
                self.set(LbKind::HealthMonitor, &monitor, FORGOTTEN, true);
            }
        }
        self.check_quota(project, LbKind::Member, members.len())?;
        for member in members {
            let member = member.as_object().cloned().unwrap_or_default();
            self.check_member(&id, &member)?;
            provider.check_in_tree(LbKind::Member, &member)?;
            let member = self.insert_below_pool(LbKind::Member, &id, project, member);
            // The pool is not seen to have a monitor yet.
            self.set(LbKind::Member, &member, "operating_status", "NO_MONITOR");
        }
        Ok(id)
    }

    /// `GET /v2/lbaas/loadbalancers/{id}/status`.
    ///
    /// # Errors
    /// 404; 403 for another project's.
    pub fn load_balancer_status(&self, caller: &Caller, id: &str) -> Result<Value, ApiError> {
        self.allowed(caller, LbKind::LoadBalancer, id)?;
        Ok(self.statuses(id))
    }

    /// `PUT /v2/lbaas/loadbalancers/{id}`.
    ///
    /// # Errors
    /// 404; 409 while work is under way.
    pub(super) fn update_load_balancer(
        &mut self,
        caller: &Caller,
        id: &str,
        asked: Fields,
    ) -> Result<Fields, ApiError> {
        let changes = validate::for_put(LbKind::LoadBalancer, asked)?;
        self.allowed(caller, LbKind::LoadBalancer, id)?;
        self.check_state(id, &["ACTIVE"])?;
        self.apply(LbKind::LoadBalancer, id, changes);
        self.work_on(id, "PENDING_UPDATE");
        Ok(self.view(LbKind::LoadBalancer, id))
    }

    /// `DELETE /v2/lbaas/loadbalancers/{id}`.
    ///
    /// # Errors
    /// 404; 400 if something is below it and `cascade` is not asked for; 409 while work is under way.
    pub fn delete_load_balancer(
        &mut self,
        caller: &Caller,
        id: &str,
        cascade: bool,
    ) -> Result<(), ApiError> {
        self.allowed(caller, LbKind::LoadBalancer, id)?;
        let childless = LbKind::LoadBalancer
            .children()
            .iter()
            .all(|kind| self.below(*kind, id).is_empty());
        if !childless && !cascade {
            return Err(invalid(format!(
                "Cannot delete Load Balancer {id} - it has children"
            )));
        }
        self.check_state(id, &["ACTIVE", "ERROR"])?;
        self.work_on(id, "PENDING_DELETE");
        Ok(())
    }

    /// `PUT /v2/lbaas/loadbalancers/{id}/failover`.
    ///
    /// # Errors
    /// 403 unless admin; 404; 409; 501 by a provider that can't.
    pub fn failover(&mut self, caller: &Caller, id: &str) -> Result<(), ApiError> {
        self.find(LbKind::LoadBalancer, id)?;
        if !caller.admin {
            return Err(super::error::forbidden());
        }
        self.check_state(id, &["ACTIVE", "ERROR"])?;
        self.provider_of(id).check_failover()?;
        self.work_on(id, "PENDING_UPDATE");
        Ok(())
    }

    fn check_state(&self, id: &str, allowed: &[&str]) -> Result<(), ApiError> {
        let balancer = self.find(LbKind::LoadBalancer, id)?;
        let state = text(balancer, "provisioning_status");
        if allowed.contains(&state) {
            return Ok(());
        }
        Err(conflict(format!(
            "Invalid state {state} of loadbalancer resource {id}"
        )))
    }

    fn work_on(&mut self, id: &str, status: &str) {
        self.set(LbKind::LoadBalancer, id, "provisioning_status", status);
        self.begin(id);
    }
}

impl Tree {
    /// Takes the tree out of a load balancer's fields: pools of listeners move beside those of the load balancer.
    fn of(fields: &mut Fields) -> Result<Self, ApiError> {
        let mut listeners = objects(fields.remove("listeners"));
        let mut pools = objects(fields.remove("pools"));
        let mut required = BTreeSet::new();
        for listener in &mut listeners {
            let Some(Value::Object(pool)) = listener.get("default_pool").cloned() else {
                continue;
            };
            let name = text(&pool, "name").to_owned();
            if name.is_empty() {
                let words = "Pools must be named when creating a fully populated loadbalancer.";
                return Err(invalid(words));
            }
            if given(&pool, "protocol").is_some() || given(&pool, "lb_algorithm").is_some() {
                listener.insert("default_pool".to_owned(), json!({"name": name}));
                pools.push(pool);
            } else {
                required.insert(name);
            }
        }
        let names: BTreeSet<&str> = pools.iter().map(|pool| text(pool, "name")).collect();
        if names.len() < pools.len() {
            let words = "Pool names must be unique when creating a fully populated loadbalancer.";
            return Err(invalid(words));
        }
        if let Some(name) = required.iter().find(|name| !names.contains(name.as_str())) {
            return Err(invalid(format!(
                "Pool '{name}' was referenced but no full definition was found."
            )));
        }
        Ok(Self { listeners, pools })
    }
}

fn objects(list: Option<Value>) -> Vec<Fields> {
    let Some(Value::Array(items)) = list else {
        return Vec::new();
    };
    items
        .into_iter()
        .filter_map(|item| item.as_object().cloned())
        .collect()
}
