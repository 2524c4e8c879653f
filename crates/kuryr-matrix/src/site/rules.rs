//! nftables rules of the site: security groups, Services as flows, and counters. Pure, text.

use std::fmt::Write as _;

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
        let address = SERVICES.address(AMPHORA).addr();
        text +=
            "\tchain services {\n\t\ttype nat hook prerouting priority dstnat; policy accept;\n";
        for (worker, _) in WORKERS {
            let server = PODS.address(Pod::Server(worker).host()).addr();
            let _ = writeln!(
                text,
                "\t\tip daddr {address} th dport {} meta l4proto {{ tcp, udp }} dnat ip to {server}:{PORT}",
                service_port(worker)
            );
        }
        text += "\t}\n";
    }
    text + "}\n"
}

/// A worker's rules: the overlay's Services, as kube-proxy has them, with the client's address hidden behind the
/// worker's so that answers come back this way. kube-proxy has a worker track its connections, so the overlay's tunnel is
/// tracked; what the worker itself sends as the limit of the path is not, since that is to be a VM without any of it.
pub(super) fn worker() -> String {
    let mut rewritten = String::new();
    for (worker, _) in WORKERS {
        let server = overlay(worker, Pod::Server(worker).host()).addr();
        let _ = writeln!(
            rewritten,
            "\t\tip daddr {OVERLAY_SERVICES} th dport {} meta l4proto {{ tcp, udp }} dnat ip to {server}:{PORT}",
            service_port(worker)
        );
    }
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
    let mut rewritten = String::new();
    for (worker, _) in WORKERS {
        let server = PODS.address(Pod::Server(worker).host()).addr();
        let _ = writeln!(
            rewritten,
            "\t\tudp dport {} dnat ip to {server}:{PORT}",
            service_port(worker)
        );
    }
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
