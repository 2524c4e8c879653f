//! Floating IPs: addresses of external networks, each held by a port of its own there, that lead to ports inside.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::ApiError;
use super::activation::Transition;
use super::schema::{Fields, Kind};
use super::{Caller, Cloud, flag, given, items, text};

/// Owner of the port that holds the address.
const OWNER: &str = "network:floatingip";

impl Cloud {
    pub(super) fn create_floating_ip(
        &mut self,
        caller: &Caller,
        mut fields: Fields,
    ) -> Result<String, ApiError> {
        let network_id = text(&fields, "floating_network_id").to_owned();
        let network = self.visible(caller, Kind::Network, &network_id)?;
        if !flag(network, "router:external") {
            let reason = format!("Network {network_id} is not a valid external network");
            return Err(ApiError::bad_resource("floatingip", reason));
        }
        let address = self.hold_address(&network_id, &mut fields)?;
        fields.insert("floating_ip_address".to_owned(), address);
        fields.remove("subnet_id");
        let id = uuid::Uuid::new_v4().to_string();
        let target = match self.target_of(caller, &id, &fields) {
            Ok(target) => target,
            Err(refused) => {
                self.forget_floating_ip(&fields);
                return Err(refused);
            }
        };
        fields.insert("status".to_owned(), json!("DOWN"));
        fields.insert("port_forwardings".to_owned(), json!([]));
        fields.extend(target);
        let id = self.insert(Kind::FloatingIp, fields);
        self.schedule(Duration::ZERO, Transition::FloatingIpFollows(id.clone()));
        Ok(id)
    }

    /// Status follows where the floating IP leads to, a moment later.
    pub(super) fn floating_ip_follows(&mut self, id: &str) {
        let Some(known) = self.get(Kind::FloatingIp, id) else {
            return;
        };
        let status = match given(known, "port_id") {
            Some(_) => "ACTIVE",
            None => "DOWN",
        };
        self.set(Kind::FloatingIp, id, &[("status", json!(status))]);
    }

    /// Makes the port that holds the address, which belongs to no project, and gives the address.
    fn hold_address(&mut self, network: &str, fields: &mut Fields) -> Result<Value, ApiError> {
        let mut port = json!({
            "network_id": network, "device_owner": OWNER, "device_id": "PENDING", "security_groups": [],
            "port_security_enabled": false, "project_id": "",
        });
        let subnet = given(fields, "subnet_id").cloned();
        let address = given(fields, "floating_ip_address").cloned();
        let mut wish = Fields::new();
        wish.extend(subnet.map(|subnet| ("subnet_id".to_owned(), subnet)));
        wish.extend(address.map(|address| ("ip_address".to_owned(), address)));
        if !wish.is_empty() {
            port["fixed_ips"] = json!([wish]);
        }
        let nobody = Caller {
            project_id: String::new(),
            admin: true,
        };
        let port = port.as_object().cloned().unwrap_or_default();
        let port = self.create(&nobody, Kind::Port, port)?;
        let Some(fixed) = items(&port, "fixed_ips").first() else {
            let message = format!("Unable to find any IP address on external network {network}.");
            self.remove(Kind::Port, text(&port, "id"));
            return Err(ApiError::new(
                http::StatusCode::BAD_REQUEST,
                "ExternalIpAddressExhausted",
                message,
            ));
        };
        fields.insert("_port".to_owned(), port["id"].clone());
        Ok(fixed["ip_address"].clone())
    }

    /// What leads a floating IP to the port that is asked for: the port, its address, and the router in between.
    fn target_of(&self, caller: &Caller, own: &str, asked: &Fields) -> Result<Fields, ApiError> {
        let network = text(asked, "floating_network_id");
        let Some(port_id) = given(asked, "port_id").and_then(Value::as_str) else {
            return Ok(leading_to(Value::Null, Value::Null, Value::Null));
        };
        let port = self.visible(caller, Kind::Port, port_id)?;
        let wanted = given(asked, "fixed_ip_address");
        let v4 = |fixed: &&Value| !fixed["ip_address"].to_string().contains(':');
        let fixed = items(port, "fixed_ips")
            .iter()
            .filter(v4)
            .find(|fixed| wanted.is_none_or(|wanted| fixed["ip_address"] == *wanted));
        let Some(fixed) = fixed else {
            let reason = format!(
                "Cannot add floating IP to port {port_id} that has no fixed IPv4 addresses"
            );
            return Err(ApiError::bad_resource("floatingip", reason));
        };
        let subnet = fixed["subnet_id"].as_str().unwrap_or_default();
        let router = self.router_between(network, subnet).ok_or_else(|| {
            let message = format!(
                "External network {network} is not reachable from subnet {subnet}.  Therefore, cannot associate Port \
                 {port_id} with a Floating IP."
            );
            ApiError::not_found("ExternalGatewayForFloatingIPNotFound", message)
        })?;
        self.check_unassociated(asked, own, port_id, &fixed["ip_address"])?;
        Ok(leading_to(
            json!(port_id),
            fixed["ip_address"].clone(),
            json!(router),
        ))
    }

    fn check_unassociated(
        &self,
        asked: &Fields,
        own: &str,
        port: &str,
        address: &Value,
    ) -> Result<(), ApiError> {
        let network = text(asked, "floating_network_id");
        let taken = self.table(Kind::FloatingIp).any(|(id, other)| {
            id.as_str() != own
                && text(other, "port_id") == port
                && other.get("fixed_ip_address") == Some(address)
                && text(other, "floating_network_id") == network
        });
        if !taken {
            return Ok(());
        }
        let message = format!(
            "Cannot associate floating IP {} ({own}) with port {port} using fixed IP {}, as that fixed IP already has a \
             floating IP on external network {network}.",
            text(asked, "floating_ip_address"),
            address.as_str().unwrap_or_default()
        );
        Err(ApiError::conflict(
            "FloatingIPPortAlreadyAssociated",
            message,
        ))
    }

    /// A router with a leg in a subnet and its gateway in an external network.
    fn router_between(&self, network: &str, subnet: &str) -> Option<String> {
        let leads = |router: &Fields| {
            given(router, "external_gateway_info")
                .is_some_and(|gateway| gateway["network_id"] == network)
        };
        self.table(Kind::Router)
            .filter(|(_, router)| leads(router))
            .map(|(id, _)| id.clone())
            .find(|id| self.router_port_on(id, subnet).is_some())
    }

    pub(super) fn prepare_floating_ip_update(
        &mut self,
        caller: &Caller,
        id: &str,
        changes: &mut Fields,
    ) -> Result<(), ApiError> {
        if !changes.contains_key("port_id") {
            return Ok(());
        }
        let mut merged = self.get(Kind::FloatingIp, id).cloned().unwrap_or_default();
        merged.remove("fixed_ip_address");
        merged.extend(changes.clone());
        let target = self.target_of(caller, id, &merged)?;
        changes.extend(target);
        self.schedule(Duration::ZERO, Transition::FloatingIpFollows(id.to_owned()));
        Ok(())
    }

    /// The port that held the address goes with it.
    pub(super) fn forget_floating_ip(&mut self, floating_ip: &Fields) {
        let port = text(floating_ip, "_port").to_owned();
        self.remove(Kind::Port, &port);
    }

    /// Floating IPs that led to a port lead nowhere.
    pub(super) fn disassociate(&mut self, port: &str) {
        let led: Vec<String> = self
            .table(Kind::FloatingIp)
            .filter(|(_, known)| text(known, "port_id") == port)
            .map(|(id, _)| id.clone())
            .collect();
        for id in led {
            let nowhere = leading_to(Value::Null, Value::Null, Value::Null);
            let nowhere: Vec<(&str, Value)> = nowhere
                .iter()
                .map(|(name, value)| (name.as_str(), value.clone()))
                .collect();
            self.set(Kind::FloatingIp, &id, &nowhere);
            self.schedule(Duration::ZERO, Transition::FloatingIpFollows(id));
        }
    }
}

fn leading_to(port: Value, address: Value, router: Value) -> Fields {
    let parts = [
        ("port_id", port),
        ("fixed_ip_address", address),
        ("router_id", router),
    ];
    parts
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
