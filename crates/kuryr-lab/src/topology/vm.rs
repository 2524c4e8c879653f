//! VMs: a namespace whose eth0 is a Neutron port.

use std::path::PathBuf;

use ipnet::IpNet;
use kuryr_embedded_openstack::{Handle, Kind};
use kuryr_net::links::{Links, NewLink, Route};
use kuryr_net::{MacAddr, netns};

use super::apply::Hypervisors;
use super::{TopologyError, names};

/// What VM to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VmSpec {
    /// Its name, also its namespace's (less the lab's).
    pub name: String,
    /// The hypervisor that it runs on.
    pub hypervisor: String,
    /// The Neutron port that is its eth0. To be a worker, a trunk's parent.
    pub port: String,
}

/// A VM that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vm {
    pub name: String,
    /// The hypervisor that it runs on.
    pub hypervisor: String,
    /// The Neutron port that is its eth0.
    pub port: String,
    /// Its namespace.
    pub netns: PathBuf,
    /// Its addresses with the prefix lengths of their subnets.
    pub addresses: Vec<IpNet>,
}

/// What of a port a VM's interface is made from.
struct Interface {
    mac: String,
    mtu: u32,
    addresses: Vec<IpNet>,
    gateways: Vec<std::net::IpAddr>,
}

/// Makes the VM's namespace and its interface; the port is not plugged yet.
pub(super) fn make(
    hypervisors: &Hypervisors,
    cloud: &Handle,
    spec: &VmSpec,
) -> Result<Vm, TopologyError> {
    let unknown = || {
        TopologyError::Unknown(format!(
            "VM {}: Neutron has no port {}",
            spec.name, spec.port
        ))
    };
    if !hypervisors.names.contains(&spec.hypervisor) {
        return Err(TopologyError::Unknown(format!(
            "VM {}: there is no hypervisor {}",
            spec.name, spec.hypervisor
        )));
    }
    let interface = interface(cloud, &spec.port).ok_or_else(unknown)?;
    let failed = || TopologyError::net(format!("make VM {}", spec.name));
    let path = netns::create(&hypervisors.lab.netns(&spec.name)).map_err(failed())?;
    let build = || {
        let file = netns::open(Some(&path))?;
        let outside = Links::open(Some(&hypervisors.netns(&spec.hypervisor)))?;
        let mac = interface.mac.parse::<MacAddr>().ok();
        let eth0 = NewLink {
            mac,
            mtu: Some(interface.mtu),
            netns: Some(&file),
            ..NewLink::named("eth0")
        };
        let tap_name = names::tap(&spec.port);
        outside.add_veth(
            &NewLink {
                mtu: Some(interface.mtu),
                ..NewLink::named(&tap_name)
            },
            &eth0,
        )?;
        let tap = outside.require(&tap_name)?.index;
        outside.set_up(tap)?;
        let inside = Links::open(Some(&path))?;
        inside.set_up(inside.require("lo")?.index)?;
        let eth0 = inside.require("eth0")?.index;
        inside.set_up(eth0)?;
        interface
            .addresses
            .iter()
            .try_for_each(|address| inside.add_address(eth0, *address))?;
        interface
            .gateways
            .iter()
            .try_for_each(|gateway| inside.add_route(eth0, &default_by(*gateway)))
    };
    if let Err(source) = build() {
        let _ = netns::delete(&hypervisors.lab.netns(&spec.name));
        return Err(failed()(source));
    }
    Ok(Vm {
        name: spec.name.clone(),
        hypervisor: spec.hypervisor.clone(),
        port: spec.port.clone(),
        netns: path,
        addresses: interface.addresses,
    })
}

/// Removes a VM's tap and namespace.
pub(super) fn remove(hypervisors: &Hypervisors, vm: &Vm) -> Result<(), TopologyError> {
    let failed = || TopologyError::net(format!("remove VM {}", vm.name));
    let links = hypervisors.links(&vm.hypervisor)?;
    if let Some(tap) = links.get(&names::tap(&vm.port)).map_err(failed())? {
        links.delete(tap.index).map_err(failed())?;
    }
    netns::delete(&hypervisors.lab.netns(&vm.name)).map_err(failed())
}

fn default_by(gateway: std::net::IpAddr) -> Route {
    let any = if gateway.is_ipv4() {
        "0.0.0.0/0"
    } else {
        "::/0"
    };
    let any = any.parse().unwrap_or_else(|_| IpNet::from(gateway));
    Route {
        dst: any,
        via: Some(gateway),
        onlink: false,
    }
}

fn interface(cloud: &Handle, port: &str) -> Option<Interface> {
    cloud.with(|state| {
        let leg = state.cloud.interface_of(port)?;
        let subnets = state
            .cloud
            .peek(Kind::Port, port)?
            .get("fixed_ips")?
            .as_array()?
            .clone();
        let gateway = |fixed: &serde_json::Value| {
            let subnet = state
                .cloud
                .peek(Kind::Subnet, fixed.get("subnet_id")?.as_str()?)?;
            subnet.get("gateway_ip")?.as_str()?.parse().ok()
        };
        let gateways = subnets.iter().filter_map(gateway).collect();
        Some(Interface {
            mac: leg.mac,
            mtu: leg.mtu,
            addresses: leg.addresses,
            gateways,
        })
    })
}
