//! The result in each version's form, and `prevResult`.

#![allow(clippy::unwrap_used)]

use kuryr_cni::protocol::{Attached, Interface, Ip, Route};
use kuryr_cni::result::{compare, render};
use kuryr_cni::version::CniVersion;
use serde_json::{Value, json};

fn attached() -> Attached {
    Attached {
        interfaces: vec![
            Interface {
                name: "eth0".into(),
                mac: Some("fa:16:3e:1b:30:00".into()),
                mtu: Some(1442),
                sandbox: Some("/run/netns/cni-1".into()),
            },
            Interface {
                name: "tap2f1c2b46-8a".into(),
                mac: None,
                mtu: Some(1442),
                sandbox: None,
            },
        ],
        ips: vec![
            Ip {
                address: "10.41.0.57/16".into(),
                gateway: Some("10.41.0.1".into()),
                interface: 0,
            },
            Ip {
                address: "fd00:41::57/64".into(),
                gateway: None,
                interface: 0,
            },
        ],
        routes: vec![
            Route {
                dst: "0.0.0.0/0".into(),
                gw: Some("10.41.0.1".into()),
            },
            Route {
                dst: "169.254.169.254/32".into(),
                gw: None,
            },
        ],
        nameservers: vec!["10.41.0.2".into()],
    }
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap()
}

#[test]
fn each_version_has_its_form() {
    for version in CniVersion::ALL {
        let result = render(version, &attached(), None);
        insta::assert_snapshot!(version.as_str(), pretty(&result));
    }
}

#[test]
fn what_an_earlier_plugin_did_stays_in_front() {
    let prev = json!({
        "cniVersion": "1.0.0",
        "interfaces": [{"name": "net1", "sandbox": "/run/netns/cni-1"}],
        "ips": [{"address": "192.0.2.7/24", "interface": 0}],
        "dns": {"nameservers": ["192.0.2.1"], "search": ["example.org"]},
    });
    let result = render(CniVersion::V1_0_0, &attached(), Some(&prev));
    insta::assert_snapshot!(pretty(&result));
}

#[test]
fn check_accepts_what_add_said() {
    for version in CniVersion::ALL {
        let prev = render(version, &attached(), None);
        compare(&prev, &attached(), "eth0").unwrap();
    }
}

#[test]
fn check_leaves_other_plugins_alone() {
    let mut prev = render(CniVersion::V1_1_0, &attached(), None);
    prev["interfaces"]
        .as_array_mut()
        .unwrap()
        .push(json!({"name": "net1", "sandbox": "x"}));
    prev["ips"]
        .as_array_mut()
        .unwrap()
        .push(json!({"address": "192.0.2.7/24", "interface": 2}));
    compare(&prev, &attached(), "eth0").unwrap();
}

#[test]
fn check_names_what_changed() {
    let prev = render(CniVersion::V1_1_0, &attached(), None);
    let mut other_mac = attached();
    other_mac.interfaces[0].mac = Some("fa:16:3e:00:00:01".into());
    let mut other_ip = attached();
    other_ip.ips[0].address = "10.41.0.58/16".into();
    let errors = [
        compare(&prev, &other_mac, "eth0").unwrap_err(),
        compare(&prev, &other_ip, "eth0").unwrap_err(),
        compare(&prev, &attached(), "eth1").unwrap_err(),
    ];
    insta::assert_snapshot!(errors.map(|e| e.to_string()).join("\n"));
}
