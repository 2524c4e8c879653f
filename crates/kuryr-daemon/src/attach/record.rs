//! One plugged interface, as it is remembered.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use kuryr_api::vif::{Vif, link_name};
use kuryr_cni::protocol::{Attached, Interface, Ip, Route, Target};
use kuryr_net::{InterfaceSpec, MacAddr, Method, RouteSpec, UnplugSpec, owner_alias};
use serde::{Deserialize, Serialize};

use super::locks::Key;
use crate::ports::PodKey;

/// One interface of one container: everything that DEL and CHECK need, without any API
/// server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Name of the network configuration.
    pub network: String,
    /// The container; `None` for an interface that was found without a record.
    pub container: Option<String>,
    /// The interface's name in the pod.
    pub ifname: String,
    /// The pod's network namespace, by its path on the host.
    pub netns: Option<PathBuf>,
    /// The namespace's inode number: another namespace may come to the same path.
    pub netns_inode: Option<u64>,
    pub pod: PodKey,
    /// The pod's uid, as the KuryrPort has it.
    pub pod_uid: String,
    /// The Neutron port.
    pub port_id: String,
    /// The segmentation id on the trunk.
    pub vlan: u16,
    /// The trunk's link.
    pub uplink: String,
    /// What the interface is made of.
    pub wiring: Wiring,
    /// How it was plugged, once it is.
    pub method: Option<MethodName>,
    /// Whether ADD was answered with success; one for which it was not is undone at start.
    pub complete: bool,
}

/// Addresses, routes and the like of an interface.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wiring {
    /// MAC address.
    pub mac: String,
    /// MTU in bytes.
    pub mtu: u32,
    /// Addresses, each with its subnet's gateway.
    pub addresses: Vec<(IpNet, Option<IpAddr>)>,
    /// Default gateways, one for each family at most.
    pub gateways: Vec<IpAddr>,
    /// Host routes.
    pub routes: Vec<(IpNet, Option<IpAddr>)>,
    /// Name servers.
    pub nameservers: Vec<IpAddr>,
}

/// [`Method`], as it is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MethodName {
    /// A vlan link.
    Vlan,
    /// A veth pair with tc-bpf.
    Bpf,
}

impl MethodName {
    /// `None` for [`Method::Auto`], which nothing is plugged by.
    #[must_use]
    pub fn of(method: Method) -> Option<Self> {
        match method {
            Method::Auto => None,
            Method::Vlan => Some(Self::Vlan),
            Method::Bpf => Some(Self::Bpf),
        }
    }
}

impl From<MethodName> for Method {
    fn from(name: MethodName) -> Self {
        match name {
            MethodName::Vlan => Self::Vlan,
            MethodName::Bpf => Self::Bpf,
        }
    }
}

impl Wiring {
    /// What a VIF asks for. A host route for everything stands in for the subnet's gateway,
    /// as Neutron's DHCP has it.
    #[must_use]
    pub fn of(vif: &Vif) -> Self {
        let subnets = &vif.network.subnets;
        let routes: Vec<_> = subnets.iter().flat_map(|s| s.routes.clone()).collect();
        let mut gateways: Vec<IpAddr> = Vec::new();
        let mut nameservers: Vec<IpAddr> = Vec::new();
        for subnet in subnets.iter().filter(|s| !s.ips.is_empty()) {
            let v4 = subnet.cidr.addr().is_ipv4();
            let routed = routes
                .iter()
                .any(|(dst, _)| dst.prefix_len() == 0 && dst.addr().is_ipv4() == v4);
            let first = !gateways.iter().any(|g| g.is_ipv4() == v4);
            gateways.extend(subnet.gateway.filter(|_| first && !routed));
            for server in &subnet.dns {
                if !nameservers.contains(server) {
                    nameservers.push(*server);
                }
            }
        }
        let addresses = subnets.iter().flat_map(|s| {
            s.ips
                .iter()
                .filter_map(|ip| IpNet::new(*ip, s.cidr.prefix_len()).ok())
                .map(|ip| (ip, s.gateway))
        });
        Self {
            mac: vif.mac.clone(),
            mtu: vif.network.mtu,
            addresses: addresses.collect(),
            gateways,
            routes,
            nameservers,
        }
    }
}

impl Attachment {
    /// What an ADD asks for, not plugged yet.
    #[must_use]
    pub fn wanted(target: &Target, pod: PodKey, uid: String, vif: &Vif, uplink: String) -> Self {
        Self {
            network: target.network.clone(),
            container: Some(target.container_id.clone()),
            ifname: target.ifname.clone(),
            netns: target.netns.as_ref().map(PathBuf::from),
            netns_inode: None,
            pod,
            pod_uid: uid,
            port_id: vif.port_id.clone(),
            vlan: vif.vlan,
            uplink,
            wiring: Wiring::of(vif),
            method: None,
            complete: false,
        }
    }

    /// Whether this is the container's interface.
    #[must_use]
    pub fn is(&self, container: &str, ifname: &str) -> bool {
        self.container.as_deref() == Some(container) && self.ifname == ifname
    }

    /// Whether both are the same interface in the same place, done or not.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        let place = |a: &Self| {
            (
                a.container.clone(),
                a.ifname.clone(),
                a.netns.clone(),
                a.netns_inode,
            )
        };
        let port = |a: &Self| (a.pod.clone(), a.port_id.clone(), a.vlan, a.uplink.clone());
        place(self) == place(other) && port(self) == port(other)
    }

    /// Name of the node's end of a veth pair.
    #[must_use]
    pub fn host_name(&self) -> String {
        link_name(&self.port_id)
    }

    /// What must be held while it is worked on.
    #[must_use]
    pub fn keys(&self) -> BTreeSet<Key> {
        [
            Key::Pod(self.pod.clone(), self.ifname.clone()),
            Key::Vlan(self.vlan),
        ]
        .into()
    }

    /// For [`kuryr_net::plug`] and [`kuryr_net::check`]; `None` without a namespace.
    ///
    /// # Errors
    /// The MAC address is none.
    pub fn interface_spec(&self) -> Result<InterfaceSpec, String> {
        let mac: MacAddr = self.wiring.mac.parse().map_err(|e| format!("{e}"))?;
        Ok(InterfaceSpec {
            ifname: self.ifname.clone(),
            pod_netns: self
                .netns
                .clone()
                .ok_or("its network namespace is not known")?,
            uplink: self.uplink.clone(),
            vlan: self.vlan,
            mac,
            mtu: self.wiring.mtu,
            addresses: self.wiring.addresses.iter().map(|(ip, _)| *ip).collect(),
            gateways: self.wiring.gateways.clone(),
            routes: self
                .wiring
                .routes
                .iter()
                .map(|(dst, via)| RouteSpec {
                    dst: *dst,
                    via: *via,
                })
                .collect(),
            host_name: self.host_name(),
            method: self.method.map_or(Method::Auto, Method::from),
            alias: Some(self.alias()),
        })
    }

    /// For [`kuryr_net::unplug`]. A namespace that came to the path later is not entered.
    #[must_use]
    pub fn unplug_spec(&self, netns_is_its: bool) -> UnplugSpec {
        UnplugSpec {
            ifname: self.ifname.clone(),
            pod_netns: self.netns.clone().filter(|_| netns_is_its),
            host_name: self.host_name(),
            uplink: self.uplink.clone(),
            vlan: Some(self.vlan),
            alias: Some(self.alias()),
        }
    }

    /// What its links say of whose they are.
    fn alias(&self) -> String {
        owner_alias(&self.port_id, &self.pod.namespace, &self.pod.name)
    }

    /// What the plugin is told.
    #[must_use]
    pub fn to_attached(&self) -> Attached {
        let wiring = &self.wiring;
        let mut interfaces = vec![Interface {
            name: self.ifname.clone(),
            mac: Some(wiring.mac.clone()),
            mtu: Some(wiring.mtu),
            sandbox: self.netns.as_ref().map(|p| p.display().to_string()),
        }];
        if self.method == Some(MethodName::Bpf) {
            interfaces.push(Interface {
                name: self.host_name(),
                mac: None,
                mtu: None,
                sandbox: None,
            });
        }
        let default = |gw: &IpAddr| Route {
            dst: if gw.is_ipv4() { "0.0.0.0/0" } else { "::/0" }.to_owned(),
            gw: Some(gw.to_string()),
        };
        let further = wiring.routes.iter().map(|(dst, via)| Route {
            dst: dst.to_string(),
            gw: via.map(|gw| gw.to_string()),
        });
        let ips = wiring.addresses.iter().map(|(address, gateway)| Ip {
            address: address.to_string(),
            gateway: gateway.map(|gw| gw.to_string()),
            interface: 0,
        });
        Attached {
            interfaces,
            ips: ips.collect(),
            routes: wiring.gateways.iter().map(default).chain(further).collect(),
            nameservers: wiring.nameservers.iter().map(ToString::to_string).collect(),
        }
    }
}
