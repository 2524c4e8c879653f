//! Trunks and their subports.
//!
//! Checks come in the trunk plugin's order: the trunk, the form of the list, each subport by itself, the trunk's
//! state, then the VLANs. A call either does all of its list or nothing.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use uuid::Uuid;

use super::super::ApiError;
use super::super::settings::Backend;
use super::schema::{Fields, Kind};
use super::validate::{plain, python};
use super::{Caller, Cloud, flag, items, text};

/// Where a subport sits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The trunk's id.
    pub trunk: String,
    /// The VLAN (segmentation id).
    pub vlan: u16,
}

impl Cloud {
    pub(super) fn create_trunk(
        &mut self,
        caller: &Caller,
        mut fields: Fields,
    ) -> Result<String, ApiError> {
        let port = text(&fields, "port_id").to_owned();
        self.visible(caller, Kind::Port, &port)?;
        self.check_free_of_trunks(&port)?;
        let bound = self
            .get(Kind::Port, &port)
            .is_some_and(|port| !text(port, "binding:host_id").is_empty());
        if bound && self.settings.backend == Backend::Ovs {
            return Err(parent_in_use(&port));
        }
        let wanted = Value::Array(items(&fields, "sub_ports").to_vec());
        let wanted = check_form(&wanted)?;
        let subports = self.check_subports(caller, &port, &wanted)?;
        fields.remove("sub_ports");
        let status = match self.settings.backend {
            Backend::Ovn => "ACTIVE",
            Backend::Ovs => "DOWN",
        };
        fields.insert("status".to_owned(), json!(status));
        let id = self.insert(Kind::Trunk, fields);
        self.parents.insert(port.clone(), id.clone());
        self.attach(&id, &subports);
        if self.settings.parents_plugged {
            self.plug(&port, "simulated");
        }
        Ok(id)
    }

    /// `PUT /v2.0/trunks/{id}/add_subports`: the trunk as it is then.
    ///
    /// # Errors
    /// 404 for the trunk or a port, 400 for the form of the list, 409 for a port or VLAN in use. Nothing was added then.
    pub fn add_subports(
        &mut self,
        caller: &Caller,
        trunk: &str,
        body: &Value,
    ) -> Result<Fields, ApiError> {
        self.owned(caller, Kind::Trunk, trunk)?;
        let wanted = check_form(body.get("sub_ports").ok_or_else(ApiError::internal)?)?;
        let parent = self.parent_of(trunk);
        let subports = self.check_subports(caller, &parent, &wanted)?;
        self.check_enabled(trunk)?;
        let known = self.subports.get(trunk);
        let taken: BTreeSet<u16> = known
            .into_iter()
            .flat_map(|known| known.values().copied())
            .collect();
        if let Some((_, vlan)) = subports.iter().find(|(_, vlan)| taken.contains(vlan)) {
            let message = format!(
                "segmentation_type vlan and segmentation_id {vlan} already in use on trunk {trunk}."
            );
            return Err(ApiError::conflict("DuplicateSubPort", message));
        }
        self.attach(trunk, &subports);
        self.answer_of_change(caller, trunk)
    }

    /// `PUT /v2.0/trunks/{id}/remove_subports`: the trunk as it is then.
    ///
    /// # Errors
    /// 404 for the trunk or a port that is no subport of it, 400 for the form of the list. Nothing was removed then.
    pub fn remove_subports(
        &mut self,
        caller: &Caller,
        trunk: &str,
        body: &Value,
    ) -> Result<Fields, ApiError> {
        self.owned(caller, Kind::Trunk, trunk)?;
        let wanted = check_form(body.get("sub_ports").ok_or_else(ApiError::internal)?)?;
        self.check_enabled(trunk)?;
        let ports: Vec<String> = wanted
            .iter()
            .map(|subport| text(subport, "port_id").to_owned())
            .collect();
        let known = self.subports.get(trunk);
        for port in &ports {
            if !known.is_some_and(|known| known.contains_key(port)) {
                let message = format!("SubPort {port} on trunk {trunk} could not be found.");
                return Err(ApiError::not_found("SubPortNotFound", message));
            }
        }
        ports.iter().for_each(|port| self.detach(port));
        self.trunk_changed(trunk);
        self.answer_of_change(caller, trunk)
    }

    /// The answer of add and remove shows the trunk DOWN, whatever follows at once.
    fn answer_of_change(&self, caller: &Caller, trunk: &str) -> Result<Fields, ApiError> {
        let mut view = self.view(caller, Kind::Trunk, trunk, &[])?;
        view.insert("status".to_owned(), json!("DOWN"));
        Ok(view)
    }

    fn attach(&mut self, trunk: &str, subports: &[(String, u16)]) {
        let parent = self.parent_of(trunk);
        for (port, vlan) in subports {
            self.subports
                .entry(trunk.to_owned())
                .or_default()
                .insert(port.clone(), *vlan);
            self.memberships.insert(
                port.clone(),
                Membership {
                    trunk: trunk.to_owned(),
                    vlan: *vlan,
                },
            );
            if self.settings.backend == Backend::Ovn {
                let profile = json!({"parent_name": parent, "tag": vlan});
                let changes = [
                    ("device_owner", json!("trunk:subport")),
                    ("binding:profile", profile),
                    ("binding:vif_type", json!("ovs")),
                ];
                self.set(Kind::Port, port, &changes);
            }
        }
        self.trunk_changed(trunk);
        self.subports_may_rise(trunk);
    }

    /// Takes a port off its trunk and does to it what the backend does.
    fn detach(&mut self, port: &str) {
        let Some(Membership { trunk, vlan }) = self.memberships.remove(port) else {
            return;
        };
        if let Some(subports) = self.subports.get_mut(&trunk) {
            subports.remove(port);
        }
        let active = self
            .get(Kind::Port, port)
            .is_some_and(|port| text(port, "status") == "ACTIVE");
        let plugged = self.is_plugged(&self.parent_of(&trunk));
        match self.settings.backend {
            Backend::Ovn => {
                let changes = [
                    ("status", json!("DOWN")),
                    ("device_owner", json!("")),
                    ("binding:profile", json!({})),
                    ("binding:vif_type", json!("unbound")),
                ];
                self.set(Kind::Port, port, &changes);
            }
            // Owner and host stay. A port that was not ACTIVE yet is wired all the same by the agent, which learns
            // of its removal too early: it holds the VLAN until it is deleted.
            Backend::Ovs if plugged && !active => {
                self.leaks.insert((trunk, vlan), port.to_owned());
                self.set(Kind::Port, port, &[("status", json!("ACTIVE"))]);
            }
            Backend::Ovs => self.port_sinks(port),
        }
    }

    /// The parent port of a trunk.
    pub(super) fn parent_of(&self, trunk: &str) -> String {
        self.get(Kind::Trunk, trunk)
            .map(|trunk| text(trunk, "port_id").to_owned())
            .unwrap_or_default()
    }

    fn check_enabled(&self, trunk: &str) -> Result<(), ApiError> {
        if self
            .get(Kind::Trunk, trunk)
            .is_some_and(|trunk| flag(trunk, "admin_state_up"))
        {
            return Ok(());
        }
        Err(ApiError::conflict(
            "TrunkDisabled",
            format!("Trunk {trunk} is currently disabled."),
        ))
    }

    fn check_free_of_trunks(&self, port: &str) -> Result<(), ApiError> {
        if self.memberships.contains_key(port) {
            return Err(ApiError::conflict(
                "TrunkPortInUse",
                format!("Port {port} is in use by another trunk."),
            ));
        }
        if self.parents.contains_key(port) {
            return Err(parent_in_use(port));
        }
        Ok(())
    }

    fn check_subports(
        &self,
        caller: &Caller,
        parent: &str,
        wanted: &[Fields],
    ) -> Result<Vec<(String, u16)>, ApiError> {
        wanted
            .iter()
            .map(|subport| self.check_subport(caller, parent, subport))
            .collect()
    }

    fn check_subport(
        &self,
        caller: &Caller,
        parent: &str,
        subport: &Fields,
    ) -> Result<(String, u16), ApiError> {
        let port = text(subport, "port_id");
        if port == parent {
            return Err(parent_in_use(port));
        }
        self.check_mtu(parent, port)?;
        let vlan = segmentation(subport)?;
        self.check_free_of_trunks(port)?;
        let known = self.visible(caller, Kind::Port, port)?;
        let device = text(known, "device_id");
        if !device.is_empty() {
            let network = text(known, "network_id");
            let message = format!(
                "Unable to complete operation on port {port} for network {network}. Port already has an attached device \
                 {device}."
            );
            return Err(ApiError::conflict("PortInUse", message));
        }
        Ok((port.to_owned(), vlan))
    }

    fn check_mtu(&self, parent: &str, port: &str) -> Result<(), ApiError> {
        let mtu = |port: &str| {
            let network = text(self.get(Kind::Port, port)?, "network_id");
            self.get(Kind::Network, network)?.get("mtu")?.as_i64()
        };
        match (mtu(port), mtu(parent)) {
            (Some(of_port), Some(of_trunk)) if of_port > of_trunk => {
                let message = format!(
                    "MTU {of_port} of subport {port} cannot be greater than MTU {of_trunk} of trunk {parent}."
                );
                Err(ApiError::conflict(
                    "SubPortMtuGreaterThanTrunkPortMtu",
                    message,
                ))
            }
            _ => Ok(()),
        }
    }

    /// 409 for a port that is part of a trunk, as its deletion answers.
    pub(super) fn check_not_in_trunk(&self, port: &str) -> Result<(), ApiError> {
        if let Some(Membership { trunk, .. }) = self.memberships.get(port) {
            let message = format!("Port {port} is currently a subport for trunk {trunk}.");
            return Err(ApiError::conflict("PortInUseAsSubPort", message));
        }
        if let Some(trunk) = self.parents.get(port) {
            let message = format!("Port {port} is currently a parent port for trunk {trunk}.");
            return Err(ApiError::conflict("PortInUseAsTrunkParent", message));
        }
        Ok(())
    }

    pub(super) fn prepare_trunk_delete(&mut self, id: &str) -> Result<(), ApiError> {
        self.check_enabled(id)?;
        if self.settings.backend == Backend::Ovs && self.is_plugged(&self.parent_of(id)) {
            return Err(ApiError::conflict(
                "TrunkInUse",
                format!("Trunk {id} is currently in use."),
            ));
        }
        let ports: Vec<String> = self
            .subports
            .get(id)
            .into_iter()
            .flat_map(|known| known.keys().cloned())
            .collect();
        ports.iter().for_each(|port| self.detach(port));
        Ok(())
    }

    pub(super) fn forget_trunk(&mut self, id: &str, trunk: &Fields) {
        self.parents.remove(text(trunk, "port_id"));
        self.subports.remove(id);
        self.leaks.retain(|(leaked, _), _| leaked != id);
    }

    /// `sub_ports` of a trunk.
    pub(super) fn sub_ports(&self, trunk: &str) -> Value {
        let subport = |(port, vlan): (&String, &u16)| json!({"port_id": port, "segmentation_type": "vlan", "segmentation_id": vlan});
        json!(
            self.subports
                .get(trunk)
                .into_iter()
                .flatten()
                .map(subport)
                .collect::<Vec<_>>()
        )
    }

    /// `trunk_details` of a parent port; `None` for any other.
    pub(super) fn trunk_details(&self, port: &str) -> Option<Value> {
        let trunk = self.parents.get(port)?;
        let subport = |(port, vlan): (&String, &u16)| {
            let mac = self
                .get(Kind::Port, port)
                .map(|port| text(port, "mac_address"));
            json!({"segmentation_id": vlan, "segmentation_type": "vlan", "port_id": port, "mac_address": mac})
        };
        let subports: Vec<Value> = self
            .subports
            .get(trunk)
            .into_iter()
            .flatten()
            .map(subport)
            .collect();
        Some(json!({"trunk_id": trunk, "sub_ports": subports}))
    }

    /// The trunk and VLAN of a subport.
    pub fn membership(&self, port: &str) -> Option<&Membership> {
        self.memberships.get(port)
    }
}

fn parent_in_use(port: &str) -> ApiError {
    let message =
        format!("Port {port} is currently in use and is not eligible for use as a parent port.");
    ApiError::conflict("ParentPortInUse", message)
}

/// The form of a list of subports, before any of them is looked up.
fn check_form(subports: &Value) -> Result<Vec<Fields>, ApiError> {
    let wrong = |reason: String| Err(ApiError::invalid_input(reason));
    let Some(subports) = subports.as_array() else {
        return wrong(format!(
            "Invalid data format for subports: '{}' is not a list",
            plain(subports)
        ));
    };
    let (mut ports, mut vlans) = (BTreeSet::new(), BTreeSet::new());
    let mut checked = Vec::with_capacity(subports.len());
    for subport in subports {
        let Some(fields) = subport.as_object() else {
            return wrong(format!(
                "Invalid data format for subport: '{}' is not a dict",
                plain(subport)
            ));
        };
        let Some(port) = fields.get("port_id").filter(|port| !port.is_null()) else {
            return wrong("A valid port UUID must be specified".to_owned());
        };
        if port
            .as_str()
            .is_none_or(|port| Uuid::parse_str(port).is_err())
        {
            return wrong(format!("Invalid UUID for subport: '{}'", plain(port)));
        }
        if !ports.insert(plain(port)) {
            return wrong(format!("Non unique UUID for subport: '{}'", plain(port)));
        }
        match (
            fields.get("segmentation_id"),
            fields.get("segmentation_type"),
        ) {
            (Some(vlan), Some(kind)) => {
                if !vlans.insert((plain(kind), plain(vlan))) {
                    return wrong(format!(
                        "Segmentation ID '{}' for '{}' is not unique",
                        plain(vlan),
                        plain(port)
                    ));
                }
            }
            _ if fields.len() > 1 => return Err(no_segmentation(fields)),
            _ => {}
        }
        checked.push(fields.clone());
    }
    Ok(checked)
}

fn no_segmentation(subport: &Fields) -> ApiError {
    ApiError::invalid_input(format!(
        "Invalid subport details '{}': missing segmentation information. Must specify both segmentation_id and \
         segmentation_type",
        python(&Value::Object(subport.clone()))
    ))
}

fn segmentation(subport: &Fields) -> Result<u16, ApiError> {
    let (Some(id), Some(kind)) = (
        subport.get("segmentation_id"),
        subport.get("segmentation_type"),
    ) else {
        return Err(no_segmentation(subport));
    };
    let Some(number) = id.as_i64().or_else(|| id.as_str()?.parse().ok()) else {
        let reason = format!(
            "Invalid subport details: segmentation_id '{}' is not an integer",
            plain(id)
        );
        return Err(ApiError::invalid_input(reason));
    };
    if kind != "vlan" {
        return Err(ApiError::invalid_input(format!(
            "Unknown segmentation_type '{}'",
            plain(kind)
        )));
    }
    let vlan = u16::try_from(number)
        .ok()
        .filter(|vlan| (1..=4094).contains(vlan));
    vlan.ok_or_else(|| {
        ApiError::invalid_input(format!("Segmentation ID '{number}' is not in range"))
    })
}
