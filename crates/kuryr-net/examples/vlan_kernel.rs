//! [`Method::Vlan`] in a kernel with 8021q. Started by `tests/vlan-kernel/run` as the only
//! program of a virtual machine; may also be run as root on a machine whose kernel has it.
//! The hypervisor's side is the kernel's own vlan links on a bridge, so that the tags on the
//! wire are judged by others than ourselves.
//!
//! Prints one line for each case, and exits 1 if one failed.

#![allow(clippy::unwrap_used)]

#[path = "../tests/cloud/mod.rs"]
mod cloud;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use cloud::{Namespace, UPLINK, eventually, received, sent, spec, tcp, unplug_spec, v4, v6};
use kuryr_net::links::{Links, NewLink, Side};
use kuryr_net::{
    InterfaceSpec, Method, NetError, Node, check, evict, list, netns, plug, probe, unplug,
};

/// One case, in a VM of its own.
type Case = fn(&Vm);

fn main() -> ExitCode {
    let cases: [(&str, Case); 12] = [
        ("tc-bpf is what is chosen", chosen),
        ("pods reach each other over vlan links", traffic),
        ("a repeated plug changes nothing", repeated),
        ("check says what differs, plug mends it", mended),
        ("a failed plug leaves nothing", rolled_back),
        ("a VLAN in use is named and can be evicted", evicted),
        ("a leftover of the same port is replaced", replaced),
        (
            "bpf and vlan links take over from each other",
            methods_change,
        ),
        ("unplug leaves nothing", nothing_left),
        ("tc-bpf: what a pod tags stays in its own VLAN", bpf_tags),
        (
            "vlan links: nothing that a pod tags is the node's",
            vlan_tags,
        ),
        (
            "a network card that filters lets pods' frames in",
            filtering_card,
        ),
    ];
    let mut failed = 0;
    for (name, case) in cases {
        let passed = catch_unwind(AssertUnwindSafe(|| case(&Vm::new()))).is_ok();
        println!("{} {name}", if passed { "ok  " } else { "FAIL" });
        failed += usize::from(!passed);
    }
    if failed > 0 {
        println!("vlan-kernel: FAIL: {failed} of {} cases", cases.len());
        return ExitCode::FAILURE;
    }
    println!("vlan-kernel: PASS: {} cases", cases.len());
    ExitCode::SUCCESS
}

/// One VM whose trunk port ends in a hypervisor's bridge, with subports 101 to 103.
struct Vm {
    hypervisor: Namespace,
    worker: Namespace,
}

impl Vm {
    /// The trunk port is a veth pair.
    fn new() -> Self {
        let (hypervisor, worker) = (Namespace::new("hv"), Namespace::new("worker"));
        let file = netns::open(Some(&worker.path)).unwrap();
        let uplink = NewLink {
            netns: Some(&file),
            ..NewLink::up(UPLINK)
        };
        let links = hypervisor.links();
        links.add_veth(&NewLink::up("tap0"), &uplink).unwrap();
        Self { hypervisor, worker }.bridged()
    }

    /// The trunk port is a pair of virtio network cards on one wire, which filter what they
    /// receive by MAC address and VLAN; `None` where there are none.
    fn with_cards() -> Option<Self> {
        let here = Links::open(None).unwrap();
        let card = |mac: &str| {
            let mac = mac.parse().ok();
            here.all().unwrap().into_iter().find(|l| l.mac == mac)
        };
        let cards = (card("52:54:00:00:00:02")?, card("52:54:00:00:00:01")?);
        let (hypervisor, worker) = (Namespace::new("hv"), Namespace::new("worker"));
        for (card, ns, name) in [(cards.0, &hypervisor, "tap0"), (cards.1, &worker, UPLINK)] {
            here.rename(card.index, name).unwrap();
            let file = netns::open(Some(&ns.path)).unwrap();
            here.move_to(card.index, &file).unwrap();
            let links = ns.links();
            links.set_up(links.require(name).unwrap().index).unwrap();
        }
        Some(Self { hypervisor, worker }.bridged())
    }

    fn bridged(self) -> Self {
        let links = self.hypervisor.links();
        links.add_bridge(&NewLink::up("br-pods")).unwrap();
        let tap = links.require("tap0").unwrap().index;
        let bridge = links.require("br-pods").unwrap().index;
        for vlan in 101..=103 {
            let name = format!("tap0.{vlan}");
            links.add_vlan(&NewLink::up(&name), tap, vlan).unwrap();
            let port = links.require(&name).unwrap().index;
            links.set_master(port, Some(bridge)).unwrap();
        }
        self
    }

    fn node(&self) -> Node {
        Node {
            netns_dirs: vec![netns::NAMED_DIR.into()],
            ..Node::in_netns(&self.worker.path)
        }
    }

    /// The names of the worker's links.
    fn links(&self) -> Vec<String> {
        self.worker
            .links()
            .all()
            .unwrap()
            .into_iter()
            .map(|link| link.name)
            .collect()
    }
}

fn pod(vlan: u16, number: u8) -> (Namespace, InterfaceSpec) {
    let ns = Namespace::new("pod");
    let spec = InterfaceSpec {
        method: Method::Vlan,
        ..spec(&ns, vlan, number)
    };
    (ns, spec)
}

fn chosen(vm: &Vm) {
    let before = vm.links();
    let capabilities = probe(&vm.node(), UPLINK).unwrap();
    assert_eq!((capabilities.vlan, capabilities.bpf), (Ok(()), Ok(())));
    assert_eq!(capabilities.chosen, Some(Method::Bpf));
    assert_eq!(before, vm.links());
    let (_pod, mut spec) = pod(101, 1);
    spec.method = Method::Auto;
    assert_eq!(plug(&vm.node(), &spec).unwrap().method, Method::Bpf);
}

fn traffic(vm: &Vm) {
    let ((a, a_spec), (b, b_spec)) = (pod(101, 1), pod(102, 2));
    for spec in [&a_spec, &b_spec] {
        let plugged = plug(&vm.node(), spec).unwrap();
        assert_eq!((plugged.method, plugged.changed), (Method::Vlan, true));
        check(&vm.node(), spec).unwrap();
    }
    let link = a.links().require("eth0").unwrap();
    assert_eq!(
        (&link.kind[..], link.vlan, link.mac, link.mtu),
        ("vlan", Some(101), Some(a_spec.mac), 1442)
    );
    assert_eq!(link.alias, a_spec.alias());
    for (from, to) in [(&a, &b_spec), (&b, &a_spec)] {
        assert!(from.pings(&v4(to)) && from.pings(&v6(to)));
    }
    assert_eq!(tcp(&a, &b, &v4(&b_spec), 4 << 20), 4 << 20);
    assert_eq!(tcp(&b, &a, &v6(&a_spec), 4 << 20), 4 << 20);
    let found = list(&vm.node(), UPLINK).unwrap();
    assert_eq!(found.len(), 2);
    assert!(
        found
            .iter()
            .all(|interface| interface.method == Method::Vlan && interface.netns.is_some())
    );
}

fn repeated(vm: &Vm) {
    let (_a, spec) = pod(101, 1);
    let first = plug(&vm.node(), &spec).unwrap();
    let second = plug(&vm.node(), &spec).unwrap();
    assert!(first.changed && !second.changed && first.ifindex == second.ifindex);
}

fn mended(vm: &Vm) {
    let (a, spec) = pod(101, 1);
    plug(&vm.node(), &spec).unwrap();
    let links = a.links();
    let index = links.require("eth0").unwrap().index;
    links.set_mtu(index, 1400).unwrap();
    links.set_down(index).unwrap();
    let error = check(&vm.node(), &spec).unwrap_err().to_string();
    for part in [
        "MTU of eth0: 1442 wanted, 1400 found",
        "state of eth0: up wanted",
        "0.0.0.0/0 via 10.1.0.254 wanted",
    ] {
        assert!(error.contains(part), "{part} in: {error}");
    }
    assert!(plug(&vm.node(), &spec).unwrap().changed);
    check(&vm.node(), &spec).unwrap();
}

fn rolled_back(vm: &Vm) {
    let (a, mut spec) = pod(101, 1);
    spec.addresses.push(spec.addresses[0]);
    assert_eq!(
        plug(&vm.node(), &spec).unwrap_err().errno(),
        Some(libc::EEXIST)
    );
    assert_eq!(a.links().all().unwrap().len(), 1, "loopback alone");
    spec.addresses.pop();
    plug(&vm.node(), &spec).unwrap();
}

fn evicted(vm: &Vm) {
    let ((a, a_spec), (_b, b_spec)) = (pod(101, 1), pod(101, 2));
    plug(&vm.node(), &a_spec).unwrap();
    match plug(&vm.node(), &b_spec) {
        Err(NetError::VlanInUse {
            vlan: 101, holder, ..
        }) => {
            assert_eq!(
                (holder.netns, holder.alias),
                (Some(a.path.clone()), a_spec.alias())
            );
        }
        other => panic!("{other:?}"),
    }
    check(&vm.node(), &a_spec).unwrap();
    assert_eq!(
        evict(&vm.node(), UPLINK, 101).unwrap().unwrap().netns,
        Some(a.path.clone())
    );
    assert_eq!(evict(&vm.node(), UPLINK, 101).unwrap(), None);
    plug(&vm.node(), &b_spec).unwrap();
}

/// The runtime made the pod's sandbox anew and leaked the old one's namespace; and a plug died
/// between making the link and renaming it.
fn replaced(vm: &Vm) {
    let ((old, old_spec), (new, mut new_spec)) = (pod(101, 1), pod(101, 1));
    plug(&vm.node(), &old_spec).unwrap();
    plug(&vm.node(), &new_spec).unwrap();
    assert!(old.links().get("eth0").unwrap().is_none());
    check(&vm.node(), &new_spec).unwrap();
    let links = new.links();
    let index = links.require("eth0").unwrap().index;
    links.set_down(index).unwrap();
    links.rename(index, &new_spec.host_name).unwrap();
    links.set_alias(index, "", false).unwrap();
    plug(&vm.node(), &new_spec).unwrap();
    // Another VLAN for the same pod.
    new_spec.vlan = 103;
    plug(&vm.node(), &new_spec).unwrap();
    assert_eq!(list(&vm.node(), UPLINK).unwrap().len(), 1);
}

fn methods_change(vm: &Vm) {
    let ((a, mut a_spec), (_b, b_spec)) = (pod(101, 1), pod(102, 2));
    plug(&vm.node(), &b_spec).unwrap();
    let before = vm.links();
    a_spec.method = Method::Bpf;
    plug(&vm.node(), &a_spec).unwrap();
    assert!(a.pings(&v4(&b_spec)), "bpf to vlan");
    a_spec.method = Method::Vlan;
    assert!(
        check(&vm.node(), &a_spec)
            .unwrap_err()
            .to_string()
            .contains("vlan wanted, bpf found")
    );
    plug(&vm.node(), &a_spec).unwrap();
    assert!(a.pings(&v4(&b_spec)), "vlan to vlan");
    assert_eq!(before, vm.links(), "no veth is left");
    let uplink = vm.worker.links().require(UPLINK).unwrap();
    assert_eq!(
        vm.worker
            .links()
            .filters(uplink.index, Side::Ingress)
            .unwrap(),
        vec![]
    );
}

fn nothing_left(vm: &Vm) {
    let before = vm.links();
    let ((a, a_spec), (b, b_spec)) = (pod(101, 1), pod(102, 2));
    plug(&vm.node(), &a_spec).unwrap();
    plug(&vm.node(), &b_spec).unwrap();
    for _ in 0..2 {
        unplug(&vm.node(), &unplug_spec(&a_spec)).unwrap();
        assert!(a.links().get("eth0").unwrap().is_none());
    }
    drop(b);
    eventually("the link went with its namespace", || {
        list(&vm.node(), UPLINK).unwrap().is_empty()
    });
    unplug(&vm.node(), &unplug_spec(&b_spec)).unwrap();
    assert_eq!(before, vm.links());
    assert!(vm.hypervisor.links().get("tap0.101").unwrap().is_some());
}

const FRAMES: u64 = 50;

/// Has pod a, which has CAP_NET_ADMIN and CAP_NET_RAW, send frames that have a tag already.
fn send_tagged(a: &Namespace, a_spec: &InterfaceSpec, b_spec: &InterfaceSpec, tag: u16) {
    let frame = hostile::frame(b_spec.mac, a_spec.mac, tag);
    let send = || {
        if a_spec.method == Method::Vlan {
            hostile::write_no_tag("eth0").unwrap();
        }
        hostile::send("eth0", &frame, FRAMES).unwrap();
    };
    netns::run_in(Some(&a.path), send).unwrap();
    // What is on the wire by then besides is what the kernel sends by itself, as neighbour discovery.
    std::thread::sleep(std::time::Duration::from_millis(300));
}

fn bpf_tags(vm: &Vm) {
    let ((a, mut a_spec), (b, mut b_spec)) = (pod(101, 1), pod(102, 2));
    for spec in [&mut a_spec, &mut b_spec] {
        spec.method = Method::Bpf;
        plug(&vm.node(), spec).unwrap();
    }
    let count = |vlan: &str| received(&vm.hypervisor, &format!("tap0{vlan}"));
    for tag in [102, 0] {
        let before = (count(".101"), count(".102"));
        send_tagged(&a, &a_spec, &b_spec, tag);
        assert!(count(".101") - before.0 >= FRAMES, "they are pod a's");
        assert!(count(".102") - before.1 < FRAMES, "none is pod b's");
    }
    assert!(a.pings(&v4(&b_spec)) && b.pings(&v4(&a_spec)));
}

fn vlan_tags(vm: &Vm) {
    let ((a, a_spec), (b, b_spec)) = (pod(101, 1), pod(102, 2));
    plug(&vm.node(), &a_spec).unwrap();
    plug(&vm.node(), &b_spec).unwrap();
    let sent = || sent(&vm.worker, UPLINK).0;
    let before = sent();
    send_tagged(&a, &a_spec, &b_spec, 0);
    assert!(sent() - before < FRAMES, "none leaves as the node's");
    let before = received(&vm.hypervisor, "tap0.102");
    send_tagged(&a, &a_spec, &b_spec, 102);
    let as_b = received(&vm.hypervisor, "tap0.102") - before;
    println!(
        "     (another pod's tag: {as_b} frames; more than a few: this kernel has moved it, see bpf/guard.c)"
    );
    // Its ordinary frames pass, and so do the others'.
    assert!(a.pings(&v4(&b_spec)) && b.pings(&v4(&a_spec)));
}

/// What a hostile pod does.
#[allow(unsafe_code)]
mod hostile {
    use std::io;

    use kuryr_net::MacAddr;

    /// `SIOCSIFVLAN` and its `SET_VLAN_FLAG_CMD` (linux/if_vlan.h).
    const SET_VLAN: libc::c_ulong = 0x8983;
    const SET_FLAG: libc::c_int = 7;
    const REORDER_HEADER: u32 = 1;

    #[repr(C)]
    struct VlanArguments {
        command: libc::c_int,
        device: [u8; 24],
        flag: u32,
        rest: [u8; 20],
        on: libc::c_short,
    }

    fn done(answer: libc::c_int) -> io::Result<libc::c_int> {
        if answer < 0 {
            Err(io::Error::last_os_error())
        } else {
            Ok(answer)
        }
    }

    /// `ip link set <name> type vlan reorder_hdr off`.
    pub(super) fn write_no_tag(name: &str) -> io::Result<()> {
        let mut arguments = VlanArguments {
            command: SET_FLAG,
            device: [0; 24],
            flag: REORDER_HEADER,
            rest: [0; 20],
            on: 0,
        };
        arguments.device[..name.len()].copy_from_slice(name.as_bytes());
        // SAFETY: the arguments are what the ioctl reads, and outlive it.
        unsafe {
            let socket = done(libc::socket(libc::AF_INET, libc::SOCK_DGRAM, 0))?;
            let set = done(libc::ioctl(socket, SET_VLAN, &raw mut arguments));
            libc::close(socket);
            set.map(drop)
        }
    }

    /// An Ethernet frame with a tag, and something that nobody answers in it.
    pub(super) fn frame(to: MacAddr, from: MacAddr, tag: u16) -> Vec<u8> {
        let [high, low] = tag.to_be_bytes();
        let mut frame = [to.0, from.0].concat();
        frame.extend([0x81, 0x00, high, low, 0x88, 0xb5]);
        frame.resize(64, 0);
        frame
    }

    /// By a packet socket that calls the frame an IPv4 one.
    pub(super) fn send(name: &str, frame: &[u8], times: u64) -> io::Result<()> {
        let name = std::ffi::CString::new(name).unwrap();
        // SAFETY: the name is terminated; address and frame are read only, and outlive the calls.
        unsafe {
            let socket = done(libc::socket(libc::AF_PACKET, libc::SOCK_RAW, 0))?;
            let mut address: libc::sockaddr_ll = std::mem::zeroed();
            address.sll_family = libc::AF_PACKET as u16;
            address.sll_protocol = 0x0800_u16.to_be();
            address.sll_ifindex = libc::if_nametoindex(name.as_ptr()) as i32;
            let size = size_of::<libc::sockaddr_ll>() as u32;
            for _ in 0..times {
                let to = (&raw const address).cast();
                let sent = libc::sendto(socket, frame.as_ptr().cast(), frame.len(), 0, to, size);
                // The kernel tells the sender that a filter dropped the frame, or takes it silently.
                if sent < 0 && io::Error::last_os_error().raw_os_error() != Some(libc::ENOBUFS) {
                    return Err(io::Error::last_os_error());
                }
            }
            libc::close(socket);
        }
        Ok(())
    }
}

fn filtering_card(_: &Vm) {
    let Some(vm) = Vm::with_cards() else {
        println!("     (there are no cards)");
        return;
    };
    let uplink = || vm.worker.links().require(UPLINK).unwrap();
    let filter = vm.worker.links().feature(UPLINK, "rx-vlan-filter");
    assert_eq!(filter.unwrap(), Some(true));
    for method in [Method::Bpf, Method::Vlan] {
        let ((a, mut a_spec), (b, mut b_spec)) = (pod(101, 1), pod(102, 2));
        for spec in [&mut a_spec, &mut b_spec] {
            spec.method = method;
            plug(&vm.node(), spec).unwrap();
        }
        assert!(a.pings(&v4(&b_spec)) && b.pings(&v6(&a_spec)), "{method}");
        assert_eq!(tcp(&a, &b, &v4(&b_spec), 1 << 20), 1 << 20, "{method}");
        assert_eq!(uplink().promiscuous, method == Method::Bpf);
        for spec in [&a_spec, &b_spec] {
            unplug(&vm.node(), &unplug_spec(spec)).unwrap();
        }
        assert!(!uplink().promiscuous);
    }
}
