//! Addresses of load balancers: which network and subnet, and the port of Neutron's that holds one.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::{Value, json};

use super::super::model::object::{given, items};
use super::super::{ApiError, Caller, Cloud, Fields, Kind};
use super::error::{bad_request, invalid, no_subresource, provider_failed};
use super::provider::Provider;
use super::{Octavia, text};

/// Octavia asks Neutron as its own user, who may see everything.
fn service(project: &str) -> Caller {
    Caller {
        project_id: project.to_owned(),
        admin: true,
    }
}

fn neutron(
    cloud: &mut Cloud,
    caller: &Caller,
    kind: Kind,
    what: &str,
    id: &str,
) -> Result<Fields, ApiError> {
    cloud
        .show(caller, kind, id, &[])
        .map_err(|_| no_subresource(what, id))
}

impl Octavia {
    /// Fills in network, subnet and address of what is asked for, as far as it says them.
    pub(super) fn resolve_vip(
        &self,
        cloud: &mut Cloud,
        caller: &Caller,
        asked: &mut Fields,
    ) -> Result<(), ApiError> {
        let part = |asked: &Fields, name: &str| text(asked, name).to_owned();
        let (port, network, subnet) = (
            part(asked, "vip_port_id"),
            part(asked, "vip_network_id"),
            part(asked, "vip_subnet_id"),
        );
        match (port.as_str(), network.as_str(), subnet.as_str()) {
            ("", "", "") => {
                let words = "Validation failure: VIP must contain one of: vip_port_id, vip_network_id, vip_subnet_id.";
                return Err(bad_request(words));
            }
            ("", "", subnet) => {
                let subnet = neutron(cloud, caller, Kind::Subnet, "Subnet", subnet)?;
                asked.insert("vip_network_id".to_owned(), subnet["network_id"].clone());
            }
            ("", network, _) => {
                let known = neutron(cloud, caller, Kind::Network, "Network", network)?;
                choose_subnet(cloud, caller, &known, asked)?;
            }
            (port, _, _) => {
                let known = neutron(cloud, caller, Kind::Port, "Port", port)?;
                take_port(&known, asked)?;
            }
        }
        self.check_additional(cloud, caller, asked)
    }

    fn check_additional(
        &self,
        cloud: &mut Cloud,
        caller: &Caller,
        asked: &Fields,
    ) -> Result<(), ApiError> {
        let mut subnets = vec![text(asked, "vip_subnet_id").to_owned()];
        for vip in items(asked, "additional_vips") {
            let subnet = vip["subnet_id"].as_str().unwrap_or_default().to_owned();
            if subnets.contains(&subnet) {
                let words =
                    "Duplicate VIP subnet(s) specified. Only one IP can be bound per subnet.";
                return Err(invalid(words));
            }
            subnets.push(subnet);
        }
        for subnet in &subnets {
            let known = neutron(cloud, caller, Kind::Subnet, "Subnet", subnet)?;
            if known.get("network_id") != asked.get("vip_network_id") {
                return Err(invalid("All VIP subnets must belong to the same network."));
            }
        }
        Ok(())
    }

    /// Makes the port that holds the address, unless one was given, and fills in what it has.
    pub(super) fn make_vip(
        &self,
        cloud: &mut Cloud,
        provider: Provider,
        balancer: &str,
        asked: &mut Fields,
    ) -> Result<(), ApiError> {
        // The provider `ovn` makes one of its own in any case, and fails on the address.
        if given(asked, "vip_port_id").is_some() && provider == Provider::Amphora {
            return Ok(());
        }
        let project = text(asked, "project_id").to_owned();
        let port = port_for(provider, balancer, asked);
        let made = cloud.create(&service(&project), Kind::Port, port);
        let made = made.map_err(|refused| {
            let request = uuid::Uuid::new_v4();
            let why = format!(
                "{}\nNeutron server returns request_ids: ['req-{request}']",
                refused.message
            );
            provider_failed(provider.name(), &why)
        })?;
        let held = items(&made, "fixed_ips");
        asked.insert("vip_port_id".to_owned(), made["id"].clone());
        if let Some(first) = held.first() {
            asked.insert("vip_address".to_owned(), first["ip_address"].clone());
        }
        if let Some(Value::Array(more)) = asked.get_mut("additional_vips") {
            for vip in more {
                // The provider `ovn` takes them and makes none.
                let found = held
                    .iter()
                    .find(|fixed| fixed["subnet_id"] == vip["subnet_id"]);
                vip["ip_address"] = found.map_or(Value::Null, |fixed| fixed["ip_address"].clone());
            }
        }
        asked.insert("_own_port".to_owned(), json!(true));
        Ok(())
    }

    /// Deletes the port of a load balancer that is no more, if it was Octavia's own.
    pub(super) fn release_vip(cloud: &mut Cloud, balancer: &Fields) {
        if balancer.get("_own_port") == Some(&Value::Bool(true)) {
            let caller = service(text(balancer, "project_id"));
            // Its owner may have deleted it.
            let _ = cloud.delete(&caller, Kind::Port, text(balancer, "vip_port_id"), None);
        }
    }
}

/// The port that a provider asks Neutron for.
fn port_for(provider: Provider, balancer: &str, asked: &Fields) -> Fields {
    let mut fixed = vec![wish(
        asked.get("vip_subnet_id"),
        given(asked, "vip_address"),
    )];
    let (name, owner, device) = match provider {
        Provider::Ovn => (format!("ovn-lb-vip-{balancer}"), "", String::new()),
        Provider::Amphora => {
            let more = items(asked, "additional_vips").iter();
            fixed.extend(more.map(|vip| wish(vip.get("subnet_id"), vip.get("ip_address"))));
            let name = format!("octavia-lb-{balancer}");
            (name, "Octavia", format!("lb-{balancer}"))
        }
    };
    let port = json!({
        "network_id": asked.get("vip_network_id"), "name": name, "fixed_ips": fixed, "admin_state_up": true,
        "project_id": text(asked, "project_id"), "device_owner": owner, "device_id": device,
    });
    port.as_object().cloned().unwrap_or_default()
}

/// An address of a subnet, or any.
fn wish(subnet: Option<&Value>, address: Option<&Value>) -> Value {
    match address.filter(|address| !address.is_null()) {
        Some(address) => json!({"subnet_id": subnet, "ip_address": address}),
        None => json!({"subnet_id": subnet}),
    }
}

/// The subnet of a network: the one that was said, that has the address, or the first, of IPv4 if there is one.
fn choose_subnet(
    cloud: &mut Cloud,
    caller: &Caller,
    network: &Fields,
    asked: &mut Fields,
) -> Result<(), ApiError> {
    let subnets: Vec<String> = items(network, "subnets")
        .iter()
        .filter_map(|id| id.as_str().map(str::to_owned))
        .collect();
    if let Some(subnet) = given(asked, "vip_subnet_id").and_then(Value::as_str) {
        return match subnets.iter().any(|known| known == subnet) {
            true => Ok(()),
            false => Err(no_subresource("Subnet", subnet)),
        };
    }
    let address = text(asked, "vip_address").parse::<IpAddr>().ok();
    let mut found = None;
    for id in &subnets {
        let subnet = neutron(cloud, caller, Kind::Subnet, "Subnet", id)?;
        let cidr = text(&subnet, "cidr").parse::<IpNet>().ok();
        let fits = match (address, cidr) {
            (Some(address), Some(cidr)) => cidr.contains(&address),
            (None, Some(IpNet::V4(_))) => true,
            (None, _) => found.is_none(),
            _ => false,
        };
        if fits {
            found = Some(id.clone());
        }
    }
    let missing = match address {
        Some(_) => "Supplied network does not contain a subnet for VIP address specified.",
        None => "Supplied network does not contain a subnet.",
    };
    let found = found.ok_or_else(|| invalid(missing))?;
    asked.insert("vip_subnet_id".to_owned(), json!(found));
    Ok(())
}

/// Network, subnet and address of a port that was given.
fn take_port(port: &Fields, asked: &mut Fields) -> Result<(), ApiError> {
    let device = text(port, "device_id");
    if !device.is_empty() {
        let id = text(port, "id");
        let words = format!("Port {id} is already used by device {device} ");
        return Err(invalid(words));
    }
    asked.insert("vip_network_id".to_owned(), port["network_id"].clone());
    let fixed = items(port, "fixed_ips");
    let wanted = |name: &str| given(asked, name).cloned();
    let (found, missing) = match (wanted("vip_subnet_id"), wanted("vip_address")) {
        (Some(subnet), _) => (
            fixed.iter().find(|fixed| fixed["subnet_id"] == subnet),
            "No VIP address found on the specified VIP port within the specified subnet.",
        ),
        (None, Some(address)) => (
            fixed.iter().find(|fixed| fixed["ip_address"] == address),
            "Specified VIP address not found on the specified VIP port.",
        ),
        (None, None) => (
            fixed.first().filter(|_| fixed.len() == 1),
            "VIP port's subnet could not be determined. Please specify either a VIP subnet or address.",
        ),
    };
    let found = found.ok_or_else(|| invalid(missing))?;
    asked.insert("vip_subnet_id".to_owned(), found["subnet_id"].clone());
    asked.insert("vip_address".to_owned(), found["ip_address"].clone());
    Ok(())
}
