//! One rtnetlink socket: a request, its answers.
//!
//! A socket belongs to the namespace in which it was made, whichever thread uses it later; so
//! a thread has to enter a namespace only to open one.
//!
//! The kernel answers an rtnetlink request before `send` returns, so a blocking socket costs
//! no waiting and needs no runtime.

use std::io;
use std::os::fd::AsFd;

use netlink_packet_core::{
    Emitable, NLM_F_ACK, NLM_F_ACK_TLVS, NLM_F_CAPPED, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST,
    NetlinkHeader, NetlinkMessage, NetlinkPayload, NlasIterator,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::SocketAddr;
use netlink_sys::protocols::NETLINK_ROUTE;
use nix::sys::socket::{setsockopt, sockopt};
use nix::sys::time::TimeVal;

use crate::error::Refusal;

/// More than the kernel puts into one datagram of a dump (32 KiB).
const BUFFER: usize = 64 * 1024;
/// A dump that changed while it was read is read again, this many times.
const DUMP_ATTEMPTS: usize = 16;
/// An answer that is not there after this many seconds never comes.
const ANSWER_TIMEOUT_S: i64 = 10;
/// `NLMSGERR_ATTR_MSG` of linux/netlink.h: the kernel's words.
const ATTR_MSG: u16 = 1;
/// Length of `struct nlmsghdr`.
const HEADER: usize = 16;

/// A socket of the rtnetlink family.
pub(crate) struct Socket {
    inner: netlink_sys::Socket,
    sequence: u32,
    buffer: Vec<u8>,
}

/// What one request is answered with, or what one attempt at a dump came to.
enum Answer {
    Complete(Vec<RouteNetlinkMessage>),
    Interrupted,
}

impl Socket {
    /// A socket in the namespace of the calling thread.
    pub(crate) fn open() -> io::Result<Self> {
        let mut inner = netlink_sys::Socket::new(NETLINK_ROUTE)?;
        inner.bind_auto()?;
        inner.connect(&SocketAddr::new(0, 0))?;
        // Since Linux 4.12; without them errors are numbers only.
        let _ = inner.set_ext_ack(true);
        let _ = inner.set_cap_ack(true);
        setsockopt(
            &inner.as_fd(),
            sockopt::ReceiveTimeout,
            &TimeVal::new(ANSWER_TIMEOUT_S, 0),
        )?;
        Ok(Self {
            inner,
            sequence: 0,
            buffer: Vec::with_capacity(BUFFER),
        })
    }

    /// Sends a request that changes something, or asks for one object.
    pub(crate) fn request(
        &mut self,
        message: RouteNetlinkMessage,
        flags: u16,
    ) -> Result<Vec<RouteNetlinkMessage>, Refusal> {
        match self.exchange(message, NLM_F_REQUEST | NLM_F_ACK | flags)? {
            Answer::Complete(messages) => Ok(messages),
            Answer::Interrupted => Err(Refusal::other("the answer was interrupted")),
        }
    }

    /// Asks for all objects of a kind.
    pub(crate) fn dump(
        &mut self,
        message: &RouteNetlinkMessage,
    ) -> Result<Vec<RouteNetlinkMessage>, Refusal> {
        for _ in 0..DUMP_ATTEMPTS {
            if let Answer::Complete(messages) =
                self.exchange(message.clone(), NLM_F_REQUEST | NLM_F_DUMP)?
            {
                return Ok(messages);
            }
        }
        Err(Refusal::other(
            "what was listed changed too often while it was read",
        ))
    }

    fn exchange(&mut self, message: RouteNetlinkMessage, flags: u16) -> Result<Answer, Refusal> {
        self.sequence = self.sequence.wrapping_add(1);
        let mut header = NetlinkHeader::default();
        header.flags = flags;
        header.sequence_number = self.sequence;
        let mut packet = NetlinkMessage::new(header, NetlinkPayload::from(message));
        packet.finalize();
        let mut bytes = vec![0; packet.buffer_len()];
        packet.emit(&mut bytes);
        self.inner.send(&bytes, 0)?;
        self.collect()
    }

    /// Reads datagrams until the answer to the last request is complete.
    fn collect(&mut self) -> Result<Answer, Refusal> {
        let mut messages = Vec::new();
        let mut interrupted = false;
        loop {
            self.buffer.clear();
            self.inner.recv(&mut self.buffer, 0)?;
            let mut rest = &self.buffer[..];
            while rest.len() >= HEADER {
                let packet = NetlinkMessage::<RouteNetlinkMessage>::deserialize(rest)
                    .map_err(|e| Refusal::other(e.to_string()))?;
                let (header, payload) = packet.into_parts();
                let length = (header.length as usize)
                    .next_multiple_of(4)
                    .clamp(HEADER, rest.len());
                rest = &rest[length..];
                if header.sequence_number != self.sequence {
                    continue;
                }
                interrupted |= header.flags & NLM_F_DUMP_INTR != 0;
                match payload {
                    NetlinkPayload::InnerMessage(message) => messages.push(message),
                    NetlinkPayload::Done(done) if done.code < 0 => {
                        return Err(Refusal::errno(-done.code, String::new()));
                    }
                    NetlinkPayload::Done(_) if interrupted => return Ok(Answer::Interrupted),
                    NetlinkPayload::Done(_) => return Ok(Answer::Complete(messages)),
                    NetlinkPayload::Error(error) => match error.code {
                        None => return Ok(Answer::Complete(messages)),
                        Some(code) => {
                            let said = kernels_words(header.flags, &error.header);
                            return Err(Refusal::errno(code.get().saturating_neg(), said));
                        }
                    },
                    NetlinkPayload::Overrun(_) => return Err(Refusal::other("answers were lost")),
                    _ => {}
                }
            }
        }
    }
}

/// The text of an extended acknowledgement: after the error code follow the request's header
/// (the whole request unless capped) and attributes.
fn kernels_words(flags: u16, after_code: &[u8]) -> String {
    if flags & NLM_F_ACK_TLVS == 0 || after_code.len() < HEADER {
        return String::new();
    }
    let request =
        u32::from_ne_bytes([after_code[0], after_code[1], after_code[2], after_code[3]]) as usize;
    let start = if flags & NLM_F_CAPPED == 0 {
        request.next_multiple_of(4)
    } else {
        HEADER
    };
    let attributes = after_code.get(start..).unwrap_or_default();
    let text = NlasIterator::new(attributes)
        .filter_map(Result::ok)
        .find(|nla| nla.kind() == ATTR_MSG)
        .map(|nla| {
            String::from_utf8_lossy(nla.value())
                .trim_end_matches('\0')
                .to_owned()
        });
    text.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_words_are_found_behind_a_capped_request() {
        let mut bytes = vec![0; HEADER];
        bytes[0] = 60;
        let text = b"Unknown device type\0";
        bytes.extend(u16::to_ne_bytes(4 + text.len() as u16));
        bytes.extend(u16::to_ne_bytes(ATTR_MSG));
        bytes.extend(text);
        assert_eq!(
            kernels_words(NLM_F_ACK_TLVS | NLM_F_CAPPED, &bytes),
            "Unknown device type"
        );
        assert_eq!(kernels_words(0, &bytes), "");
        assert_eq!(
            kernels_words(NLM_F_ACK_TLVS, &bytes),
            "",
            "a truncated answer has no words"
        );
    }
}
