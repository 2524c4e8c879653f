//! Echo requests from one namespace to many addresses.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use kuryr_net::netns;
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn, SockaddrIn6, recv,
    sendto, setsockopt, socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};

use super::icmp::Echo;

/// How long a reply is waited for before those that have not answered are asked again.
const ROUND: Duration = Duration::from_millis(200);

/// What came of the requests to one address: the time of the first round trip, or why there
/// was none.
pub(super) type Heard = Result<Duration, String>;

/// Asks every address until each has answered or `patience` is over. Blocks.
pub(super) fn ping(
    netns: &Path,
    addresses: &[IpAddr],
    patience: Duration,
) -> BTreeMap<IpAddr, Heard> {
    let silent = |why: &str| {
        addresses
            .iter()
            .map(|to| (*to, Err(why.to_owned())))
            .collect()
    };
    let asked = netns::run_in(Some(netns), || {
        let mut heard = BTreeMap::new();
        for v6 in [false, true] {
            let targets: Vec<IpAddr> = addresses
                .iter()
                .copied()
                .filter(|to| to.is_ipv6() == v6)
                .collect();
            match Pinger::open(v6) {
                Ok(pinger) => heard.extend(pinger.run(&targets, patience)),
                Err(error) => {
                    let why = format!("no raw socket: {error}");
                    heard.extend(targets.into_iter().map(|to| (to, Err(why.clone()))));
                }
            }
        }
        heard
    });
    asked.unwrap_or_else(|error| silent(&error.to_string()))
}

struct Pinger {
    socket: OwnedFd,
    echo: Echo,
}

/// A request under way, by its target.
struct Asked {
    sent: Instant,
    heard: Heard,
}

impl Pinger {
    fn open(v6: bool) -> io::Result<Self> {
        let (family, protocol) = match v6 {
            true => (AddressFamily::Inet6, SockProtocol::IcmpV6),
            false => (AddressFamily::Inet, SockProtocol::Icmp),
        };
        let socket = socket(family, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol)?;
        let echo = Echo {
            v6,
            id: rand::random(),
            token: rand::random(),
        };
        Ok(Self { socket, echo })
    }

    fn run(&self, targets: &[IpAddr], patience: Duration) -> BTreeMap<IpAddr, Heard> {
        let mut asked: BTreeMap<IpAddr, Asked> = BTreeMap::new();
        let end = Instant::now() + patience;
        loop {
            for (number, to) in (0_u16..).zip(targets) {
                if asked.get(to).is_none_or(|asked| asked.heard.is_err()) {
                    asked.insert(*to, self.ask(*to, number));
                }
            }
            let open = |asked: &BTreeMap<IpAddr, Asked>| asked.values().any(|a| a.heard.is_err());
            let round = (Instant::now() + ROUND).min(end);
            while open(&asked) && Instant::now() < round {
                self.hear(targets, &mut asked, round);
            }
            if !open(&asked) || Instant::now() >= end {
                return asked
                    .into_iter()
                    .map(|(to, asked)| (to, asked.heard))
                    .collect();
            }
        }
    }

    fn ask(&self, to: IpAddr, number: u16) -> Asked {
        let packet = self.echo.request(number);
        let (fd, flags) = (self.socket.as_raw_fd(), MsgFlags::empty());
        let sent = match to {
            IpAddr::V4(to) => sendto(
                fd,
                &packet,
                &SockaddrIn::from(SocketAddrV4::new(to, 0)),
                flags,
            ),
            IpAddr::V6(to) => sendto(
                fd,
                &packet,
                &SockaddrIn6::from(SocketAddrV6::new(to, 0, 0, 0)),
                flags,
            ),
        };
        Asked {
            sent: Instant::now(),
            heard: Err(match sent {
                Ok(_) => "no answer".to_owned(),
                Err(error) => format!("could not be sent: {}", error.desc()),
            }),
        }
    }

    /// Takes one packet, or lets the round end.
    fn hear(&self, targets: &[IpAddr], asked: &mut BTreeMap<IpAddr, Asked>, until: Instant) {
        let left = until.saturating_duration_since(Instant::now());
        let micros = i64::try_from(left.as_micros())
            .unwrap_or(i64::MAX)
            .max(1000);
        let _ = setsockopt(
            &self.socket,
            sockopt::ReceiveTimeout,
            &TimeVal::microseconds(micros),
        );
        let mut packet = [0_u8; 512];
        let taken = match recv(self.socket.as_raw_fd(), &mut packet, MsgFlags::empty()) {
            Ok(taken) => taken,
            // The round's end, or an ICMP error about an earlier request, which will be repeated.
            Err(Errno::EAGAIN | Errno::EINTR | _) => return,
        };
        let target = self
            .echo
            .answered(&packet[..taken])
            .and_then(|n| targets.get(usize::from(n)));
        if let Some(asked) = target.and_then(|to| asked.get_mut(to)) {
            asked.heard = Ok(asked.sent.elapsed());
        }
    }
}
