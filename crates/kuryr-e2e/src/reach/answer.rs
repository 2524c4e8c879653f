//! Servers that say who they are, and questions to them: shows which of several answered.

use std::net::{SocketAddr, TcpListener as StdListener, UdpSocket as StdUdp};
use std::time::Duration;

use kuryr_net::netns;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::Place;
use super::stream::socket_in;
use crate::{Outcome, fail};

/// How long one question may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// What a question is sent by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// A connection of its own.
    Tcp,
    /// A datagram from a port of its own.
    Udp,
}

/// Servers, until it is dropped.
#[derive(Debug, Default)]
pub struct Answers(JoinSet<()>);

impl Answers {
    /// Lets a place answer its name on a port, by TCP and UDP.
    ///
    /// # Errors
    /// The port is taken there.
    pub fn serve(&mut self, place: &Place, port: u16) -> Outcome {
        let at = SocketAddr::new(place.address, port);
        let sockets = || Ok((StdListener::bind(at)?, StdUdp::bind(at)?));
        let made: std::io::Result<_> = netns::run_in(Some(&place.netns), sockets)?;
        let (tcp, udp) = made?;
        tcp.set_nonblocking(true)?;
        udp.set_nonblocking(true)?;
        let (tcp, udp) = (TcpListener::from_std(tcp)?, UdpSocket::from_std(udp)?);
        self.0.spawn(by_tcp(tcp, place.name.clone()));
        self.0.spawn(by_udp(udp, place.name.clone()));
        Ok(())
    }
}

async fn by_tcp(listener: TcpListener, name: String) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let _ = stream.write_all(name.as_bytes()).await;
        let _ = stream.shutdown().await;
    }
}

async fn by_udp(socket: UdpSocket, name: String) {
    let mut question = [0; 64];
    while let Ok((_, from)) = socket.recv_from(&mut question).await {
        let _ = socket.send_to(name.as_bytes(), from).await;
    }
}

/// Asks whoever answers at `target` for its name.
///
/// # Errors
/// Nobody does within three seconds.
pub async fn ask(from: &Place, target: SocketAddr, by: By) -> Outcome<String> {
    let asked = timeout(PATIENCE, async {
        match by {
            By::Tcp => ask_tcp(from, target).await,
            By::Udp => ask_udp(from, target).await,
        }
    });
    let answer = match asked.await {
        Ok(Ok(answer)) => answer,
        Ok(Err(why)) => return fail(format!("{by:?} from {} to {target}: {why}", from.name)),
        Err(_) => return fail(format!("{by:?} from {} to {target}: no answer", from.name)),
    };
    Ok(String::from_utf8(answer)?)
}

async fn ask_tcp(from: &Place, target: SocketAddr) -> Outcome<Vec<u8>> {
    let mut stream = socket_in(from, target)?.connect(target).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer)
}

async fn ask_udp(from: &Place, target: SocketAddr) -> Outcome<Vec<u8>> {
    let at = SocketAddr::new(from.address, 0);
    let socket: std::io::Result<StdUdp> = netns::run_in(Some(&from.netns), || StdUdp::bind(at))?;
    let socket = socket?;
    socket.set_nonblocking(true)?;
    let socket = UdpSocket::from_std(socket)?;
    socket.connect(target).await?;
    socket.send(b"who").await?;
    let mut answer = vec![0; 256];
    let length = socket.recv(&mut answer).await?;
    answer.truncate(length);
    Ok(answer)
}
