//! What the plugin makes of its environment and standard input.

#![allow(clippy::unwrap_used)]

use kuryr_cni::protocol::{AttachmentId, Command, Pod};
use kuryr_cni::request::Action;
use kuryr_cni::version::CniVersion;
use kuryr_cni::{Env, parse_request};
use proptest::prelude::*;
use serde_json::{Value, json};

const ARGS: &str = "IgnoreUnknown=1;K8S_POD_NAMESPACE=demo;K8S_POD_NAME=web-0;\
                    K8S_POD_INFRA_CONTAINER_ID=c1;K8S_POD_UID=8d7e";

fn env(command: &str) -> Env {
    [
        ("CNI_COMMAND", command),
        ("CNI_CONTAINERID", "c1"),
        ("CNI_NETNS", "/run/netns/cni-1"),
        ("CNI_IFNAME", "eth0"),
        ("CNI_ARGS", ARGS),
        ("CNI_PATH", "/opt/cni/bin"),
    ]
    .map(|(k, v)| (k.to_owned(), v.to_owned()))
    .into()
}

fn conf(version: &str) -> Value {
    json!({"cniVersion": version, "name": "kuryr", "type": "kuryr-cni"})
}

fn with(mut value: Value, key: &str, to: Value) -> Value {
    value[key] = to;
    value
}

fn command(env: &Env, conf: &Value) -> Command {
    match parse_request(env, conf.to_string().as_bytes())
        .unwrap()
        .action
    {
        Action::Call(command) => command,
        Action::Version => panic!("no call"),
    }
}

#[test]
fn add_names_the_pod_and_its_namespace() {
    let Command::Add(target) = command(&env("ADD"), &conf("1.0.0")) else {
        panic!("no ADD");
    };
    assert_eq!(target.container_id, "c1");
    assert_eq!(target.netns.as_deref(), Some("/run/netns/cni-1"));
    assert_eq!(
        target.pod,
        Some(Pod {
            namespace: "demo".into(),
            name: "web-0".into(),
            uid: Some("8d7e".into())
        })
    );
}

#[test]
fn del_needs_neither_namespace_nor_pod() {
    let mut env = env("DEL");
    env.remove("CNI_ARGS");
    env.insert("CNI_NETNS".into(), String::new());
    let Command::Del(target) = command(&env, &conf("0.3.1")) else {
        panic!("no DEL");
    };
    assert_eq!((target.netns, target.pod), (None, None));
}

#[test]
fn gc_takes_the_list_of_what_is_left() {
    let valid = json!([{"containerID": "c1", "ifname": "eth0"}]);
    let conf = with(conf("1.1.0"), "cni.dev/valid-attachments", valid);
    let only_command = [("CNI_COMMAND".to_owned(), "GC".to_owned())].into();
    assert_eq!(
        command(&only_command, &conf),
        Command::Gc {
            network: "kuryr".into(),
            valid: vec![AttachmentId {
                container_id: "c1".into(),
                ifname: "eth0".into()
            }],
        }
    );
}

#[test]
fn gc_with_null_is_gc_with_nothing_left() {
    let conf = with(conf("1.1.0"), "cni.dev/valid-attachments", Value::Null);
    let only_command = [("CNI_COMMAND".to_owned(), "GC".to_owned())].into();
    let Command::Gc { valid, .. } = command(&only_command, &conf) else {
        panic!("no GC");
    };
    assert_eq!(valid, []);
}

#[test]
fn upstreams_configuration_is_understood() {
    let conf = br#"{"cniVersion": "0.3.1", "name": "kuryr", "type": "kuryr-cni",
                    "kuryr_conf": "/etc/kuryr/kuryr.conf", "debug": true}"#;
    let request = parse_request(&env("ADD"), conf).unwrap();
    assert!(request.conf.debug);
    assert_eq!(request.conf.version, CniVersion::V0_3_1);
    assert_eq!(request.conf.socket.to_str(), Some("/run/kuryr/cni.sock"));
}

#[test]
fn version_is_answered_whatever_else_is_there() {
    let env = [("CNI_COMMAND".to_owned(), "VERSION".to_owned())].into();
    for stdin in [&b""[..], b"{", b"{\"cniVersion\":\"9\"}"] {
        assert_eq!(parse_request(&env, stdin).unwrap().action, Action::Version);
    }
}

/// Every message that a wrong call gets, one a line.
#[test]
fn wrong_calls_are_told_what_is_wrong() {
    let ok = conf("1.1.0");
    let set = |name: &str, value: &str| {
        let mut env = env("ADD");
        env.insert(name.to_owned(), value.to_owned());
        env
    };
    let cases: Vec<(Env, String)> = vec![
        (Env::new(), ok.to_string()),
        (env("FROBNICATE"), ok.to_string()),
        (env("ADD"), String::new()),
        (env("ADD"), "<html>".into()),
        (env("ADD"), "[]".into()),
        (env("ADD"), "{\"cniVersion\": 1}".into()),
        (env("ADD"), json!({"name": "kuryr"}).to_string()),
        (env("ADD"), conf("0.2.0").to_string()),
        (
            env("ADD"),
            with(ok.clone(), "name", json!("a b")).to_string(),
        ),
        (
            env("ADD"),
            with(ok.clone(), "timeout", json!(900)).to_string(),
        ),
        (
            env("ADD"),
            with(ok.clone(), "socket", json!("cni.sock")).to_string(),
        ),
        (
            env("ADD"),
            with(ok.clone(), "ipam", json!({"type": "host-local"})).to_string(),
        ),
        (
            env("ADD"),
            with(ok.clone(), "prevResult", json!("yes")).to_string(),
        ),
        (
            env("ADD"),
            with(ok.clone(), "prevResult", json!({"ips": {}})).to_string(),
        ),
        (env("ADD"), " ".repeat(2 << 20)),
        (env("CHECK"), ok.to_string()),
        (env("CHECK"), conf("0.3.1").to_string()),
        (env("STATUS"), conf("1.0.0").to_string()),
        (env("ADD"), conf("0.2.0").to_string()),
        (env("DEL"), conf("newest").to_string()),
        (env("GC"), ok.to_string()),
        (set("CNI_CONTAINERID", "../c1"), ok.to_string()),
        (set("CNI_CONTAINERID", ""), ok.to_string()),
        (set("CNI_NETNS", ""), ok.to_string()),
        (set("CNI_IFNAME", "a-name-of-16-byte"), ok.to_string()),
        (set("CNI_IFNAME", "a/b"), ok.to_string()),
        (set("CNI_ARGS", ""), ok.to_string()),
        (set("CNI_ARGS", "K8S_POD_NAME"), ok.to_string()),
        (
            set("CNI_ARGS", "K8S_POD_NAME=a/b;K8S_POD_NAMESPACE=x"),
            ok.to_string(),
        ),
        (set("CNI_ARGS", &"x=y;".repeat(2000)), ok.to_string()),
    ];
    let lines: Vec<String> = cases
        .iter()
        .map(|(env, stdin)| {
            let error = parse_request(env, stdin.as_bytes()).unwrap_err();
            format!("{:>3} {}", error.code, error.msg)
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        Just(json!("1.1.0")),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let key = prop_oneof![
            Just("cniVersion".to_owned()),
            Just("name".to_owned()),
            Just("prevResult".to_owned()),
            Just("interfaces".to_owned()),
            Just("cni.dev/valid-attachments".to_owned()),
            ".{0,8}",
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key, inner, 0..6)
                .prop_map(|m| Value::Object(m.into_iter().collect())),
        ]
    })
}

fn any_env() -> impl Strategy<Value = Env> {
    let name = prop_oneof![
        Just("CNI_CONTAINERID"),
        Just("CNI_NETNS"),
        Just("CNI_IFNAME"),
        Just("CNI_ARGS"),
    ];
    let command = prop_oneof!["ADD|DEL|CHECK|GC|STATUS|VERSION", ".{0,6}"];
    (command, prop::collection::btree_map(name, ".{0,40}", 0..5)).prop_map(|(command, set)| {
        let mut env = env(&command);
        env.extend(set.into_iter().map(|(k, v)| (k.to_owned(), v)));
        env
    })
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(env in any_env(), stdin in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse_request(&env, &stdin);
    }

    #[test]
    fn no_json_makes_it_panic(env in any_env(), value in any_json()) {
        let _ = parse_request(&env, value.to_string().as_bytes());
    }

    #[test]
    fn what_is_accepted_can_be_sent(env in any_env()) {
        if let Ok(request) = parse_request(&env, conf("1.0.0").to_string().as_bytes())
            && let Action::Call(command) = request.action
        {
            let call = kuryr_cni::protocol::Call::new(command, request.conf.timeout);
            let line = serde_json::to_vec(&call).unwrap();
            prop_assert!(!line.contains(&b'\n'));
            prop_assert_eq!(kuryr_cni::protocol::decode::<kuryr_cni::protocol::Call>(&line, "plugin").unwrap(), call);
        }
    }
}

#[test]
fn what_is_there_can_be_taken_away_with_any_version() {
    for version in ["0.1.0", "0.2.0", "0.3.0", "1.2.0", "2.0.0"] {
        let found = command(&env("DEL"), &conf(version));
        assert!(matches!(found, Command::Del(_)), "{version}: {found:?}");
    }
}
