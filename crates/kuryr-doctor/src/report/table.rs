//! Tables for people: counts, then findings by node and namespace, then one line that sums up.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use kuryr_core::doctor::{By, Finding, Overview};
use kuryr_core::port::Id;

use super::Sums;
use crate::doctor::Look;
use crate::mend::Step;

/// What was seen.
#[must_use]
pub fn table(look: &Look) -> String {
    let mut text = counts(&look.overview);
    let mut place: Option<(Option<&Id>, Option<&Id>)> = None;
    for finding in &look.findings {
        let here = (finding.node.as_ref(), finding.namespace.as_ref());
        if place != Some(here) {
            text += &heading(here);
            place = Some(here);
        }
        text += &lines(finding);
    }
    for (at, unseen) in look.unseen.iter().enumerate() {
        let apart = if at == 0 { "\n" } else { "" };
        text += &format!("{apart}Not seen: {}: {}\n", unseen.what, unseen.why);
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text + &summary(look)
}

/// What was done, a line each.
#[must_use]
pub fn steps(steps: &[Step]) -> String {
    let line = |step: &Step| {
        let why = match step.outcome.why() {
            "" => String::new(),
            why => format!(": {why}"),
        };
        let outcome = step.outcome.name();
        format!("{outcome:<7}  {}: {}{why}\n", step.subject, step.what)
    };
    steps.iter().map(line).collect()
}

fn heading((node, namespace): (Option<&Id>, Option<&Id>)) -> String {
    let node = node.map_or_else(|| "Cluster".to_owned(), |n| format!("Node {n}"));
    match namespace {
        Some(namespace) => format!("\n{node}, namespace {namespace}\n"),
        None => format!("\n{node}\n"),
    }
}

fn lines(f: &Finding) -> String {
    let who = match f.remedy.by {
        By::Fix => "--fix: ",
        By::Controller if f.remedy.actions.is_empty() => "the controller: ",
        By::Controller => "the controller, or --fix where none leads: ",
        By::Operator => "you: ",
        By::Nobody => "",
    };
    let (severity, kind) = (f.severity.name(), f.kind);
    format!(
        "  {severity:<7}  {kind}: {}: {}\n           > {who}{}\n",
        f.subject, f.what, f.remedy.what
    )
}

fn summary(look: &Look) -> String {
    let s = Sums::of(look);
    let leader = match look.facts.lease.leader() {
        Some(leader) => format!("{leader} leads"),
        None => "no leader is seen".to_owned(),
    };
    format!(
        "doctor: {}, {}, {}; {} of this cluster ({} in use, {} free), {} of others on its trunks; {leader}\n",
        count(s.errors, "error"),
        count(s.warnings, "warning"),
        count(s.notes, "note"),
        count(s.used + s.free, "port"),
        s.used,
        s.free,
        s.foreign,
    )
}

fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

fn counts(overview: &Overview) -> String {
    let mut nodes = rows(&[
        "NODE", "TRUNK", "IN USE", "FREE", "OTHERS", "LEAKED", "MISSING", "STUCK",
    ]);
    for row in &overview.nodes {
        let none = || "-".to_owned();
        let numbers = [
            row.used,
            row.free,
            row.foreign,
            row.leaked,
            row.missing,
            row.stuck,
        ];
        let names = [&row.node, &row.trunk].map(|n| n.as_ref().map_or_else(none, Id::to_string));
        nodes.add_row(names.into_iter().chain(numbers.map(|n| n.to_string())));
    }
    let mut namespaces = rows(&[
        "NAMESPACE",
        "PODS",
        "KURYRPORTS",
        "READY",
        "LEAKED",
        "MISSING",
        "STUCK",
    ]);
    for row in &overview.namespaces {
        let numbers = [
            row.pods,
            row.claims,
            row.ready,
            row.leaked,
            row.missing,
            row.stuck,
        ];
        let name = std::iter::once(row.namespace.clone());
        namespaces.add_row(name.chain(numbers.map(|n| n.to_string())));
    }
    let shown = [
        (!overview.nodes.is_empty()).then_some(nodes),
        (!overview.namespaces.is_empty()).then_some(namespaces),
    ];
    let text = |table: &Table| {
        let lines = table.lines().map(|line| line.trim_end().to_owned() + "\n");
        lines.collect::<String>()
    };
    let tables: Vec<String> = shown.iter().flatten().map(text).collect();
    tables.join("\n")
}

/// A table without lines, numbers to the right, as wide as it needs.
fn rows(head: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(head);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let texts = head
        .iter()
        .take_while(|h| matches!(**h, "NODE" | "TRUNK" | "NAMESPACE"))
        .count();
    for column in table.column_iter_mut().skip(texts) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
