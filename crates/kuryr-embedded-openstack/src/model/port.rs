//! Ports.

use http::StatusCode;
use rand::Rng;
use serde_json::{Value, json};

use super::super::ApiError;
use super::super::settings::{Backend, TagsInPost};
use super::addresses::{FixedIp, Request};
use super::schema::{Fields, Kind};
use super::{Caller, Cloud, flag, given, items, text};

impl Cloud {
    pub(super) fn create_port(
        &mut self,
        caller: &Caller,
        mut fields: Fields,
    ) -> Result<String, ApiError> {
        let network_id = text(&fields, "network_id").to_owned();
        let network = self.visible(caller, Kind::Network, &network_id)?;
        let network_security = flag(network, "port_security_enabled");
        let service = text(&fields, "device_owner").starts_with("network:");
        let security = fields
            .get("port_security_enabled")
            .map_or(network_security && !service, |value| value == true);
        fields.insert("port_security_enabled".to_owned(), json!(security));
        if given(&fields, "security_groups").is_none() {
            let groups = match security {
                true => vec![self.default_security_group(text(&fields, "project_id"))],
                false => Vec::new(),
            };
            fields.insert("security_groups".to_owned(), json!(groups));
        }
        self.check_groups(caller, &fields)?;
        check_security(&fields)?;
        let mac = self.choose_mac(&network_id, &fields)?;
        let asked = fields.get("fixed_ips").and_then(Value::as_array).cloned();
        let request = Request {
            network: &network_id,
            mac: &mac,
            port: None,
            asked: asked.as_deref(),
        };
        let addresses = self.choose_addresses(&request)?;
        fill_pairs(&mut fields, &mac);
        if self.settings.tags_in_post == TagsInPost::Dropped {
            fields.remove("tags");
        }
        let own = [
            ("mac_address", json!(mac)),
            (
                "fixed_ips",
                json!(addresses.iter().map(FixedIp::to_json).collect::<Vec<_>>()),
            ),
            ("status", json!("DOWN")),
            ("qos_network_policy_id", Value::Null),
            ("ip_allocation", json!("immediate")),
            ("resource_request", Value::Null),
        ];
        fields.extend(own.map(|(name, value)| (name.to_owned(), value)));
        fields.entry("binding:profile").or_insert_with(|| json!({}));
        let binding = self.binding(text(&fields, "binding:host_id"), None);
        fields.extend(binding);
        let id = self.insert(Kind::Port, fields);
        self.take_addresses(&id, &addresses);
        self.macs.insert((network_id, mac), id.clone());
        Ok(id)
    }

    fn choose_mac(&mut self, network: &str, fields: &Fields) -> Result<String, ApiError> {
        if let Some(mac) = fields.get("mac_address").and_then(Value::as_str) {
            self.check_mac(network, mac, None)?;
            return Ok(mac.to_owned());
        }
        loop {
            let [a, b, c]: [u8; 3] = self.rng.random();
            let mac = format!("fa:16:3e:{a:02x}:{b:02x}:{c:02x}");
            if self.check_mac(network, &mac, None).is_ok() {
                return Ok(mac);
            }
        }
    }

    fn check_mac(&self, network: &str, mac: &str, port: Option<&str>) -> Result<(), ApiError> {
        let owner = self
            .macs
            .get(&(network.to_owned(), mac.to_owned()))
            .map(String::as_str);
        if owner.is_none() || owner == port {
            return Ok(());
        }
        let message = format!(
            "Unable to complete operation for network {network}. The mac address {mac} is in use."
        );
        Err(ApiError::conflict("MacAddressInUse", message))
    }

    fn check_groups(&self, caller: &Caller, fields: &Fields) -> Result<(), ApiError> {
        for group in items(fields, "security_groups")
            .iter()
            .filter_map(Value::as_str)
        {
            self.visible(caller, Kind::SecurityGroup, group)?;
        }
        Ok(())
    }

    /// `binding:vif_type` and `binding:vif_details` for a host; `bridge` is the trunk's where ML2/OVS makes one.
    pub(super) fn binding(&self, host: &str, bridge: Option<&str>) -> Fields {
        let (vif_type, mut details) = match host {
            "" => ("unbound", json!({})),
            _ => ("ovs", json!({"port_filter": true, "connectivity": "l2"})),
        };
        if self.settings.backend == Backend::Ovs && !host.is_empty() {
            details["ovs_hybrid_plug"] = json!(false);
        }
        if let Some(bridge) = bridge {
            details["bridge_name"] = json!(bridge);
        }
        let pairs = [
            ("binding:vif_type", json!(vif_type)),
            ("binding:vif_details", details),
        ];
        pairs
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }

    pub(super) fn prepare_port_update(
        &mut self,
        caller: &Caller,
        id: &str,
        changes: &mut Fields,
    ) -> Result<(), ApiError> {
        let current = self.get(Kind::Port, id).cloned().unwrap_or_default();
        self.check_groups(caller, changes)?;
        let mut merged = current.clone();
        merged.extend(changes.clone());
        check_security(&merged)?;
        let network = text(&current, "network_id").to_owned();
        let mac = text(&merged, "mac_address").to_owned();
        self.check_mac(&network, &mac, Some(id))?;
        fill_pairs(changes, &mac);
        if let Some(asked) = changes.get("fixed_ips").and_then(Value::as_array).cloned() {
            let request = Request {
                network: &network,
                mac: &mac,
                port: Some(id),
                asked: Some(&asked),
            };
            let addresses = self.choose_addresses(&request)?;
            self.release_addresses(&FixedIp::list(items(&current, "fixed_ips")));
            self.take_addresses(id, &addresses);
            let addresses: Vec<Value> = addresses.iter().map(FixedIp::to_json).collect();
            changes.insert("fixed_ips".to_owned(), json!(addresses));
        }
        self.macs
            .remove(&(network.clone(), text(&current, "mac_address").to_owned()));
        self.macs.insert((network, mac), id.to_owned());
        if let Some(host) = changes.get("binding:host_id").and_then(Value::as_str) {
            changes.extend(self.binding(host, None));
        }
        Ok(())
    }

    pub(super) fn prepare_port_delete(&mut self, id: &str) -> Result<(), ApiError> {
        self.check_not_in_trunk(id)?;
        let owner = self
            .get(Kind::Port, id)
            .map(|port| text(port, "device_owner"))
            .unwrap_or_default();
        if matches!(
            owner,
            "network:router_interface" | "network:router_gateway" | "network:floatingip"
        ) {
            let message = format!(
                "Port {id} cannot be deleted directly via the port API: has device owner {owner}."
            );
            return Err(ApiError::conflict("ServicePortInUse", message));
        }
        Ok(())
    }

    pub(super) fn forget_port(&mut self, id: &str, port: &Fields) {
        self.release_addresses(&FixedIp::list(items(port, "fixed_ips")));
        self.macs.remove(&(
            text(port, "network_id").to_owned(),
            text(port, "mac_address").to_owned(),
        ));
        self.plugged.remove(id);
        self.disassociate(id);
        self.leaks.retain(|_, leaked| leaked != id);
    }
}

fn check_security(port: &Fields) -> Result<(), ApiError> {
    if flag(port, "port_security_enabled") {
        return Ok(());
    }
    if !items(port, "allowed_address_pairs").is_empty() {
        let message =
            "Port Security must be enabled in order to have allowed address pairs on a port.";
        return Err(ApiError::conflict(
            "AddressPairAndPortSecurityRequired",
            message,
        ));
    }
    if !items(port, "security_groups").is_empty() {
        let message = "Port has security group associated. Cannot disable port security or IP address until security \
                       group is removed.";
        return Err(ApiError::new(
            StatusCode::CONFLICT,
            "PortSecurityPortHasSecurityGroup",
            message,
        ));
    }
    Ok(())
}

/// Address pairs without a MAC get the port's own.
fn fill_pairs(fields: &mut Fields, mac: &str) {
    let Some(Value::Array(pairs)) = fields.get_mut("allowed_address_pairs") else {
        return;
    };
    for pair in pairs.iter_mut().filter_map(Value::as_object_mut) {
        pair.entry("mac_address").or_insert_with(|| json!(mac));
    }
}

/// The names that Neutron's DNS integration derives from a port's addresses.
pub(super) fn dns_assignment(port: &Fields) -> Value {
    let assignment = |fixed: FixedIp| {
        let address = fixed.address.to_string();
        let host = format!("host-{}", address.replace(['.', ':'], "-"));
        json!({"ip_address": address, "hostname": host, "fqdn": format!("{host}.openstack.internal.")})
    };
    json!(
        FixedIp::list(items(port, "fixed_ips"))
            .into_iter()
            .map(assignment)
            .collect::<Vec<_>>()
    )
}
