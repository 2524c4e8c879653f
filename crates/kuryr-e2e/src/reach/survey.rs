//! Many questions at once, of which each says how far it came: a connection with data after it, or two datagrams from one socket.
//!
//! Each question has a number of its own, which servers note: so a datagram that arrived though nobody was to hear it is seen, and so
//! is an answer that got lost.

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener, UdpSocket as StdUdp};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kuryr_net::netns;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::stream::socket_in;
use super::{By, Place};
use crate::Outcome;

/// How long a server waits for the question of who connected.
const PATIENCE: Duration = Duration::from_secs(5);

/// A datagram that is not answered for so long is sent again.
const AGAIN: Duration = Duration::from_millis(500);

/// How far a question came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// All of it was answered.
    Answered,
    /// Nothing of it arrived.
    Silence,
    /// Something arrived, and not all was answered.
    Half,
}

/// Servers, until it is dropped.
#[derive(Debug, Default)]
pub struct Survey {
    servers: JoinSet<()>,
    /// Numbers of questions of which something arrived.
    heard: Heard,
    asked: AtomicU64,
}

type Heard = Arc<Mutex<BTreeMap<u64, u32>>>;

fn note(heard: &Heard, question: &[u8]) {
    if let Ok(number) = question.try_into().map(u64::from_be_bytes) {
        let mut all = heard.lock().unwrap_or_else(PoisonError::into_inner);
        *all.entry(number).or_default() += 1;
    }
}

impl Survey {
    /// Lets a place answer on a port, by TCP and UDP.
    ///
    /// # Errors
    /// The port is taken there.
    pub fn serve(&mut self, place: &Place, port: u16) -> Outcome {
        let at = SocketAddr::new(place.address, port);
        let sockets = || Ok((StdListener::bind(at)?, StdUdp::bind(at)?));
        let made: io::Result<_> = netns::run_in(Some(&place.netns), sockets)?;
        let (tcp, udp) = made?;
        tcp.set_nonblocking(true)?;
        udp.set_nonblocking(true)?;
        let (tcp, udp) = (TcpListener::from_std(tcp)?, UdpSocket::from_std(udp)?);
        self.servers.spawn(by_tcp(tcp, self.heard.clone()));
        self.servers.spawn(by_udp(udp, self.heard.clone()));
        Ok(())
    }

    /// Asks who answers at `target`, for as long as `patience` lasts.
    pub async fn ask(&self, from: &Place, target: SocketAddr, by: By, patience: Duration) -> Reply {
        let number = self.asked.fetch_add(1, Ordering::Relaxed);
        let question = number.to_be_bytes();
        let asked = async {
            match by {
                By::Tcp => ask_tcp(from, target, question).await,
                By::Udp => ask_udp(from, target, question).await,
            }
        };
        let is_answered = timeout(patience, asked)
            .await
            .is_ok_and(|done| done.is_ok());
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        match (is_answered, heard.contains_key(&number)) {
            (true, _) => Reply::Answered,
            (false, false) => Reply::Silence,
            (false, true) => Reply::Half,
        }
    }
}

async fn by_tcp(listener: TcpListener, heard: Heard) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let heard = heard.clone();
        tokio::spawn(async move {
            let mut question = [0; 8];
            if timeout(PATIENCE, stream.read_exact(&mut question))
                .await
                .is_ok_and(|r| r.is_ok())
            {
                note(&heard, &question);
                let _ = stream.write_all(&question).await;
            }
        });
    }
}

async fn by_udp(socket: UdpSocket, heard: Heard) {
    let mut question = [0; 8];
    while let Ok((length, from)) = socket.recv_from(&mut question).await {
        note(&heard, &question[..length]);
        let _ = socket.send_to(&question[..length], from).await;
    }
}

async fn ask_tcp(from: &Place, target: SocketAddr, question: [u8; 8]) -> Outcome {
    let mut stream = socket_in(from, target)?.connect(target).await?;
    stream.write_all(&question).await?;
    let mut answer = [0; 8];
    stream.read_exact(&mut answer).await?;
    Ok(())
}

async fn ask_udp(from: &Place, target: SocketAddr, question: [u8; 8]) -> Outcome {
    let at = SocketAddr::new(from.address, 0);
    let socket: io::Result<StdUdp> = netns::run_in(Some(&from.netns), || StdUdp::bind(at))?;
    let socket = socket?;
    socket.set_nonblocking(true)?;
    let socket = UdpSocket::from_std(socket)?;
    socket.connect(target).await?;
    let mut answer = [0; 8];
    for _ in 0..2 {
        // A datagram may be lost on a machine that has more to do: who asks by UDP asks again.
        loop {
            socket.send(&question).await?;
            if let Ok(answered) = timeout(AGAIN, socket.recv(&mut answer)).await {
                answered?;
                break;
            }
        }
    }
    Ok(())
}
