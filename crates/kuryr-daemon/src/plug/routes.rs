//! Which link has the default route: the node's trunk, unless another is configured.

use std::path::Path;

use kuryr_net::{NetError, netns};

/// `RTF_UP` of linux/route.h.
const UP: u32 = 0x0001;
/// `RTF_REJECT` of linux/route.h.
const REJECT: u32 = 0x0200;

/// The links with a default route in a namespace, the lowest metric's first, IPv4's before
/// IPv6's.
///
/// # Errors
/// The namespace cannot be entered.
pub fn default_route_links(node: Option<&Path>) -> Result<Vec<String>, NetError> {
    let (v4, v6) = netns::run_in(node, || {
        // Absent if the kernel lacks the family.
        let read = |name| std::fs::read_to_string(name).unwrap_or_default();
        (
            read("/proc/thread-self/net/route"),
            read("/proc/thread-self/net/ipv6_route"),
        )
    })?;
    let mut links = sorted(v4.lines().skip(1).filter_map(ipv4));
    for link in sorted(v6.lines().filter_map(ipv6)) {
        if !links.contains(&link) {
            links.push(link);
        }
    }
    Ok(links)
}

/// Each link once, by its lowest metric.
fn sorted<'a>(routes: impl Iterator<Item = (u32, &'a str)>) -> Vec<String> {
    let mut routes: Vec<_> = routes.collect();
    routes.sort_by_key(|(metric, _)| *metric);
    let mut links: Vec<String> = Vec::new();
    for (_, link) in routes {
        if !links.iter().any(|l| l == link) {
            links.push(link.to_owned());
        }
    }
    links
}

/// A line of `/proc/net/route` (hexadecimal, metric decimal), if it is a default route.
fn ipv4(line: &str) -> Option<(u32, &str)> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let [link, destination, _, flags, _, _, metric, mask, ..] = fields[..] else {
        return None;
    };
    let flags = u32::from_str_radix(flags, 16).ok()?;
    let default = destination == "00000000" && mask == "00000000";
    let usable = flags & UP != 0 && flags & REJECT == 0;
    (default && usable).then_some((metric.parse().ok()?, link))
}

/// A line of `/proc/net/ipv6_route` (all hexadecimal), if it is a default route.
fn ipv6(line: &str) -> Option<(u32, &str)> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let [destination, length, _, _, _, metric, _, _, flags, link] = fields[..] else {
        return None;
    };
    let flags = u32::from_str_radix(flags, 16).ok()?;
    let default = length == "00" && destination.bytes().all(|b| b == b'0');
    let usable = flags & UP != 0 && flags & REJECT == 0 && link != "lo";
    (default && usable).then_some((u32::from_str_radix(metric, 16).ok()?, link))
}

#[cfg(test)]
mod tests {
    use super::*;

    const V4: &str = "\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth1\t00000000\t0101A8C0\t0003\t0\t0\t200\t00000000\t0\t0\t0
ens3\t00000000\t01000A0A\t0003\t0\t0\t100\t00000000\t0\t0\t0
ens3\t00000A0A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
";
    const V6: &str = "\
fe800000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001 ens3
00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003 ens4
00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200 lo
";

    #[test]
    fn the_lowest_metric_wins() {
        assert_eq!(
            sorted(V4.lines().skip(1).filter_map(ipv4)),
            ["ens3", "eth1"]
        );
    }

    #[test]
    fn an_unreachable_route_is_none() {
        assert_eq!(sorted(V6.lines().filter_map(ipv6)), ["ens4"]);
    }

    #[test]
    fn nonsense_has_no_default_route() {
        for line in [
            "",
            "a b c",
            "x\t00000000\t0\tzz\t0\t0\t0\t00000000\t0\t0\t0",
        ] {
            assert_eq!(ipv4(line), None);
            assert_eq!(ipv6(line), None);
        }
    }
}
