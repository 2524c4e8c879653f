//! What is asked of this crate, and what it answers.

use std::net::IpAddr;
use std::path::PathBuf;

use ipnet::IpNet;

use crate::{MacAddr, NetError};

/// Prefix of the alias (`IFLA_IFALIAS`) of every link that is ours.
pub(crate) const ALIAS_PREFIX: &str = "kuryr:";
/// The kernel's limit on a link's name (`IFNAMSIZ` without the terminating zero), in bytes.
const MAX_NAME: usize = 15;
/// The kernel's limit on a link's alias (`IFALIASZ` without the terminating zero), in bytes.
const MAX_ALIAS: usize = 255;
/// IPv4's smallest MTU (RFC 791), IPv6's smallest (RFC 8200), and the largest of a link.
const MTU_RANGE: (u32, u32, u32) = (68, 1280, 65535);

/// The node whose trunk carries the pods: where its uplink lives, and where pods' namespaces
/// are looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The node's network namespace; `None`: this process is in it.
    pub netns: Option<PathBuf>,
    /// Directories whose files are pods' namespaces, as runtimes bind-mount them. Searched when
    /// a vlan link must be found that was moved into a pod's namespace.
    pub netns_dirs: Vec<PathBuf>,
    /// The procfs whose processes' namespaces are searched as well (a daemon in a container
    /// sees its host's under another path).
    pub proc: PathBuf,
}

impl Default for Node {
    fn default() -> Self {
        Self {
            netns: None,
            netns_dirs: vec![PathBuf::from("/run/netns"), PathBuf::from("/var/run/netns")],
            proc: PathBuf::from("/proc"),
        }
    }
}

impl Node {
    /// A node in a network namespace of its own (a lab, a test).
    #[must_use]
    pub fn in_netns(netns: impl Into<PathBuf>) -> Self {
        Self {
            netns: Some(netns.into()),
            ..Self::default()
        }
    }
}

/// How a pod's interface becomes a VLAN on the trunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Method {
    /// tc-bpf where the kernel takes it, else a vlan link. Tries each time: who
    /// plugs often calls [`crate::probe`] once and names the method.
    #[default]
    Auto,
    /// A vlan link on the uplink, in the pod's namespace.
    Vlan,
    /// A veth pair; tc-bpf programs push and pop the tag.
    Bpf,
}

impl std::fmt::Display for Method {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Vlan => "vlan",
            Self::Bpf => "bpf",
        })
    }
}

/// A route in the pod: to `dst` by way of `via`, or directly on the link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteSpec {
    /// The destination.
    pub dst: IpNet,
    /// The next hop, of the same family; `None`: `dst` is on the link.
    pub via: Option<IpAddr>,
}

/// One interface of a pod, as it shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterfaceSpec {
    /// The interface's name in the pod (`CNI_IFNAME`), such as `eth0`.
    pub ifname: String,
    /// The pod's network namespace (`CNI_NETNS`).
    pub pod_netns: PathBuf,
    /// The node's link that is its trunk port.
    pub uplink: String,
    /// The subport's segmentation id, 1 to 4094.
    pub vlan: u16,
    /// The subport's MAC address.
    pub mac: MacAddr,
    /// The network's MTU in bytes; at most the uplink's.
    pub mtu: u32,
    /// Addresses with their subnets' prefix lengths.
    pub addresses: Vec<IpNet>,
    /// Default gateways, at most one for each family. One outside of the subnets is reached
    /// on the link (`onlink`).
    pub gateways: Vec<IpAddr>,
    /// Further routes (a subnet's host routes).
    pub routes: Vec<RouteSpec>,
    /// The node's end of a veth pair, and the temporary name of a vlan link; unique on the
    /// node, at most 15 bytes. Upstream: `tap` and the port's id, cut to 14.
    pub host_name: String,
    /// How to plug.
    pub method: Method,
    /// What the links say about their owner, see [`owner_alias`]; starts with `kuryr:`, at
    /// most 255 bytes. `None`: `kuryr:` and the host name.
    pub alias: Option<String>,
}

impl InterfaceSpec {
    /// The alias that the links carry.
    #[must_use]
    pub fn alias(&self) -> String {
        self.alias
            .clone()
            .unwrap_or_else(|| format!("{ALIAS_PREFIX}{}", self.host_name))
    }

    /// Whether the values can be a link's at all.
    ///
    /// # Errors
    /// [`NetError::Invalid`] names the first field that cannot.
    pub fn validate(&self) -> Result<(), NetError> {
        link_name("ifname", &self.ifname)?;
        link_name("uplink", &self.uplink)?;
        link_name("host_name", &self.host_name)?;
        vlan_id(self.vlan)?;
        if !self.mac.is_unicast() {
            return Err(NetError::invalid(
                "mac",
                self.mac,
                "a unicast address is needed",
            ));
        }
        let alias = self.alias();
        if !alias.starts_with(ALIAS_PREFIX) || alias.len() > MAX_ALIAS {
            return Err(NetError::invalid(
                "alias",
                alias,
                "it must start with kuryr: and be at most 255 bytes long",
            ));
        }
        let (smallest, smallest_v6, largest) = MTU_RANGE;
        let smallest = if self.addresses.iter().any(|a| matches!(a, IpNet::V6(_))) {
            smallest_v6
        } else {
            smallest
        };
        if !(smallest..=largest).contains(&self.mtu) {
            return Err(NetError::invalid(
                "mtu",
                self.mtu,
                "it must be 68 (with IPv6: 1280) to 65535",
            ));
        }
        for v4 in [true, false] {
            if self.gateways.iter().filter(|g| g.is_ipv4() == v4).count() > 1 {
                return Err(NetError::invalid(
                    "gateways",
                    format!("{:?}", self.gateways),
                    "one for each family at most",
                ));
            }
        }
        for route in &self.routes {
            if route
                .via
                .is_some_and(|via| via.is_ipv4() != route.dst.addr().is_ipv4())
            {
                return Err(NetError::invalid(
                    "routes",
                    format!("{route:?}"),
                    "next hop and destination differ in family",
                ));
            }
        }
        Ok(())
    }
}

/// What is to be removed. Whatever of it is not there is passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnplugSpec {
    /// The interface's name in the pod.
    pub ifname: String,
    /// The pod's network namespace, if the runtime still knows it.
    pub pod_netns: Option<PathBuf>,
    /// As in [`InterfaceSpec::host_name`].
    pub host_name: String,
    /// The node's link that is its trunk port.
    pub uplink: String,
    /// The segmentation id, if known.
    pub vlan: Option<u16>,
    /// As in [`InterfaceSpec::alias`]: a link that names another owner is left alone. `None`: whoever it names.
    pub alias: Option<String>,
}

/// What [`crate::plug`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plugged {
    /// The method taken; never [`Method::Auto`].
    pub method: Method,
    /// Why that one, for the log.
    pub reason: String,
    /// Whether anything was changed; `false`: it was there already, as asked.
    pub changed: bool,
    /// The interface's index in the pod's namespace.
    pub ifindex: u32,
}

/// A pod interface of ours on this node, as found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedInterface {
    /// How it was plugged.
    pub method: Method,
    /// Its segmentation id; `None` for a veth pair that no VLAN leads to (a crash in the
    /// middle of a plug or unplug).
    pub vlan: Option<u16>,
    /// The node's end of the veth pair; for a vlan link, its name in the pod.
    pub link_name: String,
    /// The alias; empty if it was not set yet.
    pub alias: String,
    /// For a vlan link, the namespace in which it was found.
    pub netns: Option<PathBuf>,
}

/// What this node's kernel can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// Whether a vlan link can be made on the uplink; else why not.
    pub vlan: Result<(), String>,
    /// Whether the bpf programs can be loaded; else why not.
    pub bpf: Result<(), String>,
    /// What [`Method::Auto`] comes to; `None`: nothing works.
    pub chosen: Option<Method>,
    /// Why, for the log and for `doctor`.
    pub reason: String,
}

/// The node's link that carries an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uplink {
    pub name: String,
    /// Its index in the node's namespace.
    pub ifindex: u32,
    /// Its MTU in bytes: the most that a pod's network may have.
    pub mtu: u32,
    /// Its MAC address, if it is an Ethernet link.
    pub mac: Option<MacAddr>,
}

/// The alias of a pod's links, `kuryr:<port id>:<namespace>/<pod>`, cut to the kernel's 255
/// bytes: a pod's name may have 253 by itself.
#[must_use]
pub fn owner_alias(port_id: &str, namespace: &str, pod: &str) -> String {
    let mut alias = format!("{ALIAS_PREFIX}{port_id}:{namespace}/{pod}");
    let mut end = MAX_ALIAS.min(alias.len());
    while !alias.is_char_boundary(end) {
        end -= 1;
    }
    alias.truncate(end);
    alias
}

/// The port that a link's alias names, see [`owner_alias`].
#[must_use]
pub fn alias_owner(alias: &str) -> Option<&str> {
    let port_id = alias.strip_prefix(ALIAS_PREFIX)?.split(':').next()?;
    (!port_id.is_empty()).then_some(port_id)
}

/// Linux' `dev_valid_name`: 1 to 15 bytes, no slash, colon or space, not `.` or `..`.
pub(crate) fn link_name(field: &'static str, name: &str) -> Result<(), NetError> {
    let valid = (1..=MAX_NAME).contains(&name.len())
        && name != "."
        && name != ".."
        && !name
            .bytes()
            .any(|c| c == b'/' || c == b':' || c == 0 || c.is_ascii_whitespace());
    if valid {
        Ok(())
    } else {
        Err(NetError::invalid(
            field,
            name,
            "a link's name is 1 to 15 bytes without '/', ':' and space",
        ))
    }
}

/// IEEE 802.1Q: 0 is no VLAN and 4095 is reserved.
pub(crate) fn vlan_id(vlan: u16) -> Result<(), NetError> {
    if (1..=4094).contains(&vlan) {
        Ok(())
    } else {
        Err(NetError::invalid("vlan", vlan, "a VLAN id is 1 to 4094"))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn spec() -> InterfaceSpec {
        InterfaceSpec {
            ifname: "eth0".into(),
            pod_netns: "/run/netns/pod".into(),
            uplink: "ens3".into(),
            vlan: 1,
            mac: "fa:16:3e:00:00:01".parse().unwrap(),
            mtu: 1450,
            addresses: vec!["10.1.0.7/24".parse().unwrap()],
            gateways: vec!["10.1.0.1".parse().unwrap()],
            routes: vec![],
            host_name: "tap00000001-00".into(),
            method: Method::Auto,
            alias: None,
        }
    }

    #[test]
    fn what_no_link_can_have_is_refused() {
        type Change = fn(&mut InterfaceSpec);
        let cases: [(&str, Change); 14] = [
            ("ifname", |s| s.ifname = "a-name-of-sixteen".into()),
            ("ifname", |s| s.ifname = "..".into()),
            ("uplink", |s| s.uplink = "ens/3".into()),
            ("host_name", |s| s.host_name = String::new()),
            ("vlan", |s| s.vlan = 0),
            ("vlan", |s| s.vlan = 4095),
            ("mac", |s| s.mac = MacAddr([1, 0, 0x5e, 0, 0, 1])),
            ("mac", |s| s.mac = MacAddr([0; 6])),
            ("alias", |s| s.alias = Some("cali:pod".into())),
            ("alias", |s| {
                s.alias = Some(format!("kuryr:{}", "a".repeat(250)))
            }),
            ("mtu", |s| s.mtu = 67),
            ("mtu", |s| {
                s.mtu = 1279;
                s.addresses.push("fd00::7/64".parse().unwrap());
            }),
            ("gateways", |s| s.gateways.push("10.1.0.2".parse().unwrap())),
            ("routes", |s| {
                let (dst, via) = (
                    "10.2.0.0/16".parse().unwrap(),
                    Some("fd00::1".parse().unwrap()),
                );
                s.routes.push(RouteSpec { dst, via });
            }),
        ];
        spec().validate().unwrap();
        for (expected, change) in cases {
            let mut spec = spec();
            change(&mut spec);
            match spec.validate() {
                Err(NetError::Invalid { field, .. }) => assert_eq!(field, expected),
                other => panic!("{expected}: {other:?}"),
            }
        }
    }

    #[test]
    fn the_longest_pod_name_fits_into_an_alias() {
        let port = "6f1e3a52-7c1c-4a75-9c43-0d5a3b1f9e77";
        let alias = owner_alias(port, &"n".repeat(63), &"p".repeat(253));
        assert_eq!(alias.len(), 255);
        assert!(alias.starts_with(&format!("kuryr:{port}:nnn")));
        assert_eq!(owner_alias("id", "ns", "pod"), "kuryr:id:ns/pod");
    }

    #[test]
    fn the_owner_is_read_from_the_alias() {
        assert_eq!(alias_owner("kuryr:p1:demo/web-0"), Some("p1"));
        assert_eq!(alias_owner("kuryr:p1"), Some("p1"));
        for alias in ["", "kuryr:", "veth", "kuryr::demo/web-0"] {
            assert_eq!(alias_owner(alias), None, "{alias}");
        }
    }
}
