//! A link as the kernel describes it.

use netlink_packet_route::link::{
    InfoData, InfoVlan, LinkAttribute, LinkFlags, LinkInfo, LinkMessage,
};

use crate::MacAddr;

/// What is known of one link (`RTM_NEWLINK`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Link {
    /// Its index, unique in its namespace.
    pub index: u32,
    pub name: String,
    /// Its kind, such as `veth` or `vlan`; empty for hardware and loopback.
    pub kind: String,
    /// Its MAC address, if it has one of six bytes.
    pub mac: Option<MacAddr>,
    /// Its MTU in bytes.
    pub mtu: u32,
    /// Whether it was set up.
    pub up: bool,
    /// Whether it was told to receive every frame on the wire.
    pub promiscuous: bool,
    /// Its alias (`IFLA_IFALIAS`), empty if none.
    pub alias: String,
    /// Its group (`IFLA_GROUP`).
    pub group: u32,
    /// The index of the bridge whose port it is.
    pub master: Option<u32>,
    /// The index of the link below it, or of a veth's other end (`IFLA_LINK`).
    pub link: Option<u32>,
    /// The namespace of that other link if it is another one, by the number that it has here
    /// (`IFLA_LINK_NETNSID`).
    pub link_nsid: Option<i32>,
    /// A vlan link's VLAN id.
    pub vlan: Option<u16>,
    /// The largest segment that it takes for the hardware to cut, in bytes
    /// (`IFLA_GSO_MAX_SIZE`).
    pub gso_max_size: Option<u32>,
}

impl From<LinkMessage> for Link {
    fn from(message: LinkMessage) -> Self {
        let mut link = Self {
            index: message.header.index,
            up: message.header.flags.contains(LinkFlags::Up),
            promiscuous: message.header.flags.contains(LinkFlags::Promisc),
            ..Self::default()
        };
        for attribute in message.attributes {
            link.read(attribute);
        }
        link
    }
}

impl Link {
    fn read(&mut self, attribute: LinkAttribute) {
        match attribute {
            LinkAttribute::IfName(name) => self.name = name,
            LinkAttribute::Address(bytes) => self.mac = MacAddr::try_from(&bytes[..]).ok(),
            LinkAttribute::Mtu(mtu) => self.mtu = mtu,
            LinkAttribute::IfAlias(alias) => self.alias = alias,
            LinkAttribute::Group(group) => self.group = group,
            LinkAttribute::Controller(index) => self.master = Some(index),
            LinkAttribute::Link(index) => self.link = Some(index),
            LinkAttribute::LinkNetNsId(id) => self.link_nsid = Some(id),
            LinkAttribute::GsoMaxSize(size) => self.gso_max_size = Some(size),
            LinkAttribute::LinkInfo(infos) => {
                infos.into_iter().for_each(|info| self.read_info(info))
            }
            _ => {}
        }
    }

    fn read_info(&mut self, info: LinkInfo) {
        match info {
            LinkInfo::Kind(kind) => self.kind = kind.to_string(),
            LinkInfo::Data(InfoData::Vlan(infos)) => {
                self.vlan = infos.iter().find_map(|info| match info {
                    InfoVlan::Id(id) => Some(*id),
                    _ => None,
                });
            }
            _ => {}
        }
    }
}
