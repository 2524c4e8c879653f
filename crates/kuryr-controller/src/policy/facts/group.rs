//! Security groups of Neutron to facts, and rules back.

use kuryr_core::policy::{
    Cidr, Direction, Family, GroupKey, Id, Protocol, Remote, Rule, SeenGroup, SeenRule,
};
use kuryr_openstack::model::{
    self, EtherType, NewSecurityGroupRule, SecurityGroup, SecurityGroupRule,
};

/// The longest name that Neutron takes.
const LONGEST_NAME: usize = 255;

/// The name of a group: its key, by which it is found if we die before it is tagged, and what
/// it means.
pub(in crate::policy) fn named(key: GroupKey, about: &str) -> String {
    let name = format!("{} {about}", key.tag());
    name.chars().take(LONGEST_NAME).collect()
}

/// A group; none if it is none of policies'.
pub(in crate::policy) fn seen_group(group: &SecurityGroup) -> Option<SeenGroup> {
    let first = group.name.split(' ').next().unwrap_or_default();
    let texts = group.tags.iter().map(String::as_str).chain([first]);
    Some(SeenGroup {
        id: group.id.as_str().into(),
        key: texts.into_iter().find_map(GroupKey::from_tag)?,
        rules: group.rules.iter().map(seen_rule).collect(),
    })
}

/// A rule.
pub(in crate::policy) fn seen_rule(rule: &SecurityGroupRule) -> SeenRule {
    SeenRule {
        id: rule.id.as_str().into(),
        rule: meaning(rule),
    }
}

fn meaning(rule: &SecurityGroupRule) -> Option<Rule<Id>> {
    let protocol = match rule.protocol.as_deref() {
        None => None,
        Some(word) => Some(protocol(word)?),
    };
    let ports = match (rule.port_range_min, rule.port_range_max) {
        (None, None) => None,
        (Some(first), Some(last)) => Some((first, last)),
        _ => return None,
    };
    Some(Rule {
        direction: match rule.direction {
            model::Direction::Ingress => Direction::Ingress,
            model::Direction::Egress => Direction::Egress,
        },
        family: match rule.ethertype {
            EtherType::IPv4 => Family::V4,
            EtherType::IPv6 => Family::V6,
            EtherType::Other => return None,
        },
        protocol,
        ports,
        remote: remote(rule)?,
    })
}

/// By name or number: Neutron keeps what it was given.
fn protocol(word: &str) -> Option<Protocol> {
    match word {
        "tcp" | "6" => Some(Protocol::Tcp),
        "udp" | "17" => Some(Protocol::Udp),
        "sctp" | "132" => Some(Protocol::Sctp),
        _ => None,
    }
}

fn remote(rule: &SecurityGroupRule) -> Option<Remote<Id>> {
    if rule.remote_address_group_id.is_some() {
        return None;
    }
    if let Some(group) = &rule.remote_group_id {
        return Some(Remote::Group(group.as_str().into()));
    }
    match &rule.remote_ip_prefix {
        // To Neutron the two are the same rule.
        Some(net) if net.prefix_len() == 0 => Some(Remote::Any),
        Some(net) => Cidr::new(net.addr(), net.prefix_len()).map(Remote::Prefix),
        None => Some(Remote::Any),
    }
}

/// A rule to be made.
pub(in crate::policy) fn new_rule(group: &str, rule: &Rule<Id>) -> NewSecurityGroupRule {
    let direction = match rule.direction {
        Direction::Ingress => model::Direction::Ingress,
        Direction::Egress => model::Direction::Egress,
    };
    let family = match rule.family {
        Family::V4 => EtherType::IPv4,
        Family::V6 => EtherType::IPv6,
    };
    NewSecurityGroupRule {
        protocol: rule.protocol.map(|p| p.word().to_lowercase()),
        port_range_min: rule.ports.map(|(first, _)| first),
        port_range_max: rule.ports.map(|(_, last)| last),
        remote_ip_prefix: match &rule.remote {
            Remote::Prefix(cidr) => cidr.to_string().parse().ok(),
            _ => None,
        },
        remote_group_id: rule.remote_group().map(ToString::to_string),
        ..NewSecurityGroupRule::any(group, direction, family)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn rules() -> Vec<Rule<Id>> {
        let rule = |protocol, ports, remote| Rule {
            direction: Direction::Ingress,
            family: Family::V4,
            protocol,
            ports,
            remote,
        };
        vec![
            rule(None, None, Remote::Any),
            rule(
                Some(Protocol::Tcp),
                Some((80, 90)),
                Remote::Group("g".into()),
            ),
            rule(
                Some(Protocol::Sctp),
                None,
                Remote::Prefix("10.0.0.0/8".parse().unwrap()),
            ),
            Rule {
                direction: Direction::Egress,
                family: Family::V6,
                ..rule(
                    Some(Protocol::Udp),
                    Some((53, 53)),
                    Remote::Prefix("fd00::/8".parse().unwrap()),
                )
            },
        ]
    }

    #[test]
    fn a_rule_that_was_made_is_read_as_what_was_asked_for() {
        for rule in rules() {
            let mut made = serde_json::to_value(new_rule("own", &rule)).unwrap();
            made["id"] = json!("r");
            let made: SecurityGroupRule = serde_json::from_value(made).unwrap();
            assert_eq!(seen_rule(&made).rule.as_ref(), Some(&rule));
        }
    }

    #[test]
    fn what_we_would_never_ask_for_is_no_rule_of_ours() {
        let base = json!({"id": "r", "direction": "ingress", "ethertype": "IPv4"});
        for (field, value) in [
            ("protocol", json!("icmp")),
            ("ethertype", json!("ARP")),
            ("remote_address_group_id", json!("a")),
            ("port_range_min", json!(80)),
        ] {
            let mut rule = base.clone();
            rule[field] = value;
            let rule: SecurityGroupRule = serde_json::from_value(rule).unwrap();
            assert_eq!(seen_rule(&rule).rule, None, "{field}");
        }
    }

    #[test]
    fn a_group_has_its_key_in_its_tag_or_in_its_name() {
        let key = GroupKey::of("x");
        let group = |name: String, tags: Value| {
            let group = json!({"id": "g", "name": name, "tags": tags});
            seen_group(&serde_json::from_value(group).unwrap()).map(|g| g.key)
        };
        let name = named(key, &"pods ".repeat(80));
        assert_eq!(name.chars().count(), LONGEST_NAME);
        assert_eq!(group(name, json!([])), Some(key));
        assert_eq!(group("mine".to_owned(), json!(["c", key.tag()])), Some(key));
        assert_eq!(group("default".to_owned(), json!(["c"])), None);
    }
}
