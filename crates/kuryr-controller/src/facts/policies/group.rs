//! Neutron's security groups to facts, and rules back.

use std::collections::BTreeSet;

use kuryr_core::policy::{
    Direction, Family, GroupKey, Id, Mark, Protocol, Purpose, Remote, Rule, SeenGroup, SeenRule,
    Traffic,
};
use kuryr_openstack::model::{
    self, EtherType, NewSecurityGroupRule, SecurityGroup, SecurityGroupRule,
};

/// A group; none if it is none of policies'.
#[must_use]
pub fn seen_group(group: &SecurityGroup) -> Option<SeenGroup> {
    Some(SeenGroup {
        id: group.id.as_str().into(),
        mark: Mark::in_name(&group.name)?,
        rules: group.rules.iter().map(seen_rule).collect(),
    })
}

/// A rule.
#[must_use]
pub fn seen_rule(rule: &SecurityGroupRule) -> SeenRule {
    SeenRule {
        id: rule.id.as_str().into(),
        rule: meaning(rule),
    }
}

/// What a group of the operator's lets pass, as far as it can be said by another group's rules.
#[must_use]
pub fn operators_rules(group: &SecurityGroup) -> BTreeSet<Rule> {
    let theirs = |id: &Id| Some(GroupKey::from(Purpose::Operator(id.clone())));
    let rules = group.rules.iter().filter_map(|rule| {
        let meaning = meaning(rule);
        if meaning.is_none() {
            tracing::warn!(
                security_group = group.id,
                rule = rule.id,
                "this rule of pods' security groups does not hold for pods that a policy isolates in the other direction"
            );
        }
        meaning?.named(theirs)
    });
    rules.collect()
}

fn meaning(rule: &SecurityGroupRule) -> Option<Rule<Id>> {
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
        traffic: traffic(rule),
        remote: remote(rule)?,
    })
}

/// Protocols by name or number: Neutron keeps what it was given.
fn traffic(rule: &SecurityGroupRule) -> Traffic {
    let (min, max) = (rule.port_range_min, rule.port_range_max);
    let Some(word) = rule.protocol.as_deref() else {
        return Traffic::Any;
    };
    let known = match word {
        "tcp" | "6" => Some(Protocol::Tcp),
        "udp" | "17" => Some(Protocol::Udp),
        "sctp" | "132" => Some(Protocol::Sctp),
        _ => None,
    };
    match (known, min, max) {
        (Some(protocol), None, None) => Traffic::Of(protocol),
        (Some(protocol), Some(low), Some(high)) => Traffic::Ports(protocol, low, high),
        _ => Traffic::Other {
            protocol: word.into(),
            min,
            max,
        },
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
        Some(net) => Some(Remote::Prefix(net.trunc())),
        None => Some(Remote::Any),
    }
}

/// A rule to be made.
#[must_use]
pub fn new_rule(group: &str, rule: &Rule<Id>) -> NewSecurityGroupRule {
    let direction = match rule.direction {
        Direction::Ingress => model::Direction::Ingress,
        Direction::Egress => model::Direction::Egress,
    };
    let family = match rule.family {
        Family::V4 => EtherType::IPv4,
        Family::V6 => EtherType::IPv6,
    };
    let word = |protocol: &Protocol| Some(protocol.word().to_lowercase());
    let (protocol, port_range_min, port_range_max) = match &rule.traffic {
        Traffic::Any => (None, None, None),
        Traffic::Of(protocol) => (word(protocol), None, None),
        Traffic::Ports(protocol, low, high) => (word(protocol), Some(*low), Some(*high)),
        Traffic::Other { protocol, min, max } => (Some(protocol.to_string()), *min, *max),
    };
    NewSecurityGroupRule {
        protocol,
        port_range_min,
        port_range_max,
        remote_ip_prefix: match &rule.remote {
            Remote::Prefix(network) => Some(*network),
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
    use serde_json::json;

    fn rules() -> Vec<Rule<Id>> {
        let rule = |traffic, remote| Rule {
            direction: Direction::Ingress,
            family: Family::V4,
            traffic,
            remote,
        };
        let other = Traffic::Other {
            protocol: "icmp".into(),
            min: Some(8),
            max: None,
        };
        vec![
            rule(Traffic::Any, Remote::Any),
            rule(other, Remote::Any),
            rule(
                Traffic::Ports(Protocol::Tcp, 80, 90),
                Remote::Group("g".into()),
            ),
            rule(
                Traffic::Of(Protocol::Sctp),
                Remote::Prefix("10.0.0.0/8".parse().unwrap()),
            ),
            Rule {
                direction: Direction::Egress,
                family: Family::V6,
                ..rule(
                    Traffic::Ports(Protocol::Udp, 53, 53),
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
    fn what_can_not_be_said_is_no_rule() {
        let base = json!({"id": "r", "direction": "ingress", "ethertype": "IPv4"});
        for (field, value) in [
            ("ethertype", json!("ARP")),
            ("remote_address_group_id", json!("a")),
        ] {
            let mut rule = base.clone();
            rule[field] = value;
            let rule: SecurityGroupRule = serde_json::from_value(rule).unwrap();
            assert_eq!(seen_rule(&rule).rule, None, "{field}");
        }
    }

    #[test]
    fn a_group_has_its_mark_in_its_name() {
        let key = GroupKey::from(Purpose::Node("n".into()));
        let group = |name: String| {
            let group = json!({"id": "g", "name": name});
            seen_group(&serde_json::from_value(group).unwrap()).map(|g| g.mark)
        };
        assert_eq!(group(Mark::name(&key)), Some(Mark::of(&key)));
        assert_eq!(group("default".to_owned()), None);
    }
}
