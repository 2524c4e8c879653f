//! Whether the frames between two pods of one node and network may be switched on the node, past Neutron's switch: only
//! where the ports' security groups let everything between them pass, both ways, and nothing else is done to them on the way.
//!
//! All ports of a network's pods are in the same groups, so it is asked once for the network. The answer is what the rules
//! mean by Neutron's API reference: rules of all groups add up, and what no rule names is dropped.

use std::fmt;

use ipnet::IpNet;

use crate::Id;

/// A network on which pods are, as far as it matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodNetwork {
    /// Whether its ports are filtered at all.
    pub filtered: bool,
    /// Whether a QoS policy limits or marks what its ports send.
    pub shaped: bool,
    /// The pods' subnets on it.
    pub subnets: Vec<IpNet>,
}

/// Which way packets go, seen from the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To the port.
    Ingress,
    /// From the port.
    Egress,
}

/// Whom a rule lets packets come from, or go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remote {
    Anyone,
    /// Addresses.
    Prefix(IpNet),
    /// Ports in a security group.
    Group(Id),
    /// Something that isn't understood: nobody, to be sure.
    Other,
}

/// A rule of a security group: what is let through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub direction: Direction,
    /// Whether it is about IPv4 or IPv6; none: something else.
    pub ipv4: Option<bool>,
    /// As Neutron has it: a name or a number; any if none.
    pub protocol: Option<String>,
    /// First and last port; any if none.
    pub ports: (Option<u16>, Option<u16>),
    pub remote: Remote,
}

/// Why frames are not switched on the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Closed {
    /// A group could not be found: it has no rules, or they are unknown.
    GroupMissing(Id),
    /// A QoS policy is to see every packet.
    Shaped,
    /// NetworkPolicies give each port security groups of its own.
    Policies,
    /// No rule lets this pass between any two pods.
    Filtered {
        direction: Direction,
        ipv4: bool,
        protocol: &'static str,
    },
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GroupMissing(id) => write!(f, "security group {id} can't be found"),
            Self::Shaped => f.write_str("the pods' network has a QoS policy"),
            Self::Policies => f.write_str("NetworkPolicies are in force"),
            Self::Filtered {
                direction,
                ipv4,
                protocol,
            } => {
                let way = match direction {
                    Direction::Ingress => "from",
                    Direction::Egress => "to",
                };
                let family = if *ipv4 { "IPv4" } else { "IPv6" };
                write!(
                    f,
                    "the pods' security groups don't let all {family} {protocol} {way} other pods pass"
                )
            }
        }
    }
}

/// What is switched: TCP and UDP, with their numbers of IP (IANA).
const PROTOCOLS: [(&str, &str); 2] = [("tcp", "6"), ("udp", "17")];

/// Whether frames between ports of this network, all in these groups, may be switched on their node.
///
/// `groups` are those of the ports, `found` those of them that were read, `rules` the rules of all of them.
///
/// # Errors
/// [`Closed`]: the first reason why not.
pub fn may_switch(
    network: &PodNetwork,
    groups: &[Id],
    found: &[Id],
    rules: &[Rule],
) -> Result<(), Closed> {
    if network.shaped {
        return Err(Closed::Shaped);
    }
    if !network.filtered {
        return Ok(());
    }
    if let Some(missing) = groups.iter().find(|id| !found.contains(id)) {
        return Err(Closed::GroupMissing(missing.clone()));
    }
    for ipv4 in [true, false] {
        let of_family = |net: &&IpNet| net.addr().is_ipv4() == ipv4;
        let peers: Vec<&IpNet> = network.subnets.iter().filter(of_family).collect();
        if peers.is_empty() {
            continue;
        }
        for direction in [Direction::Ingress, Direction::Egress] {
            for names in PROTOCOLS {
                let lets = |rule: &Rule| {
                    rule.direction == direction
                        && rule.ipv4 == Some(ipv4)
                        && is_all_of(rule, names)
                        && is_every_peer(&rule.remote, &peers, groups)
                };
                if !rules.iter().any(lets) {
                    let protocol = names.0;
                    return Err(Closed::Filtered {
                        direction,
                        ipv4,
                        protocol,
                    });
                }
            }
        }
    }
    Ok(())
}

/// Whether a rule lets every port of a protocol pass.
fn is_all_of(rule: &Rule, (name, number): (&str, &str)) -> bool {
    let same = |protocol: &String| protocol.eq_ignore_ascii_case(name) || protocol == number;
    let protocol = rule.protocol.as_ref();
    let every_port = match rule.ports {
        (None, None) => true,
        (first, last) => first.is_none_or(|port| port <= 1) && last == Some(u16::MAX),
    };
    every_port && protocol.is_none_or(same)
}

/// Whether a rule is about every port of the network that is in the groups.
fn is_every_peer(remote: &Remote, subnets: &[&IpNet], groups: &[Id]) -> bool {
    match remote {
        Remote::Anyone => true,
        Remote::Prefix(prefix) => subnets.iter().all(|subnet| prefix.contains(*subnet)),
        Remote::Group(group) => groups.contains(group),
        Remote::Other => false,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::net::IpAddr;

    use proptest::prelude::*;

    use super::*;

    fn network(subnets: &[&str]) -> PodNetwork {
        PodNetwork {
            filtered: true,
            shaped: false,
            subnets: subnets.iter().map(|net| net.parse().unwrap()).collect(),
        }
    }

    fn rule(direction: Direction, ipv4: bool, remote: Remote) -> Rule {
        Rule {
            direction,
            ipv4: Some(ipv4),
            protocol: None,
            ports: (None, None),
            remote,
        }
    }

    fn pods() -> Vec<Id> {
        vec!["pods".into()]
    }

    fn judge(network: &PodNetwork, rules: &[Rule]) -> Result<(), Closed> {
        may_switch(network, &pods(), &pods(), rules)
    }

    /// What Neutron's default group has, and what the documentation has operators make.
    #[test]
    fn a_group_that_lets_its_own_members_in_and_all_out_is_open() {
        let within = || Remote::Group("pods".into());
        let mut rules = vec![
            rule(Direction::Egress, true, Remote::Anyone),
            rule(Direction::Egress, false, Remote::Anyone),
            rule(Direction::Ingress, true, within()),
        ];
        assert_eq!(judge(&network(&["10.1.0.0/16"]), &rules), Ok(()));
        let dual = network(&["10.1.0.0/16", "fd00::/64"]);
        let closed = judge(&dual, &rules).unwrap_err();
        assert_eq!(
            closed.to_string(),
            "the pods' security groups don't let all IPv6 tcp from other pods pass"
        );
        rules.push(rule(Direction::Ingress, false, within()));
        assert_eq!(judge(&dual, &rules), Ok(()));
    }

    #[test]
    fn whatever_lets_less_pass_closes() {
        let net = network(&["10.1.0.0/16", "10.2.0.0/24"]);
        let out = rule(Direction::Egress, true, Remote::Anyone);
        let into = rule(Direction::Ingress, true, Remote::Anyone);
        let judge = |into: Rule| judge(&net, &[out.clone(), into]).is_ok();
        assert!(judge(into.clone()));
        let prefix = |text: &str| Remote::Prefix(text.parse().unwrap());
        for (remote, open) in [
            (prefix("0.0.0.0/0"), true),
            (prefix("10.0.0.0/8"), true),
            (prefix("10.1.0.0/16"), false),
            (prefix("10.1.0.0/17"), false),
            (prefix("::/0"), false),
            (Remote::Group("others".into()), false),
            (Remote::Other, false),
        ] {
            let rule = Rule {
                remote: remote.clone(),
                ..into.clone()
            };
            assert_eq!(judge(rule), open, "{remote:?}");
        }
        for (protocol, ports) in [
            (Some("tcp"), (None, None)),
            (Some("icmp"), (None, None)),
            (None, (Some(80), Some(80))),
            (None, (Some(1024), Some(65535))),
        ] {
            let protocol = protocol.map(str::to_owned);
            assert!(!judge(Rule {
                protocol,
                ports,
                ..into.clone()
            }));
        }
        assert!(!judge(Rule {
            ipv4: None,
            ..into.clone()
        }));
    }

    #[test]
    fn tcp_and_udp_may_have_a_rule_each() {
        let net = network(&["10.1.0.0/16"]);
        let of = |protocol: &str, ports| Rule {
            protocol: Some(protocol.to_owned()),
            ports,
            ..rule(Direction::Ingress, true, Remote::Anyone)
        };
        let out = rule(Direction::Egress, true, Remote::Anyone);
        let all = (Some(1), Some(65535));
        assert_eq!(
            judge(&net, &[out.clone(), of("TCP", all), of("17", (None, None))]),
            Ok(())
        );
        assert!(judge(&net, &[out, of("tcp", all)]).is_err());
    }

    #[test]
    fn a_group_that_is_gone_and_a_qos_policy_close_and_no_filter_opens() {
        let net = network(&["10.1.0.0/16"]);
        let missing = may_switch(&net, &pods(), &[], &[]);
        assert_eq!(missing, Err(Closed::GroupMissing("pods".into())));
        let unfiltered = PodNetwork {
            filtered: false,
            ..net.clone()
        };
        assert_eq!(may_switch(&unfiltered, &pods(), &[], &[]), Ok(()));
        let shaped = PodNetwork {
            shaped: true,
            ..unfiltered
        };
        assert_eq!(judge(&shaped, &[]), Err(Closed::Shaped));
    }

    /// One packet between two pods, judged rule by rule as Neutron does it; shares nothing with what is tested.
    fn passes(rules: &[Rule], direction: Direction, peer: IpAddr, udp: bool, port: u16) -> bool {
        rules.iter().any(|rule| {
            let family = rule.ipv4 == Some(peer.is_ipv4());
            let protocol = match rule.protocol.as_deref() {
                None => true,
                Some("tcp" | "6") => !udp,
                Some("udp" | "17") => udp,
                Some(_) => false,
            };
            let (first, last) = (rule.ports.0.unwrap_or(0), rule.ports.1.unwrap_or(65535));
            let remote = match &rule.remote {
                Remote::Anyone => true,
                Remote::Prefix(net) => net.contains(&peer),
                Remote::Group(id) => &**id == "pods",
                Remote::Other => false,
            };
            rule.direction == direction
                && family
                && protocol
                && (first..=last).contains(&port)
                && remote
        })
    }

    fn any_rule() -> impl Strategy<Value = Rule> {
        let remote = prop_oneof![
            3 => Just(Remote::Anyone),
            2 => Just(Remote::Group("pods".into())),
            1 => Just(Remote::Group("others".into())),
            1 => Just(Remote::Other),
            3 => prop::sample::select(vec!["0.0.0.0/0", "10.1.0.0/24", "10.1.0.0/25", "::/0", "fd00::/64"])
                .prop_map(|net| Remote::Prefix(net.parse().unwrap())),
        ];
        let protocol = prop::sample::select(vec![
            None,
            None,
            Some("tcp"),
            Some("udp"),
            Some("6"),
            Some("icmp"),
        ]);
        let ports = prop::sample::select(vec![
            (None, None),
            (None, None),
            (Some(1), Some(65535)),
            (Some(2), Some(65535)),
            (Some(80), Some(80)),
        ]);
        (any::<bool>(), any::<bool>(), protocol, ports, remote).prop_map(
            |(ingress, ipv4, protocol, ports, remote)| Rule {
                direction: if ingress {
                    Direction::Ingress
                } else {
                    Direction::Egress
                },
                ipv4: Some(ipv4),
                protocol: protocol.map(str::to_owned),
                ports,
                remote,
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        /// Where frames may be switched, Neutron would have let each of them pass. Drawn around rules that are open, so
        /// that many are.
        #[test]
        fn nothing_is_switched_that_a_rule_would_not_let_pass(
            changed in prop::collection::vec(prop::option::weighted(0.2, any_rule()), 4),
            further in prop::collection::vec(any_rule(), 0..6),
            host in 1u8..255,
            port in prop::sample::select(vec![1u16, 2, 79, 80, 81, 1024, 65535]),
            udp: bool,
        ) {
            let both = [Direction::Ingress, Direction::Egress];
            let open = both.iter().flat_map(|way| [true, false].map(|ipv4| rule(*way, ipv4, Remote::Anyone)));
            let mut rules: Vec<Rule> = open.zip(changed).map(|(open, other)| other.unwrap_or(open)).collect();
            rules.extend(further);
            let net = network(&["10.1.0.0/24", "fd00::/64"]);
            if judge(&net, &rules).is_ok() {
                for peer in [format!("10.1.0.{host}"), format!("fd00::{host:x}")] {
                    let peer = peer.parse().unwrap();
                    for direction in both {
                        prop_assert!(passes(&rules, direction, peer, udp, port), "{:?} {}", direction, peer);
                    }
                }
            }
        }
    }
}
