//! The machines of a matrix, as network namespaces of this one.
//!
//! ```text
//!   worker w1 (VM)          w2            amphora lb      │        w3
//!   ├ pod on a subport: veth, tc-bpf, VLAN on eth0        │
//!   └ pod behind the overlay: bridge, VXLAN over eth0     │
//!     eth0               eth0             eth0            │       eth0
//!      │ tap, tc-bpf: VLAN to port         │              │        │
//!   ───┴────────────────── hv1 ────────────┴───           │    ─── hv2 ───
//!      bridges of the networks, conntrack ── VXLAN ──── wire, MTU 1500 ──── …
//! ```
//!
//! The kernel's own datapath is all that moves packets: veth pairs for virtio, bridges with br_netfilter for Open
//! vSwitch with its security groups, VXLAN for VXLAN and, with Geneve's MTU, for Geneve. What is Kuryr's is the
//! product itself: pods are plugged by the code that the daemon uses.

mod addresses;
mod amphora;
mod build;
mod counters;
mod names;
mod rules;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use kuryr_lab::topology::lock::Lock;
use kuryr_lab::topology::{LabId, preflight, remove_namespaces};
use kuryr_load::foreign::Iperf3;
use kuryr_load::server::Sockets;
use kuryr_load::{Load, LoadError, Outcome, Pattern, client};
use kuryr_net::{LocalPort, Node, netns, switch_locally};

use addresses::{PODS, PORT, Pod, WORKERS, server_worker};
use amphora::Amphora;

use crate::cell::{Backend, Placement, System, Target};
use crate::path::{self, Counts};
use crate::{Cell, MatrixError};

/// iperf3's own port.
const IPERF3_PORT: u16 = 5201;

/// A site that stands. It removes everything when it is dropped.
#[derive(Debug)]
pub struct Site {
    lab: LabId,
    backend: Backend,
    /// By system and the number of the worker.
    servers: Vec<(System, u8, Sockets)>,
    amphora: Option<Amphora>,
    /// Held as long as anything of the site is there: dropped last.
    _lock: Lock,
}

impl Site {
    /// Looks whether the machine can carry a site, removes what a killed one of the same name left, and builds one.
    ///
    /// # Errors
    /// [`MatrixError::Missing`], [`MatrixError::Topology`] if one of that name runs, or what the kernel refused;
    /// nothing is left then.
    pub fn build(name: &str, backend: Backend) -> Result<Self, MatrixError> {
        let lab = LabId::new(name)?;
        preflight()?;
        let lock = Lock::take(&lab)?;
        remove_namespaces(&lab)?;
        let mut site = Self {
            lab,
            backend,
            servers: Vec::new(),
            amphora: None,
            _lock: lock,
        };
        let builder = build::Builder {
            lab: &site.lab,
            backend,
        };
        builder.build()?;
        site.listen()?;
        if backend == Backend::Ovs {
            let path = site.lab.netns_path(names::AMPHORA);
            site.amphora = Some(Amphora::start(&path)?);
        }
        Ok(site)
    }

    /// The backend that it stands for.
    #[must_use]
    pub fn backend(&self) -> Backend {
        self.backend
    }

    fn listen(&mut self) -> Result<(), MatrixError> {
        for &system in System::ALL {
            for (worker, _) in WORKERS {
                let any = SocketAddr::from((Ipv4Addr::UNSPECIFIED, PORT));
                let bound = self.within(system, Pod::Server(worker), || Sockets::bind(any))?;
                let sockets = bound.map_err(|source| MatrixError::Load {
                    place: format!("the {system} server of worker {worker}"),
                    source: Box::new(source),
                })?;
                self.servers.push((system, worker, sockets));
            }
        }
        Ok(())
    }

    /// The namespace of a system's pod; a VM is its own.
    fn place(&self, system: System, pod: Pod) -> PathBuf {
        self.lab.netns_path(&match system {
            System::Kuryr => names::kuryr_pod(pod),
            System::Sdn => names::overlay_pod(pod),
            System::Vm => names::worker(pod.worker()),
        })
    }

    /// Carries a load out in a cell with one system, and counts the packets at each hop meanwhile. Whether they took
    /// the cell's path is for the caller to check.
    ///
    /// # Errors
    /// [`MatrixError::Load`] with what the load met, or what the kernel refused.
    pub fn carry(
        &self,
        cell: &Cell,
        system: System,
        load: &Load,
    ) -> Result<(Outcome, Counts), MatrixError> {
        let failed = |source| load_failed(cell, system, source);
        let worker = server_worker(cell.placement);
        let mut servers = self.servers.iter();
        let found = servers.find(|(s, w, _)| (*s, *w) == (system, worker));
        let missing = || MatrixError::Options(format!("{cell}: no server of {system}"));
        let (_, _, sockets) = found.ok_or_else(missing)?;
        let target = addresses::target(system, cell.target, cell.placement);
        self.counted(cell, || {
            let serving = sockets.serve(load).map_err(failed)?;
            let client = self.within(system, Pod::Client, || client::run(load, target))?;
            let side = serving.stop();
            let outcome = client.and_then(|client| Outcome::of(load, target, &client, &side));
            outcome.map_err(failed)
        })
    }

    /// As [`Site::carry`], with iperf3 at both ends; of streams from pod to pod.
    ///
    /// # Errors
    /// [`MatrixError::Load`] with what iperf3 says, or what the kernel refused.
    pub fn carry_by_iperf3(
        &self,
        cell: &Cell,
        system: System,
        load: &Load,
    ) -> Result<(Outcome, Counts), MatrixError> {
        let failed = |source| load_failed(cell, system, source);
        let target = addresses::target(system, Target::Pod, cell.placement);
        let address = SocketAddr::new(target.ip(), IPERF3_PORT);
        let server = Pod::Server(server_worker(cell.placement));
        self.counted(cell, || {
            let serving = self.within(system, server, || Iperf3::serve(address))?;
            let serving = serving.map_err(failed)?;
            let outcome = self.within(system, Pod::Client, || serving.run(load))?;
            outcome.map_err(failed)
        })
    }

    /// Counts the packets at each hop while something is carried.
    fn counted(
        &self,
        cell: &Cell,
        carry: impl FnOnce() -> Result<Outcome, MatrixError>,
    ) -> Result<(Outcome, Counts), MatrixError> {
        self.switch(cell.placement)?;
        let read = || counters::read(&self.lab, self.backend, cell.placement);
        let before = read()?;
        let outcome = carry()?;
        Ok((outcome, counters::between(&before, &read()?)))
    }

    /// Has the product switch its pods' frames on the client's worker, or all go by the trunk.
    fn switch(&self, placement: Placement) -> Result<(), MatrixError> {
        let pods = match placement {
            Placement::SwitchedThere => vec![Pod::Client, Pod::Server(1)],
            _ => Vec::new(),
        };
        let ports: Vec<LocalPort> = pods.into_iter().map(local_port).collect();
        let node = Node::in_netns(self.place(System::Vm, Pod::Client));
        let switched = switch_locally(&node, "eth0", &ports);
        let failed = MatrixError::net("switch on the worker");
        switched.map(drop).map_err(failed)
    }

    /// Does something in the namespace of a system's pod.
    fn within<T: Send>(
        &self,
        system: System,
        pod: Pod,
        work: impl FnOnce() -> T + Send,
    ) -> Result<T, MatrixError> {
        netns::run_in(Some(&self.place(system, pod)), work)
            .map_err(MatrixError::net(format!("enter {pod:?} of {system}")))
    }

    /// Has some exchanges on each of the site's ways, TCP and UDP: addresses are resolved then, and what does not
    /// work is said before anything is measured.
    ///
    /// # Errors
    /// The first way that does not work, or is not the cell's.
    pub fn try_out(&self) -> Result<(), MatrixError> {
        for &target in Target::ALL {
            for &placement in Placement::ALL {
                for pattern in [Pattern::TcpRr, Pattern::UdpRr] {
                    let cell = Cell {
                        backend: self.backend,
                        target,
                        placement,
                        pattern,
                        size: 64,
                    };
                    let load = Load {
                        at_least: path::enough(&cell),
                        ..Load::new(pattern, cell.size, Duration::from_millis(5))
                    };
                    if !cell.exists() {
                        continue;
                    }
                    for system in cell.systems() {
                        let (outcome, counts) = self.carry(&cell, system, &load)?;
                        let least = path::least(&cell, &outcome);
                        path::check(&cell, system, &counts, least).map_err(|wrong| {
                            MatrixError::Path {
                                place: format!("{cell} {system}"),
                                wrong,
                            }
                        })?;
                    }
                }
            }
        }
        Ok(())
    }
}

fn local_port(pod: Pod) -> LocalPort {
    LocalPort {
        vlan: pod.vlan(),
        mac: pod.mac(),
        addresses: vec![PODS.address(pod.host()).addr()],
        network: "pods".to_owned(),
    }
}

fn load_failed(cell: &Cell, system: System, source: LoadError) -> MatrixError {
    MatrixError::Load {
        place: format!("{cell} {system}"),
        source: Box::new(source),
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // haproxy first: it is in one of the namespaces. Sockets hold theirs as well.
        self.amphora.take();
        self.servers.clear();
        // There is nobody to tell; what is left is removed by the next site of this name, or by the next lab.
        let _ = remove_namespaces(&self.lab);
    }
}
