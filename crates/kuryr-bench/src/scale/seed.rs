//! Pods with everything that a controller would have made for them, put there without one.

use std::collections::BTreeMap;

use indicatif::ProgressBar;
use kuryr_api::names::{PORT_TAG, cluster_tag};
use kuryr_embedded_kubernetes::store::{Expect, TableName};
use kuryr_embedded_openstack::Kind;
use serde_json::{Value, json};

use crate::BenchError;
use crate::simulated::objects::{SeededVif, claim, pod, running};
use crate::simulated::site::{CLUSTER_ID, SimNode, Site, address, caller, id};

/// Ports in one go, so that others get at the cloud's state between.
const BATCH: usize = 50;

/// Seeds pods of these names, each on its node.
pub(super) fn pods(
    site: &Site,
    pods: &[(String, usize)],
    bar: &ProgressBar,
) -> Result<(), BenchError> {
    let mut by_node: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    for (name, node) in pods {
        by_node.entry(*node).or_default().push(name);
    }
    for (node, names) in by_node {
        for batch in names.chunks(BATCH) {
            seed(site, &site.nodes[node], batch)?;
            bar.inc(batch.len() as u64);
        }
    }
    Ok(())
}

fn seed(site: &Site, node: &SimNode, pods: &[&str]) -> Result<(), BenchError> {
    let ports = ports(site, node, pods.len())?;
    let cidr = "10.64.0.0/10".parse().map_err(|_| broken("a prefix"))?;
    for (name, port) in pods.iter().zip(ports) {
        let vif = SeededVif {
            port: &port.id,
            mac: &port.mac,
            vlan: port.vlan,
            address: port.address,
            network: &site.pod_network,
            cidr,
        };
        let mut object = pod(name, &node.name);
        object["status"] = running(&port.address.to_string());
        let uid = put(site, "pods", object)?;
        let object = claim(name, &uid, &node.name, &vif);
        put(site, "kuryrports.openstack.org", object)?;
    }
    Ok(())
}

struct SeededPort {
    id: String,
    mac: String,
    vlan: u16,
    address: std::net::IpAddr,
}

/// Ports of ours on a node's trunk, as the controller asks for them.
fn ports(site: &Site, node: &SimNode, count: usize) -> Result<Vec<SeededPort>, BenchError> {
    let tag = cluster_tag(CLUSTER_ID);
    let port = json!({
        "network_id": site.pod_network,
        "fixed_ips": [{"subnet_id": site.pod_subnet}],
        "security_groups": [site.security_group],
        "admin_state_up": true,
        "device_owner": "compute:kuryr",
        "tags": [tag, PORT_TAG],
    });
    let asked = port.as_object().cloned().unwrap_or_default();
    site.openstack.handle().with(|state| {
        let caller = caller(state);
        let refused = |e: kuryr_embedded_openstack::ApiError| broken(&e.message);
        let made = state
            .cloud
            .create_bulk(&caller, Kind::Port, vec![asked; count])
            .map_err(refused)?;
        let trunk = state
            .cloud
            .show(&caller, Kind::Trunk, &node.trunk, &["sub_ports".to_owned()])
            .map_err(refused)?;
        let taken = trunk["sub_ports"].as_array().map_or(0, Vec::len);
        let first = u16::try_from(taken + 1).map_err(|_| broken("a trunk is full"))?;
        let seeded = made.iter().zip(first..).map(|(port, vlan)| {
            Some(SeededPort {
                id: id(port),
                mac: port["mac_address"].as_str()?.to_owned(),
                vlan,
                address: address(port)?,
            })
        });
        let seeded: Option<Vec<_>> = seeded.collect();
        let seeded = seeded.ok_or_else(|| broken("a port without an address"))?;
        let subport = |p: &SeededPort| {
            json!({"port_id": p.id, "segmentation_type": "vlan", "segmentation_id": p.vlan})
        };
        let body = json!({"sub_ports": seeded.iter().map(subport).collect::<Vec<_>>()});
        state
            .cloud
            .add_subports(&caller, &node.trunk, &body)
            .map_err(refused)?;
        Ok(seeded)
    })
}

/// Stores an object; its uid.
fn put(site: &Site, table: &str, mut object: Value) -> Result<String, BenchError> {
    let uid = uuid::Uuid::new_v4().to_string();
    object["metadata"]["uid"] = json!(uid);
    object["metadata"]["creationTimestamp"] = json!("2026-01-01T00:00:00Z");
    object["metadata"]["generation"] = json!(1);
    let stored = site
        .kube
        .store()
        .put(&TableName::from(table), Expect::Absent, object);
    stored.map_err(|_| broken("an object of this name is there"))?;
    Ok(uid)
}

fn broken(message: &str) -> BenchError {
    BenchError::Cloud {
        what: "seed pods".to_owned(),
        message: message.to_owned(),
    }
}
