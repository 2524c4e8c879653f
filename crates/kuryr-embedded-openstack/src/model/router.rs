//! Routers and their interfaces.

use serde_json::{Value, json};

use super::super::ApiError;
use super::schema::{Fields, Kind};
use super::{Caller, Cloud, given, items, text};

impl Cloud {
    pub(super) fn create_router(&mut self, mut fields: Fields) -> String {
        fields.insert("status".to_owned(), json!("ACTIVE"));
        fields.insert("availability_zones".to_owned(), json!([]));
        fields.entry("routes").or_insert_with(|| json!([]));
        self.insert(Kind::Router, fields)
    }

    /// Ports by which a router is attached to networks.
    pub(super) fn router_ports(&self, router: &str) -> Vec<&str> {
        let own = |port: &Fields| {
            text(port, "device_id") == router
                && text(port, "device_owner") == "network:router_interface"
        };
        self.table(Kind::Port)
            .filter(|(_, port)| own(port))
            .map(|(id, _)| id.as_str())
            .collect()
    }

    pub(super) fn router_port_on(&self, router: &str, subnet: &str) -> Option<String> {
        let on = |id: &&str| {
            let port = self.get(Kind::Port, id);
            port.is_some_and(|port| {
                items(port, "fixed_ips")
                    .iter()
                    .any(|fixed| fixed["subnet_id"] == subnet)
            })
        };
        self.router_ports(router)
            .into_iter()
            .find(on)
            .map(str::to_owned)
    }

    /// `PUT /v2.0/routers/{id}/add_router_interface` with `subnet_id` or `port_id`.
    ///
    /// # Errors
    /// 404 for router, subnet or port; 400 when it has that interface already or the body names none.
    pub fn add_router_interface(
        &mut self,
        caller: &Caller,
        router: &str,
        body: &Fields,
    ) -> Result<Fields, ApiError> {
        self.owned(caller, Kind::Router, router)?;
        let port = match (given(body, "subnet_id"), given(body, "port_id")) {
            (Some(subnet), _) => {
                self.interface_on_subnet(caller, router, subnet.as_str().unwrap_or_default())?
            }
            (None, Some(port)) => {
                self.interface_of_port(caller, router, port.as_str().unwrap_or_default())?
            }
            (None, None) => return Err(neither_subnet_nor_port()),
        };
        self.set(Kind::Port, &port, &[("status", json!("ACTIVE"))]);
        self.touch(Kind::Router, router);
        self.interface(router, &port)
    }

    fn interface_on_subnet(
        &mut self,
        caller: &Caller,
        router: &str,
        subnet: &str,
    ) -> Result<String, ApiError> {
        let known = self.visible(caller, Kind::Subnet, subnet)?.clone();
        if self.router_port_on(router, subnet).is_some() {
            let reason = format!("Router already has a port on subnet {subnet}");
            return Err(ApiError::bad_resource("router", reason));
        }
        let Some(gateway) = given(&known, "gateway_ip") else {
            return Err(ApiError::bad_resource(
                "router",
                "Subnet for router interface must have a gateway IP",
            ));
        };
        let project = self
            .get(Kind::Router, router)
            .map(|router| text(router, "project_id").to_owned());
        let owner = Caller {
            project_id: project.unwrap_or_default(),
            admin: true,
        };
        let port = json!({
            "network_id": known["network_id"], "device_id": router, "device_owner": "network:router_interface",
            "fixed_ips": [{"subnet_id": subnet, "ip_address": gateway}],
        });
        let port = self.create(
            &owner,
            Kind::Port,
            port.as_object().cloned().unwrap_or_default(),
        )?;
        Ok(text(&port, "id").to_owned())
    }

    fn interface_of_port(
        &mut self,
        caller: &Caller,
        router: &str,
        port: &str,
    ) -> Result<String, ApiError> {
        let known = self.visible(caller, Kind::Port, port)?;
        if items(known, "fixed_ips").is_empty() {
            return Err(ApiError::bad_resource(
                "router",
                "Router port must have at least one fixed IP",
            ));
        }
        let device = text(known, "device_id");
        if !device.is_empty() {
            let network = text(known, "network_id");
            let message = format!(
                "Unable to complete operation on port {port} for network {network}. Port already has an attached device \
                 {device}."
            );
            return Err(ApiError::conflict("PortInUse", message));
        }
        let changes = [
            ("device_id", json!(router)),
            ("device_owner", json!("network:router_interface")),
        ];
        self.set(Kind::Port, port, &changes);
        Ok(port.to_owned())
    }

    /// `PUT /v2.0/routers/{id}/remove_router_interface` with `subnet_id` or `port_id`.
    ///
    /// # Errors
    /// 404 for the router or an interface that it has not; 400 when the body names none.
    pub fn remove_router_interface(
        &mut self,
        caller: &Caller,
        router: &str,
        body: &Fields,
    ) -> Result<Fields, ApiError> {
        self.owned(caller, Kind::Router, router)?;
        let port = match (given(body, "subnet_id"), given(body, "port_id")) {
            (_, Some(port)) => {
                let id = port.as_str().unwrap_or_default();
                let found = self
                    .router_ports(router)
                    .into_iter()
                    .find(|port| *port == id)
                    .map(str::to_owned);
                let message = format!("Router {router} does not have an interface with id {id}");
                found.ok_or_else(|| ApiError::not_found("RouterInterfaceNotFound", message))?
            }
            (Some(subnet), None) => {
                let id = subnet.as_str().unwrap_or_default();
                let message = format!("Router {router} has no interface on subnet {id}");
                let missing = || ApiError::not_found("RouterInterfaceNotFoundForSubnet", message);
                self.router_port_on(router, id).ok_or_else(missing)?
            }
            (None, None) => return Err(neither_subnet_nor_port()),
        };
        let answer = self.interface(router, &port)?;
        self.remove(Kind::Port, &port);
        self.touch(Kind::Router, router);
        Ok(answer)
    }

    fn interface(&self, router: &str, port: &str) -> Result<Fields, ApiError> {
        let known = self
            .get(Kind::Port, port)
            .ok_or_else(|| Kind::Port.not_found(port))?;
        let subnets: Vec<&Value> = items(known, "fixed_ips")
            .iter()
            .filter_map(|fixed| fixed.get("subnet_id"))
            .collect();
        let answer = json!({
            "id": router, "tenant_id": known["project_id"], "port_id": port, "network_id": known["network_id"],
            "subnet_id": subnets.first(), "subnet_ids": subnets,
        });
        Ok(answer.as_object().cloned().unwrap_or_default())
    }

    pub(super) fn prepare_router_delete(&self, id: &str) -> Result<(), ApiError> {
        let ports = self.router_ports(id);
        if ports.is_empty() {
            return Ok(());
        }
        let message = format!("Router {id} has ports still attached: {}", ports.join(", "));
        Err(ApiError::conflict("RouterInUse", message))
    }
}

fn neither_subnet_nor_port() -> ApiError {
    ApiError::bad_resource("router", "Either subnet_id or port_id must be specified")
}
