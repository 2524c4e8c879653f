//! Effect groups: what a policy's rules of one direction come to.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::net::IpAddr;

use crate::policy::group::{Group, GroupKey, GroupKind, Remote, Rule};
use crate::policy::model::{Cidr, Direction, Family, Node};

/// Neutron's longest description.
const ABOUT_MAX: usize = 255;

/// The text, cut to what a description may have.
pub(super) fn short(text: &str) -> String {
    if text.chars().count() <= ABOUT_MAX {
        return text.to_owned();
    }
    let head: String = text.chars().take(ABOUT_MAX - 3).collect();
    head + "..."
}

/// The groups that were asked for so far.
#[derive(Debug, Default)]
pub(super) struct Groups(pub(super) BTreeMap<GroupKey, Group>);

impl Groups {
    /// A group that allows what the rules do; none if there are none.
    pub(super) fn effect(
        &mut self,
        direction: Direction,
        rules: BTreeSet<Rule>,
    ) -> Option<GroupKey> {
        if rules.is_empty() {
            return None;
        }
        let what = format!("Allows {direction}: ");
        Some(self.put(GroupKind::Effect(direction), &what, rules))
    }

    /// A group that allows everything in a direction.
    pub(super) fn all(&mut self, direction: Direction, families: &BTreeSet<Family>) -> GroupKey {
        let rules = families.iter().map(|family| Rule {
            direction,
            family: *family,
            protocol: None,
            ports: None,
            remote: Remote::Any,
        });
        let what = format!("Not isolated, {direction}: ");
        self.put(GroupKind::All(direction), &what, rules.collect())
    }

    /// A group that lets a node's own addresses reach its pods; none if it has none.
    pub(super) fn node(&mut self, node: &Node, families: &BTreeSet<Family>) -> Option<GroupKey> {
        let own = node.addresses.iter().copied();
        let own = own.filter(|a| families.contains(&Family::of(*a)));
        let rules: BTreeSet<Rule> = own
            .filter_map(|address| {
                Some(Rule {
                    direction: Direction::Ingress,
                    family: Family::of(address),
                    protocol: None,
                    ports: None,
                    remote: Remote::Prefix(host(address)?),
                })
            })
            .collect();
        let what = "A node to its pods: ";
        (!rules.is_empty()).then(|| self.put(GroupKind::Node, what, rules))
    }

    fn put(&mut self, kind: GroupKind, what: &str, rules: BTreeSet<Rule>) -> GroupKey {
        let lines: Vec<String> = rules.iter().map(line).collect();
        let key = GroupKey::of(&format!("{kind:?}\n{}", lines.join("\n")));
        self.0.entry(key).or_insert_with(|| Group {
            kind,
            about: short(&format!("{what}{}", lines.join("; "))),
            rules,
        });
        key
    }
}

/// An address as a network of one.
pub(super) fn host(address: IpAddr) -> Option<Cidr> {
    Cidr::new(address, if address.is_ipv4() { 32 } else { 128 })
}

/// A rule as text: of two that differ the texts differ.
fn line(rule: &Rule) -> String {
    let mut text = rule.family.to_string();
    match rule.protocol {
        None => text.push_str(" any"),
        Some(protocol) => drop(write!(text, " {protocol}")),
    }
    match rule.ports {
        Some((low, high)) if low == high => drop(write!(text, " {low}")),
        Some((low, high)) => drop(write!(text, " {low}-{high}")),
        None => {}
    }
    match &rule.remote {
        Remote::Any => {}
        Remote::Prefix(cidr) => drop(write!(text, " with {cidr}")),
        Remote::Group(key) => drop(write!(text, " with {key}")),
    }
    text
}
