//! ICMP echo (RFC 792, RFC 4443): requests and what answers them. Pure.

/// ICMP and ICMPv6 types of an echo request and its reply.
const V4: (u8, u8) = (8, 0);
const V6: (u8, u8) = (128, 129);
/// Bytes of an echo's header: type, code, checksum, identifier, sequence number.
const HEADER: usize = 8;

/// One run of echo requests by one socket. Several may share a namespace: a raw socket sees
/// the replies to all of them, and a reply is this one's if identifier and token are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Echo {
    /// Whether it is ICMPv6.
    pub(super) v6: bool,
    /// Identifier.
    pub(super) id: u16,
    /// The payload.
    pub(super) token: u64,
}

impl Echo {
    /// A request. The checksum of ICMPv6 covers the addresses and is the kernel's work.
    pub(super) fn request(self, sequence: u16) -> Vec<u8> {
        let kind = if self.v6 { V6.0 } else { V4.0 };
        let mut packet = vec![kind, 0, 0, 0];
        packet.extend(self.id.to_be_bytes());
        packet.extend(sequence.to_be_bytes());
        packet.extend(self.token.to_be_bytes());
        if !self.v6 {
            let sum = checksum(&packet);
            packet[2..4].copy_from_slice(&sum.to_be_bytes());
        }
        packet
    }

    /// The sequence number of the request that a received packet answers. A raw IPv4 socket
    /// hands out the IP header as well, an IPv6 one does not.
    pub(super) fn answered(self, packet: &[u8]) -> Option<u16> {
        let start = match self.v6 {
            true => 0,
            false => usize::from(*packet.first()? & 0x0f) * 4,
        };
        let echo = packet.get(start..start + HEADER + 8)?;
        let kind = if self.v6 { V6.1 } else { V4.1 };
        let ours = echo[0] == kind
            && echo[4..6] == self.id.to_be_bytes()
            && echo[HEADER..] == self.token.to_be_bytes();
        ours.then(|| u16::from_be_bytes([echo[6], echo[7]]))
    }
}

/// The Internet checksum (RFC 1071) of an even number of bytes.
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes
        .chunks_exact(2)
        .map(|two| u32::from(u16::from_be_bytes([two[0], two[1]])));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    !u16::try_from(sum).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(request: &[u8], v6: bool) -> Vec<u8> {
        let mut echo = request.to_vec();
        echo[0] = if v6 { V6.1 } else { V4.1 };
        let mut packet = if v6 { vec![] } else { vec![0x45; 20] };
        packet.extend(echo);
        packet
    }

    #[test]
    fn a_reply_names_its_request() {
        for v6 in [false, true] {
            let echo = Echo {
                v6,
                id: 7,
                token: 0xfeed,
            };
            let packet = reply(&echo.request(513), v6);
            assert_eq!(echo.answered(&packet), Some(513));
            assert_eq!(Echo { id: 8, ..echo }.answered(&packet), None);
            assert_eq!(Echo { token: 1, ..echo }.answered(&packet), None);
            assert_eq!(echo.answered(&packet[..packet.len() - 1]), None);
            assert_eq!(echo.answered(&[]), None);
        }
    }

    #[test]
    fn a_request_is_not_a_reply() {
        let echo = Echo {
            v6: true,
            id: 7,
            token: 1,
        };
        assert_eq!(echo.answered(&echo.request(1)), None);
    }

    #[test]
    fn the_checksum_makes_the_whole_sum_to_zero() {
        let packet = Echo {
            v6: false,
            id: 0xbeef,
            token: u64::MAX - 5,
        }
        .request(3);
        assert_eq!(checksum(&packet), 0);
    }
}
