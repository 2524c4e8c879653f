//! Networks.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::ApiError;
use super::super::settings::Backend;
use super::schema::{Fields, Kind};
use super::{Caller, Cloud, text, validate};

/// First `provider:segmentation_id`: the VNI of the lab's own encapsulation.
const FIRST_VNI: i64 = 5000;

/// Owner of the port by which ML2/OVN serves metadata on a network.
const METADATA: &str = "network:distributed";

impl Cloud {
    pub(super) fn create_network(&mut self, mut fields: Fields) -> Result<String, ApiError> {
        let largest = self.settings.backend.tenant_mtu();
        let mtu = fields
            .get("mtu")
            .and_then(Value::as_i64)
            .filter(|mtu| *mtu > 0)
            .unwrap_or(largest);
        if mtu > largest {
            let message = format!(
                "Invalid input for operation: Requested MTU is too big, maximum is {largest}."
            );
            return Err(ApiError::new(
                http::StatusCode::BAD_REQUEST,
                "InvalidInput",
                message,
            ));
        }
        let vni = self.free_vni();
        let network_type = self.settings.backend.network_type();
        let own = [
            ("mtu", json!(mtu)),
            ("status", json!("ACTIVE")),
            ("availability_zones", json!([])),
            ("ipv4_address_scope", Value::Null),
            ("ipv6_address_scope", Value::Null),
            ("l2_adjacency", json!(true)),
        ];
        fields.extend(own.map(|(name, value)| (name.to_owned(), value)));
        fields
            .entry("provider:network_type")
            .or_insert_with(|| json!(network_type));
        fields
            .entry("provider:physical_network")
            .or_insert(Value::Null);
        fields
            .entry("provider:segmentation_id")
            .or_insert_with(|| json!(vni));
        let project = text(&fields, "project_id").to_owned();
        let id = self.insert(Kind::Network, fields);
        self.default_security_group(&project);
        if self.settings.metadata_ports && self.settings.backend == Backend::Ovn {
            self.create_metadata_port(&id, project)?;
        }
        Ok(id)
    }

    fn create_metadata_port(&mut self, network: &str, project_id: String) -> Result<(), ApiError> {
        let caller = Caller {
            project_id,
            admin: true,
        };
        let port = json!({
            "network_id": network, "device_owner": METADATA, "device_id": format!("ovnmeta-{network}"),
            "fixed_ips": [], "security_groups": [], "port_security_enabled": false,
        });
        let port = port.as_object().cloned().unwrap_or_default();
        let port = validate::for_post(&caller, Kind::Port, port)?;
        self.create_port(&caller, port).map(drop)
    }

    fn free_vni(&self) -> i64 {
        let taken: BTreeSet<i64> = self
            .table(Kind::Network)
            .filter_map(|(_, network)| {
                network
                    .get("provider:segmentation_id")
                    .and_then(Value::as_i64)
            })
            .collect();
        (FIRST_VNI..)
            .find(|vni| !taken.contains(vni))
            .unwrap_or(FIRST_VNI)
    }

    /// Ids of a network's subnets.
    pub(super) fn subnets_of(&self, network: &str) -> Vec<&str> {
        let subnets = self
            .table(Kind::Subnet)
            .filter(|(_, subnet)| text(subnet, "network_id") == network);
        subnets.map(|(id, _)| id.as_str()).collect()
    }

    pub(super) fn prepare_network_delete(&mut self, id: &str) -> Result<(), ApiError> {
        let ports = self
            .table(Kind::Port)
            .filter(|(_, port)| text(port, "network_id") == id);
        let (own, others): (Vec<_>, Vec<_>) =
            ports.partition(|(_, port)| text(port, "device_owner") == METADATA);
        if !others.is_empty() {
            let others: Vec<&str> = others.into_iter().map(|(id, _)| id.as_str()).collect();
            let message = format!(
                "Unable to complete operation on network {id}. There are one or more ports still in use on the network, \
                 id for these ports is: {}.",
                others.join(",")
            );
            return Err(ApiError::conflict("NetworkInUse", message));
        }
        let own: Vec<String> = own.into_iter().map(|(id, _)| id.clone()).collect();
        own.iter().for_each(|port| self.remove(Kind::Port, port));
        let subnets: Vec<String> = self.subnets_of(id).into_iter().map(str::to_owned).collect();
        subnets
            .iter()
            .for_each(|subnet| self.remove(Kind::Subnet, subnet));
        Ok(())
    }
}
