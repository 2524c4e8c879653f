//! Bytes over TCP: whole segments, so a wrong MTU or checksum shows.

use std::net::{SocketAddr, TcpListener as StdListener, TcpStream as StdStream};
use std::os::fd::OwnedFd;
use std::time::Duration;

use kuryr_net::netns;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};
use tokio::time::timeout;

use super::Place;
use crate::{Outcome, fail};

/// Sends `length` bytes from one place to another and compares what arrives.
///
/// # Errors
/// They don't arrive within `patience`, or not as they were sent.
pub async fn copy(from: &Place, to: &Place, length: usize, patience: Duration) -> Outcome {
    let what = format!("{length} bytes by TCP from {} to {}", from.name, to.name);
    match timeout(patience, transfer(from, to, length)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(why)) => fail(format!("{what}: {why}")),
        Err(_) => fail(format!("{what}: not within {} s", patience.as_secs())),
    }
}

async fn transfer(from: &Place, to: &Place, length: usize) -> Outcome {
    let listener = netns::run_in(Some(&to.netns), || StdListener::bind((to.address, 0)))??;
    listener.set_nonblocking(true)?;
    let target = listener.local_addr()?;
    let listener = TcpListener::from_std(listener)?;
    let bytes: Vec<u8> = (0..length)
        .map(|i| u8::try_from(i % 251).unwrap_or(0))
        .collect();
    let send = async {
        let mut stream = socket_in(from, target)?.connect(target).await?;
        stream.write_all(&bytes).await?;
        stream.shutdown().await?;
        Outcome::Ok(())
    };
    let receive = async {
        let (mut stream, _) = listener.accept().await?;
        let mut arrived = Vec::with_capacity(length);
        stream.read_to_end(&mut arrived).await?;
        Outcome::Ok(arrived)
    };
    let ((), arrived) = tokio::try_join!(send, receive)?;
    match arrived == bytes {
        true => Ok(()),
        false => fail(format!("{} bytes arrived, or others", arrived.len())),
    }
}

/// A TCP socket of the place's namespace.
pub(super) fn socket_in(place: &Place, target: SocketAddr) -> Outcome<TcpSocket> {
    let family = if target.is_ipv4() {
        AddressFamily::Inet
    } else {
        AddressFamily::Inet6
    };
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let made: OwnedFd = netns::run_in(Some(&place.netns), || {
        socket(family, SockType::Stream, flags, None)
    })??;
    Ok(TcpSocket::from_std_stream(StdStream::from(made)))
}
