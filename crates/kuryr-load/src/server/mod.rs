//! The end that is sent to.

mod tcp;
mod udp;

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::load::Protocol;
use crate::outcome::Side;
use crate::{Load, LoadError};

/// How often a thread that waits looks whether it is to stop.
const LOOK: Duration = Duration::from_millis(20);

/// A TCP and a UDP socket on one port. They belong to the network namespace in which they were made.
#[derive(Debug)]
pub struct Sockets {
    tcp: TcpListener,
    udp: UdpSocket,
    address: SocketAddr,
}

impl Sockets {
    /// Listens at an address, with both protocols. Port 0: one that is free in both.
    ///
    /// # Errors
    /// [`LoadError::Socket`].
    pub fn bind(address: SocketAddr) -> Result<Self, LoadError> {
        let failed = |source| LoadError::Socket {
            what: "listen at",
            address,
            source,
        };
        let mut refused = io::Error::other("no port is free for both TCP and UDP");
        // A port that TCP has free may be taken for UDP by somebody else.
        for _ in 0..16 {
            let tcp = TcpListener::bind(address).map_err(failed)?;
            let bound = tcp.local_addr().map_err(failed)?;
            match UdpSocket::bind(bound) {
                Ok(udp) => {
                    tcp.set_nonblocking(true).map_err(failed)?;
                    udp.set_read_timeout(Some(LOOK)).map_err(failed)?;
                    return Ok(Self {
                        tcp,
                        udp,
                        address: bound,
                    });
                }
                Err(error) if address.port() != 0 => return Err(failed(error)),
                Err(error) => refused = error,
            }
        }
        Err(failed(refused))
    }

    /// Where they listen.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Begins to answer a load, on threads of its own: for TCP as many as the load has, for UDP one.
    ///
    /// # Errors
    /// [`LoadError::Invalid`], [`LoadError::Socket`].
    pub fn serve(&self, load: &Load) -> Result<Serving, LoadError> {
        load.validate()?;
        let failed = |source| LoadError::Socket {
            what: "serve at",
            address: self.address,
            source,
        };
        let stop = Arc::new(AtomicBool::new(false));
        let count = match load.pattern.protocol() {
            Protocol::Tcp => load.threads,
            Protocol::Udp => 1,
        };
        let mut serving = Serving {
            stop: stop.clone(),
            threads: Vec::new(),
        };
        for _ in 0..count {
            let (load, stop) = (*load, stop.clone());
            let thread = match load.pattern.protocol() {
                Protocol::Tcp => {
                    let listener = self.tcp.try_clone().map_err(failed)?;
                    spawn(move || tcp::serve(&listener, &load, &stop))
                }
                Protocol::Udp => {
                    let socket = self.udp.try_clone().map_err(failed)?;
                    spawn(move || udp::serve(&socket, &load, &stop))
                }
            };
            serving.threads.push(thread.map_err(failed)?);
        }
        Ok(serving)
    }
}

fn spawn(work: impl FnOnce() -> Side + Send + 'static) -> io::Result<JoinHandle<Side>> {
    let body = move || {
        let mut side = work();
        side.cpu_s = crate::cpu::of_this_thread().as_secs_f64();
        side
    };
    thread::Builder::new()
        .name("load-server".into())
        .spawn(body)
}

/// A load that is being answered. Its threads end when it is dropped.
#[derive(Debug)]
pub struct Serving {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Side>>,
}

impl Serving {
    /// Has the threads end, when what is under way has arrived, and says what they got.
    #[must_use]
    pub fn stop(mut self) -> Side {
        self.end()
    }

    fn end(&mut self) -> Side {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Side::default();
        for thread in self.threads.drain(..) {
            match thread.join() {
                Ok(side) => all.add(&side),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        all
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if !thread::panicking() {
            self.end();
        }
    }
}
