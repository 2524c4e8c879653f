//! UDP: a stream, at a pace or as fast as it goes; requests.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use super::ClientSide;
use crate::load::PATIENCE;
use crate::{Load, LoadError, payload};

/// An answer that isn't there after this long is counted as lost, and the next request sent.
const ANSWER: Duration = Duration::from_millis(200);
/// Sleeping is no more precise than this; what is due sooner is waited for awake.
const SLEEP: Duration = Duration::from_micros(200);

fn socket(target: SocketAddr) -> Result<UdpSocket, LoadError> {
    let any: SocketAddr = match target {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let make = || {
        let socket = UdpSocket::bind(any)?;
        socket.connect(target)?;
        socket.set_read_timeout(Some(ANSWER))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        Ok(socket)
    };
    make().map_err(|e| LoadError::socket("send datagrams to", target, e))
}

fn thread_number(thread: usize) -> u32 {
    u32::try_from(thread).unwrap_or(u32::MAX)
}

pub(super) fn stream(
    load: &Load,
    thread: usize,
    target: SocketAddr,
    until: Instant,
    client: &mut ClientSide,
) -> Result<(), LoadError> {
    let socket = socket(target)?;
    let mut datagram = vec![0; load.size];
    let gap = gap(load);
    let mut due = Instant::now();
    let mut number = 0;
    while Instant::now() < until || number < load.at_least {
        payload::stamp(&mut datagram, thread_number(thread), number);
        match socket.send(&datagram) {
            Ok(_) => {}
            // The link's queue is full: the datagram is lost before it left, which counts as any other loss.
            Err(e) if e.raw_os_error() == Some(nix::libc::ENOBUFS) => {}
            Err(e) => return Err(LoadError::socket("send datagrams to", target, e)),
        }
        number += 1;
        if let Some(gap) = gap {
            due += gap;
            wait_until(due);
        }
    }
    client.side.messages += number;
    client.side.bytes += number * load.size as u64;
    Ok(())
}

/// Time from one datagram of a thread to its next, at the load's pace.
fn gap(load: &Load) -> Option<Duration> {
    let bits = load.size as u64 * 8 * load.threads as u64;
    #[allow(clippy::cast_precision_loss)]
    load.pace
        .map(|pace| Duration::from_secs_f64(bits as f64 / pace as f64))
}

fn wait_until(due: Instant) {
    loop {
        let left = due.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        if left > SLEEP {
            thread::sleep(left - SLEEP);
        } else {
            std::hint::spin_loop();
        }
    }
}

pub(super) fn requests(
    load: &Load,
    thread: usize,
    target: SocketAddr,
    until: Instant,
    client: &mut ClientSide,
) -> Result<(), LoadError> {
    let socket = socket(target)?;
    let mut request = vec![0; load.size];
    let mut answer = vec![0; load.size];
    let mut number = 0;
    let mut begin = Instant::now();
    // That nobody answers is not said before it was waited for, however short the load.
    let given_up = begin + PATIENCE;
    let goes_on = |begin: Instant, number, answered| {
        begin < until || number < load.at_least || (answered == 0 && begin < given_up)
    };
    while goes_on(begin, number, client.side.messages) {
        payload::stamp(&mut request, thread_number(thread), number);
        let answered = exchange(&socket, &request, &mut answer, number);
        match answered.map_err(|e| LoadError::socket("get an answer from", target, e))? {
            true => client.answered(load, begin.elapsed()),
            false => client.unanswered += 1,
        }
        number += 1;
        begin = Instant::now();
    }
    if client.side.messages == 0 {
        return Err(LoadError::NoAnswer {
            what: "get an answer from",
            address: target,
            seconds: PATIENCE.max(load.duration).as_secs_f64(),
        });
    }
    Ok(())
}

/// Sends a request and takes its answer; late answers to earlier ones are passed over.
fn exchange(
    socket: &UdpSocket,
    request: &[u8],
    answer: &mut [u8],
    number: u64,
) -> io::Result<bool> {
    socket.send(request)?;
    loop {
        match socket.recv(answer) {
            Ok(len) if len == request.len() && answer == request => return Ok(true),
            Ok(len) => match payload::read_stamp(&answer[..len]) {
                Ok((_, earlier)) if earlier < number => {}
                _ => return Err(io::Error::other("other bytes than were sent")),
            },
            Err(e)
                if matches!(
                    e.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
                ) =>
            {
                return Ok(false);
            }
            Err(e) => return Err(e),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Pattern;

    #[test]
    fn a_pace_is_shared_among_the_threads() {
        let load = Load {
            threads: 2,
            pace: Some(8_000_000),
            ..Load::new(Pattern::UdpStream, 1000, Duration::from_secs(1))
        };
        assert_eq!(gap(&load), Some(Duration::from_millis(2)));
        assert_eq!(gap(&Load { pace: None, ..load }), None);
    }
}
