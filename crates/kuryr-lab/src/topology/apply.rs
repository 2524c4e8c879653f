//! The steps of a plan, done by netlink, tc-bpf and nft. Blocking: called on a thread that may block.

use std::fs;
use std::path::PathBuf;

use ipnet::IpNet;
use kuryr_embedded_openstack::RouterLeg;
use kuryr_net::hypervisor_trunk::HypervisorTrunk;
use kuryr_net::links::{Links, NewLink, Vxlan};
use kuryr_net::{MacAddr, netns};

use super::plan::{Action, Leg};
use super::preflight::run_nft;
use super::{LabId, TopologyError, names};

type Done = Result<(), TopologyError>;

/// The hypervisors of a lab, in order: the first is number 1 and carries the routers.
#[derive(Debug, Clone)]
pub(super) struct Hypervisors {
    pub(super) lab: LabId,
    pub(super) names: Vec<String>,
}

impl Hypervisors {
    pub(super) fn netns(&self, host: &str) -> PathBuf {
        self.lab.netns_path(host)
    }

    pub(super) fn links(&self, host: &str) -> Result<Links, TopologyError> {
        Links::open(Some(&self.netns(host)))
            .map_err(TopologyError::net(format!("open hypervisor {host}")))
    }

    /// Makes the underlay and the hypervisors on it.
    pub(super) fn build(&self) -> Done {
        let underlay = self.make_netns("underlay")?;
        let links =
            Links::open(Some(&underlay)).map_err(TopologyError::net("open the underlay"))?;
        let failed = "make the underlay";
        links
            .add_bridge(&NewLink {
                up: true,
                ..NewLink::named("underlay")
            })
            .map_err(TopologyError::net(failed))?;
        let bridge = links
            .require("underlay")
            .map_err(TopologyError::net(failed))?;
        unfiltered(&underlay)?;
        for (at, host) in self.names.iter().enumerate() {
            let path = self.make_netns(host)?;
            without_ipv6(&path)?;
            let file =
                netns::open(Some(&path)).map_err(TopologyError::net(format!("open {host}")))?;
            let here = format!("u{}", at + 1);
            let inside = NewLink {
                netns: Some(&file),
                up: true,
                ..NewLink::named("underlay")
            };
            let make = || {
                links.add_veth(
                    &NewLink {
                        up: true,
                        ..NewLink::named(&here)
                    },
                    &inside,
                )?;
                links.set_master(links.require(&here)?.index, Some(bridge.index))?;
                let own = Links::open(Some(&path))?;
                let address = IpNet::from(std::net::IpAddr::V4(names::underlay_address(at + 1)));
                let subnet = IpNet::new(address.addr(), 15).unwrap_or(address);
                own.add_address(own.require("underlay")?.index, subnet)
            };
            make().map_err(TopologyError::net(format!("join {host} to the underlay")))?;
        }
        Ok(())
    }

    fn make_netns(&self, part: &str) -> Result<PathBuf, TopologyError> {
        let path = netns::create(&self.lab.netns(part))
            .map_err(TopologyError::net(format!("make namespace {part}")))?;
        let up =
            || Links::open(Some(&path)).and_then(|links| links.set_up(links.require("lo")?.index));
        up().map_err(TopologyError::net(format!("set up lo in {part}")))?;
        Ok(path)
    }

    /// Does one step. Each is safe to repeat after it failed halfway.
    pub(super) fn apply(&self, action: &Action) -> Done {
        match action {
            Action::AddNetwork { vni, mtu } => {
                self.on_each(|host, at| self.add_network(host, at, *vni, *mtu))
            }
            Action::RemoveNetwork { vni } => {
                self.on_each(|host, _| self.remove_network(host, *vni))
            }
            Action::SetFilter { host, ruleset } => self.set_filter(host, ruleset),
            Action::AddPort { port, leg } => self.add_port(port, leg),
            Action::RemovePort { port, leg } => self.remove_port(port, leg),
            Action::AddRouterLeg { router, port, leg } => self.add_router_leg(router, port, leg),
            Action::RemoveRouterLeg { router, port, last } => {
                self.remove_router_leg(router, port, *last)
            }
        }
    }

    fn on_each(&self, mut work: impl FnMut(&str, usize) -> Done) -> Done {
        self.names
            .iter()
            .enumerate()
            .try_for_each(|(at, host)| work(host, at + 1))
    }

    fn add_network(&self, host: &str, number: usize, vni: u32, mtu: u32) -> Done {
        let links = self.links(host)?;
        let bridge = names::bridge(vni);
        let make = || {
            if links.get(&bridge)?.is_none() {
                links.add_bridge(&NewLink {
                    mtu: Some(mtu),
                    ..NewLink::named(&bridge)
                })?;
            }
            let bridge = links.require(&bridge)?.index;
            links.set_up(bridge)?;
            for peer in (1..=self.names.len()).filter(|peer| *peer != number) {
                let name = names::vxlan(vni, peer);
                let vxlan = Vxlan {
                    id: vni,
                    local: names::underlay_address(number).into(),
                    remote: names::underlay_address(peer).into(),
                    port: names::vxlan_port(number, peer),
                };
                if links.get(&name)?.is_none() {
                    links.add_vxlan(
                        &NewLink {
                            mtu: Some(mtu),
                            ..NewLink::named(&name)
                        },
                        &vxlan,
                    )?;
                }
                let index = links.require(&name)?.index;
                links.set_master(index, Some(bridge))?;
                links.set_up(index)?;
            }
            Ok(())
        };
        make().map_err(TopologyError::net(format!("make network {vni} on {host}")))
    }

    fn remove_network(&self, host: &str, vni: u32) -> Done {
        let links = self.links(host)?;
        let peers = (1..=self.names.len()).map(|peer| names::vxlan(vni, peer));
        let remove = || {
            peers
                .chain([names::bridge(vni)])
                .try_for_each(|name| delete(&links, &name))
        };
        remove().map_err(TopologyError::net(format!(
            "remove network {vni} from {host}"
        )))
    }

    fn set_filter(&self, host: &str, ruleset: &str) -> Done {
        let path = self.netns(host);
        let loaded = netns::run_in(Some(&path), || run_nft(ruleset));
        let loaded = loaded.map_err(TopologyError::net(format!("open hypervisor {host}")))?;
        loaded.map_err(|said| TopologyError::Nft {
            host: host.to_owned(),
            said: said.to_string(),
        })
    }

    fn add_port(&self, port: &str, leg: &Leg) -> Done {
        let links = self.links(&leg.host)?;
        let (near, far) = (names::leg(port), names::bridge_port(port));
        let make = || {
            if links.get(&near)?.is_none() {
                links.add_veth(&NewLink::named(&near), &NewLink::named(&far))?;
            }
            let far = links.require(&far)?.index;
            links.set_master(far, Some(links.require(&names::bridge(leg.vni))?.index))?;
            links.set_up(far)?;
            HypervisorTrunk::open(Some(&self.netns(&leg.host)), &names::tap(&leg.carrier))?
                .join(leg.vlan, &near)
        };
        make().map_err(TopologyError::net(format!(
            "join port {port} to network {} on {}",
            leg.vni, leg.host
        )))
    }

    fn remove_port(&self, port: &str, leg: &Leg) -> Done {
        let links = self.links(&leg.host)?;
        let tap = names::tap(&leg.carrier);
        let remove = || {
            // With a VM its tap goes, and with it the programs.
            if links.get(&tap)?.is_some() {
                HypervisorTrunk::open(Some(&self.netns(&leg.host)), &tap)?.part(leg.vlan)?;
            }
            delete(&links, &names::leg(port))
        };
        remove().map_err(TopologyError::net(format!(
            "part port {port} from network {} on {}",
            leg.vni, leg.host
        )))
    }

    fn add_router_leg(&self, router: &str, port: &str, leg: &RouterLeg) -> Done {
        let part = names::router_netns(router);
        let path = self.lab.netns_path(&part);
        if !path.exists() {
            self.make_netns(&part)?;
            forwarding(&path)?;
        }
        let Some(host) = self.names.first() else {
            return Ok(());
        };
        let links = self.links(host)?;
        let (inside_name, outside_name) = (names::router_leg(port), names::bridge_port(port));
        let make = || {
            delete(&links, &outside_name)?;
            let file = netns::open(Some(&path))?;
            let mac = leg.mac.parse::<MacAddr>().ok();
            let inside = NewLink {
                mac,
                mtu: Some(leg.mtu),
                netns: Some(&file),
                ..NewLink::named(&inside_name)
            };
            links.add_veth(
                &NewLink {
                    mtu: Some(leg.mtu),
                    ..NewLink::named(&outside_name)
                },
                &inside,
            )?;
            let outside = links.require(&outside_name)?.index;
            links.set_master(outside, Some(links.require(&names::bridge(leg.vni))?.index))?;
            links.set_up(outside)?;
            let own = Links::open(Some(&path))?;
            let inside = own.require(&inside_name)?.index;
            own.set_up(inside)?;
            leg.addresses
                .iter()
                .try_for_each(|address| own.add_address(inside, *address))
        };
        make().map_err(TopologyError::net(format!(
            "join router {router} to network {}",
            leg.vni
        )))
    }

    fn remove_router_leg(&self, router: &str, port: &str, last: bool) -> Done {
        let Some(host) = self.names.first() else {
            return Ok(());
        };
        let failed = || TopologyError::net(format!("part router {router} from port {port}"));
        delete(&self.links(host)?, &names::bridge_port(port)).map_err(failed())?;
        if last {
            netns::delete(&self.lab.netns(&names::router_netns(router))).map_err(failed())?;
        }
        Ok(())
    }
}

fn delete(links: &Links, name: &str) -> Result<(), kuryr_net::NetError> {
    match links.get(name)? {
        Some(link) => links.delete(link.index),
        None => Ok(()),
    }
}

/// Has a namespace forward packets between its links.
fn forwarding(netns_path: &std::path::Path) -> Done {
    let set = || {
        fs::write("/proc/sys/net/ipv4/ip_forward", "1")?;
        // A kernel without IPv6 has no such file.
        let _ = fs::write("/proc/sys/net/ipv6/conf/all/forwarding", "1");
        Ok(())
    };
    let done = netns::run_in(Some(netns_path), set).map_err(TopologyError::net("open a router"))?;
    done.map_err(TopologyError::io("have a router forward"))
}

/// Spares a namespace's bridges the way through the IP filters, of which it has none.
fn unfiltered(netns_path: &std::path::Path) -> Done {
    let set = || {
        for name in ["iptables", "ip6tables", "arptables"] {
            // Without br_netfilter there is nothing to spare.
            let _ = fs::write(format!("/proc/sys/net/bridge/bridge-nf-call-{name}"), "0");
        }
    };
    netns::run_in(Some(netns_path), set).map_err(TopologyError::net("open the underlay"))
}

/// Has a hypervisor's links, made from now on, take no IPv6 address of their own: they only carry frames.
fn without_ipv6(netns_path: &std::path::Path) -> Done {
    let set = || {
        for which in ["all", "default"] {
            // A kernel without IPv6 has no such file.
            let _ = fs::write(format!("/proc/sys/net/ipv6/conf/{which}/disable_ipv6"), "1");
        }
    };
    netns::run_in(Some(netns_path), set).map_err(TopologyError::net("open a hypervisor"))
}
