//! Security groups as nftables rules: pure, text.
//!
//! Bridged packets pass the `forward` hook of the `inet` family (br_netfilter), with the bridge as their interface,
//! so that conntrack sees them. The `bridge` family's `prerouting`, before that, knows the bridge's port and stops
//! what a port may not send from.
//!
//! The first direction of a connection is judged anew with each packet, replies by the connection's state: a rule
//! that is removed stops an established connection at once, as Neutron's backends do.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use ipnet::IpNet;
use kuryr_embedded_openstack::{Filter, PortWiring, Rule};

use super::names;

/// The table's name in both families.
const TABLE: &str = "kuryr_lab";

/// A hypervisor's whole ruleset: its ports, the groups of the cloud, the networks that it has bridges of.
/// `nft -f` puts it in the place of the one before in one step.
pub fn ruleset<'a>(
    ports: impl Iterator<Item = (&'a str, &'a PortWiring)>,
    groups: &BTreeMap<String, Filter>,
    networks: impl Iterator<Item = u32>,
) -> String {
    let ports: Vec<(&str, &PortWiring)> = ports.collect();
    let secured: Vec<(&str, &PortWiring)> = ports
        .iter()
        .copied()
        .filter(|(_, port)| port.groups.is_some())
        .collect();
    let sets: BTreeSet<&BTreeSet<String>> = secured
        .iter()
        .filter_map(|(_, port)| port.groups.as_ref())
        .collect();
    let sets: Vec<&BTreeSet<String>> = sets.into_iter().collect();
    let number = |port: &PortWiring| {
        sets.iter()
            .position(|set| Some(*set) == port.groups.as_ref())
            .unwrap_or_default()
    };

    let mut text = String::new();
    for family in ["inet", "bridge"] {
        let _ = writeln!(
            text,
            "table {family} {TABLE} {{\n}}\ndelete table {family} {TABLE}"
        );
    }
    let _ = writeln!(text, "table inet {TABLE} {{");
    member_sets(&mut text, &sets, groups);
    for (at, set) in sets.iter().enumerate() {
        for ingress in [true, false] {
            chain_of_groups(&mut text, at, set, groups, ingress);
        }
    }
    for v6 in [false, true] {
        for ingress in [true, false] {
            let elements = secured.iter().flat_map(|(_, port)| {
                let chain = format!("{}_{}", direction(ingress), number(port));
                own(port)
                    .filter(move |own| own.addr().is_ipv6() == v6)
                    .map(move |own| {
                        format!("\"{}\" . {own} : jump {chain}", names::bridge(port.vni))
                    })
            });
            let kind = format!("ifname . {}_addr : verdict", family(v6));
            let name = format!("{}{}", direction(ingress), if v6 { 6 } else { 4 });
            block(&mut text, "map", &name, &kind, elements);
        }
    }
    hooks(&mut text, networks);
    text.push_str("}\n");
    anti_spoofing(&mut text, &secured);
    text
}

fn direction(ingress: bool) -> &'static str {
    if ingress { "to" } else { "from" }
}

fn family(v6: bool) -> &'static str {
    if v6 { "ipv6" } else { "ipv4" }
}

fn header(v6: bool) -> &'static str {
    if v6 { "ip6" } else { "ip" }
}

/// Addresses that a port sends from and receives at.
fn own(port: &PortWiring) -> impl Iterator<Item = IpNet> {
    let fixed = port
        .addresses
        .iter()
        .map(|address| IpNet::from(address.addr()));
    fixed.chain(port.allowed.iter().copied())
}

/// A set or map of intervals with its elements.
fn block(
    text: &mut String,
    what: &str,
    name: &str,
    kind: &str,
    elements: impl Iterator<Item = String>,
) {
    let elements: BTreeSet<String> = elements.collect();
    let _ = writeln!(
        text,
        "\t{what} {name} {{\n\t\ttype {kind}\n\t\tflags interval"
    );
    if what == "set" && !kind.contains('.') {
        text.push_str("\t\tauto-merge\n");
    }
    if !elements.is_empty() {
        let elements: Vec<String> = elements.into_iter().collect();
        let _ = writeln!(text, "\t\telements = {{ {} }}", elements.join(", "));
    }
    text.push_str("\t}\n");
}

/// Members of the groups that rules name as remote.
fn member_sets(text: &mut String, sets: &[&BTreeSet<String>], groups: &BTreeMap<String, Filter>) {
    let rules = sets
        .iter()
        .flat_map(|set| set.iter())
        .filter_map(|group| groups.get(group))
        .flat_map(|group| &group.rules);
    let remotes: BTreeSet<&String> = rules.filter_map(|rule| rule.group.as_ref()).collect();
    for remote in remotes {
        for v6 in [false, true] {
            let members = groups
                .get(remote)
                .into_iter()
                .flat_map(|group| &group.members);
            let members = members
                .filter(|member| member.addr().is_ipv6() == v6)
                .map(IpNet::to_string);
            block(
                text,
                "set",
                &members_name(remote, v6),
                &format!("{}_addr", family(v6)),
                members,
            );
        }
    }
}

fn members_name(group: &str, v6: bool) -> String {
    format!(
        "members{}_{}",
        if v6 { 6 } else { 4 },
        group.replace('-', "_")
    )
}

/// One direction of the ports that have the same groups: what a rule allows returns, the rest is dropped.
fn chain_of_groups(
    text: &mut String,
    number: usize,
    set: &BTreeSet<String>,
    groups: &BTreeMap<String, Filter>,
    ingress: bool,
) {
    let _ = writeln!(text, "\tchain {}_{number} {{", direction(ingress));
    let rules: BTreeSet<&Rule> = set
        .iter()
        .filter_map(|group| groups.get(group))
        .flat_map(|group| &group.rules)
        .collect();
    for rule in rules.into_iter().filter(|rule| rule.ingress == ingress) {
        let _ = writeln!(text, "\t\t{} return", matches(rule));
    }
    text.push_str("\t\tdrop\n\t}\n");
}

/// What a rule matches, in nft's words.
fn matches(rule: &Rule) -> String {
    let remote = if rule.ingress { "saddr" } else { "daddr" };
    let header = header(rule.ipv6);
    let mut words = vec![format!("meta nfproto {}", family(rule.ipv6))];
    if let Some(prefix) = rule.prefix {
        words.push(format!("{header} {remote} {prefix}"));
    }
    if let Some(group) = &rule.group {
        words.push(format!(
            "{header} {remote} @{}",
            members_name(group, rule.ipv6)
        ));
    }
    words.extend(protocol(rule));
    words.join(" ")
}

fn protocol(rule: &Rule) -> Option<String> {
    let name = rule.protocol.as_deref()?;
    let number = match name {
        "icmp" => "1",
        "tcp" => "6",
        "udp" => "17",
        "ipv6-icmp" | "icmpv6" => "58",
        "dccp" => "33",
        "gre" => "47",
        "esp" => "50",
        "ah" => "51",
        "ospf" => "89",
        "vrrp" => "112",
        "sctp" => "132",
        "udplite" => "136",
        "igmp" => "2",
        "ipip" => "4",
        "egp" => "8",
        "rsvp" => "46",
        "pgm" => "113",
        "hopopt" | "ip" => "0",
        "ipv6-encap" => "41",
        "ipv6-route" => "43",
        "ipv6-frag" => "44",
        "ipv6-nonxt" => "59",
        "ipv6-opts" => "60",
        number => number,
    };
    let icmp = match number {
        "1" => Some("icmp"),
        "58" => Some("icmpv6"),
        _ => None,
    };
    Some(match (icmp, rule.ports) {
        (Some(icmp), (Some(kind), None)) => format!("{icmp} type {kind}"),
        (Some(icmp), (Some(kind), Some(code))) => format!("{icmp} type {kind} {icmp} code {code}"),
        (None, (Some(min), Some(max))) if min == max => {
            format!("meta l4proto {number} th dport {min}")
        }
        (None, (Some(min), Some(max))) => format!("meta l4proto {number} th dport {min}-{max}"),
        _ => format!("meta l4proto {number}"),
    })
}

/// The chains that the kernel calls. Each network has a conntrack zone, for networks may share addresses and a routed
/// packet passes two of them.
fn hooks(text: &mut String, networks: impl Iterator<Item = u32>) {
    let zones: Vec<String> = networks
        .map(|vni| format!("\"{}\" : {}", names::bridge(vni), vni % 65535 + 1))
        .collect();
    text.push_str(
        "\tchain zones {\n\t\ttype filter hook prerouting priority raw; policy accept;\n",
    );
    if !zones.is_empty() {
        let _ = writeln!(
            text,
            "\t\tct zone set iifname map {{ {} }}",
            zones.join(", ")
        );
    }
    text.push_str(
        "\t}\n\tchain passing {\n\t\ttype filter hook forward priority filter; policy accept;\n",
    );
    text.push_str(
        "\t\tct state established ct direction reply accept\n\t\tct state related accept\n",
    );
    text.push_str("\t\ticmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } accept\n");
    for v6 in [false, true] {
        let (header, digit) = (header(v6), if v6 { 6 } else { 4 });
        let _ = writeln!(text, "\t\tiifname . {header} saddr vmap @from{digit}");
        let _ = writeln!(text, "\t\tiifname . {header} daddr vmap @to{digit}");
    }
    text.push_str("\t}\n");
}

/// A port sends only from its own MAC and addresses. Frames from one VXLAN don't leave by another: each hypervisor
/// has one to each, so they arrived there already.
fn anti_spoofing(text: &mut String, secured: &[(&str, &PortWiring)]) {
    let _ = writeln!(text, "table bridge {TABLE} {{");
    let names = secured
        .iter()
        .map(|(id, _)| format!("\"{}\"", names::bridge_port(id)));
    let _ = writeln!(text, "\tset secured {{\n\t\ttype ifname");
    let names: Vec<String> = names.collect();
    if !names.is_empty() {
        let _ = writeln!(text, "\t\telements = {{ {} }}", names.join(", "));
    }
    text.push_str("\t}\n");
    for v6 in [false, true] {
        let elements = secured.iter().flat_map(|(id, port)| {
            let name = names::bridge_port(id);
            own(port)
                .filter(move |own| own.addr().is_ipv6() == v6)
                .map(move |own| format!("\"{name}\" . {} . {own}", port.mac))
        });
        let name = if v6 { "own6" } else { "own4" };
        block(
            text,
            "set",
            name,
            &format!("ifname . ether_addr . {}_addr", family(v6)),
            elements,
        );
    }
    text.push_str(concat!(
        "\tchain entering {\n\t\ttype filter hook prerouting priority -300; policy accept;\n",
        "\t\tiifname != @secured accept\n",
        "\t\tether type ip iifname . ether saddr . ip saddr @own4 accept\n",
        "\t\tether type arp iifname . ether saddr . arp saddr ip @own4 accept\n",
        "\t\tether type ip6 iifname . ether saddr . ip6 saddr @own6 accept\n",
        "\t\tether type ip6 ip6 saddr { ::, fe80::/10 } accept\n",
        "\t\tdrop\n\t}\n",
        "\tchain leaving {\n\t\ttype filter hook forward priority -300; policy accept;\n",
        "\t\tiifname \"vx*\" oifname \"vx*\" drop\n\t}\n}\n",
    ));
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn rule(ingress: bool) -> Rule {
        Rule {
            ingress,
            ipv6: false,
            protocol: None,
            ports: (None, None),
            prefix: None,
            group: None,
        }
    }

    fn port(groups: Option<&[&str]>) -> PortWiring {
        PortWiring {
            host: "hv1".to_owned(),
            trunk: None,
            network: "net".to_owned(),
            vni: 5001,
            mtu: 1442,
            mac: "fa:16:3e:00:00:05".to_owned(),
            addresses: vec!["10.0.0.5/24".parse().unwrap()],
            allowed: vec!["10.9.0.0/16".parse().unwrap()],
            groups: groups.map(|groups| groups.iter().map(|group| (*group).to_owned()).collect()),
        }
    }

    #[test]
    fn rules_read_as_nft_has_them() {
        let tcp = |ports| Rule {
            protocol: Some("tcp".to_owned()),
            ports,
            ..rule(true)
        };
        let prefix = Some("10.1.0.0/16".parse().unwrap());
        let cases = [
            (rule(true), "meta nfproto ipv4"),
            (
                tcp((Some(80), Some(80))),
                "meta nfproto ipv4 meta l4proto 6 th dport 80",
            ),
            (
                tcp((Some(80), Some(90))),
                "meta nfproto ipv4 meta l4proto 6 th dport 80-90",
            ),
            (tcp((None, None)), "meta nfproto ipv4 meta l4proto 6"),
            (
                Rule {
                    protocol: Some("icmp".to_owned()),
                    ports: (Some(8), Some(0)),
                    ..rule(true)
                },
                "meta nfproto ipv4 icmp type 8 icmp code 0",
            ),
            (
                Rule {
                    prefix,
                    ..rule(true)
                },
                "meta nfproto ipv4 ip saddr 10.1.0.0/16",
            ),
            (
                Rule {
                    prefix,
                    ..rule(false)
                },
                "meta nfproto ipv4 ip daddr 10.1.0.0/16",
            ),
            (
                Rule {
                    group: Some("a-b".to_owned()),
                    ipv6: true,
                    ..rule(true)
                },
                "meta nfproto ipv6 ip6 saddr @members6_a_b",
            ),
            (
                Rule {
                    protocol: Some("99".to_owned()),
                    ..rule(true)
                },
                "meta nfproto ipv4 meta l4proto 99",
            ),
        ];
        for (rule, words) in cases {
            assert_eq!(matches(&rule), words);
        }
    }

    #[test]
    fn a_port_without_rules_is_closed_and_may_send_only_as_itself() {
        let port = port(Some(&[]));
        let text = ruleset(
            [("0123456789abcdef", &port)].into_iter(),
            &BTreeMap::new(),
            [5001].into_iter(),
        );
        assert!(text.contains("chain to_0 {\n\t\tdrop\n"), "{text}");
        assert!(
            text.contains("\"br5001\" . 10.0.0.5/32 : jump to_0"),
            "{text}"
        );
        assert!(
            text.contains("\"p0123456789ab\" . fa:16:3e:00:00:05 . 10.9.0.0/16"),
            "{text}"
        );
        assert!(
            text.contains("ct zone set iifname map { \"br5001\" : 5002 }"),
            "{text}"
        );
    }

    #[test]
    fn a_port_without_port_security_is_in_no_set() {
        let port = port(None);
        let text = ruleset(
            [("0123456789abcdef", &port)].into_iter(),
            &BTreeMap::new(),
            [5001].into_iter(),
        );
        assert!(
            !text.contains("10.0.0.5") && !text.contains("p0123456789ab"),
            "{text}"
        );
    }

    #[test]
    fn ports_of_the_same_groups_share_their_chains() {
        let (one, two) = (port(Some(&["g"])), port(Some(&["g"])));
        let filter = Filter {
            rules: [rule(true)].into(),
            members: BTreeSet::new(),
        };
        let groups = [("g".to_owned(), filter)].into();
        let ports = [("one", &one), ("two", &two)].into_iter();
        let text = ruleset(ports, &groups, std::iter::empty());
        assert_eq!(text.matches("chain to_").count(), 1, "{text}");
        assert!(text.contains("meta nfproto ipv4 return"), "{text}");
    }
}
