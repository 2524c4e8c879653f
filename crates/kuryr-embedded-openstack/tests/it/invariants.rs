//! What holds whatever is asked of the cloud in whatever order.

use std::collections::{BTreeMap, BTreeSet};

use kuryr_embedded_openstack::{Backend, Kind, Settings};
use proptest::prelude::*;
use serde_json::json;

use crate::support::{Model, fields, id};

const QUOTA: i64 = 12;

/// A call; numbers pick among the objects that there are.
#[derive(Debug, Clone)]
enum Call {
    CreatePorts(usize),
    CreatePortAt(u8),
    DeletePort(usize),
    CreateTrunk(usize),
    DeleteTrunk(usize),
    Add(usize, Vec<(usize, u16)>),
    Remove(usize, Vec<usize>),
    Plug(usize),
    Unplug(usize),
    MovePort(usize, u8),
}

fn call() -> impl Strategy<Value = Call> {
    let subports = proptest::collection::vec((0_usize..20, 0_u16..5), 1..4);
    prop_oneof![
        3 => (1_usize..5).prop_map(Call::CreatePorts),
        1 => (0_u8..20).prop_map(Call::CreatePortAt),
        2 => (0_usize..20).prop_map(Call::DeletePort),
        2 => (0_usize..20).prop_map(Call::CreateTrunk),
        1 => (0_usize..4).prop_map(Call::DeleteTrunk),
        4 => (0_usize..4, subports).prop_map(|(trunk, subports)| Call::Add(trunk, subports)),
        2 => (0_usize..4, proptest::collection::vec(0_usize..20, 1..3)).prop_map(|(trunk, ports)| Call::Remove(trunk, ports)),
        1 => (0_usize..20).prop_map(Call::Plug),
        1 => (0_usize..20).prop_map(Call::Unplug),
        1 => (0_usize..20, 0_u8..20).prop_map(|(port, at)| Call::MovePort(port, at)),
    ]
}

fn nth(model: &mut Model, kind: Kind, at: usize) -> String {
    let all = model.list(kind, "fields=id");
    if all.is_empty() {
        uuid::Uuid::nil().to_string()
    } else {
        id(&all[at % all.len()])
    }
}

/// Carries a call out; refusals are part of the game.
fn carry_out(model: &mut Model, call: &Call) {
    let network = model.network.clone();
    match call {
        Call::CreatePorts(count) => {
            let ports = vec![fields(json!({ "network_id": network })); *count];
            let _ = model.cloud.create_bulk(&model.caller, Kind::Port, ports);
        }
        Call::CreatePortAt(at) => {
            let fixed = json!([{"ip_address": format!("10.0.0.{at}")}]);
            let _ = model.create(
                Kind::Port,
                json!({"network_id": network, "fixed_ips": fixed}),
            );
        }
        Call::DeletePort(at) => {
            let port = nth(model, Kind::Port, *at);
            let _ = model.cloud.delete(&model.caller, Kind::Port, &port, None);
        }
        Call::CreateTrunk(at) => {
            let port = nth(model, Kind::Port, *at);
            let _ = model.create(Kind::Trunk, json!({ "port_id": port }));
        }
        Call::DeleteTrunk(at) => {
            let trunk = nth(model, Kind::Trunk, *at);
            let _ = model.cloud.delete(&model.caller, Kind::Trunk, &trunk, None);
        }
        Call::Add(at, subports) => {
            let trunk = nth(model, Kind::Trunk, *at);
            let ports: Vec<String> = subports
                .iter()
                .map(|(port, _)| nth(model, Kind::Port, *port))
                .collect();
            let subports: Vec<(&str, u16)> = ports
                .iter()
                .map(String::as_str)
                .zip(subports.iter().map(|(_, vlan)| *vlan))
                .collect();
            let _ = model.add(&trunk, &subports);
        }
        Call::Remove(at, ports) => {
            let trunk = nth(model, Kind::Trunk, *at);
            let ports: Vec<String> = ports
                .iter()
                .map(|port| nth(model, Kind::Port, *port))
                .collect();
            let _ = model.take(
                &trunk,
                &ports.iter().map(String::as_str).collect::<Vec<_>>(),
            );
        }
        Call::Plug(at) => {
            let port = nth(model, Kind::Port, *at);
            model.cloud.plug(&port, "hv1");
        }
        Call::Unplug(at) => {
            let port = nth(model, Kind::Port, *at);
            model.cloud.unplug(&port);
        }
        Call::MovePort(port, at) => {
            let port = nth(model, Kind::Port, *port);
            let fixed = fields(json!({"fixed_ips": [{"ip_address": format!("10.0.0.{at}")}]}));
            let _ = model
                .cloud
                .update(&model.caller, Kind::Port, &port, fixed, None);
        }
    }
}

fn check(model: &mut Model) -> Result<(), TestCaseError> {
    let ports = model.list(Kind::Port, "");
    prop_assert!(i64::try_from(ports.len()).unwrap() <= QUOTA);
    prop_assert_eq!(
        model.cloud.used("p", Kind::Port),
        i64::try_from(ports.len()).unwrap()
    );
    let mut addresses = BTreeSet::new();
    for fixed in ports
        .iter()
        .flat_map(|port| port["fixed_ips"].as_array().unwrap())
    {
        prop_assert!(
            addresses.insert(fixed["ip_address"].to_string()),
            "an address twice"
        );
    }
    let (network, subnet) = (model.network.clone(), model.subnet.clone());
    let pool = 253
        - u128::try_from(
            addresses
                .iter()
                .filter(|address| *address != "\"10.0.0.1\"")
                .count(),
        )
        .unwrap();
    let pool = pool
        + u128::try_from(
            addresses
                .iter()
                .filter(|address| *address == "\"10.0.0.0\"")
                .count(),
        )
        .unwrap();
    prop_assert_eq!(
        model.cloud.free_addresses(&subnet),
        Some(pool),
        "addresses are given back"
    );
    let macs: BTreeSet<String> = ports
        .iter()
        .map(|port| port["mac_address"].to_string())
        .collect();
    prop_assert_eq!(macs.len(), ports.len(), "a MAC twice on {}", network);
    let mut members = BTreeMap::new();
    for trunk in model.list(Kind::Trunk, "") {
        let mut vlans = BTreeSet::new();
        for subport in trunk["sub_ports"].as_array().unwrap() {
            prop_assert!(
                vlans.insert(subport["segmentation_id"].as_u64()),
                "a VLAN twice on a trunk"
            );
            prop_assert!(subport["segmentation_id"].as_u64().unwrap() >= 1);
            let port = subport["port_id"].as_str().unwrap().to_owned();
            prop_assert!(
                ports.iter().any(|known| known["id"] == port),
                "a subport that is no port"
            );
            prop_assert!(
                members.insert(port, id(&trunk)).is_none(),
                "a port on two trunks"
            );
        }
        prop_assert!(
            !members.contains_key(trunk["port_id"].as_str().unwrap()),
            "a parent that is a subport"
        );
    }
    for port in &ports {
        let known = model
            .cloud
            .membership(&id(port))
            .map(|membership| membership.trunk.clone());
        prop_assert_eq!(known.as_ref(), members.get(&id(port)));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_given_twice(calls in proptest::collection::vec(call(), 1..40), ovs in any::<bool>()) {
        let backend = if ovs { Backend::Ovs } else { Backend::Ovn };
        let mut model = Model::with(Settings { backend, ..Settings::default() });
        model.cloud.set_quota("p", "port", QUOTA);
        for call in &calls {
            let before = model.cloud.revision();
            carry_out(&mut model, call);
            prop_assert!(model.cloud.revision() >= before);
            check(&mut model)?;
        }
    }
}
