//! The whole plugin against a daemon that says what the test wants.

#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::thread::JoinHandle;

use kuryr_cni::protocol::{Attached, Call, Command, Interface, Outcome, Reply};
use kuryr_cni::{CniError, Code, Env};
use serde_json::{Value, json};

fn env(command: &str, netns: &str) -> Env {
    [
        ("CNI_COMMAND", command),
        ("CNI_CONTAINERID", "c1"),
        ("CNI_NETNS", netns),
        ("CNI_IFNAME", "eth0"),
        ("CNI_ARGS", "K8S_POD_NAMESPACE=demo;K8S_POD_NAME=web-0"),
    ]
    .map(|(k, v)| (k.to_owned(), v.to_owned()))
    .into()
}

/// Runs the plugin; its output and whether it succeeded.
fn run(env: &Env, conf: &Value) -> (bool, Value) {
    let mut out = Vec::new();
    let code = kuryr_cni::run(env, conf.to_string().as_bytes(), &mut out);
    let value = serde_json::from_slice(&out).unwrap_or(Value::Null);
    (
        format!("{code:?}") == format!("{:?}", std::process::ExitCode::SUCCESS),
        value,
    )
}

fn conf(dir: &Path) -> Value {
    json!({"cniVersion": "1.1.0", "name": "kuryr", "type": "kuryr-cni", "timeout": 20,
           "socket": dir.join("cni.sock")})
}

/// A daemon that answers one call with a line.
fn daemon(dir: &Path, line: String) -> JoinHandle<Call> {
    let listener = UnixListener::bind(dir.join("cni.sock")).unwrap();
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut asked = String::new();
        BufReader::new(&stream).read_line(&mut asked).unwrap();
        (&stream).write_all(line.as_bytes()).unwrap();
        serde_json::from_str(&asked).unwrap()
    })
}

fn reply(outcome: Outcome) -> String {
    format!("{}\n", serde_json::to_string(&Reply::new(outcome)).unwrap())
}

fn attached() -> Attached {
    Attached {
        interfaces: vec![Interface {
            name: "eth0".into(),
            mac: None,
            mtu: Some(1442),
            sandbox: Some("/run/netns/cni-1".into()),
        }],
        ..Attached::default()
    }
}

#[test]
fn add_prints_the_daemons_answer() {
    let dir = tempfile::tempdir().unwrap();
    let daemon = daemon(dir.path(), reply(Outcome::Attached(attached())));
    let (ok, out) = run(&env("ADD", "/run/netns/cni-1"), &conf(dir.path()));
    assert!(ok, "{out}");
    assert_eq!(out["interfaces"][0]["mtu"], 1442);
    let call = daemon.join().unwrap();
    assert!(matches!(call.command, Command::Add(t) if t.pod.is_some()));
    assert!(call.timeout_ms < 20_000, "the daemon must give up first");
}

#[test]
fn an_error_of_the_daemon_is_printed_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let error = CniError::new(Code::TryAgainLater, "no address left in subnet pods");
    let daemon = daemon(dir.path(), reply(Outcome::Error(error)));
    let (ok, out) = run(&env("ADD", "/run/netns/cni-1"), &conf(dir.path()));
    daemon.join().unwrap();
    assert!(!ok);
    assert_eq!(
        out,
        json!({"cniVersion": "1.1.0", "code": 11, "msg": "no address left in subnet pods"})
    );
}

#[test]
fn without_a_daemon_add_is_to_be_tried_again() {
    let dir = tempfile::tempdir().unwrap();
    let (ok, out) = run(&env("ADD", "/run/netns/cni-1"), &conf(dir.path()));
    assert!(!ok);
    assert_eq!(out["code"], 11);
    assert!(
        out["msg"]
            .as_str()
            .unwrap()
            .contains("no kuryr-daemon listens at"),
        "{out}"
    );
}

#[test]
fn without_a_daemon_status_says_unavailable() {
    let dir = tempfile::tempdir().unwrap();
    let (ok, out) = run(&env("STATUS", ""), &conf(dir.path()));
    assert!(!ok);
    assert_eq!(out["code"], 50);
}

#[test]
fn without_a_daemon_del_succeeds_once_the_namespace_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    for netns in ["", "/run/netns/kuryr-test-not-there"] {
        let (ok, out) = run(&env("DEL", netns), &conf(dir.path()));
        assert!(ok, "{out}");
    }
}

/// `lo` stands for an interface that is there, in the test's own namespace.
#[test]
fn without_a_daemon_del_fails_while_the_interface_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let mut env = env("DEL", "/proc/self/ns/net");
    env.insert("CNI_IFNAME".into(), "lo".into());
    let (ok, out) = run(&env, &conf(dir.path()));
    assert!(!ok);
    assert_eq!(out["code"], 11, "{out}");
    assert!(
        out["details"].as_str().is_some_and(|d| d.contains("lo")),
        "{out}"
    );
}

#[test]
fn a_daemon_of_another_release_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let daemon = daemon(
        dir.path(),
        "{\"protocol\":2,\"outcome\":{\"new\":1}}\n".into(),
    );
    let (ok, out) = run(&env("ADD", "/run/netns/cni-1"), &conf(dir.path()));
    daemon.join().unwrap();
    assert!(!ok);
    assert_eq!(out["code"], 103);
    assert!(
        out["msg"].as_str().unwrap().contains("same release"),
        "{out}"
    );
}

#[test]
fn a_daemon_that_dies_is_named() {
    for line in ["", "{\"protocol\":1", "<html>\n", "[1,2]\n"] {
        let dir = tempfile::tempdir().unwrap();
        let daemon = daemon(dir.path(), line.into());
        let (ok, out) = run(&env("ADD", "/run/netns/cni-1"), &conf(dir.path()));
        daemon.join().unwrap();
        assert!(!ok);
        assert!(out["code"] == 11 || out["code"] == 103, "{out}");
    }
}

#[test]
fn a_daemon_that_hangs_is_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let _listener = UnixListener::bind(dir.path().join("cni.sock")).unwrap();
    let mut conf = conf(dir.path());
    conf["timeout"] = json!(1);
    let (ok, out) = run(&env("ADD", "/run/netns/cni-1"), &conf);
    assert!(!ok);
    assert_eq!(out["code"], 11);
    assert!(out["msg"].as_str().unwrap().contains("within 1 s"), "{out}");
}

#[test]
fn version_lists_what_is_served() {
    let env = [("CNI_COMMAND".to_owned(), "VERSION".to_owned())].into();
    let (ok, out) = run(&env, &json!({"cniVersion": "0.4.0"}));
    assert!(ok);
    assert_eq!(
        out,
        json!({"cniVersion": "0.4.0", "supportedVersions": ["0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"]})
    );
}
