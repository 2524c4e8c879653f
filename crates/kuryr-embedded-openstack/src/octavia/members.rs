//! All members of a pool at once.

use serde_json::{Value, json};

use super::super::model::object::given;
use super::super::{ApiError, Caller, Cloud, Fields};
use super::checks::check_subnet;
use super::error::{immutable, unsupported};
use super::provider::Provider;
use super::schema::LbKind;
use super::{Octavia, text, validate};

/// What a batch comes to.
struct Batch {
    new: Vec<Fields>,
    changed: Vec<(String, Fields)>,
    deleted: Vec<String>,
}

impl Octavia {
    /// `PUT /v2/lbaas/pools/{id}/members`: the pool has these members then; with `additive` the others stay.
    ///
    /// # Errors
    /// 404; 400; 403 by quota; 409 while work is under way; 501 by the provider.
    pub fn set_members(
        &mut self,
        cloud: &mut Cloud,
        caller: &Caller,
        pool: &str,
        asked: Vec<Value>,
        additive: bool,
    ) -> Result<(), ApiError> {
        let asked: Vec<Fields> = asked
            .into_iter()
            .map(|member| {
                let member = member.as_object().cloned().unwrap_or_default();
                validate::for_post(LbKind::Member, member)
            })
            .collect::<Result<_, _>>()?;
        let known = self.allowed(caller, LbKind::Pool, pool)?;
        let project = text(known, "project_id").to_owned();
        let balancer = text(known, "loadbalancer_id").to_owned();
        self.check_batch_state(pool, &balancer)?;
        let batch = self.sort_out(pool, asked, additive);
        if batch.new.is_empty() && batch.changed.is_empty() && batch.deleted.is_empty() {
            return Ok(());
        }
        let more = match additive {
            true => batch.new.len(),
            false => batch.new.len().saturating_sub(batch.deleted.len()),
        };
        self.check_quota(&project, LbKind::Member, more)?;
        self.check_batch(cloud, pool, &balancer, &batch)?;
        self.carry_out(pool, &project, batch);
        self.touch_listeners(pool);
        self.touch(LbKind::Pool, pool);
        self.touch(LbKind::LoadBalancer, &balancer);
        self.begin(&balancer);
        Ok(())
    }

    fn check_batch_state(&self, pool: &str, balancer: &str) -> Result<(), ApiError> {
        for (kind, id) in [(LbKind::Pool, pool), (LbKind::LoadBalancer, balancer)] {
            if text(self.find(kind, id)?, "provisioning_status") != "ACTIVE" {
                return Err(immutable(kind, id));
            }
        }
        Ok(())
    }

    fn sort_out(&self, pool: &str, asked: Vec<Fields>, additive: bool) -> Batch {
        let mut batch = Batch {
            new: Vec::new(),
            changed: Vec::new(),
            deleted: self.below(LbKind::Member, pool).to_vec(),
        };
        for member in asked {
            match self.member_at(pool, &member).map(str::to_owned) {
                Some(id) => {
                    batch.deleted.retain(|known| *known != id);
                    batch.changed.push((id, member));
                }
                None => batch.new.push(member),
            }
        }
        if additive {
            batch.deleted.clear();
        }
        batch
    }

    fn check_batch(
        &self,
        cloud: &mut Cloud,
        pool: &str,
        balancer: &str,
        batch: &Batch,
    ) -> Result<(), ApiError> {
        for (at, member) in batch.new.iter().enumerate() {
            check_subnet(cloud, member)?;
            let twice = |other: &Fields| {
                other.get("address") == member.get("address")
                    && other.get("protocol_port") == member.get("protocol_port")
            };
            if batch.new[..at].iter().any(twice) {
                let (address, port) = (text(member, "address"), &member["protocol_port"]);
                return Err(super::error::conflict(format!(
                    "Another member on this pool is already using ip {address} on protocol_port {port}"
                )));
            }
            self.check_member_subnet(cloud, pool, member, "batch update with")?;
        }
        let elsewhere = |member: &Fields| {
            given(member, "monitor_address").is_some() || given(member, "monitor_port").is_some()
        };
        let provider = self.provider_of(balancer);
        let all = batch
            .new
            .iter()
            .chain(batch.changed.iter().map(|(_, member)| member));
        if provider == Provider::Ovn && all.into_iter().any(elsewhere) {
            let words =
                "OVN provider does not support monitor options, so following members skipped: []";
            return Err(unsupported(provider.name(), words));
        }
        Ok(())
    }

    fn carry_out(&mut self, pool: &str, project: &str, batch: Batch) {
        for member in batch.new {
            self.insert_below_pool(LbKind::Member, pool, project, member);
        }
        for (id, mut member) in batch.changed {
            member.retain(|name, _| !matches!(name.as_str(), "project_id" | "subnet_id"));
            let own = ["id", "created_at", "updated_at", "operating_status"];
            member.retain(|name, _| !own.contains(&name.as_str()));
            member.insert("provisioning_status".to_owned(), json!("PENDING_UPDATE"));
            self.apply(LbKind::Member, &id, member);
        }
        for id in batch.deleted {
            self.set(LbKind::Member, &id, "provisioning_status", "PENDING_DELETE");
        }
    }
}
