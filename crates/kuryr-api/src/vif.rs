//! A VIF reduced to what Kuryr works with, and the way to and from its wire format.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::{Map, json};
use thiserror::Error;
use uuid::Uuid;

use crate::ovo::{
    FixedIpData, List, NetworkData, Ovo, RouteData, SubnetData, VIF_VLAN_NESTED, VifData,
};

/// A pod's interface: a Neutron subport and the VLAN that it has on the node's trunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vif {
    /// Neutron port id.
    pub port_id: String,
    /// MAC address, lower case, colons.
    pub mac: String,
    /// Segmentation id on the trunk, 1 to 4094.
    pub vlan: u16,
    /// Whether the port was seen ACTIVE.
    pub active: bool,
    /// The network.
    pub network: VifNetwork,
}

/// The network side of a [`Vif`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VifNetwork {
    /// Neutron network id.
    pub id: String,
    /// Neutron network name.
    pub name: String,
    /// MTU, bytes.
    pub mtu: u32,
    /// One for each subnet from which the port has an address.
    pub subnets: Vec<VifSubnet>,
}

/// One subnet of a [`VifNetwork`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VifSubnet {
    /// Prefix.
    pub cidr: IpNet,
    /// Gateway, if the subnet has one.
    pub gateway: Option<IpAddr>,
    /// Name servers.
    pub dns: Vec<IpAddr>,
    /// Host routes: destination and next hop.
    pub routes: Vec<(IpNet, Option<IpAddr>)>,
    /// The port's addresses.
    pub ips: Vec<IpAddr>,
}

/// Why a VIF on the wire can't be used.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum VifError {
    /// Not a class that this version plugs.
    #[error("VIF {port} is a {class}; only {VIF_VLAN_NESTED} can be plugged here")]
    Class {
        /// Port id.
        port: String,
        /// The class found.
        class: String,
    },
    /// A field is absent or does not parse.
    #[error("VIF {port}: field {field} is {found}, expected {expected}")]
    Field {
        /// Port id.
        port: String,
        /// Path of the field.
        field: String,
        /// What was found.
        found: String,
        /// What is allowed.
        expected: &'static str,
    },
}

impl Vif {
    /// All addresses with their subnet's prefix length.
    pub fn addresses(&self) -> impl Iterator<Item = IpNet> + '_ {
        self.network.subnets.iter().flat_map(|s| {
            s.ips
                .iter()
                .filter_map(|ip| IpNet::new(*ip, s.cidr.prefix_len()).ok())
        })
    }

    /// Name of the link on the node: `tap` and the port id, 14 characters, as upstream.
    #[must_use]
    pub fn link_name(&self) -> String {
        link_name(&self.port_id)
    }

    /// Reads a VIF from its wire format.
    ///
    /// # Errors
    /// [`VifError`] says which field is not as os-vif writes it.
    pub fn from_wire(wire: &Ovo<VifData>) -> Result<Self, VifError> {
        let data = &wire.data;
        let field = |field: &str, found: String, expected| VifError::Field {
            port: data.id.clone(),
            field: field.to_owned(),
            found,
            expected,
        };
        if wire.name != VIF_VLAN_NESTED {
            return Err(VifError::Class {
                port: data.id.clone(),
                class: wire.name.clone(),
            });
        }
        // Links are named by the first characters of the id, and found by all of it.
        if !is_uuid(&data.id) {
            return Err(field("id", quoted(&data.id), "a UUID in lower case"));
        }
        let vlan = data
            .vlan_id
            .filter(|v| (1..=4094).contains(v))
            .ok_or_else(|| field("vlan_id", format!("{:?}", data.vlan_id), "1 to 4094"))?;
        if !is_mac(&data.address) {
            return Err(field("address", quoted(&data.address), "a MAC address"));
        }
        let network = data
            .network
            .as_ref()
            .ok_or_else(|| field("network", "absent".into(), "a Network object"))?;
        Ok(Self {
            port_id: data.id.clone(),
            mac: data.address.to_ascii_lowercase(),
            vlan,
            active: data.active,
            network: network_from(&data.id, &network.data)?,
        })
    }

    /// Writes a VIF in the wire format that upstream's daemon reads, too.
    #[must_use]
    pub fn to_wire(&self) -> Ovo<VifData> {
        let subnets = self.network.subnets.iter().map(subnet_to_wire).collect();
        let network = NetworkData {
            id: self.network.id.clone(),
            label: Some(self.network.name.clone()),
            mtu: Some(self.network.mtu),
            subnets: Ovo::new("SubnetList", "1.0", List { objects: subnets }),
            other: flags(&["multi_host", "should_provide_bridge", "should_provide_vlan"]),
        };
        Ovo::new(
            VIF_VLAN_NESTED,
            "1.0",
            VifData {
                id: self.port_id.clone(),
                address: self.mac.clone(),
                network: Some(Ovo::new("Network", "1.1", network)),
                has_traffic_filtering: false,
                preserve_on_delete: false,
                active: self.active,
                plugin: "noop".to_owned(),
                vif_name: self.link_name(),
                vlan_id: Some(self.vlan),
                other: Map::new(),
            },
        )
    }
}

/// Name of a port's link on its node.
#[must_use]
pub fn link_name(port_id: &str) -> String {
    format!("tap{port_id}").chars().take(14).collect()
}

fn flags(names: &[&str]) -> Map<String, serde_json::Value> {
    names
        .iter()
        .map(|n| ((*n).to_owned(), json!(false)))
        .collect()
}

fn subnet_to_wire(s: &VifSubnet) -> Ovo<SubnetData> {
    let routes = s
        .routes
        .iter()
        .map(|(cidr, via)| {
            let data = RouteData {
                cidr: cidr.to_string(),
                gateway: via.map(|g| g.to_string()),
                other: Map::new(),
            };
            Ovo::new("Route", "1.0", data)
        })
        .collect();
    let ips = s
        .ips
        .iter()
        .map(|ip| {
            let data = FixedIpData {
                address: ip.to_string(),
                other: Map::new(),
            };
            Ovo::new("FixedIP", "1.0", data)
        })
        .collect();
    Ovo::new(
        "Subnet",
        "1.0",
        SubnetData {
            cidr: s.cidr.to_string(),
            dns: s.dns.iter().map(ToString::to_string).collect(),
            gateway: s.gateway.map(|g| g.to_string()),
            routes: Ovo::new("RouteList", "1.0", List { objects: routes }),
            ips: Ovo::new("FixedIPList", "1.0", List { objects: ips }),
            other: Map::new(),
        },
    )
}

fn network_from(port: &str, data: &NetworkData) -> Result<VifNetwork, VifError> {
    let subnets = data
        .subnets
        .data
        .objects
        .iter()
        .map(|s| subnet_from(port, &s.data))
        .collect::<Result<_, _>>()?;
    Ok(VifNetwork {
        id: data.id.clone(),
        name: data.label.clone().unwrap_or_default(),
        mtu: data.mtu.unwrap_or(1500),
        subnets,
    })
}

fn subnet_from(port: &str, s: &SubnetData) -> Result<VifSubnet, VifError> {
    let routes = s
        .routes
        .data
        .objects
        .iter()
        .map(|r| {
            let dst = parse(port, "route.cidr", &r.data.cidr, "a prefix")?;
            let via = optional(port, "route.gateway", r.data.gateway.as_deref())?;
            Ok((dst, via))
        })
        .collect::<Result<_, VifError>>()?;
    let ips = s
        .ips
        .data
        .objects
        .iter()
        .map(|ip| parse(port, "ips.address", &ip.data.address, "an IP address"))
        .collect::<Result<_, _>>()?;
    let dns = s
        .dns
        .iter()
        .map(|d| parse(port, "subnet.dns", d, "an IP address"))
        .collect::<Result<_, _>>()?;
    Ok(VifSubnet {
        cidr: parse(port, "subnet.cidr", &s.cidr, "a prefix")?,
        gateway: optional(port, "subnet.gateway", s.gateway.as_deref())?,
        dns,
        routes,
        ips,
    })
}

fn optional(port: &str, field: &str, text: Option<&str>) -> Result<Option<IpAddr>, VifError> {
    text.map(|t| parse(port, field, t, "an IP address"))
        .transpose()
}

fn parse<T: std::str::FromStr>(
    port: &str,
    field: &str,
    text: &str,
    expected: &'static str,
) -> Result<T, VifError> {
    text.parse().map_err(|_| VifError::Field {
        port: port.to_owned(),
        field: field.to_owned(),
        found: quoted(text),
        expected,
    })
}

/// A value as an error shows it: quoted, and never longer than a line.
fn quoted(text: &str) -> String {
    let short: String = text.chars().take(60).collect();
    format!("{short:?}")
}

/// As Neutron writes ids: a UUID with hyphens, in lower case.
fn is_uuid(text: &str) -> bool {
    Uuid::try_parse(text).is_ok_and(|uuid| uuid.hyphenated().to_string() == text)
}

fn is_mac(text: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    parts.len() == 6
        && parts
            .iter()
            .all(|p| p.len() == 2 && p.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// As kuryr-kubernetes 10.0 with os-vif 5.3 writes it.
    const UPSTREAM: &str = include_str!("../tests/fixtures/upstream-vif.json");

    fn upstream() -> Ovo<VifData> {
        serde_json::from_str(UPSTREAM).unwrap()
    }

    #[test]
    fn reads_what_upstream_wrote() {
        let vif = Vif::from_wire(&upstream()).unwrap();
        assert_eq!(vif.vlan, 1117);
        assert_eq!(vif.network.mtu, 1442);
        let addresses: Vec<String> = vif.addresses().map(|a| a.to_string()).collect();
        assert_eq!(addresses, ["10.41.0.57/16"]);
        assert_eq!(vif.network.subnets[0].gateway, "10.41.0.1".parse().ok());
    }

    #[test]
    fn writes_what_upstream_reads() {
        let wire = upstream();
        let ours = Vif::from_wire(&wire).unwrap().to_wire();
        assert_eq!(
            serde_json::to_value(&ours).unwrap(),
            serde_json::from_str::<serde_json::Value>(UPSTREAM).unwrap()
        );
    }

    #[test]
    fn an_unknown_field_survives() {
        let mut value: serde_json::Value = serde_json::from_str(UPSTREAM).unwrap();
        value["versioned_object.data"]["port_profile"] = json!({"a": 1});
        let back: Ovo<VifData> = serde_json::from_value(value.clone()).unwrap();
        assert_eq!(serde_json::to_value(back).unwrap(), value);
    }

    #[test]
    fn nonsense_is_named() {
        let mut wire = upstream();
        wire.data.vlan_id = Some(4095);
        let e = Vif::from_wire(&wire).unwrap_err().to_string();
        assert!(e.contains("vlan_id") && e.contains("1 to 4094"), "{e}");

        for id in [
            "",
            "p1",
            "../../etc/passwd",
            "6F1E3A52-7C1C-4A75-9C43-0D5A3B1F9E77",
            "6f1e3a52-7c1c-4a75-9c43-0d5a3b1f9e7",
        ] {
            let mut wire = upstream();
            wire.data.id = id.into();
            let e = Vif::from_wire(&wire).unwrap_err().to_string();
            assert!(e.contains("field id") && e.contains("UUID"), "{e}");
        }

        let mut wire = upstream();
        wire.name = "VIFMacvlanNested".into();
        let e = Vif::from_wire(&wire).unwrap_err().to_string();
        assert!(e.contains("VIFMacvlanNested"), "{e}");

        let mut wire = upstream();
        if let Some(n) = &mut wire.data.network {
            n.data.subnets.data.objects[0].data.cidr = "10.41/99".into();
        }
        let e = Vif::from_wire(&wire).unwrap_err().to_string();
        assert!(e.contains("subnet.cidr is \"10.41/99\""), "{e}");
    }
}
