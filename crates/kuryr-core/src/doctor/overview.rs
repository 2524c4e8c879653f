//! Counts by node and by namespace.

use std::collections::BTreeMap;

use super::catalogue::Class;
use super::facts::Facts;
use super::finding::{Finding, Scope, Severity};
use super::picture::Picture;
use crate::port::{Id, Place};

/// Ports on one trunk, or on none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeRow {
    /// The node, if there is one.
    pub node: Option<Id>,
    /// Its trunk; none in the row of ports that are on no trunk.
    pub trunk: Option<Id>,
    /// Ports of ours that KuryrPorts name.
    pub used: usize,
    /// Ports of ours that none names.
    pub free: usize,
    /// Ports of others.
    pub foreign: usize,
    /// Ports of findings of [`Class::Leaked`].
    pub leaked: usize,
    /// Ports of findings of [`Class::Missing`].
    pub missing: usize,
    /// Ports of findings of [`Class::Stuck`].
    pub stuck: usize,
}

/// Pods and ports of one namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamespaceRow {
    pub namespace: String,
    /// Pods that are to have a port.
    pub pods: usize,
    /// KuryrPorts.
    pub claims: usize,
    /// KuryrPorts whose port is ready.
    pub ready: usize,
    /// As in [`NodeRow::leaked`].
    pub leaked: usize,
    /// As in [`NodeRow::missing`].
    pub missing: usize,
    /// As in [`NodeRow::stuck`].
    pub stuck: usize,
}

/// All rows, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overview {
    /// A row a node or trunk.
    pub nodes: Vec<NodeRow>,
    pub namespaces: Vec<NamespaceRow>,
}

/// Counts what is in scope.
#[must_use]
pub fn overview(facts: &Facts, findings: &[Finding], scope: &Scope) -> Overview {
    let picture = Picture::of(facts);
    Overview {
        nodes: nodes(&picture, findings, scope),
        namespaces: namespaces(facts, findings, scope),
    }
}

fn nodes(p: &Picture<'_>, findings: &[Finding], scope: &Scope) -> Vec<NodeRow> {
    let mut rows: BTreeMap<(Option<&Id>, Option<&Id>), NodeRow> = BTreeMap::new();
    for node in &p.facts.nodes {
        let trunk = p.trunk_of.get(&node.name).map(|t| &t.id);
        rows.entry((Some(&node.name), trunk)).or_default();
    }
    let place = |trunk: Option<&'_ Id>| trunk.and_then(|t| p.node_of.get(t).copied());
    for fact in p.ports.values() {
        let trunk = match &fact.port.place {
            Place::On { trunk, .. } => Some(trunk),
            Place::Loose => None,
        };
        let row = rows.entry((place(trunk), trunk)).or_default();
        *(if p.is_used(&fact.port.id) {
            &mut row.used
        } else {
            &mut row.free
        }) += 1;
    }
    for (node, trunk) in &p.trunk_of {
        let foreign = trunk
            .subports
            .values()
            .filter(|id| !p.ports.contains_key(id));
        rows.entry((Some(*node), Some(&trunk.id)))
            .or_default()
            .foreign = foreign.count();
    }
    for ((node, trunk), row) in &mut rows {
        (row.node, row.trunk) = (node.cloned(), trunk.cloned());
        let mine = |f: &&Finding| match (&row.node, &row.trunk) {
            (Some(node), _) => f.node.as_ref() == Some(node),
            (None, Some(trunk)) => f.subject == super::Subject::Trunk(trunk.clone()),
            (None, None) => f.node.is_none() && matches!(f.subject, super::Subject::Port(_)),
        };
        let count = |class| count(findings.iter().filter(mine), class);
        (row.leaked, row.missing, row.stuck) = (
            count(Class::Leaked),
            count(Class::Missing),
            count(Class::Stuck),
        );
    }
    let whole = scope.namespaces.is_empty();
    rows.into_values()
        .filter(|row| whole && scope.has_node(row.node.as_ref()))
        .collect()
}

fn namespaces(facts: &Facts, findings: &[Finding], scope: &Scope) -> Vec<NamespaceRow> {
    let mut rows: BTreeMap<&Id, NamespaceRow> = BTreeMap::new();
    for pod in facts.pods.iter().map(|f| &f.pod) {
        if pod.wanted_kind().is_some() && scope.has_node(Some(&pod.node)) {
            rows.entry(&pod.key.namespace).or_default().pods += 1;
        }
    }
    for claim in facts.claims.iter().map(|f| &f.claim) {
        if scope.has_node(Some(&claim.node)) {
            let row = rows.entry(&claim.pod.namespace).or_default();
            row.claims += 1;
            row.ready += usize::from(claim.vif.as_ref().is_some_and(|v| v.active));
        }
    }
    for (namespace, row) in &mut rows {
        row.namespace = namespace.to_string();
        let mine = |f: &&Finding| f.namespace.as_ref() == Some(*namespace);
        let count = |class| count(findings.iter().filter(mine), class);
        (row.leaked, row.missing, row.stuck) = (
            count(Class::Leaked),
            count(Class::Missing),
            count(Class::Stuck),
        );
    }
    rows.into_iter()
        .filter(|(namespace, _)| scope.has_namespace(Some(*namespace)))
        .map(|(_, row)| row)
        .collect()
}

fn count<'a>(findings: impl Iterator<Item = &'a Finding>, class: Class) -> usize {
    findings
        .filter(|f| f.kind.class() == class && f.severity != Severity::Note)
        .map(|f| f.ports)
        .sum()
}
