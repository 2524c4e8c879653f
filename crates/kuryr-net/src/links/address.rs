//! Addresses and routes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::address::{AddressAttribute, AddressFlags, AddressMessage};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteFlags, RouteHeader, RouteMessage, RouteProtocol, RouteScope,
    RouteType,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::Links;
use crate::NetError;

/// The first metric of a route that is to be behind others.
const BEHIND: u32 = 2048;
/// How many others it can be behind.
const BEHIND_MOST: u32 = 8;

/// A route of the main table by way of one link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// The destination; `0.0.0.0/0` and `::/0` are the default routes.
    pub dst: IpNet,
    /// The next hop; `None`: the destination is on the link.
    pub via: Option<IpAddr>,
    /// Whether the next hop is on the link though no address' subnet says so.
    pub onlink: bool,
}

impl Links {
    /// Adds an address with its subnet. One of IPv6 can be used at once: no duplicate is
    /// looked for (`nodad`), since Neutron gave it to this port alone.
    ///
    /// # Errors
    /// [`NetError::Kernel`]: `EEXIST` if the link has it, `EACCES` if IPv6 is disabled there.
    pub fn add_address(&self, index: u32, address: IpNet) -> Result<(), NetError> {
        let mut message = AddressMessage::default();
        message.header.index = index;
        message.header.prefix_len = address.prefix_len();
        message.header.family = family(address.addr());
        message.attributes = vec![
            AddressAttribute::Local(address.addr()),
            AddressAttribute::Address(address.addr()),
        ];
        match address {
            IpNet::V4(v4) if v4.prefix_len() < 31 => message
                .attributes
                .push(AddressAttribute::Broadcast(v4.broadcast())),
            IpNet::V4(_) => {}
            IpNet::V6(_) => message
                .attributes
                .push(AddressAttribute::Flags(AddressFlags::Nodad)),
        }
        let request = RouteNetlinkMessage::NewAddress(message);
        self.change(request, NLM_F_CREATE | NLM_F_EXCL, || {
            format!("add the address {address} to link {index}")
        })
    }

    /// The addresses of a link, or of all links (index 0), each with its link's index.
    ///
    /// # Errors
    /// [`NetError::Kernel`].
    pub fn addresses(&self, index: u32) -> Result<Vec<(u32, IpNet)>, NetError> {
        let ask = RouteNetlinkMessage::GetAddress(AddressMessage::default());
        let answer = self.lock().dump(&ask);
        let messages = answer
            .map_err(|e| NetError::kernel(format!("list the addresses in {}", self.place()), e))?;
        let addresses = messages.into_iter().filter_map(|message| match message {
            RouteNetlinkMessage::NewAddress(message) => {
                Some((message.header.index, address_of(&message)?))
            }
            _ => None,
        });
        Ok(addresses
            .filter(|(of, _)| index == 0 || *of == index)
            .collect())
    }

    /// Adds a route by way of the link, with the family's usual metric.
    ///
    /// # Errors
    /// [`NetError::Kernel`]: `EEXIST` if there is one, `ENETUNREACH` if the next hop is not
    /// reached.
    pub fn add_route(&self, index: u32, route: &Route) -> Result<(), NetError> {
        self.add_route_of_metric(index, route, None)
    }

    /// As [`Self::add_route`]. Where other links have routes to the same place, this one comes behind them: they are not ours
    /// to change, and serve packets from this link's addresses no worse than none.
    ///
    /// # Errors
    /// As [`Self::add_route`]; `EEXIST` if there are more than a few others.
    pub fn add_route_behind(&self, index: u32, route: &Route) -> Result<(), NetError> {
        // Behind what the kernel and DHCP clients give: at most 1,024.
        let further = (0..BEHIND_MOST).map(|n| Some(BEHIND + n));
        let mut result = Ok(());
        for metric in std::iter::once(None).chain(further) {
            result = self.add_route_of_metric(index, route, metric);
            match &result {
                Err(error) if error.errno() == Some(libc::EEXIST) => {}
                _ => break,
            }
        }
        result
    }

    fn add_route_of_metric(
        &self,
        index: u32,
        route: &Route,
        metric: Option<u32>,
    ) -> Result<(), NetError> {
        let mut message = RouteMessage::default();
        message.header.address_family = family(route.dst.addr());
        message.header.destination_prefix_length = route.dst.prefix_len();
        message.header.table = RouteHeader::RT_TABLE_MAIN;
        message.header.protocol = RouteProtocol::Boot;
        message.header.kind = RouteType::Unicast;
        message.header.scope = if route.via.is_none() && route.dst.addr().is_ipv4() {
            RouteScope::Link
        } else {
            RouteScope::Universe
        };
        if route.onlink {
            message.header.flags = RouteFlags::Onlink;
        }
        message.attributes.push(RouteAttribute::Oif(index));
        if route.dst.prefix_len() > 0 {
            message
                .attributes
                .push(RouteAttribute::Destination(route.dst.network().into()));
        }
        message
            .attributes
            .extend(route.via.map(|via| RouteAttribute::Gateway(via.into())));
        message
            .attributes
            .extend(metric.map(RouteAttribute::Priority));
        let request = RouteNetlinkMessage::NewRoute(message);
        self.change(request, NLM_F_CREATE | NLM_F_EXCL, || {
            format!("add the route {route} by way of link {index}")
        })
    }

    /// The routes of the main table by way of the link.
    ///
    /// # Errors
    /// [`NetError::Kernel`].
    pub fn routes(&self, index: u32) -> Result<Vec<Route>, NetError> {
        let mut routes = Vec::new();
        for family in [AddressFamily::Inet, AddressFamily::Inet6] {
            let mut ask = RouteMessage::default();
            ask.header.address_family = family;
            let answer = self.lock().dump(&RouteNetlinkMessage::GetRoute(ask));
            let messages = answer
                .map_err(|e| NetError::kernel(format!("list the routes in {}", self.place()), e))?;
            routes.extend(messages.iter().filter_map(|message| match message {
                RouteNetlinkMessage::NewRoute(message) => route_of(message, index),
                _ => None,
            }));
        }
        Ok(routes)
    }
}

/// As `ip route` writes it.
impl std::fmt::Display for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.via {
            Some(via) => write!(f, "{} via {via}", self.dst),
            None => write!(f, "{}", self.dst),
        }
    }
}

fn family(address: IpAddr) -> AddressFamily {
    if address.is_ipv4() {
        AddressFamily::Inet
    } else {
        AddressFamily::Inet6
    }
}

/// `IFA_LOCAL` is the own address of a point-to-point link, whose `IFA_ADDRESS` is the other
/// end's; IPv6 has only the latter otherwise.
fn address_of(message: &AddressMessage) -> Option<IpNet> {
    let local = message.attributes.iter().find_map(|a| match a {
        AddressAttribute::Local(address) => Some(*address),
        _ => None,
    });
    let address = message.attributes.iter().find_map(|a| match a {
        AddressAttribute::Address(address) => Some(*address),
        _ => None,
    });
    IpNet::new(local.or(address)?, message.header.prefix_len).ok()
}

fn route_of(message: &RouteMessage, index: u32) -> Option<Route> {
    let header = &message.header;
    let mut route = Route {
        dst: any(header.address_family)?,
        via: None,
        onlink: header.flags.contains(RouteFlags::Onlink),
    };
    let mut oif = None;
    let mut table = u32::from(header.table);
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Oif(index) => oif = Some(*index),
            RouteAttribute::Table(number) => table = *number,
            RouteAttribute::Destination(dst) => {
                route.dst = IpNet::new(ip(dst)?, header.destination_prefix_length).ok()?
            }
            RouteAttribute::Gateway(via) => route.via = ip(via),
            _ => {}
        }
    }
    let ours = oif == Some(index)
        && table == u32::from(RouteHeader::RT_TABLE_MAIN)
        && header.kind == RouteType::Unicast;
    ours.then_some(route)
}

fn any(family: AddressFamily) -> Option<IpNet> {
    match family {
        AddressFamily::Inet => IpNet::new(Ipv4Addr::UNSPECIFIED.into(), 0).ok(),
        AddressFamily::Inet6 => IpNet::new(Ipv6Addr::UNSPECIFIED.into(), 0).ok(),
        _ => None,
    }
}

fn ip(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(v4) => Some((*v4).into()),
        RouteAddress::Inet6(v6) => Some((*v6).into()),
        _ => None,
    }
}
