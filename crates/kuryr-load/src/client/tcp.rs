//! TCP: a stream; requests on one connection; a connection a request.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Instant;

use socket2::{Domain, Socket, Type};

use super::ClientSide;
use crate::load::PATIENCE;
use crate::{Load, LoadError, payload};

/// Connects as plain programs do, with one blocking call, which `SO_SNDTIMEO` bounds (socket(7)).
fn connect(load: &Load, target: SocketAddr) -> Result<TcpStream, LoadError> {
    let make = || {
        let socket = Socket::new(Domain::for_address(target), Type::STREAM, None)?;
        socket.set_write_timeout(Some(PATIENCE))?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_tcp_nodelay(load.no_delay)?;
        socket.connect(&target.into())?;
        Ok(TcpStream::from(socket))
    };
    make().map_err(|error: io::Error| {
        let in_vain = error.raw_os_error() == Some(nix::libc::EINPROGRESS);
        let error = if in_vain {
            io::ErrorKind::TimedOut.into()
        } else {
            error
        };
        LoadError::socket("connect to", target, error)
    })
}

pub(super) fn stream(
    load: &Load,
    target: SocketAddr,
    until: Instant,
    client: &mut ClientSide,
) -> Result<(), LoadError> {
    let mut stream = connect(load, target)?;
    let mut offset = 0;
    while Instant::now() < until || client.side.messages < load.at_least {
        stream
            .write_all(payload::at(offset, load.size))
            .map_err(|e| LoadError::socket("write to", target, e))?;
        offset += load.size as u64;
        client.side.messages += 1;
    }
    client.side.bytes += offset;
    // The other end closes when it has all: only then is what was written counted as sent.
    let closed = stream
        .shutdown(Shutdown::Write)
        .and_then(|()| stream.read(&mut [0; 1]));
    closed
        .map(drop)
        .map_err(|e| LoadError::socket("see the end of what was sent to", target, e))
}

pub(super) fn requests(
    load: &Load,
    target: SocketAddr,
    until: Instant,
    client: &mut ClientSide,
) -> Result<(), LoadError> {
    let mut stream = connect(load, target)?;
    let mut answer = vec![0; load.size];
    let mut number = 0;
    let mut begin = Instant::now();
    while begin < until || client.side.messages < load.at_least {
        ask(&mut stream, number, &mut answer, target)?;
        let end = Instant::now();
        client.answered(load, end - begin);
        begin = end;
        number += 1;
    }
    Ok(())
}

pub(super) fn connections(
    load: &Load,
    target: SocketAddr,
    until: Instant,
    client: &mut ClientSide,
) -> Result<(), LoadError> {
    let mut answer = vec![0; load.size];
    let mut begin = Instant::now();
    while begin < until || client.side.messages < load.at_least {
        let mut stream = connect(load, target)?;
        ask(&mut stream, 0, &mut answer, target)?;
        // The server closes first.
        stream
            .read(&mut [0; 1])
            .map_err(|e| LoadError::socket("see the end of a connection to", target, e))?;
        drop(stream);
        let end = Instant::now();
        client.answered(load, end - begin);
        begin = end;
    }
    Ok(())
}

/// One request and its answer, which has to be the same bytes.
fn ask(
    stream: &mut TcpStream,
    number: u64,
    answer: &mut [u8],
    target: SocketAddr,
) -> Result<(), LoadError> {
    let offset = payload::offset_of(number);
    stream
        .write_all(payload::at(offset, answer.len()))
        .and_then(|()| stream.read_exact(answer))
        .map_err(|e| LoadError::socket("get an answer from", target, e))?;
    match payload::first_difference(offset, answer) {
        None => Ok(()),
        Some(at) => Err(LoadError::Corrupt {
            address: target,
            at,
        }),
    }
}
