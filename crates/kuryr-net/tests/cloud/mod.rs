//! A small cloud of network namespaces: one hypervisor, workers with a trunk each, pods.
//!
//! Everything carries a prefix of this process and test, and is removed when dropped.

#![allow(clippy::unwrap_used, dead_code, unreachable_pub)]

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use kuryr_net::hypervisor_trunk::HypervisorTrunk;
use kuryr_net::links::{Links, NewLink, Side};
use kuryr_net::{InterfaceSpec, Method, Node, UnplugSpec, netns, owner_alias};

pub const UPLINK: &str = "eth0";

/// Whether namespaces can be made; says why not. With `CI=true` nothing is skipped.
pub fn root() -> bool {
    let root = nix::unistd::geteuid().is_root();
    if !root {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "these tests need root"
        );
        eprintln!("skipped: network namespaces need root");
    }
    root
}

/// A namespace that is removed with its owner.
pub struct Namespace {
    pub name: String,
    pub path: PathBuf,
}

impl Namespace {
    pub fn new(what: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "kn-test-{}-{}-{what}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let path = netns::create(&name).unwrap();
        Self { name, path }
    }

    pub fn links(&self) -> Links {
        Links::open(Some(&self.path)).unwrap()
    }

    /// Runs a command in the namespace; returns what it printed.
    pub fn run(&self, command: &str) -> String {
        let mut words = command.split(' ');
        let mut process = Command::new(words.next().unwrap());
        process.args(words);
        let output = netns::run_in(Some(&self.path), || process.output())
            .unwrap()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(
            output.status.success(),
            "{command}: {}{}",
            text(&output.stdout),
            text(&output.stderr)
        );
        text(&output.stdout)
    }

    pub fn pings(&self, to: &str) -> bool {
        let command = || {
            Command::new("ping")
                .args(["-q", "-c", "2", "-i", "0.05", "-W", "1", to])
                .output()
        };
        netns::run_in(Some(&self.path), command)
            .unwrap()
            .unwrap()
            .status
            .success()
    }

    /// Names of all links, and of the filters on them: what a plug must not leave behind.
    pub fn inventory(&self) -> Vec<String> {
        let links = self.links();
        let mut all = Vec::new();
        for link in links.all().unwrap() {
            let filters = links.filters(link.index, Side::Ingress).unwrap();
            let qdiscs = self.run(&format!("tc qdisc show dev {}", link.name));
            all.push(format!(
                "{} {filters:?} clsact: {}",
                link.name,
                qdiscs.contains("clsact")
            ));
        }
        all.extend(self.run("bridge fdb show").lines().map(str::to_owned));
        all.sort();
        all
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        netns::delete(&self.name).unwrap();
    }
}

/// One tenant network on one hypervisor, as a bridge, and its workers.
pub struct Cloud {
    pub hypervisor: Namespace,
    pub workers: Vec<Worker>,
}

/// A VM with its trunk port.
pub struct Worker {
    pub ns: Namespace,
    pub tap: String,
}

impl Worker {
    pub fn node(&self) -> Node {
        Node {
            netns_dirs: vec![PathBuf::from(netns::NAMED_DIR)],
            ..Node::in_netns(&self.ns.path)
        }
    }
}

impl Cloud {
    pub fn new(workers: usize) -> Self {
        let hypervisor = Namespace::new("hv");
        let links = hypervisor.links();
        for bridge in ["br-pods", "br-nodes"] {
            links.add_bridge(&NewLink::up(bridge)).unwrap();
        }
        let mut cloud = Self {
            hypervisor,
            workers: vec![],
        };
        for number in 0..workers {
            cloud.add_worker(number);
        }
        cloud
    }

    /// The worker's own port is untagged, in the nodes' network: 192.0.2.1 and on.
    fn add_worker(&mut self, number: usize) {
        let ns = Namespace::new("worker");
        let tap = format!("tap{number}");
        let file = netns::open(Some(&ns.path)).unwrap();
        let links = self.hypervisor.links();
        links
            .add_veth(
                &NewLink::up(&tap),
                &NewLink {
                    netns: Some(&file),
                    ..NewLink::up(UPLINK)
                },
            )
            .unwrap();
        let uplink = ns.links().require(UPLINK).unwrap();
        ns.links()
            .add_address(
                uplink.index,
                format!("192.0.2.{}/24", number + 1).parse().unwrap(),
            )
            .unwrap();
        self.workers.push(Worker { ns, tap });
        self.leg(number, None, "br-nodes");
    }

    pub fn trunk(&self, worker: usize) -> HypervisorTrunk {
        HypervisorTrunk::open(Some(&self.hypervisor.path), &self.workers[worker].tap).unwrap()
    }

    /// Makes a subport of a worker in a network.
    pub fn leg(&self, worker: usize, vlan: Option<u16>, bridge: &str) {
        let links = self.hypervisor.links();
        let (leg, port) = leg_names(worker, vlan);
        links
            .add_veth(&NewLink::up(&leg), &NewLink::up(&port))
            .unwrap();
        let bridge = links.require(bridge).unwrap().index;
        links
            .set_master(links.require(&port).unwrap().index, Some(bridge))
            .unwrap();
        self.trunk(worker).join(vlan, &leg).unwrap();
    }

    /// A pod of a worker: its namespace and what its interface shall be; its subport is made.
    pub fn pod(&self, worker: usize, vlan: u16, number: u8) -> (Namespace, InterfaceSpec) {
        self.leg(worker, Some(vlan), "br-pods");
        let ns = Namespace::new("pod");
        let spec = spec(&ns, vlan, number);
        (ns, spec)
    }
}

pub fn leg_names(worker: usize, vlan: Option<u16>) -> (String, String) {
    let vlan = vlan.unwrap_or(0);
    (format!("l{worker}-{vlan}"), format!("p{worker}-{vlan}"))
}

/// Pod `number` of 10.1.0.0/24 and fd00:1::/64.
pub fn spec(ns: &Namespace, vlan: u16, number: u8) -> InterfaceSpec {
    let port_id = format!("{number:08x}-0000-4000-8000-000000000000");
    InterfaceSpec {
        ifname: "eth0".into(),
        pod_netns: ns.path.clone(),
        uplink: UPLINK.into(),
        vlan,
        mac: format!("fa:16:3e:00:00:{number:02x}").parse().unwrap(),
        mtu: 1442,
        addresses: vec![
            format!("10.1.0.{number}/24").parse().unwrap(),
            format!("fd00:1::{number:x}/64").parse().unwrap(),
        ],
        gateways: vec!["10.1.0.254".parse().unwrap(), "fd00:1::fe".parse().unwrap()],
        routes: vec![],
        host_name: format!("tap{port_id}")[..14].to_owned(),
        method: Method::Bpf,
        alias: Some(owner_alias(&port_id, "default", &format!("pod-{number}"))),
    }
}

pub fn unplug_spec(spec: &InterfaceSpec) -> UnplugSpec {
    UnplugSpec {
        ifname: spec.ifname.clone(),
        pod_netns: Some(spec.pod_netns.clone()),
        host_name: spec.host_name.clone(),
        uplink: spec.uplink.clone(),
        vlan: Some(spec.vlan),
        alias: spec.alias.clone(),
    }
}

pub fn v4(spec: &InterfaceSpec) -> String {
    spec.addresses[0].addr().to_string()
}

pub fn v6(spec: &InterfaceSpec) -> String {
    spec.addresses[1].addr().to_string()
}

/// Sends `bytes` by TCP from one namespace to an address in another; returns what arrived.
pub fn tcp(from: &Namespace, to: &Namespace, address: &str, bytes: usize) -> usize {
    use std::io::{Read, Write};
    let address: IpAddr = address.parse().unwrap();
    let any: IpAddr = if address.is_ipv4() {
        Ipv4Addr::UNSPECIFIED.into()
    } else {
        std::net::Ipv6Addr::UNSPECIFIED.into()
    };
    let listener = netns::run_in(Some(&to.path), || TcpListener::bind((any, 0)))
        .unwrap()
        .unwrap();
    let port = listener.local_addr().unwrap().port();
    let receiver = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        let mut buffer = vec![0; 1 << 16];
        let mut received = 0;
        while let Ok(n @ 1..) = stream.read(&mut buffer) {
            received += n;
        }
        received
    });
    let connect =
        || TcpStream::connect_timeout(&SocketAddr::new(address, port), Duration::from_secs(5));
    let mut stream = netns::run_in(Some(&from.path), connect).unwrap().unwrap();
    stream
        .set_write_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    stream.write_all(&vec![0x5a; bytes]).unwrap();
    drop(stream);
    receiver.join().unwrap()
}

/// Packets and bytes that a link has sent.
pub fn sent(ns: &Namespace, link: &str) -> (u64, u64) {
    let counters = counters(ns, link);
    (counters[9], counters[8])
}

/// Packets that a link has received.
pub fn received(ns: &Namespace, link: &str) -> u64 {
    counters(ns, link)[1]
}

/// The link's line in the namespace's /proc/net/dev: received bytes, packets and six more, then the same for sent ones.
fn counters(ns: &Namespace, link: &str) -> Vec<u64> {
    let read = || std::fs::read_to_string("/proc/thread-self/net/dev").unwrap();
    let text = kuryr_net::netns::run_in(Some(&ns.path), read).unwrap();
    let line = text
        .lines()
        .find_map(|line| line.trim().strip_prefix(link)?.strip_prefix(':'));
    let numbers = line.unwrap().split_whitespace();
    numbers.map(|number| number.parse().unwrap()).collect()
}

/// Waits until `done`, at most ten seconds: the kernel frees programs and namespaces later.
pub fn eventually(what: &str, done: impl Fn() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(
            start.elapsed() < Duration::from_secs(10),
            "not in ten seconds: {what}"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}
