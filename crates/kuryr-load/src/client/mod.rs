//! The end that sends and waits.

mod tcp;
mod udp;

use std::net::SocketAddr;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use crate::load::Pattern;
use crate::outcome::{Side, Times};
use crate::{Load, LoadError};

/// What the client saw.
#[derive(Debug, Clone)]
pub struct ClientSide {
    /// What it sent; of patterns with answers, what was answered.
    pub side: Side,
    /// Requests that were not answered; of datagrams only.
    pub unanswered: u64,
    /// From the common start to the end of the last thread, seconds.
    pub seconds: f64,
    pub(crate) times: Times,
}

impl ClientSide {
    fn new() -> Self {
        Self {
            side: Side::default(),
            unanswered: 0,
            seconds: 0.0,
            times: Times::new(),
        }
    }

    fn answered(&mut self, load: &Load, took: Duration) {
        self.side.messages += 1;
        self.side.bytes += load.size as u64;
        self.times.record(took);
    }

    fn add(&mut self, other: &Self) {
        self.side.add(&other.side);
        self.unanswered += other.unanswered;
        self.seconds = self.seconds.max(other.seconds);
        self.times.add(&other.times);
    }
}

/// Carries a load out against a server that serves it at `target` already. The sockets are made on threads that the
/// calling thread starts, so that they are in its network namespace.
///
/// # Errors
/// The first that a thread met: [`LoadError::Invalid`], [`LoadError::Socket`], [`LoadError::NoAnswer`] where all
/// that was sent was dropped, [`LoadError::Corrupt`].
pub fn run(load: &Load, target: SocketAddr) -> Result<ClientSide, LoadError> {
    load.validate()?;
    let start = Barrier::new(load.threads);
    let one = |thread: usize| -> Result<ClientSide, LoadError> {
        let mut client = ClientSide::new();
        start.wait();
        let begin = Instant::now();
        let until = begin + load.duration;
        match load.pattern {
            Pattern::TcpStream => tcp::stream(load, target, until, &mut client)?,
            Pattern::TcpRr => tcp::requests(load, target, until, &mut client)?,
            Pattern::TcpCrr => tcp::connections(load, target, until, &mut client)?,
            Pattern::UdpStream => udp::stream(load, thread, target, until, &mut client)?,
            Pattern::UdpRr => udp::requests(load, thread, target, until, &mut client)?,
        }
        client.seconds = begin.elapsed().as_secs_f64();
        client.side.cpu_s = crate::cpu::of_this_thread().as_secs_f64();
        Ok(client)
    };
    thread::scope(|scope| {
        let one = &one;
        let threads: Vec<_> = (0..load.threads)
            .map(|thread| scope.spawn(move || one(thread)))
            .collect();
        let mut all = ClientSide::new();
        let mut failed = None;
        for thread in threads {
            match thread.join() {
                Ok(Ok(client)) => all.add(&client),
                Ok(Err(error)) => failed = failed.or(Some(error)),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        failed.map_or(Ok(all), Err)
    })
}
