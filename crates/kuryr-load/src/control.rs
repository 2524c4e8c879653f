//! Two ends on two machines. The server listens at one port for what is to be done and at the next for the load:
//!
//! ```text
//! client                                server
//!   {"load": {"pattern": "tcp-rr", …}}  ->
//!                                       <-  "ready", or {"refused": "…"}
//!   …the load, to the next port, maybe by a load balancer…
//!   "done"                              ->
//!                                       <-  {"side": {"bytes": …}}
//! ```
//!
//! each a line of JSON.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError, TryLockError};
use std::thread;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::load::PATIENCE;
use crate::outcome::Side;
use crate::server::Sockets;
use crate::{Load, LoadError, Outcome, client};

/// The longest line that is read.
const MAX_LINE: u64 = 4096;
/// How long a load may take beyond its duration until the client is given up.
const GRACE: Duration = Duration::from_secs(30);

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Ask {
    Load(Load),
    Done,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Say {
    Ready,
    Refused(String),
    Side(Side),
}

/// The port of the load, by that of the control connection.
#[must_use]
pub fn load_address(control: SocketAddr) -> SocketAddr {
    SocketAddr::new(control.ip(), control.port().wrapping_add(1))
}

/// A server: where it listens for clients, and for their loads.
#[derive(Debug)]
pub struct Server {
    control: TcpListener,
    sockets: Mutex<Sockets>,
}

impl Server {
    /// Listens at an address and the port after it. Port 0: one that is free with the one after it.
    ///
    /// # Errors
    /// [`LoadError::Socket`].
    pub fn bind(address: SocketAddr) -> Result<Self, LoadError> {
        let mut bound = Self::bind_once(address);
        // The system gives out a free port, whatever is at the next.
        for _ in 0..64 {
            if bound.is_ok() || address.port() != 0 {
                break;
            }
            bound = Self::bind_once(address);
        }
        bound
    }

    fn bind_once(address: SocketAddr) -> Result<Self, LoadError> {
        let failed = |source| LoadError::Socket {
            what: "listen at",
            address,
            source,
        };
        let control = TcpListener::bind(address).map_err(failed)?;
        let bound = control.local_addr().map_err(failed)?;
        let sockets = Mutex::new(Sockets::bind(load_address(bound))?);
        Ok(Self { control, sockets })
    }

    /// Where it listens for clients.
    ///
    /// # Errors
    /// [`LoadError::Socket`] if the system can't say.
    pub fn address(&self) -> Result<SocketAddr, LoadError> {
        self.control
            .local_addr()
            .map_err(|source| LoadError::Socket {
                what: "name",
                address: SocketAddr::from(([0, 0, 0, 0], 0)),
                source,
            })
    }

    /// Serves clients, one at a time, until `stop` is set; a second one is told that there is a first.
    ///
    /// # Errors
    /// [`LoadError::Socket`].
    pub fn run(&self, stop: &AtomicBool) -> Result<(), LoadError> {
        let address = self.address()?;
        let failed = |source| LoadError::Socket {
            what: "listen at",
            address,
            source,
        };
        self.control.set_nonblocking(true).map_err(failed)?;
        thread::scope(|scope| {
            while !stop.load(Ordering::Relaxed) {
                match self.control.accept() {
                    Ok((stream, _)) => {
                        // A client that breaks off hurts nobody else.
                        scope.spawn(move || drop(self.client(&stream)));
                    }
                    Err(_) => thread::sleep(Duration::from_millis(20)),
                }
            }
        });
        Ok(())
    }

    fn client(&self, stream: &TcpStream) -> io::Result<()> {
        stream.set_nonblocking(false)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let sockets = match self.sockets.try_lock() {
            Ok(sockets) => sockets,
            Err(TryLockError::Poisoned(poisoned)) => PoisonError::into_inner(poisoned),
            Err(TryLockError::WouldBlock) => {
                let busy = "another client's load is under way; try again later";
                return write_line(stream, &Say::Refused(busy.to_owned()));
            }
        };
        let mut lines = BufReader::new(stream);
        let load = match read_line(&mut lines) {
            Ok(Ask::Load(load)) => load,
            Ok(Ask::Done) => return Ok(()),
            Err(error) => return write_line(stream, &Say::Refused(error.to_string())),
        };
        let serving = match sockets.serve(&load) {
            Ok(serving) => serving,
            Err(error) => return write_line(stream, &Say::Refused(error.to_string())),
        };
        write_line(stream, &Say::Ready)?;
        stream.set_read_timeout(Some(load.duration + GRACE))?;
        let _: Ask = read_line(&mut lines)?;
        write_line(stream, &Say::Side(serving.stop()))
    }
}

/// Has the server at `control` serve a load, and carries it out against `target`: the server's own load address, or
/// a Service's in front of it.
///
/// # Errors
/// What [`client::run`] has, and [`LoadError::Refused`] for what the server says.
pub fn run(load: &Load, control: SocketAddr, target: SocketAddr) -> Result<Outcome, LoadError> {
    load.validate()?;
    let failed = |e| LoadError::socket("ask", control, e);
    let stream = TcpStream::connect_timeout(&control, PATIENCE).map_err(failed)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
    stream.set_nodelay(true).map_err(failed)?;
    let mut lines = BufReader::new(&stream);
    let mut ask = |ask: &Ask| {
        let said = write_line(&stream, ask).and_then(|()| read_line(&mut lines));
        said.map_err(failed)
    };
    let refused = |said: String| LoadError::Refused {
        address: control,
        said,
    };
    match ask(&Ask::Load(*load))? {
        Say::Ready => {}
        Say::Refused(why) => return Err(refused(why)),
        Say::Side(_) => return Err(refused("figures, before the load".to_owned())),
    }
    let client = client::run(load, target)?;
    let Say::Side(side) = ask(&Ask::Done)? else {
        return Err(refused("no figures after the load".to_owned()));
    };
    Outcome::of(load, target, &client, &side)
}

fn write_line(mut stream: &TcpStream, value: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    stream.write_all(&line)
}

fn read_line<T: DeserializeOwned>(lines: &mut BufReader<&TcpStream>) -> io::Result<T> {
    let mut line = String::new();
    io::Read::take(lines, MAX_LINE).read_line(&mut line)?;
    serde_json::from_str(&line).map_err(|error| {
        let shown: String = line.chars().take(80).collect();
        io::Error::other(format!("{shown:?} is no line of the generator's: {error}"))
    })
}
