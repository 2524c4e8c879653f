//! Subports.

use kuryr_openstack::ConflictKind;
use kuryr_openstack::model::SubPort;
use serde_json::{Value, json};

use crate::cloud::*;

const TRUNK: &str = "08b643c9-ce10-4d7e-9528-e8a53dfec4ab";

fn at(operation: &str) -> String {
    format!("trunks/{TRUNK}/{operation}")
}

fn trunk(subports: &[(&str, u16)]) -> Value {
    let subports: Vec<_> = subports
        .iter()
        .map(|(port, vlan)| json!({ "port_id": port, "segmentation_id": vlan, "segmentation_type": "vlan" }))
        .collect();
    json!({ "id": TRUNK, "port_id": "parent", "status": "ACTIVE", "sub_ports": subports })
}

fn not_found(port: &str) -> Value {
    neutron_error(
        "SubPortNotFound",
        &format!("SubPort {port} on trunk {TRUNK} could not be found."),
    )
}

#[tokio::test]
async fn subports_are_added_and_the_trunk_is_given() {
    let server = server().await;
    on("PUT", &at("add_subports"), 200, trunk(&[("p1", 101)]))
        .mount(&server)
        .await;
    let neutron = connect(&server).await.neutron();
    let given = neutron
        .add_subports(TRUNK, &[SubPort::vlan("p1", 101)])
        .await
        .unwrap();
    assert_eq!(given.sub_ports, [SubPort::vlan("p1", 101)]);
    let sent: Value = requests(&server).await[0].body_json().unwrap();
    assert_eq!(
        sent["sub_ports"][0],
        json!({ "port_id": "p1", "segmentation_id": 101, "segmentation_type": "vlan" })
    );
}

#[tokio::test]
async fn adding_is_not_repeated_and_its_fate_is_open() {
    let server = server().await;
    on("PUT", &at("add_subports"), 500, neutron_error("", "boom"))
        .expect(1)
        .mount(&server)
        .await;
    let neutron = connect(&server).await.neutron();
    let error = neutron
        .add_subports(TRUNK, &[SubPort::vlan("p1", 101)])
        .await
        .unwrap_err();
    assert!(error.maybe_applied());
}

#[tokio::test]
async fn a_taken_vlan_is_told() {
    let server = server().await;
    let message =
        format!("segmentation_type vlan and segmentation_id 101 already in use on trunk {TRUNK}.");
    on(
        "PUT",
        &at("add_subports"),
        409,
        neutron_error("DuplicateSubPort", &message),
    )
    .mount(&server)
    .await;
    let neutron = connect(&server).await.neutron();
    let error = neutron
        .add_subports(TRUNK, &[SubPort::vlan("p1", 101)])
        .await
        .unwrap_err();
    assert_eq!(
        error.conflict(),
        Some(&ConflictKind::DuplicateSubPort {
            segmentation_id: Some(101)
        })
    );
    assert!(!error.maybe_applied());
}

#[tokio::test]
async fn removal_leaves_out_what_is_gone_already() {
    let server = server().await;
    on("PUT", &at("remove_subports"), 404, not_found("p1"))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    on(
        "GET",
        &format!("trunks/{TRUNK}"),
        200,
        json!({ "trunk": trunk(&[("p2", 2), ("p3", 3)]) }),
    )
    .mount(&server)
    .await;
    on("PUT", &at("remove_subports"), 200, trunk(&[("p3", 3)]))
        .mount(&server)
        .await;
    let neutron = connect(&server).await.neutron();
    let given = neutron
        .remove_subports(TRUNK, &["p1".to_owned(), "p2".to_owned()])
        .await
        .unwrap();
    assert_eq!(given.sub_ports, [SubPort::vlan("p3", 3)]);
    let last: Value = requests(&server).await.last().unwrap().body_json().unwrap();
    assert_eq!(last, json!({ "sub_ports": [{ "port_id": "p2" }] }));
}

#[tokio::test]
async fn removal_of_what_is_all_gone_is_done() {
    let server = server().await;
    on("PUT", &at("remove_subports"), 404, not_found("p1"))
        .expect(1)
        .mount(&server)
        .await;
    on(
        "GET",
        &format!("trunks/{TRUNK}"),
        200,
        json!({ "trunk": trunk(&[]) }),
    )
    .mount(&server)
    .await;
    let neutron = connect(&server).await.neutron();
    assert!(
        neutron
            .remove_subports(TRUNK, &["p1".to_owned()])
            .await
            .unwrap()
            .sub_ports
            .is_empty()
    );
}

#[tokio::test]
async fn removal_from_no_trunk_is_not_found() {
    let server = server().await;
    let gone = neutron_error("TrunkNotFound", "Trunk could not be found.");
    on("PUT", &at("remove_subports"), 404, gone.clone())
        .mount(&server)
        .await;
    on("GET", &format!("trunks/{TRUNK}"), 404, gone)
        .mount(&server)
        .await;
    let neutron = connect(&server).await.neutron();
    assert!(
        neutron
            .remove_subports(TRUNK, &["p1".to_owned()])
            .await
            .unwrap_err()
            .is_not_found()
    );
}
