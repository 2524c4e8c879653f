//! Quotas: limits by project, use, and refusal.

use std::collections::BTreeMap;

use http::StatusCode;
use serde_json::{Value, json};

use super::super::ApiError;
use super::schema::{Fields, Kind};
use super::{Caller, Cloud, text};

/// Resources that have a quota, with Neutron's default limits (-1: none), in Neutron's order.
const DEFAULTS: &[(&str, i64)] = &[
    ("network", 100),
    ("subnet", 100),
    ("subnetpool", -1),
    ("port", 500),
    ("router", 10),
    ("floatingip", 50),
    ("rbac_policy", 10),
    ("security_group", 10),
    ("security_group_rule", 100),
    ("trunk", -1),
];

impl Cloud {
    /// A project's limit of a resource, such as `port`; -1 is no limit.
    pub fn quota(&self, project: &str, resource: &str) -> i64 {
        let own = self
            .quotas
            .get(project)
            .and_then(|quotas| quotas.get(resource))
            .copied();
        own.unwrap_or_else(|| self.default_quota(resource))
    }

    fn default_quota(&self, resource: &str) -> i64 {
        let settings = self.settings.quotas.get(resource).copied();
        let neutron = || {
            DEFAULTS
                .iter()
                .find(|(name, _)| *name == resource)
                .map(|(_, limit)| *limit)
        };
        settings.or_else(neutron).unwrap_or(-1)
    }

    /// Sets a project's limit of a resource.
    pub fn set_quota(&mut self, project: &str, resource: &str, limit: i64) {
        self.quotas
            .entry(project.to_owned())
            .or_default()
            .insert(resource.to_owned(), limit);
        self.revision += 1;
    }

    /// How many objects of a kind a project has.
    pub fn used(&self, project: &str, kind: Kind) -> i64 {
        self.used
            .get(&(project.to_owned(), kind))
            .copied()
            .unwrap_or_default()
    }

    pub(super) fn check_quota(&self, kind: Kind, asked: &[Fields]) -> Result<(), ApiError> {
        let mut more: BTreeMap<&str, i64> = BTreeMap::new();
        for fields in asked {
            *more.entry(text(fields, "project_id")).or_default() += 1;
        }
        for (project, more) in more {
            // What a service makes for itself belongs to no project.
            if project.is_empty() {
                continue;
            }
            let limit = self.quota(project, kind.singular());
            if limit >= 0 && self.used(project, kind) + more > limit {
                return Err(ApiError::over_quota(kind.singular()));
            }
        }
        Ok(())
    }

    /// `GET /v2.0/quotas/{project}`, or its `/default`.
    ///
    /// # Errors
    /// 403 for another project's.
    pub fn show_quota(
        &self,
        caller: &Caller,
        project: &str,
        default: bool,
    ) -> Result<Fields, ApiError> {
        may_read(caller, project)?;
        let limit = |name| {
            if default {
                self.default_quota(name)
            } else {
                self.quota(project, name)
            }
        };
        Ok(DEFAULTS
            .iter()
            .map(|(name, _)| ((*name).to_owned(), json!(limit(name))))
            .collect())
    }

    /// `GET /v2.0/quotas/{project}/details`: limit, used, reserved.
    ///
    /// # Errors
    /// 403 for another project's.
    pub fn quota_details(&self, caller: &Caller, project: &str) -> Result<Fields, ApiError> {
        if !caller.admin && caller.project_id != project {
            let message = "User does not have admin privileges: Only admin is authorized to access quotas for another \
                           project.";
            return Err(ApiError::new(
                StatusCode::FORBIDDEN,
                "AdminRequired",
                message,
            ));
        }
        let detail = |name: &str| {
            let kind = Kind::ALL.into_iter().find(|kind| kind.singular() == name);
            let used = kind.map_or(0, |kind| self.used(project, kind));
            json!({"limit": self.quota(project, name), "used": used, "reserved": 0})
        };
        Ok(DEFAULTS
            .iter()
            .map(|(name, _)| ((*name).to_owned(), detail(name)))
            .collect())
    }

    /// `PUT /v2.0/quotas/{project}`.
    ///
    /// # Errors
    /// 403 unless admin; 400 for an unknown resource or a limit that is no number.
    pub fn update_quota(
        &mut self,
        caller: &Caller,
        project: &str,
        asked: &Fields,
    ) -> Result<Fields, ApiError> {
        if !caller.admin {
            return Err(ApiError::forbidden("rule:update_quota"));
        }
        for (name, limit) in asked {
            if !DEFAULTS.iter().any(|(known, _)| known == name) {
                return Err(ApiError::bad_request(format!(
                    "Unrecognized attribute(s) '{name}'"
                )));
            }
            let limit = limit
                .as_i64()
                .or_else(|| limit.as_str().and_then(|text| text.parse().ok()));
            let limit = limit
                .ok_or_else(|| ApiError::invalid_input(format!("'{name}' is not an integer")))?;
            self.set_quota(project, name, limit);
        }
        self.show_quota(caller, project, false)
    }

    /// `DELETE /v2.0/quotas/{project}`: back to the defaults.
    ///
    /// # Errors
    /// 403 unless admin.
    pub fn reset_quota(&mut self, caller: &Caller, project: &str) -> Result<(), ApiError> {
        if !caller.admin {
            return Err(ApiError::forbidden("rule:delete_quota"));
        }
        self.quotas.remove(project);
        Ok(())
    }

    /// `GET /v2.0/network-ip-availabilities[/{network}]`: only an admin gets any.
    ///
    /// # Errors
    /// 404 for an unknown network, or any network for a member.
    pub fn ip_availability(
        &self,
        caller: &Caller,
        network: Option<&str>,
    ) -> Result<Vec<Fields>, ApiError> {
        match network {
            Some(_) if !caller.admin => return Err(ApiError::no_such_path()),
            Some(id) if self.get(Kind::Network, id).is_none() => {
                return Err(Kind::Network.not_found(id));
            }
            None if !caller.admin => return Ok(Vec::new()),
            _ => {}
        }
        let networks = self
            .table(Kind::Network)
            .filter(|(id, _)| network.is_none_or(|wanted| wanted == *id));
        Ok(networks
            .map(|(id, fields)| self.availability_of(id, fields))
            .collect())
    }

    fn availability_of(&self, id: &str, network: &Fields) -> Fields {
        let subnets: Vec<Value> = self
            .subnets_of(id)
            .into_iter()
            .filter_map(|subnet| self.subnet_use(subnet))
            .collect();
        let sum = |name: &str| {
            subnets
                .iter()
                .filter_map(|subnet| subnet[name].as_u64())
                .fold(0, u64::saturating_add)
        };
        let mut availability = Fields::new();
        for (name, value) in [
            ("network_id", json!(id)),
            ("network_name", json!(text(network, "name"))),
            ("tenant_id", json!(text(network, "project_id"))),
            ("project_id", json!(text(network, "project_id"))),
            ("used_ips", json!(sum("used_ips"))),
            ("total_ips", json!(sum("total_ips"))),
            ("subnet_ip_availability", json!(subnets)),
        ] {
            availability.insert(name.to_owned(), value);
        }
        availability
    }
}

fn may_read(caller: &Caller, project: &str) -> Result<(), ApiError> {
    if caller.admin || caller.project_id == project {
        return Ok(());
    }
    Err(ApiError::forbidden("rule:get_quota"))
}
