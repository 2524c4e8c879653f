//! Making the machines.

use std::fs;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use kuryr_lab::topology::{LabId, run_nft};
use kuryr_net::hypervisor_trunk::HypervisorTrunk;
use kuryr_net::links::{Links, NewLink, Route, Vxlan};
use kuryr_net::{InterfaceSpec, Method, NetError, Node, netns, plug};

use super::addresses::{
    ALL_PODS, AMPHORA, GATEWAY, NETWORKS, NODES, Network, PODS, Pod, SERVICES, VXLAN_PORT, WORKERS,
    overlay, overlay_mtu, tenant_mtu, underlay,
};
use super::{names, rules};
use crate::MatrixError;
use crate::cell::Backend;

type Done = Result<(), MatrixError>;

/// Set in each namespace. The reasons: counted packets shall be the load's, without IPv6's own; Services' paths are
/// not symmetric; and a port of a closed connection is free again before all ports are used up.
const EVERYWHERE: &[(&str, &str)] = &[
    ("ipv6/conf/all/disable_ipv6", "1"),
    ("ipv6/conf/default/disable_ipv6", "1"),
    ("ipv4/conf/all/rp_filter", "0"),
    ("ipv4/conf/default/rp_filter", "0"),
    ("ipv4/conf/all/send_redirects", "0"),
    ("ipv4/conf/default/send_redirects", "0"),
    ("ipv4/ip_local_port_range", "10000 65535"),
    ("ipv4/tcp_tw_reuse", "1"),
    ("netfilter/nf_conntrack_tcp_timeout_time_wait", "1"),
    ("netfilter/nf_conntrack_udp_timeout", "5"),
    ("netfilter/nf_conntrack_udp_timeout_stream", "5"),
];
const FORWARDS: &[(&str, &str)] = &[("ipv4/ip_forward", "1")];
/// Pods of an overlay are switched on their worker without the worker's IP filters, as by Open vSwitch.
const SWITCHES_PLAINLY: &[(&str, &str)] = &[("bridge/bridge-nf-call-iptables", "0")];

/// Makes the parts of a site.
pub(super) struct Builder<'a> {
    pub(super) lab: &'a LabId,
    pub(super) backend: Backend,
}

impl Builder<'_> {
    /// Everything, in order.
    pub(super) fn build(&self) -> Done {
        for number in [1, 2] {
            self.netns(&names::hypervisor(number), FORWARDS)?;
        }
        self.wire()?;
        for number in [1, 2] {
            self.networks(number)?;
        }
        for (worker, host) in WORKERS {
            self.worker(worker, host)?;
        }
        for pod in ALL_PODS {
            self.kuryr_pod(pod)?;
            self.overlay_pod(pod)?;
        }
        match self.backend {
            Backend::Ovn => self.distributed_gateway(),
            Backend::Ovs => self.router().and_then(|()| self.amphora()),
        }
    }

    fn path(&self, part: &str) -> PathBuf {
        self.lab.netns_path(part)
    }

    fn links(&self, part: &str) -> Result<Links, MatrixError> {
        Links::open(Some(&self.path(part))).map_err(MatrixError::net(format!("open {part}")))
    }

    fn netns(&self, part: &str, more: &[(&str, &str)]) -> Done {
        let failed = || MatrixError::net(format!("make namespace {part}"));
        let path = netns::create(&self.lab.netns(part)).map_err(failed())?;
        let set = || -> std::io::Result<()> {
            for (name, value) in EVERYWHERE.iter().chain(more) {
                let file = Path::new("/proc/sys/net").join(name);
                // A kernel without IPv6 or with another conntrack has no such setting, and needs none.
                if file.exists() {
                    fs::write(file, value)?;
                }
            }
            Ok(())
        };
        let done = netns::run_in(Some(&path), set).map_err(failed())?;
        done.map_err(MatrixError::io(format!("set up namespace {part}")))?;
        let links = self.links(part)?;
        links
            .require("lo")
            .and_then(|lo| links.set_up(lo.index))
            .map_err(failed())
    }

    /// A veth pair from one namespace into another, both ends up; returns the links of the other.
    fn cable(
        &self,
        host: &str,
        outside: &str,
        part: &str,
        inside: &str,
        mtu: u32,
    ) -> Result<Links, NetError> {
        let path = self.path(part);
        let file = netns::open(Some(&path))?;
        let near = NewLink {
            mtu: Some(mtu),
            ..NewLink::up(outside)
        };
        let far = NewLink {
            mtu: Some(mtu),
            netns: Some(&file),
            ..NewLink::up(inside)
        };
        Links::open(Some(&self.path(host)))?.add_veth(&near, &far)?;
        Links::open(Some(&path))
    }

    fn rules(&self, part: &str, ruleset: &str) -> Done {
        let loaded = netns::run_in(Some(&self.path(part)), || run_nft(ruleset));
        let loaded = loaded.map_err(MatrixError::net(format!("open {part}")))?;
        loaded.map_err(MatrixError::io(format!("load the rules of {part}")))
    }

    /// The wire between the hypervisors.
    fn wire(&self) -> Done {
        let failed = || MatrixError::net("join the hypervisors");
        let one = self.links("hv1")?;
        let file = netns::open(Some(&self.path("hv2"))).map_err(failed())?;
        let far = NewLink {
            netns: Some(&file),
            ..NewLink::up("wire")
        };
        one.add_veth(&NewLink::up("wire"), &far).map_err(failed())?;
        for number in [1, 2] {
            let links = self.links(&names::hypervisor(number))?;
            let wire = links.require("wire").map_err(failed())?;
            links
                .add_address(wire.index, underlay(number))
                .map_err(failed())?;
        }
        Ok(())
    }

    /// A hypervisor's end of each tenant network, and its rules.
    fn networks(&self, number: u8) -> Done {
        let host = names::hypervisor(number);
        let links = self.links(&host)?;
        let mtu = Some(tenant_mtu(self.backend));
        let peer = 3 - number;
        let make = |network: Network| {
            let bridge = network.bridge();
            links.add_bridge(&NewLink {
                mtu,
                ..NewLink::up(&bridge)
            })?;
            let tunnel = format!("vx{}", network.vni);
            let vxlan = Vxlan {
                id: network.vni,
                local: underlay(number).addr(),
                remote: underlay(peer).addr(),
                port: VXLAN_PORT,
            };
            add_tunnel(&links, &tunnel, mtu, &vxlan, &bridge)
        };
        for network in NETWORKS {
            make(network).map_err(MatrixError::net(format!(
                "make network {} on {host}",
                network.vni
            )))?;
        }
        // Flows of Services are on the hypervisor of the client, which is the first.
        let services = self.backend == Backend::Ovn && number == 1;
        self.rules(&host, &rules::hypervisor(services))
    }

    /// A VM with its interface on a network.
    fn vm(&self, name: &str, host: &str, network: Network, address: IpNet) -> Done {
        let tap = format!("tap-{name}");
        let make = || {
            let own = self.cable(host, &tap, name, "eth0", tenant_mtu(self.backend))?;
            own.add_address(own.require("eth0")?.index, address)
        };
        make().map_err(MatrixError::net(format!("make VM {name}")))?;
        self.port(name, host, &tap, None, network)
    }

    /// A port: a VLAN of a VM's interface, or what has none, on its network's bridge.
    fn port(&self, name: &str, host: &str, tap: &str, vlan: Option<u16>, network: Network) -> Done {
        let links = self.links(host)?;
        let (near, far) = (format!("l-{name}"), format!("p-{name}"));
        let make = || {
            links.add_veth(&NewLink::named(&near), &NewLink::named(&far))?;
            join(&links, &far, &network.bridge())?;
            HypervisorTrunk::open(Some(&self.path(host)), tap)?.join(vlan, &near)
        };
        make().map_err(MatrixError::net(format!("join port {name}")))
    }

    /// A worker, with the overlay's bridge on it.
    fn worker(&self, worker: u8, host: &str) -> Done {
        let name = names::worker(worker);
        let sysctls = [FORWARDS, SWITCHES_PLAINLY].concat();
        self.netns(&name, &sysctls)?;
        self.vm(&name, host, NODES, NODES.address(10 + worker))?;
        let links = self.links(&name)?;
        let mtu = Some(overlay_mtu(self.backend));
        let make = || {
            links.add_bridge(&NewLink {
                mtu,
                ..NewLink::up("overlay")
            })?;
            let bridge = links.require("overlay")?.index;
            links.add_address(bridge, overlay(worker, GATEWAY))?;
            for peer in overlay_peers(worker) {
                let tunnel = format!("to-w{peer}");
                let vxlan = Vxlan {
                    // The kernel takes one tunnel with a peer of each port and number.
                    id: 10 + u32::from(peer.max(worker)),
                    local: NODES.address(10 + worker).addr(),
                    remote: NODES.address(10 + peer).addr(),
                    port: VXLAN_PORT,
                };
                add_tunnel(&links, &tunnel, mtu, &vxlan, "overlay")?;
            }
            Ok(())
        };
        make().map_err(MatrixError::net(format!("make the overlay of {name}")))?;
        self.rules(&name, &rules::worker())
    }

    /// A pod on a subport, plugged as the daemon does it.
    fn kuryr_pod(&self, pod: Pod) -> Done {
        let (name, worker) = (names::kuryr_pod(pod), names::worker(pod.worker()));
        self.netns(&name, &[])?;
        let host = hypervisor_of(pod.worker());
        let tap = format!("tap-{worker}");
        self.port(&name, host, &tap, Some(pod.vlan()), PODS)?;
        let spec = InterfaceSpec {
            ifname: "eth0".to_owned(),
            pod_netns: self.path(&name),
            uplink: "eth0".to_owned(),
            vlan: pod.vlan(),
            mac: pod.mac(),
            mtu: tenant_mtu(self.backend),
            addresses: vec![PODS.address(pod.host())],
            gateways: vec![PODS.address(GATEWAY).addr()],
            routes: Vec::new(),
            host_name: format!("k-{name}"),
            method: Method::Bpf,
            alias: None,
        };
        let plugged = plug(&Node::in_netns(self.path(&worker)), &spec);
        plugged
            .map(drop)
            .map_err(MatrixError::net(format!("plug pod {name}")))
    }

    /// A pod behind the overlay.
    fn overlay_pod(&self, pod: Pod) -> Done {
        let (name, worker) = (names::overlay_pod(pod), pod.worker());
        self.netns(&name, &[])?;
        let host = names::worker(worker);
        let outside = format!("v-{name}");
        let make = || {
            let own = self.cable(&host, &outside, &name, "eth0", overlay_mtu(self.backend))?;
            join(&Links::open(Some(&self.path(&host)))?, &outside, "overlay")?;
            let eth0 = own.require("eth0")?.index;
            own.add_address(eth0, overlay(worker, pod.host()))?;
            own.add_route(eth0, &default_by(overlay(worker, GATEWAY)))
        };
        make().map_err(MatrixError::net(format!("make pod {name}")))
    }

    /// ML2/OVN: the router is on the client's own hypervisor.
    fn distributed_gateway(&self) -> Done {
        let links = self.links("hv1")?;
        links
            .require(&PODS.bridge())
            .and_then(|bridge| links.add_address(bridge.index, PODS.address(GATEWAY)))
            .map_err(MatrixError::net("give the pods' network its gateway"))
    }

    /// ML2/OVS: the router is a namespace of a network node, which the first hypervisor is here.
    fn router(&self) -> Done {
        self.netns("router", FORWARDS)?;
        let links = self.links("hv1")?;
        for network in [PODS, SERVICES] {
            let (inside, outside) = (format!("r-{}", network.vni), format!("p-r{}", network.vni));
            let make = || {
                let own =
                    self.cable("hv1", &outside, "router", &inside, tenant_mtu(self.backend))?;
                join(&links, &outside, &network.bridge())?;
                own.add_address(own.require(&inside)?.index, network.address(GATEWAY))
            };
            make().map_err(MatrixError::net("make the router"))?;
        }
        Ok(())
    }

    /// The amphora's VM, on the client's hypervisor; what runs in it is [`super::amphora`]'s.
    fn amphora(&self) -> Done {
        self.netns(names::AMPHORA, FORWARDS)?;
        self.vm(names::AMPHORA, "hv1", SERVICES, SERVICES.address(AMPHORA))?;
        let links = self.links(names::AMPHORA)?;
        let route = default_by(SERVICES.address(GATEWAY));
        links
            .require("eth0")
            .and_then(|eth0| links.add_route(eth0.index, &route))
            .map_err(MatrixError::net("give the amphora its route"))?;
        self.rules(names::AMPHORA, &rules::amphora())
    }
}

/// The workers to which one has a tunnel: the client's to all, the others only back, so that there is no loop.
fn overlay_peers(worker: u8) -> Vec<u8> {
    match worker {
        1 => vec![2, 3],
        _ => vec![1],
    }
}

fn hypervisor_of(worker: u8) -> &'static str {
    let of = WORKERS.iter().find(|(number, _)| *number == worker);
    of.map_or("hv1", |(_, host)| host)
}

/// A VXLAN that is a port of a bridge.
fn add_tunnel(
    links: &Links,
    name: &str,
    mtu: Option<u32>,
    vxlan: &Vxlan,
    bridge: &str,
) -> Result<(), NetError> {
    let link = NewLink {
        mtu,
        ..NewLink::named(name)
    };
    links.add_vxlan(&link, vxlan)?;
    join(links, name, bridge)
}

fn join(links: &Links, link: &str, bridge: &str) -> Result<(), NetError> {
    let link = links.require(link)?.index;
    links.set_master(link, Some(links.require(bridge)?.index))?;
    links.set_up(link)
}

fn default_by(gateway: IpNet) -> Route {
    Route {
        dst: IpNet::V4(ipnet::Ipv4Net::default()),
        via: Some(gateway.addr()),
        onlink: false,
    }
}
