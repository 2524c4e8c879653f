//! Quotas.

use serde_json::json;

use super::super::{ApiError, Caller, Fields};
use super::schema::LbKind;
use super::{Octavia, error, may};

/// Names by which answers have the limits. Requests may have two of them without the `_`.
const NAMES: &[(&str, Option<LbKind>)] = &[
    ("load_balancer", Some(LbKind::LoadBalancer)),
    ("listener", Some(LbKind::Listener)),
    ("member", Some(LbKind::Member)),
    ("pool", Some(LbKind::Pool)),
    ("health_monitor", Some(LbKind::HealthMonitor)),
    ("l7policy", None),
    ("l7rule", None),
];

impl Octavia {
    /// A project's limit; -1 is none.
    pub fn quota(&self, project: &str, kind: LbKind) -> i64 {
        let own = self.quotas.get(project).and_then(|own| own.get(&kind));
        let usual = self.settings.quotas.get(kind.singular());
        own.or(usual).copied().unwrap_or(-1)
    }

    /// Sets a project's limit.
    pub fn set_quota(&mut self, project: &str, kind: LbKind, limit: i64) {
        let own = self.quotas.entry(project.to_owned()).or_default();
        own.insert(kind, limit);
        self.revision += 1;
    }

    /// How many objects of a kind a project has.
    pub fn used(&self, project: &str, kind: LbKind) -> i64 {
        let key = (project.to_owned(), kind);
        self.used.get(&key).copied().unwrap_or_default()
    }

    /// Refuses `more` objects beyond the project's limit.
    pub(super) fn check_quota(
        &self,
        project: &str,
        kind: LbKind,
        more: usize,
    ) -> Result<(), ApiError> {
        let limit = self.quota(project, kind);
        let more = i64::try_from(more).unwrap_or(i64::MAX);
        if more > 0 && limit >= 0 && self.used(project, kind).saturating_add(more) > limit {
            return Err(error::over_quota(kind));
        }
        Ok(())
    }

    /// `GET /v2/lbaas/quotas/{project}`.
    ///
    /// # Errors
    /// 403 for another project's.
    pub fn show_quota(&self, caller: &Caller, project: &str) -> Result<Fields, ApiError> {
        may(caller, project)?;
        let limit = |kind: Option<LbKind>| kind.map_or(-1, |kind| self.quota(project, kind));
        let names = NAMES.iter();
        Ok(names
            .map(|(name, kind)| ((*name).to_owned(), json!(limit(*kind))))
            .collect())
    }

    /// `PUT /v2/lbaas/quotas/{project}`.
    ///
    /// # Errors
    /// 403 unless admin.
    pub fn update_quota(
        &mut self,
        caller: &Caller,
        project: &str,
        asked: &Fields,
    ) -> Result<Fields, ApiError> {
        if !caller.admin {
            return Err(error::forbidden());
        }
        for (name, kind) in NAMES {
            let plain = name.replace('_', "");
            let limit = asked.get(*name).or_else(|| asked.get(&plain));
            let limit = limit.and_then(serde_json::Value::as_i64);
            if let (Some(limit), Some(kind)) = (limit, kind) {
                self.set_quota(project, *kind, limit);
            }
        }
        self.show_quota(caller, project)
    }

    /// `DELETE /v2/lbaas/quotas/{project}`: back to the defaults.
    ///
    /// # Errors
    /// 403 unless admin.
    pub fn reset_quota(&mut self, caller: &Caller, project: &str) -> Result<(), ApiError> {
        if !caller.admin {
            return Err(error::forbidden());
        }
        self.quotas.remove(project);
        Ok(())
    }
}
