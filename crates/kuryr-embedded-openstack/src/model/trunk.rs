//! Trunks and their subports.
//!
//! Checks come in the trunk plugin's order: the trunk, the form of the list, each subport by itself, the trunk's
//! state, then the VLANs. A call either does all of its list or nothing.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::ApiError;
use super::super::settings::Backend;
use super::schema::{Fields, Kind};
use super::subports::{check_form, segmentation};
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
        if subports.is_empty() && self.settings.backend == Backend::Ovn {
            // The plugin sets it DOWN, and ML2/OVN, with nothing to do, not ACTIVE again.
            self.set(Kind::Trunk, trunk, &[("status", json!("DOWN"))]);
        }
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
        if self.settings.backend == Backend::Ovn && !subports.is_empty() {
            self.set(Kind::Trunk, trunk, &[("status", json!("ACTIVE"))]);
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
        if self.settings.backend == Backend::Ovn {
            self.set(Kind::Trunk, &trunk, &[("status", json!("ACTIVE"))]);
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
