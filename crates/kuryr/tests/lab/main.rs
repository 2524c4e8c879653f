//! `kuryr lab` as a newcomer runs it. Needs root.

#![allow(clippy::unwrap_used)]

mod traces;

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use traces::Traces;

/// Seconds that pods may take: the machine may be busy.
const PATIENCE: &str = "150";

fn lab(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kuryr"));
    command.args(["lab", "--timeout", PATIENCE]).args(arguments);
    command
}

/// Whether labs can be run; says why not. With `CI=true` nothing is skipped.
fn root() -> bool {
    let root = nix::unistd::geteuid().is_root();
    if !root {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "these tests need root"
        );
        eprintln!("skipped: a lab needs root");
    }
    root
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The last line of what it printed, if it ended well.
#[track_caller]
fn last_line(output: &Output) -> String {
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{stdout}{stderr}");
    stdout.lines().last().unwrap_or_default().to_owned()
}

/// A lab that runs until it is told to end, seen to have its pods.
fn running() -> Child {
    let mut child = lab(&["--pods", "2"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let ready = |line: &String| line.contains("2 of 2 pairs reached");
    assert!(
        lines.map_while(Result::ok).any(|line| ready(&line)),
        "it ended early"
    );
    child
}

#[test]
fn a_check_ends_with_its_line_and_leaves_nothing() {
    if !root() {
        return;
    }
    let before = Traces::now();
    let output = lab(&["--check", "--pods", "5", "--workers", "3"])
        .output()
        .unwrap();
    let line = last_line(&output);
    let calls = line.strip_prefix("lab: 5 pods ready on 3 workers, 20 of 20 pairs reached, ");
    let calls = calls.and_then(|rest| rest.strip_suffix(" Neutron calls"));
    assert!(
        calls.is_some_and(|calls| calls.parse::<u32>().is_ok()),
        "{line}"
    );
    before.assert_nothing_was_left();
}

#[test]
fn a_check_can_be_read_by_programs() {
    if !root() {
        return;
    }
    let output = lab(&["--check", "-o", "json"]).output().unwrap();
    let line = last_line(&output);
    let report: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(report["ok"], true, "{report}");
    assert_eq!(
        report["pairs"],
        serde_json::json!({"reached": 12, "of": 12})
    );
    assert_eq!(report["pods"].as_array().unwrap().len(), 4);
    assert!(
        report["way"].as_array().unwrap().len() >= 6,
        "{}",
        report["way"]
    );
}

#[test]
fn a_lab_that_is_interrupted_leaves_nothing() {
    if !root() {
        return;
    }
    let before = Traces::now();
    let mut child = running();
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT).unwrap();
    assert!(child.wait().unwrap().success());
    before.assert_nothing_was_left();
}

#[test]
fn what_a_killed_lab_left_is_removed_at_the_next_start() {
    if !root() {
        return;
    }
    let before = Traces::now();
    let mut child = running();
    child.kill().unwrap();
    child.wait().unwrap();
    // Another lab that starts now may do it before this one.
    last_line(&lab(&["--check", "--pods", "1"]).output().unwrap());
    before.assert_nothing_was_left();
}

/// With `KUBEBUILDER_ASSETS` or the programs in the path.
#[test]
fn a_real_kubernetes_can_be_used() {
    if !root() {
        return;
    }
    let before = Traces::now();
    let output = lab(&["--check", "--kubernetes", "real"]).output().unwrap();
    if text(&output.stderr).contains("--kubernetes real needs") {
        eprintln!("skipped: {}", text(&output.stderr));
        return;
    }
    let line = last_line(&output);
    assert!(
        line.starts_with("lab: 4 pods ready on 2 workers, 12 of 12 pairs reached"),
        "{line}"
    );
    before.assert_nothing_was_left();
}

#[test]
fn without_rights_it_says_what_is_missing() {
    if !root() {
        return;
    }
    // A copy that anyone may run.
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("kuryr");
    std::fs::copy(env!("CARGO_BIN_EXE_kuryr"), &program).unwrap();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.path(), open).unwrap();
    let mut command = Command::new(program);
    let output = command
        .args(["lab", "--check"])
        .uid(65534)
        .gid(65534)
        .output()
        .unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("CAP_NET_ADMIN: run as root"), "{said}");
}

#[test]
fn bad_options_end_it_before_anything_is_made() {
    if !root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    };
    let bad = file("bad.conf", "[kuryr]\nport_cooldown = soon\n");
    let taken = file("config", "current-context: production\n");
    for (arguments, said) in [
        (["--config-file", &bad], "bad.conf:2"),
        (
            ["--kubeconfig", &taken],
            "is the kubeconfig of another cluster",
        ),
        (["--kubeconfig", "/nowhere/config"], "/nowhere/config"),
    ] {
        let output = lab(&["--check"]).args(arguments).output().unwrap();
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(
            stderr.contains(said) && !stderr.contains("namespaces"),
            "{stderr}"
        );
    }
}
