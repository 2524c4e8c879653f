//! The clsact qdisc and bpf filters on a link.
//!
//! clsact and not tcx: a tcx link goes with the last descriptor unless it is pinned in a
//! bpffs, which a container may not have; a filter stays with its link, and a daemon that
//! starts again finds it by listing.

use std::os::fd::{AsRawFd, BorrowedFd};

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::tc::{
    TcAttribute, TcBpfFlags, TcFilterBpf, TcFilterBpfOption, TcHandle, TcMessage, TcOption,
};

use super::Links;
use crate::NetError;

const CLSACT: TcHandle = TcHandle::CLSACT;
/// The qdisc's own handle, `ffff:`.
const CLSACT_HANDLE: TcHandle = TcHandle {
    major: 0xffff,
    minor: 0,
};
const INGRESS: TcHandle = TcHandle {
    major: 0xffff,
    minor: TcHandle::MIN_INGRESS,
};
const EGRESS: TcHandle = TcHandle {
    major: 0xffff,
    minor: TcHandle::MIN_EGRESS,
};
/// `ETH_P_ALL`.
const ALL_PROTOCOLS: u16 = 3;
/// Our filters' preference: other agents' low numbers come first, and 802.1Q is recognised.
pub(crate) const PREFERENCE: u16 = 802;
const HANDLE: TcHandle = TcHandle { major: 0, minor: 1 };

/// Which of a link's frames a filter sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Those that the link receives.
    Ingress,
    /// Those that it sends.
    Egress,
}

impl Side {
    fn parent(self) -> TcHandle {
        match self {
            Self::Ingress => INGRESS,
            Self::Egress => EGRESS,
        }
    }
}

/// A bpf filter on a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// Its name, the program's.
    pub name: String,
    /// The program's id.
    pub program: u32,
    pub preference: u16,
}

impl Links {
    /// Adds the clsact qdisc, if the link has none.
    ///
    /// # Errors
    /// [`NetError::Kernel`].
    pub(crate) fn add_clsact(&self, index: u32) -> Result<(), NetError> {
        let message = RouteNetlinkMessage::NewQueueDiscipline(clsact(index));
        match self.change(message, NLM_F_CREATE | NLM_F_EXCL, || {
            format!("add the clsact qdisc to link {index}")
        }) {
            Err(error) if error.errno() == Some(libc::EEXIST) => Ok(()),
            other => other,
        }
    }

    /// Removes the clsact qdisc unless someone has a filter there.
    pub(crate) fn remove_unused_clsact(&self, index: u32) -> Result<(), NetError> {
        for parent in [INGRESS, EGRESS] {
            if !self.list_filters(index, parent)?.is_empty() {
                return Ok(());
            }
        }
        let message = RouteNetlinkMessage::DelQueueDiscipline(clsact(index));
        tolerate_absence(self.change(message, 0, || {
            format!("remove the clsact qdisc of link {index}")
        }))
    }

    /// Has a program see what the link receives or sends; it decides on each frame (`direct-action`).
    pub(crate) fn attach(
        &self,
        index: u32,
        side: Side,
        name: &str,
        program: BorrowedFd<'_>,
    ) -> Result<(), NetError> {
        self.add_clsact(index)?;
        let fd = u32::try_from(program.as_raw_fd()).unwrap_or(u32::MAX);
        let mut message = filter(index, side);
        message.attributes.push(TcAttribute::Options(vec![
            TcOption::Bpf(TcFilterBpfOption::ProgFd(fd)),
            TcOption::Bpf(TcFilterBpfOption::ProgName(name.to_owned())),
            TcOption::Bpf(TcFilterBpfOption::Flags(TcBpfFlags::DirectAction)),
        ]));
        let request = RouteNetlinkMessage::NewTrafficFilter(message);
        self.change(request, NLM_F_CREATE | NLM_F_EXCL, || {
            format!("attach {name} to link {index}")
        })
    }

    /// Removes our filter from the link's ingress.
    pub(crate) fn detach(&self, index: u32) -> Result<(), NetError> {
        let request = RouteNetlinkMessage::DelTrafficFilter(filter(index, Side::Ingress));
        tolerate_absence(self.change(request, 0, || {
            format!("detach the bpf program of link {index}")
        }))
    }

    /// The bpf filters on one side of a link.
    ///
    /// # Errors
    /// [`NetError::Kernel`].
    pub fn filters(&self, index: u32, side: Side) -> Result<Vec<Filter>, NetError> {
        Ok(self
            .list_filters(index, side.parent())?
            .iter()
            .filter_map(filter_of)
            .collect())
    }

    fn list_filters(&self, index: u32, parent: TcHandle) -> Result<Vec<TcMessage>, NetError> {
        let mut ask = TcMessage::with_index(signed(index));
        ask.header.parent = parent;
        let answer = self
            .lock()
            .dump(&RouteNetlinkMessage::GetTrafficFilter(ask));
        let messages = match answer {
            // Without a qdisc there are no filters.
            Err(refusal) if refusal.is(libc::EINVAL) || refusal.is(libc::ENOENT) => vec![],
            other => other.map_err(|e| {
                NetError::kernel(
                    format!("list the filters of link {index} in {}", self.place()),
                    e,
                )
            })?,
        };
        Ok(messages
            .into_iter()
            .filter_map(|message| match message {
                RouteNetlinkMessage::NewTrafficFilter(message) => Some(message),
                _ => None,
            })
            .collect())
    }
}

fn clsact(index: u32) -> TcMessage {
    let mut message = TcMessage::with_index(signed(index));
    message.header.handle = CLSACT_HANDLE;
    message.header.parent = CLSACT;
    message.attributes = vec![TcAttribute::Kind("clsact".to_owned())];
    message
}

/// Our filter on one side of a link.
fn filter(index: u32, side: Side) -> TcMessage {
    let mut message = TcMessage::with_index(signed(index));
    message.header.parent = side.parent();
    message.header.handle = HANDLE;
    // TC_H_MAKE(preference << 16, protocol in network byte order)
    message.header.info = u32::from(PREFERENCE) << 16 | u32::from(ALL_PROTOCOLS.to_be());
    message.attributes = vec![TcAttribute::Kind(TcFilterBpf::KIND.to_owned())];
    message
}

fn filter_of(message: &TcMessage) -> Option<Filter> {
    let options = message
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            TcAttribute::Options(options) => Some(options),
            _ => None,
        })?;
    let mut found = Filter {
        name: String::new(),
        program: 0,
        preference: u16::try_from(message.header.info >> 16).unwrap_or_default(),
    };
    for option in options {
        match option {
            TcOption::Bpf(TcFilterBpfOption::ProgName(name)) => found.name.clone_from(name),
            TcOption::Bpf(TcFilterBpfOption::ProgId(id)) => found.program = *id,
            _ => {}
        }
    }
    // A program may also be listed once without its handle, as the head of its preference.
    (found.program != 0).then_some(found)
}

fn tolerate_absence(done: Result<(), NetError>) -> Result<(), NetError> {
    match done {
        Err(error)
            if matches!(
                error.errno(),
                Some(libc::ENOENT | libc::EINVAL | libc::ENODEV)
            ) =>
        {
            Ok(())
        }
        other => other,
    }
}

/// The kernel's interface indices are positive `int`s.
fn signed(index: u32) -> i32 {
    i32::try_from(index).unwrap_or(i32::MAX)
}
