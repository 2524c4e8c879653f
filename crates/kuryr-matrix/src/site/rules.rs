//! nftables rules of the site: security groups, Services as flows, and counters. Pure, text.

use std::fmt::Write as _;
use std::net::IpAddr;

use super::addresses::{AMPHORA, NODES};
use super::addresses::{
    NETWORKS, OVERLAY_SERVICES, PODS, PORT, Pod, SERVICES, VXLAN_PORT, WORKERS, overlay,
    service_port,
};

/// A hypervisor's rules: connections are tracked and let pass by state, in a zone for each network, as the backends'
/// security groups do it. What is on the wire is counted by how often it is encapsulated, and not tracked, as by Open
/// vSwitch. `services`: a Service's address is rewritten here, on the first packet of a connection.
pub(super) fn hypervisor(services: bool) -> String {
    let zones: Vec<String> = NETWORKS
        .iter()
        .map(|network| format!("\"{}\" : {}", network.bridge(), network.vni))
        .collect();
    // An encapsulation in an encapsulation, from the start of the outer UDP header: 8 bytes of it, 8 of VXLAN, 14 of
    // Ethernet, 20 of IPv4 with the protocol at its byte 9, then the inner UDP header with the port at its byte 2.
    let inner = format!("@th,312,8 17 @th,416,16 {VXLAN_PORT}");
    let mut text = format!(
        "table inet kuryr {{
	counter once {{ }}
	counter twice {{ }}
	counter tunnel {{ }}
	counter nat {{ }}
	chain arriving {{
		type filter hook prerouting priority raw; policy accept;
		iifname \"wire\" udp dport {VXLAN_PORT} {inner} counter name twice notrack accept
		iifname \"wire\" udp dport {VXLAN_PORT} counter name once notrack accept
		iifname \"{nodes}\" udp dport {VXLAN_PORT} counter name tunnel
		ct zone set iifname map {{ {zones} }}
	}}
	chain leaving {{
		type filter hook output priority raw; policy accept;
		oifname \"wire\" notrack
	}}
	chain groups {{
		type filter hook forward priority filter; policy drop;
		ct status dnat counter name nat
		ct state established,related accept
		meta l4proto {{ tcp, udp, icmp }} ct state new accept
	}}
",
        nodes = NODES.bridge(),
        zones = zones.join(", "),
    );
    if services {
        text +=
            "\tchain services {\n\t\ttype nat hook prerouting priority dstnat; policy accept;\n";
        let address = SERVICES.address(AMPHORA).addr();
        text += &rewritten(
            &format!("ip daddr {address} meta l4proto {{ tcp, udp }}"),
            subport,
        );
        text += "\t}\n";
    }
    text + "}\n"
}

/// A worker's rules: the overlay's Services, as kube-proxy has them, with the client's address hidden behind the
/// worker's so that answers come back this way. kube-proxy has a worker track its connections, so the overlay's tunnel is
/// tracked; what the worker itself sends as the limit of the path is not, since that is to be a VM without any of it.
pub(super) fn worker() -> String {
    let to_services = format!("ip daddr {OVERLAY_SERVICES} meta l4proto {{ tcp, udp }}");
    let rewritten = rewritten(&to_services, |worker| {
        overlay(worker, Pod::Server(worker).host()).addr()
    });
    format!(
        "table inet kuryr {{
	counter nat {{ }}
	chain arriving {{
		type filter hook prerouting priority raw; policy accept;
		th sport {PORT} meta l4proto {{ tcp, udp }} iifname \"eth0\" notrack
		th dport {PORT} meta l4proto {{ tcp, udp }} iifname \"eth0\" notrack
	}}
	chain leaving {{
		type filter hook output priority raw; policy accept;
		th sport {PORT} meta l4proto {{ tcp, udp }} oifname \"eth0\" notrack
		th dport {PORT} meta l4proto {{ tcp, udp }} oifname \"eth0\" notrack
	}}
	chain services {{
		type nat hook prerouting priority dstnat; policy accept;
{rewritten}	}}
	chain hidden {{
		type nat hook postrouting priority srcnat; policy accept;
		ct status dnat masquerade
	}}
	chain passing {{
		type filter hook forward priority filter; policy accept;
		ct status dnat counter name nat
	}}
}}
"
    )
}

/// The amphora's rules: datagrams are passed on by the kernel, as by LVS in a real one; TCP is haproxy's.
pub(super) fn amphora() -> String {
    let rewritten = rewritten("meta l4proto udp", subport);
    format!(
        "table inet kuryr {{
	chain services {{
		type nat hook prerouting priority dstnat; policy accept;
{rewritten}	}}
	chain hidden {{
		type nat hook postrouting priority srcnat; policy accept;
		ct status dnat masquerade
	}}
}}
"
    )
}

/// The address of the pod on a subport that serves on a worker.
fn subport(worker: u8) -> IpAddr {
    PODS.address(Pod::Server(worker).host()).addr()
}

/// A rule for each Service: what is `meant`, to its port, goes to its server.
fn rewritten(meant: &str, server: impl Fn(u8) -> IpAddr) -> String {
    let mut rules = String::new();
    for (worker, _) in WORKERS {
        let (port, server) = (service_port(worker), server(worker));
        let _ = writeln!(
            rules,
            "\t\t{meant} th dport {port} dnat ip to {server}:{PORT}"
        );
    }
    rules
}
