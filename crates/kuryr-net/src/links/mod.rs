//! Links, addresses, routes and tc filters of one network namespace.
//!
//! ```no_run
//! use kuryr_net::links::{Links, NewLink};
//!
//! # fn main() -> Result<(), kuryr_net::NetError> {
//! let here = Links::open(None)?;
//! here.add_bridge(&NewLink::named("br-a"))?;
//! let bridge = here.require("br-a")?;
//! here.set_up(bridge.index)?;
//! # Ok(())
//! # }
//! ```

mod address;
mod link;
mod make;
mod neighbour;
mod tc;

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{LinkAttribute, LinkExtentMask, LinkMessage};

pub use address::Route;
pub use link::Link;
pub use make::{NewLink, Vxlan};
pub use tc::{Filter, Side};

use crate::error::Refusal;
use crate::ethtool::Ethtool;
use crate::netlink::Socket;
use crate::{NetError, netns};

/// The links of one network namespace. May be used from any thread.
pub struct Links {
    socket: Mutex<Socket>,
    ethtool: Ethtool,
    place: String,
}

impl std::fmt::Debug for Links {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Links").field(&self.place).finish()
    }
}

impl Links {
    /// The links of the namespace at `netns`; `None`: of the caller's own.
    ///
    /// # Errors
    /// [`NetError::Netns`] if there is no such namespace; [`NetError::Kernel`] if no socket
    /// can be had.
    pub fn open(netns: Option<&Path>) -> Result<Self, NetError> {
        let file = netns.map(|path| netns::open(Some(path))).transpose()?;
        let place = netns.map_or_else(
            || "the own namespace".to_owned(),
            |path| path.display().to_string(),
        );
        Self::of(file.as_ref(), place)
    }

    /// The links of a namespace that is open already; `place` names it in messages.
    pub(crate) fn of(netns: Option<&File>, place: String) -> Result<Self, NetError> {
        let sockets = || Ok::<_, io::Error>((Socket::open()?, Ethtool::open()?));
        let opened = match netns {
            None => sockets(),
            Some(_) => netns::enter(netns, sockets).flatten(),
        };
        let (socket, ethtool) =
            opened.map_err(|e| NetError::kernel(format!("open a netlink socket in {place}"), e))?;
        Ok(Self {
            socket: Mutex::new(socket),
            ethtool,
            place,
        })
    }

    /// Whether the link computes the checksums of what it sends (`ethtool -k`, tx-checksumming).
    ///
    /// # Errors
    /// [`NetError::Kernel`].
    pub fn tx_checksum(&self, name: &str) -> Result<bool, NetError> {
        let read = self.ethtool.tx_checksum(name);
        read.map_err(|e| {
            NetError::kernel(format!("read the offloads of {name} in {}", self.place), e)
        })
    }

    /// Whether an offload of the kernel's name for it (`ethtool -k`), such as `rx-vlan-filter`,
    /// is on; `None`: this kernel knows none of that name.
    ///
    /// # Errors
    /// [`NetError::Kernel`].
    pub fn feature(&self, name: &str, feature: &str) -> Result<Option<bool>, NetError> {
        let read = self.ethtool.features(name);
        let features = read.map_err(|e| {
            NetError::kernel(format!("read the offloads of {name} in {}", self.place), e)
        })?;
        let found = features.into_iter().find(|f| f.name == feature);
        Ok(found.map(|f| f.active))
    }

    /// `ethtool -K name tx on|off`. Off, the kernel computes checksums itself; a userspace
    /// switch that reads frames from a veth needs that.
    ///
    /// # Errors
    /// [`NetError::Kernel`].
    pub fn set_tx_checksum(&self, name: &str, on: bool) -> Result<(), NetError> {
        let set = self.ethtool.set_tx_checksum(name, on);
        set.map_err(|e| {
            NetError::kernel(
                format!("switch tx checksums of {name} in {}", self.place),
                e,
            )
        })
    }

    pub(crate) fn ethtool(&self) -> &Ethtool {
        &self.ethtool
    }

    /// The namespace, for messages.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// The link of that name.
    ///
    /// # Errors
    /// [`NetError::Kernel`] if the kernel cannot be asked.
    pub fn get(&self, name: &str) -> Result<Option<Link>, NetError> {
        let mut ask = LinkMessage::default();
        ask.attributes = vec![LinkAttribute::IfName(name.to_owned()), without_statistics()];
        self.get_one(ask, || format!("look for link {name} in {}", self.place))
    }

    /// The link of that index.
    ///
    /// # Errors
    /// [`NetError::Kernel`] if the kernel cannot be asked.
    pub fn by_index(&self, index: u32) -> Result<Option<Link>, NetError> {
        let mut ask = LinkMessage::default();
        ask.header.index = index;
        ask.attributes = vec![without_statistics()];
        self.get_one(ask, || format!("look for link {index} in {}", self.place))
    }

    /// The link of that name, which must be there.
    ///
    /// # Errors
    /// [`NetError::Kernel`] with `ENODEV` if it is not.
    pub fn require(&self, name: &str) -> Result<Link, NetError> {
        self.get(name)?.ok_or_else(|| {
            let missing = Refusal::errno(libc::ENODEV, String::new());
            NetError::kernel(format!("look for link {name} in {}", self.place), missing)
        })
    }

    /// All links.
    ///
    /// # Errors
    /// [`NetError::Kernel`] if they cannot be listed.
    pub fn all(&self) -> Result<Vec<Link>, NetError> {
        let mut ask = LinkMessage::default();
        ask.attributes = vec![without_statistics()];
        let answer = self.lock().dump(&RouteNetlinkMessage::GetLink(ask));
        let messages =
            answer.map_err(|e| NetError::kernel(format!("list the links in {}", self.place), e))?;
        Ok(messages.into_iter().filter_map(new_link).collect())
    }

    fn get_one(
        &self,
        ask: LinkMessage,
        attempted: impl Fn() -> String,
    ) -> Result<Option<Link>, NetError> {
        match self.lock().request(RouteNetlinkMessage::GetLink(ask), 0) {
            Ok(messages) => Ok(messages.into_iter().find_map(new_link)),
            Err(refusal) if refusal.is(libc::ENODEV) => Ok(None),
            Err(refusal) => Err(NetError::kernel(attempted(), refusal)),
        }
    }

    /// Sends a request whose answer is only yes or no.
    fn change(
        &self,
        message: RouteNetlinkMessage,
        flags: u16,
        attempted: impl FnOnce() -> String,
    ) -> Result<(), NetError> {
        match self.lock().request(message, flags) {
            Ok(_) => Ok(()),
            Err(refusal) => Err(NetError::kernel(
                format!("{} in {}", attempted(), self.place),
                refusal,
            )),
        }
    }

    /// A request that panicked left no half-sent message behind: each answer is matched by
    /// its number.
    fn lock(&self) -> MutexGuard<'_, Socket> {
        self.socket.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn without_statistics() -> LinkAttribute {
    LinkAttribute::ExtMask(vec![LinkExtentMask::SkipStats])
}

fn new_link(message: RouteNetlinkMessage) -> Option<Link> {
    match message {
        RouteNetlinkMessage::NewLink(message) => Some(Link::from(message)),
        _ => None,
    }
}
