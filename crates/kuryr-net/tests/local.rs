//! [`switch_locally`] for real: what goes from pod to pod on the worker, and what must not. Needs root.

#![allow(clippy::unwrap_used)]

mod cloud;

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::{Command, Stdio};
use std::time::Duration;

use cloud::{Cloud, Namespace, UPLINK, root, sent, tcp, unplug_spec, v4, v6};
use kuryr_net::{InterfaceSpec, LocalPort, netns, plug, switch_locally, unplug};

/// How long a packet may take before it counts as lost.
const LONG: Duration = Duration::from_secs(5);
const SHORT: Duration = Duration::from_millis(300);
/// Frames that ARP, neighbour and router discovery may send besides, however long a test takes.
const NEIGHBOURS: u64 = 40;

struct Pod {
    ns: Namespace,
    spec: InterfaceSpec,
}

/// A worker with pods, all of one network.
struct Site {
    cloud: Cloud,
    pods: Vec<Pod>,
}

impl Site {
    fn new(pods: u8) -> Self {
        let cloud = Cloud::new(1);
        let node = cloud.workers[0].node();
        let pods = (1..=pods).map(|number| {
            let (ns, spec) = cloud.pod(0, 100 + u16::from(number), number);
            plug(&node, &spec).unwrap();
            // Detection of duplicate addresses would hold IPv6 back for a second.
            for address in &spec.addresses[1..] {
                ns.run(&format!("ip address change {address} dev eth0 nodad"));
            }
            Pod { ns, spec }
        });
        let pods = pods.collect();
        Self { cloud, pods }
    }

    fn switch(&self, ports: &[LocalPort]) -> Option<usize> {
        switch_locally(&self.cloud.workers[0].node(), UPLINK, ports).unwrap()
    }

    fn switch_all(&self) {
        let all: Vec<_> = self.pods.iter().map(local).collect();
        assert_eq!(self.switch(&all), Some(all.len()));
    }

    /// Frames that went out by the trunk during `work`.
    fn by_trunk(&self, work: impl FnOnce()) -> u64 {
        let before = sent(&self.cloud.workers[0].ns, UPLINK).0;
        work();
        sent(&self.cloud.workers[0].ns, UPLINK).0 - before
    }
}

fn local(pod: &Pod) -> LocalPort {
    LocalPort {
        vlan: pod.spec.vlan,
        mac: pod.spec.mac,
        addresses: pod.spec.addresses.iter().map(|a| a.addr()).collect(),
        network: "pods".into(),
    }
}

fn udp(pod: &Pod, address: &str, port: u16) -> UdpSocket {
    let address: IpAddr = address.parse().unwrap();
    let bind = || UdpSocket::bind((address, port));
    let socket = netns::run_in(Some(&pod.ns.path), bind).unwrap().unwrap();
    socket.set_read_timeout(Some(LONG)).unwrap();
    socket
}

/// A datagram to an address; whether it came to a socket.
fn datagram(from: &UdpSocket, to: SocketAddr, at: &UdpSocket) -> bool {
    from.send_to(b"datagram", to).unwrap();
    let mut buffer = [0; 16];
    at.recv(&mut buffer)
        .is_ok_and(|length| &buffer[..length] == b"datagram")
}

#[test]
fn connections_are_switched_once_the_first_packet_came_through() {
    if !root() {
        return;
    }
    let site = Site::new(2);
    let [a, b] = &site.pods[..] else { panic!() };
    const BYTES: usize = 8 << 20;
    for address in [v4(&b.spec), v6(&b.spec)] {
        let all = site.by_trunk(|| assert_eq!(tcp(&a.ns, &b.ns, &address, BYTES), BYTES));
        assert!(all > 100, "all go by the trunk at first: {all}");
    }
    site.switch_all();
    for address in [v4(&b.spec), v6(&b.spec)] {
        let few = site.by_trunk(|| assert_eq!(tcp(&a.ns, &b.ns, &address, BYTES), BYTES));
        assert!(
            (1..=NEIGHBOURS).contains(&few),
            "the first goes by the trunk: {few}"
        );
    }
    assert_eq!(site.switch(&[]), Some(0));
    let all = site.by_trunk(|| assert_eq!(tcp(&a.ns, &b.ns, &v4(&b.spec), BYTES), BYTES));
    assert!(all > 100, "and all again once it is over: {all}");
}

#[test]
fn datagrams_are_switched_once_the_first_came_through() {
    if !root() {
        return;
    }
    let site = Site::new(2);
    site.switch_all();
    let [a, b] = &site.pods[..] else { panic!() };
    for address in [v4, v6] {
        let (client, server) = (
            udp(a, &address(&a.spec), 0),
            udp(b, &address(&b.spec), 7000),
        );
        let (here, there) = (client.local_addr().unwrap(), server.local_addr().unwrap());
        let first = site.by_trunk(|| assert!(datagram(&client, there, &server)));
        assert!(first >= 1, "the cloud sees the first");
        let others = site.by_trunk(|| {
            for _ in 0..200 {
                assert!(datagram(&client, there, &server));
                assert!(datagram(&server, here, &client));
            }
        });
        assert!(others <= NEIGHBOURS, "not the 400 others: {others}");
    }
}

/// A connection that the cloud let in speaks for others to its port, and for those only.
#[test]
fn further_connections_to_a_port_are_switched_whole() {
    if !root() {
        return;
    }
    let site = Site::new(2);
    site.switch_all();
    let [a, b] = &site.pods[..] else { panic!() };
    let server = |port: u16| {
        let listen = || TcpListener::bind((v4(&b.spec).parse::<IpAddr>().unwrap(), port));
        netns::run_in(Some(&b.ns.path), listen).unwrap().unwrap()
    };
    let (open, closed) = (server(7000), server(7001));
    nft(&site.cloud.hypervisor, "tcp dport 7001 drop");
    let connect = |to: &TcpListener, patience| {
        let to = to.local_addr().unwrap();
        let connect = || TcpStream::connect_timeout(&to, patience);
        netns::run_in(Some(&a.ns.path), connect).unwrap()
    };
    let few = site.by_trunk(|| {
        for _ in 0..100 {
            connect(&open, LONG).unwrap();
            open.accept().unwrap();
        }
    });
    assert!(
        (1..=NEIGHBOURS).contains(&few),
        "the first of the first: {few}"
    );
    assert!(connect(&closed, SHORT).is_err(), "the cloud drops it");
}

/// Datagrams of more than the MTU.
#[test]
fn fragments_go_where_the_first_of_them_goes() {
    if !root() {
        return;
    }
    let site = Site::new(2);
    site.switch_all();
    let [a, b] = &site.pods[..] else { panic!() };
    let (client, server) = (udp(a, &v4(&a.spec), 0), udp(b, &v4(&b.spec), 7000));
    let there = server.local_addr().unwrap();
    let exchange = || {
        client.send_to(&[0x5a; 20_000], there).unwrap();
        let mut buffer = vec![0; 30_000];
        assert_eq!(server.recv(&mut buffer).unwrap(), 20_000);
    };
    let all = site.by_trunk(exchange);
    assert!(
        all >= 14,
        "the cloud sees all fragments of the first datagram: {all}"
    );
    let few = site.by_trunk(|| (0..20).for_each(|_| exchange()));
    assert!(few <= NEIGHBOURS, "and none of the others: {few}");
}

/// The cloud drops the first packet: so it drops those that follow.
#[test]
fn what_the_cloud_drops_stays_dropped() {
    if !root() {
        return;
    }
    let site = Site::new(2);
    site.switch_all();
    let [a, b] = &site.pods[..] else { panic!() };
    nft(&site.cloud.hypervisor, "udp dport 7000 drop");
    let (client, server) = (udp(a, &v4(&a.spec), 0), udp(b, &v4(&b.spec), 7000));
    server.set_read_timeout(Some(SHORT)).unwrap();
    for _ in 0..3 {
        assert!(!datagram(&client, server.local_addr().unwrap(), &server));
    }
}

#[test]
fn ports_of_other_networks_and_those_not_named_are_not_switched() {
    if !root() {
        return;
    }
    let site = Site::new(3);
    let [a, b, c] = &site.pods[..] else { panic!() };
    let elsewhere = LocalPort {
        network: "others".into(),
        ..local(b)
    };
    assert_eq!(site.switch(&[local(a), elsewhere]), Some(2));
    const BYTES: usize = 8 << 20;
    for to in [b, c] {
        let all = site.by_trunk(|| assert_eq!(tcp(&a.ns, &to.ns, &v4(&to.spec), BYTES), BYTES));
        assert!(all > 100, "{all}");
    }
}

/// Port security is the cloud's: what has another's source goes there, to be dropped.
#[test]
fn a_borrowed_source_is_not_switched() {
    if !root() {
        return;
    }
    let site = Site::new(2);
    site.switch_all();
    let [a, b] = &site.pods[..] else { panic!() };
    a.ns.run("ip address add 10.1.0.77/24 dev eth0");
    let (client, server) = (udp(a, "10.1.0.77", 0), udp(b, &v4(&b.spec), 7000));
    let there = server.local_addr().unwrap();
    let all = site.by_trunk(|| (0..50).for_each(|_| assert!(datagram(&client, there, &server))));
    assert!(all >= 50, "{all}");

    let (own, there) = (udp(a, &v4(&a.spec), 0), server.local_addr().unwrap());
    assert!(datagram(&own, there, &server));
    a.ns.run("ip link set eth0 address fa:16:3e:00:00:77");
    // The frame's first packet by the trunk was A's own; this one's MAC address is not.
    a.ns.run("ip neigh replace 10.1.0.2 lladdr fa:16:3e:00:00:02 dev eth0");
    let all = site.by_trunk(|| (0..50).for_each(|_| assert!(datagram(&own, there, &server))));
    assert!(all >= 50, "{all}");
}

/// A Service's backend answers to the client's own address, and the cloud has to make the Service's of it: the answer
/// must not go past the cloud, also where the same ports had a flow of their own just before.
#[test]
fn answers_of_a_service_go_by_the_cloud() {
    if !root() {
        return;
    }
    let site = Site::new(2);
    site.switch_all();
    let [a, b] = &site.pods[..] else { panic!() };
    for pod in [a, b] {
        pod.ns
            .run("ip neigh replace 10.1.0.254 lladdr fa:16:3e:00:00:fe dev eth0");
    }
    nft(
        &site.cloud.hypervisor,
        "ip daddr 10.9.9.9 ip daddr set 10.1.0.2 ether saddr set fa:16:3e:00:00:fe ether daddr set fa:16:3e:00:00:02
         ip saddr 10.1.0.2 tcp sport 7000 ip saddr set 10.9.9.9
         ip saddr 10.1.0.2 udp sport 7000 ip saddr set 10.9.9.9",
    );
    let service: SocketAddr = "10.9.9.9:7000".parse().unwrap();
    let backend: SocketAddr = "10.1.0.2:7000".parse().unwrap();

    let (client, server) = (udp(a, &v4(&a.spec), 5000), udp(b, &v4(&b.spec), 7000));
    let here = client.local_addr().unwrap();
    for (to, rounds) in [(service, 3), (backend, 3), (service, 3)] {
        for _ in 0..rounds {
            assert!(datagram(&client, to, &server), "to {to}");
            server.send_to(b"datagram", here).unwrap();
            let mut buffer = [0; 16];
            let (_, from) = client.recv_from(&mut buffer).unwrap();
            assert_eq!(from, to, "who answers is who was asked");
        }
    }

    let listen = || TcpListener::bind(backend);
    let listener = netns::run_in(Some(&b.ns.path), listen).unwrap().unwrap();
    let echo = std::thread::spawn(move || {
        for stream in listener.incoming().take(3) {
            let mut buffer = [0; 4];
            let mut stream = stream.unwrap();
            stream.read_exact(&mut buffer).unwrap();
            stream.write_all(&buffer).unwrap();
        }
    });
    for to in [service, backend, service] {
        let mut stream = connect_from(a, 6000, to);
        stream.write_all(b"ping").unwrap();
        let mut buffer = [0; 4];
        stream.read_exact(&mut buffer).unwrap();
        assert_eq!(&buffer, b"ping", "by {to}");
    }
    echo.join().unwrap();
}

#[test]
fn a_pod_that_goes_is_switched_to_no_more_and_the_next_with_its_vlan_is_not_either() {
    if !root() {
        return;
    }
    let site = Site::new(3);
    site.switch_all();
    let [a, b, c] = &site.pods[..] else { panic!() };
    let node = site.cloud.workers[0].node();
    unplug(&node, &unplug_spec(&b.spec)).unwrap();
    // The same port on the same VLAN comes again.
    plug(&node, &b.spec).unwrap();
    const BYTES: usize = 8 << 20;
    let all = site.by_trunk(|| assert_eq!(tcp(&a.ns, &b.ns, &v4(&b.spec), BYTES), BYTES));
    assert!(all > 100, "until it is said anew: {all}");
    let few = site.by_trunk(|| assert_eq!(tcp(&a.ns, &c.ns, &v4(&c.spec), BYTES), BYTES));
    assert!(few <= NEIGHBOURS, "the others go on: {few}");
    site.switch_all();
    let few = site.by_trunk(|| assert_eq!(tcp(&a.ns, &b.ns, &v4(&b.spec), BYTES), BYTES));
    assert!(few <= NEIGHBOURS, "{few}");
}

/// Rules for frames that come to the hypervisor's bridge.
fn nft(hypervisor: &Namespace, rules: &str) {
    let text = format!(
        "table bridge cloud {{\nchain frames {{\ntype filter hook prerouting priority 0;\n{rules}\n}}\n}}\n"
    );
    let run = || {
        let mut process = Command::new("nft")
            .args(["-f", "-"])
            .stdin(Stdio::piped())
            .spawn()?;
        process.stdin.take().unwrap().write_all(text.as_bytes())?;
        process.wait()
    };
    assert!(
        netns::run_in(Some(&hypervisor.path), run)
            .unwrap()
            .unwrap()
            .success(),
        "{text}"
    );
}

/// A connection from a port of one's own choice.
fn connect_from(pod: &Pod, port: u16, to: SocketAddr) -> TcpStream {
    use nix::sys::socket::{self, AddressFamily, SockFlag, SockType, SockaddrIn, sockopt};
    use std::os::fd::AsRawFd;
    let from: SocketAddr = (v4(&pod.spec).parse::<IpAddr>().unwrap(), port).into();
    let (SocketAddr::V4(from), SocketAddr::V4(to)) = (from, to) else {
        panic!()
    };
    let connect = || {
        let fd = socket::socket(
            AddressFamily::Inet,
            SockType::Stream,
            SockFlag::empty(),
            None,
        )?;
        socket::setsockopt(&fd, sockopt::ReuseAddr, &true)?;
        // Its end is a reset, after which neither side keeps the ports for a while.
        let reset = libc::linger {
            l_onoff: 1,
            l_linger: 0,
        };
        socket::setsockopt(&fd, sockopt::Linger, &reset)?;
        socket::bind(fd.as_raw_fd(), &SockaddrIn::from(from))?;
        socket::connect(fd.as_raw_fd(), &SockaddrIn::from(to))?;
        nix::Result::Ok(TcpStream::from(fd))
    };
    let stream = netns::run_in(Some(&pod.ns.path), connect).unwrap().unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream
}
