//! What the hypervisors are to do, read off Neutron's state: which port sits where, who may send it what.
//! The topology compares this with what it has wired; nothing here knows how it wires.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::Value;

use super::addresses::FixedIp;
use super::schema::{Fields, Kind};
use super::{Cloud, flag, given, items, text};

/// The wiring of the whole cloud.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wiring {
    /// Plugged ports and the subports of plugged trunks, by port id.
    pub ports: BTreeMap<String, PortWiring>,
    /// Routers that have a leg, by router id.
    pub routers: BTreeMap<String, RouterWiring>,
    /// Security groups in use, by group id: rules and members.
    pub groups: BTreeMap<String, Filter>,
}

/// One port that carries traffic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortWiring {
    /// Hypervisor that the port, or its trunk's parent, is plugged into.
    pub host: String,
    /// For a subport: the parent port and the VLAN on it.
    pub trunk: Option<(String, u16)>,
    pub network: String,
    /// VNI of its network.
    pub vni: u32,
    /// MTU of its network.
    pub mtu: u32,
    /// Its MAC address.
    pub mac: String,
    /// Its addresses with the prefix lengths of their subnets.
    pub addresses: Vec<IpNet>,
    /// Other addresses that it may send from.
    pub allowed: Vec<IpNet>,
    /// Its security groups; `None` when port security is off and everything passes.
    pub groups: Option<BTreeSet<String>>,
}

/// A security group as a filter sees it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// What is let through.
    pub rules: BTreeSet<Rule>,
    /// Addresses of the ports in the group, for rules that name it as remote.
    pub members: BTreeSet<IpNet>,
}

/// One rule of a security group.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rule {
    /// `true` for traffic to the port, `false` for traffic from it.
    pub ingress: bool,
    /// IPv6 rather than IPv4.
    pub ipv6: bool,
    /// Protocol name or number; `None` is any.
    pub protocol: Option<String>,
    /// Port range, or ICMP type and code.
    pub ports: (Option<u16>, Option<u16>),
    /// Remote prefix.
    pub prefix: Option<IpNet>,
    /// Remote group.
    pub group: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RouterWiring {
    /// Its interfaces, by port id.
    pub legs: BTreeMap<String, RouterLeg>,
}

/// One interface of a router.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouterLeg {
    pub network: String,
    /// VNI of that network.
    pub vni: u32,
    /// MTU of that network.
    pub mtu: u32,
    /// Its MAC address.
    pub mac: String,
    /// Its addresses with the prefix lengths of their subnets.
    pub addresses: Vec<IpNet>,
}

impl Cloud {
    /// The wiring as Neutron's state wants it now.
    pub fn wiring(&self) -> Wiring {
        let mut wiring = Wiring::default();
        for (id, port) in self.table(Kind::Port) {
            if let Some(wired) = self.port_wiring(id, port) {
                wiring.ports.insert(id.clone(), wired);
            }
        }
        for (id, _) in self.table(Kind::Router) {
            let legs = self
                .router_ports(id)
                .into_iter()
                .filter_map(|port| Some((port.to_owned(), self.leg(port)?)));
            let router = RouterWiring {
                legs: legs.collect(),
            };
            if !router.legs.is_empty() {
                wiring.routers.insert(id.clone(), router);
            }
        }
        wiring.groups = self.filters();
        wiring
    }

    fn port_wiring(&self, id: &str, port: &Fields) -> Option<PortWiring> {
        if !flag(port, "admin_state_up") {
            return None;
        }
        let leaked = self
            .leaks
            .iter()
            .find(|(_, leaked)| *leaked == id)
            .map(|(at, _)| at.clone());
        let membership = self
            .memberships
            .get(id)
            .map(|member| (member.trunk.clone(), member.vlan));
        // A VLAN that a removed port still holds carries that port's traffic, not its successor's.
        let membership = membership
            .filter(|at| !self.leaks.contains_key(at))
            .or(leaked);
        let trunk = membership.map(|(trunk, vlan)| (self.parent_of(&trunk), vlan));
        let host = match &trunk {
            Some((parent, _)) => self.plugged.get(parent)?,
            None if self.memberships.contains_key(id) => return None,
            None => self.plugged.get(id)?,
        };
        let leg = self.leg(id)?;
        let groups = || {
            items(port, "security_groups")
                .iter()
                .filter_map(|group| Some(group.as_str()?.to_owned()))
        };
        Some(PortWiring {
            host: host.clone(),
            trunk,
            network: leg.network,
            vni: leg.vni,
            mtu: leg.mtu,
            mac: leg.mac,
            addresses: leg.addresses,
            allowed: items(port, "allowed_address_pairs")
                .iter()
                .filter_map(pair_prefix)
                .collect(),
            groups: flag(port, "port_security_enabled").then(|| groups().collect()),
        })
    }

    fn leg(&self, port: &str) -> Option<RouterLeg> {
        let port = self.get(Kind::Port, port)?;
        let network = self.get(Kind::Network, text(port, "network_id"))?;
        let number = |name: &str| u32::try_from(network.get(name)?.as_i64()?).ok();
        let with_prefix =
            |fixed: FixedIp| IpNet::new(fixed.address, self.cidr(&fixed.subnet)?.prefix_len()).ok();
        Some(RouterLeg {
            network: text(port, "network_id").to_owned(),
            vni: number("provider:segmentation_id")?,
            mtu: number("mtu")?,
            mac: text(port, "mac_address").to_owned(),
            addresses: FixedIp::list(items(port, "fixed_ips"))
                .into_iter()
                .filter_map(with_prefix)
                .collect(),
        })
    }

    /// What an interface that is this port must be like: MAC, MTU, addresses.
    pub fn interface_of(&self, port: &str) -> Option<RouterLeg> {
        self.leg(port)
    }

    /// An object as it is stored, whoever owns it.
    pub fn peek(&self, kind: Kind, id: &str) -> Option<&Fields> {
        self.get(kind, id)
    }

    fn filters(&self) -> BTreeMap<String, Filter> {
        let mut filters: BTreeMap<String, Filter> = BTreeMap::new();
        for (_, rule) in self.table(Kind::SecurityGroupRule) {
            let group = text(rule, "security_group_id").to_owned();
            filters
                .entry(group)
                .or_default()
                .rules
                .insert(rule_of(rule));
        }
        for (_, port) in self.table(Kind::Port) {
            let fixed = FixedIp::list(items(port, "fixed_ips"))
                .into_iter()
                .map(|fixed| IpNet::from(fixed.address));
            let pairs = items(port, "allowed_address_pairs")
                .iter()
                .filter_map(pair_prefix);
            let members: Vec<IpNet> = fixed.chain(pairs).collect();
            for group in items(port, "security_groups")
                .iter()
                .filter_map(Value::as_str)
            {
                filters
                    .entry(group.to_owned())
                    .or_default()
                    .members
                    .extend(&members);
            }
        }
        filters
    }
}

fn pair_prefix(pair: &Value) -> Option<IpNet> {
    let text = pair.get("ip_address")?.as_str()?;
    text.parse::<IpNet>()
        .ok()
        .or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

fn rule_of(rule: &Fields) -> Rule {
    let port = |name: &str| {
        given(rule, name)
            .and_then(Value::as_i64)
            .and_then(|port| u16::try_from(port).ok())
    };
    let string = |name: &str| given(rule, name).and_then(Value::as_str).map(str::to_owned);
    Rule {
        ingress: text(rule, "direction") == "ingress",
        ipv6: text(rule, "ethertype") == "IPv6",
        protocol: string("protocol"),
        ports: (port("port_range_min"), port("port_range_max")),
        prefix: string("normalized_cidr").and_then(|prefix| prefix.parse().ok()),
        group: string("remote_group_id"),
    }
}
