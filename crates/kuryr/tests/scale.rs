//! `kuryr bench scale` and `kuryr bench policies` at a small size: the whole of them, with the real controller beside them.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;

use serde_json::Value;

fn figures(bench: &str, args: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_kuryr"))
        .args(["bench", bench, "--json", "--limit", "300"])
        .args(args)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    report["figures"].clone()
}

fn number(figures: &Value, name: &str) -> f64 {
    let value = figures[name].as_f64();
    value.unwrap_or_else(|| panic!("no figure {name} in {figures:#}"))
}

fn shown(folder: &Path) -> Vec<String> {
    let page = std::fs::read_to_string(folder.join("README.md")).unwrap();
    let plots = page
        .lines()
        .filter_map(|l| l.split_once("](")?.1.strip_suffix(')'));
    plots.map(str::to_owned).collect()
}

#[test]
fn pods_come_and_go_without_a_port_lost_and_a_restart_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().to_str().unwrap();
    let size = ["--pods", "120", "--nodes", "4"];
    let rest = [
        "--churn-rate",
        "15",
        "--churn-time",
        "3s",
        "--report",
        report,
    ];
    let figures = figures("scale", &[&size[..], &rest[..]].concat());
    for none in [
        "leaked_ports",
        "restart_changing_calls",
        "ports_beside_pods_after_churn",
    ] {
        assert!(
            number(&figures, none).abs() < f64::EPSILON,
            "{none}: {figures:#}"
        );
    }
    for some in [
        "restart_s",
        "controller_rss_mb",
        "churn_pods_per_s",
        "populate_neutron_calls",
    ] {
        assert!(number(&figures, some) > 0.0, "{some}: {figures:#}");
    }
    assert_eq!(
        shown(folder.path()),
        ["ready.svg", "queue.svg", "calls.svg", "memory.svg"]
    );
    assert!(
        shown(folder.path())
            .iter()
            .all(|file| folder.path().join(file).exists())
    );
}

#[test]
fn sizes_are_seeded_and_a_restart_leaves_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().to_str().unwrap();
    let figures = figures(
        "scale",
        &["--pods", "0", "--sizes", "50:2,150:3", "--report", report],
    );
    for size in ["50", "150"] {
        let changes = number(&figures, &format!("restart_{size}_changing_calls"));
        assert!(changes.abs() < f64::EPSILON, "{figures:#}");
        assert!(number(&figures, &format!("restart_{size}_s")) > 0.0);
    }
    assert_eq!(
        shown(folder.path()),
        ["restart-by-size.svg", "memory-by-size.svg"]
    );
}

#[test]
fn a_label_or_a_pod_more_is_one_call_and_a_restart_changes_nothing() {
    let figures = figures("policies", &["--sizes", "100:20", "--rounds", "2"]);
    for (name, most) in [
        ("join_calls", 1.0),
        ("join_rules_touched", 0.0),
        ("label_p99_calls", 1.0),
        ("label_rules_touched", 0.0),
        ("restart_changing_calls", 0.0),
    ] {
        assert!(number(&figures, name) <= most, "{name}: {figures:#}");
    }
    for some in ["from_nothing_s", "plan_label_change_p50_ms"] {
        assert!(number(&figures, some) > 0.0, "{some}: {figures:#}");
    }
}
