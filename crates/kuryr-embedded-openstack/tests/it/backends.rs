//! What differs between ML2/OVN and ML2/OVS, as measured on both.

use std::time::Duration;

use kuryr_embedded_openstack::{Activation, Kind, Settings};
use serde_json::json;

use crate::support::{Model, fields};

const DELAY: Duration = Duration::from_secs(2);

#[test]
fn ovn_sets_owner_and_profile_at_once_and_clears_them_on_removal() {
    let mut model = Model::new();
    let (trunk, parent) = model.trunk();
    assert_eq!(
        model.show(Kind::Trunk, &trunk)["status"],
        "ACTIVE",
        "plugged or not"
    );
    let port = model.port();
    let answer = model.add(&trunk, &[(&port, 100)]).unwrap();
    assert_eq!(
        answer["status"], "DOWN",
        "as the answer shows, though it is ACTIVE"
    );
    let subport = model.show(Kind::Port, &port);
    assert_eq!(subport["device_owner"], "trunk:subport");
    assert_eq!(
        subport["binding:profile"],
        json!({"parent_name": parent, "tag": 100})
    );
    assert_eq!(
        (&subport["status"], &subport["binding:host_id"]),
        (&json!("DOWN"), &json!(""))
    );
    model.cloud.plug(&parent, "hv1");
    assert_eq!(model.show(Kind::Port, &port)["status"], "ACTIVE");
    assert_eq!(model.show(Kind::Port, &parent)["binding:host_id"], "hv1");
    model.take(&trunk, &[&port]).unwrap();
    let removed = model.show(Kind::Port, &port);
    assert_eq!(
        (&removed["status"], &removed["device_owner"]),
        (&json!("DOWN"), &json!(""))
    );
}

#[test]
fn a_trunk_may_go_with_its_subports_on_ovn() {
    let mut model = Model::new();
    let (trunk, parent) = model.trunk();
    let port = model.port();
    model.cloud.plug(&parent, "hv1");
    model.add(&trunk, &[(&port, 100)]).unwrap();
    model
        .cloud
        .delete(&model.caller, Kind::Trunk, &trunk, None)
        .unwrap();
    assert_eq!(model.show(Kind::Port, &port)["device_owner"], "");
    model
        .cloud
        .delete(&model.caller, Kind::Port, &port, None)
        .unwrap();
}

#[test]
fn activation_takes_its_time() {
    let mut model = Model::with(Settings {
        activation: Activation::After(DELAY),
        ..Settings::default()
    });
    let (trunk, parent) = model.trunk();
    model.cloud.plug(&parent, "hv1");
    let port = model.port();
    model.add(&trunk, &[(&port, 100)]).unwrap();
    model.at(DELAY - Duration::from_millis(1));
    assert_eq!(model.show(Kind::Port, &port)["status"], "DOWN");
    model.at(DELAY);
    assert_eq!(model.show(Kind::Port, &port)["status"], "ACTIVE");
}

#[test]
fn ovs_leaves_a_subport_alone_until_the_parent_is_plugged() {
    let mut model = Model::ovs(DELAY);
    let (trunk, parent) = model.trunk();
    assert_eq!(model.show(Kind::Trunk, &trunk)["status"], "DOWN");
    let port = model.port();
    model.add(&trunk, &[(&port, 100)]).unwrap();
    model.at(DELAY * 5);
    let waiting = model.show(Kind::Port, &port);
    assert_eq!(
        (&waiting["status"], &waiting["device_owner"]),
        (&json!("DOWN"), &json!(""))
    );
    model.cloud.plug(&parent, "hv1");
    model.at(DELAY * 6);
    let active = model.show(Kind::Port, &port);
    assert_eq!(
        (&active["status"], &active["device_owner"]),
        (&json!("ACTIVE"), &json!("trunk:subport"))
    );
    assert_eq!(
        (&active["binding:host_id"], &active["binding:profile"]),
        (&json!("hv1"), &json!({}))
    );
    let details = &model.show(Kind::Port, &parent)["binding:vif_details"];
    assert_eq!(details["bridge_name"], format!("tbr-{}", &trunk[..10]));
}

#[test]
fn an_ovs_trunk_is_active_before_its_subports_are() {
    let mut model = Model::ovs(DELAY);
    let (trunk, parent) = model.trunk();
    model.cloud.plug(&parent, "hv1");
    model.at(DELAY);
    let port = model.port();
    model.add(&trunk, &[(&port, 100)]).unwrap();
    let mut seen = Vec::new();
    for step in 0..=8 {
        model.at(DELAY + DELAY * step / 8);
        let state = (
            model.show(Kind::Trunk, &trunk)["status"]
                .as_str()
                .unwrap()
                .to_owned(),
            model.show(Kind::Port, &port)["status"]
                .as_str()
                .unwrap()
                .to_owned(),
        );
        if seen.last() != Some(&state) {
            seen.push(state);
        }
    }
    let states: Vec<(&str, &str)> = seen
        .iter()
        .map(|(trunk, port)| (trunk.as_str(), port.as_str()))
        .collect();
    assert_eq!(
        states,
        [
            ("DOWN", "DOWN"),
            ("BUILD", "DOWN"),
            ("ACTIVE", "DOWN"),
            ("ACTIVE", "ACTIVE")
        ]
    );
}

#[test]
fn ovs_keeps_owner_and_host_after_removal_and_goes_down_later() {
    let mut model = Model::ovs(DELAY);
    let (trunk, parent) = model.trunk();
    model.cloud.plug(&parent, "hv1");
    let port = model.port();
    model.add(&trunk, &[(&port, 100)]).unwrap();
    model.at(DELAY);
    model.take(&trunk, &[&port]).unwrap();
    let removed = model.show(Kind::Port, &port);
    assert_eq!(
        (&removed["status"], &removed["device_owner"]),
        (&json!("ACTIVE"), &json!("trunk:subport"))
    );
    model.at(DELAY * 2);
    let later = model.show(Kind::Port, &port);
    assert_eq!(
        (&later["status"], &later["binding:host_id"]),
        (&json!("DOWN"), &json!("hv1"))
    );
}

#[test]
fn an_ovs_subport_removed_right_after_it_was_added_holds_its_vlan() {
    let mut model = Model::ovs(DELAY);
    let (trunk, parent) = model.trunk();
    model.cloud.plug(&parent, "hv1");
    model.at(DELAY);
    let (leaked, next) = (model.port(), model.port());
    model.add(&trunk, &[(&leaked, 100)]).unwrap();
    model.take(&trunk, &[&leaked]).unwrap();
    model.at(DELAY * 4);
    assert_eq!(model.show(Kind::Port, &leaked)["status"], "ACTIVE");
    model.add(&trunk, &[(&next, 100)]).unwrap();
    model.at(DELAY * 6);
    assert_eq!(
        model.show(Kind::Port, &next)["status"],
        "ACTIVE",
        "though it carries nothing"
    );
    let wired = |model: &Model| {
        let ports = model.cloud.wiring().ports;
        ports
            .into_iter()
            .filter(|(_, port)| port.trunk.is_some())
            .map(|(id, _)| id)
            .collect::<Vec<_>>()
    };
    assert_eq!(wired(&model), std::slice::from_ref(&leaked));
    model
        .cloud
        .delete(&model.caller, Kind::Port, &leaked, None)
        .unwrap();
    assert_eq!(wired(&model), [next]);
}

#[test]
fn ovs_refuses_what_ovn_allows() {
    let mut model = Model::ovs(Duration::ZERO);
    let (trunk, parent) = model.trunk();
    model.cloud.plug(&parent, "hv1");
    let refused = model
        .cloud
        .delete(&model.caller, Kind::Trunk, &trunk, None)
        .unwrap_err();
    assert_eq!(
        (refused.kind, refused.message),
        ("TrunkInUse", format!("Trunk {trunk} is currently in use."))
    );
    let bound = model.port();
    model.cloud.plug(&bound, "hv1");
    assert_eq!(
        model
            .create(Kind::Trunk, json!({"port_id": bound}))
            .unwrap_err()
            .kind,
        "ParentPortInUse"
    );
}

#[test]
fn admin_state_down_shows_on_ovs_only() {
    for (mut model, expected) in [
        (Model::new(), "ACTIVE"),
        (Model::ovs(Duration::ZERO), "DOWN"),
    ] {
        let port = model.port();
        model.cloud.plug(&port, "hv1");
        assert_eq!(model.show(Kind::Port, &port)["status"], "ACTIVE");
        let down = fields(json!({"admin_state_up": false}));
        model
            .cloud
            .update(&model.caller, Kind::Port, &port, down, None)
            .unwrap();
        assert_eq!(model.show(Kind::Port, &port)["status"], expected);
        assert!(
            model.cloud.wiring().ports.is_empty(),
            "no traffic on either"
        );
    }
}

#[test]
fn an_unplugged_parent_takes_its_subports_down() {
    let mut model = Model::new();
    let (trunk, parent) = model.trunk();
    let port = model.port();
    model.cloud.plug(&parent, "hv1");
    model.add(&trunk, &[(&port, 100)]).unwrap();
    model.cloud.unplug(&parent);
    assert_eq!(model.show(Kind::Port, &port)["status"], "DOWN");
    assert_eq!(
        model.show(Kind::Port, &port)["device_owner"],
        "trunk:subport"
    );
}

#[test]
fn a_simulated_cloud_needs_no_topology() {
    let mut model = Model::with(Settings {
        parents_plugged: true,
        ..Settings::default()
    });
    let (trunk, _) = model.trunk();
    let port = model.port();
    model.add(&trunk, &[(&port, 100)]).unwrap();
    assert_eq!(model.show(Kind::Port, &port)["status"], "ACTIVE");
}
