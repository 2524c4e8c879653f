//! `kuryr bench matrix --quick`, the whole of it: each cell runs and its packets take its path. No figure is asserted.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn kuryr(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kuryr"))
        .arg("bench")
        .args(args)
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn namespaces(prefix: &str) -> BTreeSet<String> {
    let entries = std::fs::read_dir("/run/netns").into_iter().flatten();
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.filter(|name| name.starts_with(prefix)).collect()
}

/// A cell's name and its system's.
fn keys(list: &Value) -> BTreeSet<String> {
    let word = |value: &Value, name: &str| value[name].to_string();
    let key = |run: &Value| {
        [
            "backend",
            "target",
            "placement",
            "pattern",
            "size",
            "system",
        ]
        .map(|n| word(run, n))
        .join(" ")
    };
    list.as_array()
        .unwrap()
        .iter()
        .map(|entry| key(&entry[0]))
        .collect()
}

#[test]
fn each_cell_runs_and_takes_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("quick");
    let out_name = out.to_str().unwrap();
    let matrix = [
        "matrix", "--quick", "--name", "quick", "-o", "json", "--out", out_name,
    ];
    let output = kuryr(&matrix);
    assert!(output.status.success(), "{}", said(&output));
    assert!(
        said(&output).contains("nothing leaves this machine"),
        "{}",
        said(&output)
    );

    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["failed"], serde_json::json!([]));
    assert_eq!(report["missing"], 0);
    // 350 cells with two systems each, and VM to VM in the 100 of pods on two workers: each proved its path.
    assert_eq!(keys(&report["paths"]).len(), 800);
    // Streams have a row each, patterns with answers three.
    assert_eq!(
        report["cells"].as_array().unwrap().len(),
        2 * (2 * 3 + 1) * 5 * (2 + 3 * 3)
    );
    let page = std::fs::read_to_string(out.join("matrix.html")).unwrap();
    assert!(
        page.contains("without optimisation") != report["machine"]["optimised"].as_bool().unwrap()
    );
    assert_eq!(namespaces("quick-"), BTreeSet::new());

    let again = kuryr(&matrix);
    assert!(
        !again.status.success() && said(&again).contains("--resume goes on"),
        "{}",
        said(&again)
    );
    let resumed = kuryr(&[&matrix[..], &["--resume"]].concat());
    assert!(resumed.status.success(), "{}", said(&resumed));
    assert!(
        said(&resumed).contains("0 runs of 0.03 s (800 are there already)"),
        "{}",
        said(&resumed)
    );
}

#[test]
fn what_cannot_be_is_said_before_anything_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("refused");
    let out_name = out.to_str().unwrap();
    for (args, wanted) in [
        (&["--sizes", "0"][..], "size 0: it must be 1 to 65507 bytes"),
        (&["--only", "sctp"], "--only sctp: there are ovs, ovn"),
        (&["--repeats", "0"], "--repeats: 1 to 100"),
        (
            &["--duration", "2h"],
            "--duration: from 10 ms to 10 minutes",
        ),
        (&["--udp-pace", "0"], "nothing would be sent"),
        (&["--generator", "iperf3"], "makes streams from pod to pod"),
    ] {
        let output = kuryr(&[&["matrix", "--out", out_name], args].concat());
        assert!(!output.status.success());
        assert!(
            said(&output).contains(wanted),
            "{args:?}: {}",
            said(&output)
        );
        assert!(!Path::new(out_name).exists(), "{args:?}");
    }
}

#[test]
fn a_profile_of_uperfs_runs_and_is_written() {
    let profile = kuryr(&[
        "load",
        "--pattern",
        "tcp-stream,udp-rr",
        "--size",
        "64",
        "--duration",
        "20ms",
        "--print-profile",
    ]);
    assert!(profile.status.success(), "{}", said(&profile));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("profile.xml");
    std::fs::write(&file, &profile.stdout).unwrap();
    let file = file.to_str().unwrap();

    let server = kuryr_load::control::Server::bind(([127, 0, 0, 1], 0).into()).unwrap();
    let address = server.address().unwrap().to_string();
    let stop = std::sync::atomic::AtomicBool::new(false);
    let output = std::thread::scope(|scope| {
        scope.spawn(|| server.run(&stop));
        let output = Command::new(env!("CARGO_BIN_EXE_kuryr"))
            .args([
                "bench",
                "load",
                "--server",
                &address,
                "--profile",
                file,
                "-o",
                "json",
            ])
            .env("h", "127.0.0.1")
            .output()
            .unwrap();
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        output
    });
    assert!(output.status.success(), "{}", said(&output));
    let done: Value = serde_json::from_slice(&output.stdout).unwrap();
    let patterns: Vec<&Value> = done
        .as_array()
        .unwrap()
        .iter()
        .map(|d| &d["load"]["pattern"])
        .collect();
    assert_eq!(patterns, ["tcp-stream", "udp-rr"]);

    let nobody = kuryr(&["load", "--server", "127.0.0.1:9", "--pattern", "tcp-rr"]);
    assert!(
        said(&nobody).contains("can't ask 127.0.0.1:9"),
        "{}",
        said(&nobody)
    );
    let bad = kuryr(&[
        "load",
        "--server",
        "127.0.0.1:9",
        "--profile",
        "/nowhere.xml",
    ]);
    assert!(
        said(&bad).contains("can't read /nowhere.xml"),
        "{}",
        said(&bad)
    );
}
