//! Both ends on loopback: each pattern, what breaks, and what another generator says. The real sockets are what can
//! show this; no test asserts a time.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use kuryr_load::control::{self, Server, load_address};
use kuryr_load::foreign::Iperf3;
use kuryr_load::server::Sockets;
use kuryr_load::{Load, LoadError, Outcome, Pattern, client};
use kuryr_net::links::Links;
use kuryr_net::netns;
use socket2::{Domain, Socket, Type};

const HERE: ([u8; 4], u16) = ([127, 0, 0, 1], 0);
/// iperf3's own port.
const IPERF3: ([u8; 4], u16) = ([127, 0, 0, 1], 5201);

fn load(pattern: Pattern, size: usize) -> Load {
    Load::new(pattern, size, Duration::from_millis(100))
}

fn both_ends(load: &Load) -> Outcome {
    let sockets = Sockets::bind(HERE.into()).unwrap();
    let serving = sockets.serve(load).unwrap();
    let client = client::run(load, sockets.address()).unwrap();
    let side = serving.stop();
    Outcome::of(load, sockets.address(), &client, &side).unwrap()
}

#[test]
fn each_pattern_arrives_whole_with_figures() {
    for pattern in Pattern::ALL {
        for size in [64, 16_384] {
            let outcome = both_ends(&load(pattern, size));
            assert!(
                outcome.operations > 0 && outcome.bits_per_s > 0.0,
                "{pattern} {outcome:?}"
            );
            assert_eq!(outcome.latency.is_some(), pattern.answers(), "{pattern}");
            assert!(
                outcome.client_cpu_s > 0.0 && outcome.server_cpu_s > 0.0,
                "{pattern}"
            );
            if let Some(latency) = outcome.latency {
                assert!(latency.min_us <= latency.p50_us && latency.p99_us <= latency.max_us);
            }
        }
    }
}

#[test]
fn threads_each_have_a_connection() {
    for pattern in [Pattern::TcpStream, Pattern::TcpCrr, Pattern::UdpRr] {
        let load = Load {
            threads: 3,
            ..load(pattern, 256)
        };
        assert!(both_ends(&load).operations > 0, "{pattern}");
    }
}

#[test]
fn a_pace_is_not_exceeded() {
    let paced = Load {
        pace: Some(1_000_000),
        ..load(Pattern::UdpStream, 125)
    };
    // 1,000 datagrams a second for 100 ms, and the first.
    let operations = both_ends(&paced).operations;
    assert!((1..=102).contains(&operations), "{operations}");
}

#[test]
fn other_bytes_than_were_sent_are_seen() {
    let sockets = Sockets::bind(HERE.into()).unwrap();
    let serving = sockets.serve(&load(Pattern::TcpStream, 64)).unwrap();
    let mut stream = TcpStream::connect(sockets.address()).unwrap();
    stream.write_all(&[0; 4096]).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let _ = stream.read(&mut [0; 1]);
    assert!(serving.stop().corrupt_at.is_some());
}

#[test]
fn where_nothing_answers_the_client_says_so_and_ends() {
    // Bound, but nobody reads: datagrams vanish.
    let silent = UdpSocket::bind(SocketAddr::from(HERE)).unwrap();
    let failed = client::run(&load(Pattern::UdpRr, 64), silent.local_addr().unwrap());
    assert!(
        matches!(failed, Err(LoadError::NoAnswer { .. })),
        "{failed:?}"
    );
    // Bound, so that nobody else gets the port, but nobody listens: connections are refused.
    let deaf = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    deaf.bind(&SocketAddr::from(HERE).into()).unwrap();
    let closed = deaf.local_addr().unwrap().as_socket().unwrap();
    let failed = client::run(&load(Pattern::TcpRr, 64), closed).unwrap_err();
    assert!(
        failed.to_string().starts_with("can't connect to"),
        "{failed}"
    );
}

/// A server on a thread for as long as the work takes.
fn with_server<T>(work: impl FnOnce(SocketAddr) -> T) -> T {
    let server = Server::bind(HERE.into()).unwrap();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let serving = scope.spawn(|| server.run(&stop));
        let result = work(server.address().unwrap());
        stop.store(true, Ordering::Relaxed);
        serving.join().unwrap().unwrap();
        result
    })
}

#[test]
fn two_machines_agree_by_lines_of_json() {
    with_server(|address| {
        for pattern in Pattern::ALL {
            let outcome = control::run(&load(pattern, 512), address, load_address(address));
            assert!(outcome.unwrap().operations > 0, "{pattern}");
        }
    });
}

#[test]
fn a_second_client_and_a_stranger_are_told_off_and_the_first_goes_on() {
    with_server(|address| {
        // The first is under way from when it is told so until it says that it is done.
        let mut first = TcpStream::connect(address).unwrap();
        let mut said = BufReader::new(first.try_clone().unwrap()).lines();
        let asked = serde_json::json!({"load": load(Pattern::TcpRr, 64)});
        writeln!(first, "{asked}").unwrap();
        assert_eq!(said.next().unwrap().unwrap(), "\"ready\"");
        let second = control::run(&load(Pattern::TcpRr, 64), address, load_address(address));
        let second = second.unwrap_err().to_string();
        assert!(second.contains("another client's load"), "{second}");
        writeln!(first, "\"done\"").unwrap();
        assert!(said.next().unwrap().unwrap().starts_with("{\"side\":"));
        drop((first, said));
        let mut stranger = TcpStream::connect(address).unwrap();
        stranger.write_all(b"GET / HTTP/1.1\r\n").unwrap();
        let mut said = String::new();
        stranger.read_to_string(&mut said).unwrap();
        assert!(said.contains("is no line of the generator's"), "{said}");
    });
}

/// A network namespace of this test's own, in which every port is free. It is removed when dropped.
struct OwnNetwork(String);

impl OwnNetwork {
    fn run<T: Send>(work: impl FnOnce() -> T + Send) -> T {
        let own = Self(format!("kuryr-load-{}", std::process::id()));
        let path = netns::create(&own.0).unwrap();
        let links = Links::open(Some(&path)).unwrap();
        links.set_up(links.require("lo").unwrap().index).unwrap();
        netns::run_in(Some(&path), work).unwrap()
    }
}

impl Drop for OwnNetwork {
    fn drop(&mut self) {
        netns::delete(&self.0).unwrap();
    }
}

/// Two generators in turn on the same path. What is asserted is that both carry the load and that neither is off by a
/// multiple; how near they are is printed, and stands in docs/performance.md for an optimised build.
#[test]
fn iperf3_sees_what_this_generator_sees() {
    OwnNetwork::run(|| {
        for (pattern, size) in [(Pattern::TcpStream, 16_384), (Pattern::UdpStream, 1024)] {
            let second = Load::new(pattern, size, Duration::from_secs(1));
            let ours = both_ends(&second);
            let theirs = Iperf3::serve(IPERF3.into()).unwrap().run(&second).unwrap();
            let ratio = ours.bits_per_s / theirs.bits_per_s;
            println!(
                "{pattern} of {size} B: {:.2} Gbit/s, iperf3 {:.2}, ratio {ratio:.2}",
                ours.bits_per_s / 1e9,
                theirs.bits_per_s / 1e9
            );
            assert!((0.1..10.0).contains(&ratio), "{ours:?} {theirs:?}");
        }
        let server = Iperf3::serve(IPERF3.into()).unwrap();
        let refused = server.run(&load(Pattern::TcpRr, 64)).unwrap_err();
        assert!(refused.to_string().contains("it does streams"), "{refused}");
    });
}
