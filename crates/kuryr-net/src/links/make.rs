//! Links made, changed and deleted.

use std::fs::File;
use std::net::IpAddr;
use std::os::fd::AsRawFd;

use netlink_packet_core::{NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::link::{
    AfSpecInet6, AfSpecUnspec, In6AddrGenMode, InfoData, InfoKind, InfoVeth, InfoVlan, InfoVxlan,
    LinkAttribute, LinkFlags, LinkInfo, LinkMessage,
};
use netlink_packet_route::neighbour::{
    NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState,
};
use netlink_packet_route::nsid::{NsidAttribute, NsidMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::Links;
use crate::{MacAddr, NetError};

/// A link to be made. What is `None` is the kernel's choice.
#[derive(Debug, Clone, Default)]
pub struct NewLink<'a> {
    pub name: &'a str,
    /// Its MAC address.
    pub mac: Option<MacAddr>,
    /// Its MTU in bytes.
    pub mtu: Option<u32>,
    /// Whether it is up at once.
    pub up: bool,
    /// Its group (`IFLA_GROUP`).
    pub group: Option<u32>,
    /// The largest segment that it takes for the hardware to cut, in bytes.
    pub gso_max_size: Option<u32>,
    /// The namespace in which it is made (see [`crate::netns::open`]); `None`: this one.
    pub netns: Option<&'a File>,
}

impl<'a> NewLink<'a> {
    /// A link of that name, everything else being the kernel's choice.
    #[must_use]
    pub fn named(name: &'a str) -> Self {
        Self {
            name,
            ..Self::default()
        }
    }

    /// As [`Self::named`], and up at once.
    #[must_use]
    pub fn up(name: &'a str) -> Self {
        Self {
            up: true,
            ..Self::named(name)
        }
    }

    fn message(&self) -> LinkMessage {
        let mut message = LinkMessage::default();
        if self.up {
            message.header.flags = LinkFlags::Up;
            message.header.change_mask = LinkFlags::Up;
        }
        let mut attributes = vec![LinkAttribute::IfName(self.name.to_owned())];
        attributes.extend(self.mac.map(|mac| LinkAttribute::Address(mac.0.to_vec())));
        attributes.extend(self.mtu.map(LinkAttribute::Mtu));
        attributes.extend(self.group.map(LinkAttribute::Group));
        attributes.extend(self.gso_max_size.map(LinkAttribute::GsoMaxSize));
        attributes.extend(
            self.netns
                .map(|file| LinkAttribute::NetNsFd(file.as_raw_fd())),
        );
        message.attributes = attributes;
        message
    }
}

/// A point-to-point VXLAN link.
#[derive(Debug, Clone, Copy)]
pub struct Vxlan {
    /// The network identifier, 24 bits.
    pub id: u32,
    /// The own address on the underlay.
    pub local: IpAddr,
    /// The other end's.
    pub remote: IpAddr,
    /// The UDP port; IANA's is 4789.
    pub port: u16,
}

impl Links {
    /// Makes a veth pair; each end may be in another namespace.
    ///
    /// # Errors
    /// [`NetError::Kernel`], `EEXIST` if there is a link of one of the names.
    pub fn add_veth(&self, one: &NewLink<'_>, other: &NewLink<'_>) -> Result<(), NetError> {
        // The kernel refuses to set an end up before the pair is joined.
        let peer = NewLink {
            up: false,
            ..other.clone()
        };
        let data = InfoData::Veth(InfoVeth::Peer(peer.message()));
        let attempted = || format!("make the veth pair {} and {}", one.name, other.name);
        self.add(one, InfoKind::Veth, Some(data), None, attempted)?;
        match other.netns {
            _ if !other.up => Ok(()),
            None => self.set_up(self.require(other.name)?.index),
            Some(file) => {
                let there = Self::of(Some(file), format!("the namespace of {}", other.name))?;
                there.set_up(there.require(other.name)?.index)
            }
        }
    }

    /// Makes a bridge.
    ///
    /// # Errors
    /// [`NetError::Kernel`], `EEXIST` if there is a link of that name.
    pub fn add_bridge(&self, bridge: &NewLink<'_>) -> Result<(), NetError> {
        self.add(bridge, InfoKind::Bridge, None, None, || {
            format!("make the bridge {}", bridge.name)
        })
    }

    /// Makes a VXLAN link.
    ///
    /// # Errors
    /// [`NetError::Kernel`], `EEXIST` if there is a link of that name or one of that id and port.
    pub fn add_vxlan(&self, link: &NewLink<'_>, vxlan: &Vxlan) -> Result<(), NetError> {
        let mut data = vec![
            InfoVxlan::Id(vxlan.id),
            InfoVxlan::Port(vxlan.port),
            InfoVxlan::Learning(true),
        ];
        data.push(match vxlan.local {
            IpAddr::V4(local) => InfoVxlan::Local(local),
            IpAddr::V6(local) => InfoVxlan::Local6(local),
        });
        data.push(match vxlan.remote {
            IpAddr::V4(remote) => InfoVxlan::Group(remote),
            IpAddr::V6(remote) => InfoVxlan::Group6(remote),
        });
        let attempted = || format!("make the VXLAN link {} with id {}", link.name, vxlan.id);
        self.add(
            link,
            InfoKind::Vxlan,
            Some(InfoData::Vxlan(data)),
            None,
            attempted,
        )
    }

    /// Makes a vlan link on the link of index `lower`, which is in this namespace.
    ///
    /// # Errors
    /// [`NetError::Kernel`]: `EEXIST` if `lower` has a link of that VLAN (in whichever
    /// namespace) or there is one of that name, `EOPNOTSUPP` if the kernel has no 8021q.
    pub fn add_vlan(&self, link: &NewLink<'_>, lower: u32, vlan: u16) -> Result<(), NetError> {
        let data = InfoData::Vlan(vec![InfoVlan::Id(vlan)]);
        let attempted = || {
            format!(
                "make the vlan link {} with VLAN {vlan} on link {lower}",
                link.name
            )
        };
        self.add(link, InfoKind::Vlan, Some(data), Some(lower), attempted)
    }

    fn add(
        &self,
        link: &NewLink<'_>,
        kind: InfoKind,
        data: Option<InfoData>,
        lower: Option<u32>,
        attempted: impl FnOnce() -> String,
    ) -> Result<(), NetError> {
        let mut message = link.message();
        let mut info = vec![LinkInfo::Kind(kind)];
        info.extend(data.map(LinkInfo::Data));
        message.attributes.push(LinkAttribute::LinkInfo(info));
        message.attributes.extend(lower.map(LinkAttribute::Link));
        self.change(
            RouteNetlinkMessage::NewLink(message),
            NLM_F_CREATE | NLM_F_EXCL,
            attempted,
        )
    }

    /// Deletes a link; with one end of a veth pair goes the other.
    ///
    /// # Errors
    /// [`NetError::Kernel`], but not if it was gone already.
    pub fn delete(&self, index: u32) -> Result<(), NetError> {
        let mut message = LinkMessage::default();
        message.header.index = index;
        let deleted = self.change(RouteNetlinkMessage::DelLink(message), 0, || {
            format!("delete link {index}")
        });
        match deleted {
            Err(error) if error.errno() == Some(libc::ENODEV) => Ok(()),
            other => other,
        }
    }

    /// Sets a link up.
    ///
    /// # Errors
    /// [`NetError::Kernel`].
    pub fn set_up(&self, index: u32) -> Result<(), NetError> {
        self.set(index, Some((LinkFlags::Up, true)), vec![], "set it up")
    }

    /// Sets a link down; its routes go.
    ///
    /// # Errors
    /// [`NetError::Kernel`].
    pub fn set_down(&self, index: u32) -> Result<(), NetError> {
        self.set(index, Some((LinkFlags::Up, false)), vec![], "set it down")
    }

    /// Has a link receive every frame on the wire, or only those to it.
    ///
    /// # Errors
    /// [`NetError::Kernel`].
    pub(crate) fn set_promiscuous(&self, index: u32, on: bool) -> Result<(), NetError> {
        let flag = (LinkFlags::Promisc, on);
        self.set(index, Some(flag), vec![], "set its promiscuity")
    }

    /// Sets the MTU, in bytes.
    ///
    /// # Errors
    /// [`NetError::Kernel`], `EINVAL` if the link cannot have it.
    pub fn set_mtu(&self, index: u32, mtu: u32) -> Result<(), NetError> {
        self.set(index, None, vec![LinkAttribute::Mtu(mtu)], "set its MTU")
    }

    /// Sets the MAC address.
    ///
    /// # Errors
    /// [`NetError::Kernel`].
    pub fn set_mac(&self, index: u32, mac: MacAddr) -> Result<(), NetError> {
        self.set(
            index,
            None,
            vec![LinkAttribute::Address(mac.0.to_vec())],
            "set its MAC address",
        )
    }

    /// Makes the link a port of a bridge, or of none.
    ///
    /// # Errors
    /// [`NetError::Kernel`].
    pub fn set_master(&self, index: u32, bridge: Option<u32>) -> Result<(), NetError> {
        self.set(
            index,
            None,
            vec![LinkAttribute::Controller(bridge.unwrap_or(0))],
            "make it a bridge's port",
        )
    }

    /// Moves a link to another namespace (see [`crate::netns::open`]); it comes down, keeps its
    /// name and loses its addresses.
    ///
    /// # Errors
    /// [`NetError::Kernel`], `EEXIST` if there is a link of its name.
    pub fn move_to(&self, index: u32, netns: &File) -> Result<(), NetError> {
        let there = LinkAttribute::NetNsFd(netns.as_raw_fd());
        self.set(index, None, vec![there], "move it to another namespace")
    }

    /// Sets the alias, and sets the link up if `up`.
    ///
    /// # Errors
    /// [`NetError::Kernel`].
    pub fn set_alias(&self, index: u32, alias: &str, up: bool) -> Result<(), NetError> {
        self.set(
            index,
            up.then_some((LinkFlags::Up, true)),
            vec![LinkAttribute::IfAlias(alias.to_owned())],
            "set its alias",
        )
    }

    /// Has the kernel give a link no IPv6 address by itself. No error on a kernel without IPv6.
    ///
    /// # Errors
    /// [`NetError::Kernel`].
    pub(crate) fn no_own_ipv6_address(&self, index: u32) -> Result<(), NetError> {
        let none = AfSpecInet6::AddrGenMode(In6AddrGenMode::None);
        let family = LinkAttribute::AfSpecUnspec(vec![AfSpecUnspec::Inet6(vec![none])]);
        match self.set(index, None, vec![family], "take its own IPv6 address") {
            Err(error) if error.errno() == Some(libc::EAFNOSUPPORT) => Ok(()),
            other => other,
        }
    }

    /// Renames a link, which must be down on kernels before 6.2.
    ///
    /// # Errors
    /// [`NetError::Kernel`], `EEXIST` if the name is taken.
    pub fn rename(&self, index: u32, name: &str) -> Result<(), NetError> {
        self.set(
            index,
            None,
            vec![LinkAttribute::IfName(name.to_owned())],
            "rename it",
        )
    }

    fn set(
        &self,
        index: u32,
        flag: Option<(LinkFlags, bool)>,
        attributes: Vec<LinkAttribute>,
        what: &str,
    ) -> Result<(), NetError> {
        let mut message = LinkMessage::default();
        message.header.index = index;
        if let Some((flag, on)) = flag {
            message.header.change_mask = flag;
            message.header.flags = if on { flag } else { LinkFlags::empty() };
        }
        message.attributes = attributes;
        self.change(RouteNetlinkMessage::SetLink(message), 0, || {
            format!("link {index}: {what}")
        })
    }

    /// Has a link receive frames to a further MAC address, as a vlan link does for its own.
    ///
    /// # Errors
    /// [`NetError::Kernel`], but not if it does already.
    pub fn add_unicast(&self, index: u32, mac: MacAddr) -> Result<(), NetError> {
        let message = RouteNetlinkMessage::NewNeighbour(fdb_entry(index, mac));
        let attempted = || format!("link {index}: receive frames to {mac}");
        match self.change(message, NLM_F_CREATE | NLM_F_APPEND, attempted) {
            Err(error) if error.errno() == Some(libc::EEXIST) => Ok(()),
            other => other,
        }
    }

    /// Takes back [`Self::add_unicast`].
    ///
    /// # Errors
    /// [`NetError::Kernel`], but not if it was gone already.
    pub fn remove_unicast(&self, index: u32, mac: MacAddr) -> Result<(), NetError> {
        let message = RouteNetlinkMessage::DelNeighbour(fdb_entry(index, mac));
        let attempted = || format!("link {index}: receive no more frames to {mac}");
        match self.change(message, 0, attempted) {
            Err(error) if matches!(error.errno(), Some(libc::ENOENT | libc::ENODEV)) => Ok(()),
            other => other,
        }
    }

    /// The number by which this namespace knows another one (`RTM_GETNSID`).
    ///
    /// # Errors
    /// [`NetError::Kernel`].
    pub fn nsid(&self, other: &File) -> Result<Option<i32>, NetError> {
        let mut ask = NsidMessage::default();
        let fd = u32::try_from(other.as_raw_fd()).unwrap_or(u32::MAX);
        ask.attributes = vec![NsidAttribute::Fd(fd)];
        let answer = self.lock().request(RouteNetlinkMessage::GetNsId(ask), 0);
        let messages = answer.map_err(|e| {
            NetError::kernel(
                format!("look for a namespace's number in {}", self.place()),
                e,
            )
        })?;
        Ok(messages.into_iter().find_map(|message| match message {
            RouteNetlinkMessage::NewNsId(message) => {
                message.attributes.into_iter().find_map(|a| match a {
                    NsidAttribute::Id(id) if id >= 0 => Some(id),
                    _ => None,
                })
            }
            _ => None,
        }))
    }
}

/// An entry of the link's own filter (`bridge fdb add … self`).
fn fdb_entry(index: u32, mac: MacAddr) -> NeighbourMessage {
    let mut message = NeighbourMessage::default();
    message.header.family = AddressFamily::Bridge;
    message.header.ifindex = index;
    message.header.state = NeighbourState::Permanent;
    message.header.flags = NeighbourFlags::Own;
    message.attributes = vec![NeighbourAttribute::LinkLayerAddress(mac.0.to_vec())];
    message
}
