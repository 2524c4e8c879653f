//! Who has which address. Ranges are the usual ones of the systems that they stand for; nothing leaves the namespaces.

use std::net::{Ipv4Addr, SocketAddr};

use ipnet::{IpNet, Ipv4Net};
use kuryr_net::MacAddr;

use crate::cell::{Backend, Placement, System, Target};

/// Where servers listen, TCP and UDP.
pub(super) const PORT: u16 = 7000;
/// The port of the VXLANs of both levels (RFC 7348).
pub(super) const VXLAN_PORT: u16 = 4789;
/// Of the wire between the hypervisors, as of most networks of data centres, bytes.
const UNDERLAY_MTU: u32 = 1500;
/// What the overlay between workers adds (RFC 7348 over IPv4), bytes.
const OVERLAY: u32 = 50;

/// A tenant network: its bridge's number, which is its VNI, and its range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Network {
    pub(super) vni: u32,
    range: Ipv4Addr,
}

/// Of the workers' own interfaces, the trunks' parent ports.
pub(super) const NODES: Network = network(1, 240);
/// Of the subports.
pub(super) const PODS: Network = network(2, 241);
/// Of the amphora.
pub(super) const SERVICES: Network = network(3, 242);
pub(super) const NETWORKS: [Network; 3] = [NODES, PODS, SERVICES];

const fn network(vni: u32, second: u8) -> Network {
    Network {
        vni,
        range: Ipv4Addr::new(10, second, 0, 0),
    }
}

impl Network {
    /// An address of the network, with its prefix length.
    pub(super) fn address(self, host: u8) -> IpNet {
        let [a, b, c, _] = self.range.octets();
        Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, host), 24).into()
    }

    pub(super) fn bridge(self) -> String {
        format!("br{}", self.vni)
    }
}

/// The gateway's last byte in each network.
pub(super) const GATEWAY: u8 = 1;
/// The amphora's last byte in the Services' network; its address is that of all Services, which have a port each.
pub(super) const AMPHORA: u8 = 10;

/// The workers, with the hypervisor that each is on. The client is always on the first.
pub(super) const WORKERS: [(u8, &str); 3] = [(1, "hv1"), (2, "hv1"), (3, "hv2")];

/// The number of the worker of the server.
pub(super) fn server_worker(placement: Placement) -> u8 {
    match placement {
        Placement::SameWorker | Placement::SwitchedThere => 1,
        Placement::TwoWorkers => 2,
        Placement::TwoHypervisors => 3,
    }
}

/// A pod: the client, on the first worker, or the server of a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pod {
    Client,
    Server(u8),
}

/// All pods of one system.
pub(super) const ALL_PODS: [Pod; 4] = [Pod::Client, Pod::Server(1), Pod::Server(2), Pod::Server(3)];

impl Pod {
    pub(super) fn worker(self) -> u8 {
        match self {
            Self::Client => 1,
            Self::Server(worker) => worker,
        }
    }

    /// The last byte of its address; also its VLAN, less 100.
    pub(super) fn host(self) -> u8 {
        match self {
            Self::Client => 11,
            Self::Server(worker) => 20 + worker,
        }
    }

    pub(super) fn vlan(self) -> u16 {
        100 + u16::from(self.host())
    }

    /// Its MAC on the subport, in Neutron's range.
    pub(super) fn mac(self) -> MacAddr {
        MacAddr([0xfa, 0x16, 0x3e, 0, 0, self.host()])
    }
}

/// The overlay's range, and of it a part for each worker, as OpenShift SDN gives them out.
pub(super) fn overlay(worker: u8, host: u8) -> IpNet {
    Ipv4Net::new_assert(Ipv4Addr::new(10, 128, 2 * (worker - 1), host), 14).into()
}

/// The address of the overlay's Services.
pub(super) const OVERLAY_SERVICES: Ipv4Addr = Ipv4Addr::new(172, 30, 0, 10);

/// The port of the Service whose server is on a worker.
pub(super) fn service_port(worker: u8) -> u16 {
    PORT + u16::from(worker)
}

/// A hypervisor's address on the wire (RFC 2544's range: seen in no real network).
pub(super) fn underlay(number: u8) -> IpNet {
    Ipv4Net::new_assert(Ipv4Addr::new(198, 18, 0, number), 24).into()
}

/// MTU of a tenant network: what the backend's encapsulation leaves of the wire's, bytes, as Neutron works it out.
/// Geneve takes 8 bytes more than VXLAN, for its option.
pub(super) fn tenant_mtu(backend: Backend) -> u32 {
    match backend {
        Backend::Ovs => UNDERLAY_MTU - 50,
        Backend::Ovn => UNDERLAY_MTU - 58,
    }
}

/// MTU of pods behind the overlay, bytes.
pub(super) fn overlay_mtu(backend: Backend) -> u32 {
    tenant_mtu(backend) - OVERLAY
}

/// What the client speaks to.
pub(super) fn target(system: System, target: Target, placement: Placement) -> SocketAddr {
    let worker = server_worker(placement);
    let host = Pod::Server(worker).host();
    match (system, target) {
        (System::Vm, _) => (NODES.address(10 + worker).addr(), PORT).into(),
        (System::Kuryr, Target::Pod) => (PODS.address(host).addr(), PORT).into(),
        (System::Sdn, Target::Pod) => (overlay(worker, host).addr(), PORT).into(),
        (System::Kuryr, Target::Service) => {
            (SERVICES.address(AMPHORA).addr(), service_port(worker)).into()
        }
        (System::Sdn, Target::Service) => (OVERLAY_SERVICES, service_port(worker)).into(),
    }
}
