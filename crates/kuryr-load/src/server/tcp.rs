//! TCP: a thread takes a connection, serves it to its end, and takes the next.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::LOOK;
use crate::outcome::Side;
use crate::{Load, Pattern, payload};

/// Bytes that are read at once from a stream.
const BUFFER: usize = 128 * 1024;

pub(super) fn serve(listener: &TcpListener, load: &Load, stop: &AtomicBool) -> Side {
    let mut side = Side::default();
    let mut buffer = vec![0; BUFFER.max(load.size)];
    while let Some(stream) = accept(listener, stop) {
        // A connection that breaks is the client's to tell: it is the one that waits.
        let _ = connection(&stream, load, &mut buffer, &mut side, stop);
    }
    side
}

/// The next connection; none when it is time to stop.
fn accept(listener: &TcpListener, stop: &AtomicBool) -> Option<TcpStream> {
    let pause = PollTimeout::try_from(LOOK).unwrap_or(PollTimeout::ZERO);
    loop {
        match listener.accept() {
            Ok((stream, _)) => return Some(stream),
            Err(_) if stop.load(Ordering::Relaxed) => return None,
            Err(_) => {
                let mut waits = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
                let _ = poll(&mut waits, pause);
            }
        }
    }
}

fn connection(
    stream: &TcpStream,
    load: &Load,
    buffer: &mut [u8],
    side: &mut Side,
    stop: &AtomicBool,
) -> io::Result<()> {
    stream.set_read_timeout(Some(LOOK))?;
    stream.set_nodelay(load.no_delay)?;
    match load.pattern {
        Pattern::TcpStream => swallow(stream, buffer, side, stop),
        Pattern::TcpCrr => answer(stream, load, 0, buffer, side, stop).map(drop),
        _ => {
            let mut number = 0;
            while answer(stream, load, number, buffer, side, stop)? {
                number += 1;
            }
            Ok(())
        }
    }
}

fn swallow(
    mut stream: &TcpStream,
    buffer: &mut [u8],
    side: &mut Side,
    stop: &AtomicBool,
) -> io::Result<()> {
    let mut offset = 0;
    loop {
        let got = match stream.read(buffer) {
            Ok(0) => return Ok(()),
            Ok(got) => got,
            Err(error) if waits(&error) && !stop.load(Ordering::Relaxed) => continue,
            Err(error) => return Err(error),
        };
        if let Some(at) = payload::first_difference(offset, &buffer[..got]) {
            side.corrupt_at.get_or_insert(at + offset);
        }
        offset += got as u64;
        side.bytes += got as u64;
        side.messages += 1;
    }
}

/// Answers a request with one of its size; whether there was one. After a single answer the server closes first, so
/// that it, and not the client, has the closed connection's port for a while (TIME-WAIT).
fn answer(
    mut stream: &TcpStream,
    load: &Load,
    number: u64,
    buffer: &mut [u8],
    side: &mut Side,
    stop: &AtomicBool,
) -> io::Result<bool> {
    let request = &mut buffer[..load.size];
    let mut filled = 0;
    while filled < request.len() {
        match stream.read(&mut request[filled..]) {
            Ok(0) => return Ok(false),
            Ok(got) => filled += got,
            Err(error) if waits(&error) && !stop.load(Ordering::Relaxed) => {}
            Err(error) => return Err(error),
        }
    }
    let offset = payload::offset_of(number);
    if let Some(at) = payload::first_difference(offset, request) {
        side.corrupt_at.get_or_insert(at);
    }
    side.bytes += load.size as u64;
    side.messages += 1;
    stream.write_all(payload::at(offset, load.size))?;
    Ok(true)
}

fn waits(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted
    )
}
