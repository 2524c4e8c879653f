//! Neutron's ports and trunks.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use kuryr_core::port::{Id, Place, Port, PortKind, PortStatus, Trunk};
use kuryr_openstack::{Error, Neutron, PortQuery, TrunkQuery, model};

/// Fields of a port that are read.
pub const PORT_FIELDS: [&str; 9] = [
    "network_id",
    "project_id",
    "mac_address",
    "fixed_ips",
    "security_groups",
    "status",
    "tags",
    "description",
    "device_owner",
];

/// All trunks, each with the addresses of its parent port in the nodes' subnets.
///
/// # Errors
/// What Neutron answered.
pub async fn trunks(neutron: &Neutron, node_subnets: &[String]) -> Result<Vec<Trunk>, Error> {
    let listed = neutron.list_trunks(&TrunkQuery::new()).await?;
    let parents = PortQuery::new()
        .ids(listed.iter().map(|t| t.port_id.clone()))
        .fields(["fixed_ips"]);
    let parents: BTreeMap<String, Vec<IpAddr>> = neutron
        .list_ports(&parents)
        .await?
        .into_iter()
        .map(|p| (p.id, node_addresses(&p.fixed_ips, node_subnets)))
        .collect();
    Ok(listed.into_iter().map(|t| trunk(t, &parents)).collect())
}

/// Addresses in the nodes' subnets; in any, where none are named.
fn node_addresses(ips: &[model::FixedIp], subnets: &[String]) -> Vec<IpAddr> {
    ips.iter()
        .filter(|ip| subnets.is_empty() || subnets.contains(&ip.subnet_id))
        .map(|ip| ip.ip_address)
        .collect()
}

fn trunk(t: model::Trunk, parents: &BTreeMap<String, Vec<IpAddr>>) -> Trunk {
    let subports = t
        .sub_ports
        .iter()
        .map(|s| (s.segmentation_id, s.port_id.as_str().into()));
    Trunk {
        subports: subports.collect(),
        addresses: parents.get(&t.port_id).cloned().unwrap_or_default(),
        id: t.id.into(),
    }
}

/// The place of each subport.
#[must_use]
pub fn places(trunks: &[Trunk]) -> BTreeMap<Id, Place> {
    let mut places = BTreeMap::new();
    for trunk in trunks {
        for (vlan, port) in &trunk.subports {
            let (trunk, vlan) = (trunk.id.clone(), *vlan);
            places.insert(port.clone(), Place::On { trunk, vlan });
        }
    }
    places
}

/// A port, read with [`PORT_FIELDS`].
#[must_use]
pub fn port(p: &model::Port, place: Place) -> Port {
    let ids = |list: &mut Vec<Id>| {
        list.sort();
        list.dedup();
    };
    let mut subnets: Vec<Id> = p
        .fixed_ips
        .iter()
        .map(|ip| ip.subnet_id.as_str().into())
        .collect();
    let mut groups: Vec<Id> = p
        .security_groups
        .iter()
        .map(|g| g.as_str().into())
        .collect();
    ids(&mut subnets);
    ids(&mut groups);
    Port {
        id: p.id.as_str().into(),
        kind: Arc::new(PortKind {
            project: p.project_id.clone().unwrap_or_default().into(),
            network: p.network_id.as_str().into(),
            subnets,
            security_groups: groups,
        }),
        mac: p.mac_address.as_str().into(),
        addresses: p
            .fixed_ips
            .iter()
            .map(|ip| (Id::from(ip.subnet_id.as_str()), ip.ip_address))
            .collect(),
        status: port_status(&p.status),
        place,
    }
}

/// A port's status as far as it matters.
#[must_use]
pub fn port_status(s: &model::PortStatus) -> PortStatus {
    match s {
        model::PortStatus::Active => PortStatus::Active,
        _ => PortStatus::Down,
    }
}
