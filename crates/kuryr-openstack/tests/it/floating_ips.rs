//! Floating IPs: how they are marked and found again.

use kuryr_openstack::model::{FloatingIpUpdate, NewFloatingIp};
use kuryr_openstack::{FloatingIpQuery, MarkedBy};
use serde_json::{Value, json};
use wiremock::matchers::{path, query_param};
use wiremock::{Mock, MockServer};

use crate::cloud::*;

const ID: &str = "2f245a7b-796b-4f26-9cf9-9e82d248fda7";

fn new() -> NewFloatingIp {
    NewFloatingIp {
        floating_network_id: "ext".to_owned(),
        port_id: Some("vip".to_owned()),
        tags: vec!["service:web".to_owned()],
        ..NewFloatingIp::default()
    }
}

async fn accepting() -> MockServer {
    let server = server().await;
    let made = json!({ "floatingip": { "id": ID, "floating_ip_address": "172.30.0.9", "floating_network_id": "ext",
        "port_id": "vip", "fixed_ip_address": "10.1.0.5", "router_id": "r", "status": "DOWN",
        "description": "kuryr c", "tags": [] } });
    on("POST", "floatingips", 201, made).mount(&server).await;
    server
}

#[tokio::test]
async fn the_description_marks_it_from_the_start_and_tags_follow() {
    let server = accepting().await;
    let tags = json!({ "tags": ["kuryr:c", "service:web"] });
    on("PUT", &format!("floatingips/{ID}/tags"), 200, tags.clone())
        .mount(&server)
        .await;
    let neutron = connect(&server).await.neutron();
    let made = neutron.create_floating_ip(&new(), &mark()).await.unwrap();
    assert_eq!(mark().on(&made), Some(MarkedBy::Tag));
    let sent = requests(&server).await;
    let want = json!({ "floatingip": { "floating_network_id": "ext", "port_id": "vip", "description": "kuryr c" } });
    assert_eq!(sent[0].body_json::<Value>().unwrap(), want);
    assert_eq!(sent[1].body_json::<Value>().unwrap(), tags);
}

#[tokio::test]
async fn one_that_cannot_be_tagged_is_given_all_the_same() {
    let server = accepting().await;
    on(
        "PUT",
        &format!("floatingips/{ID}/tags"),
        404,
        neutron_error("HTTPNotFound", "The resource could not be found."),
    )
    .mount(&server)
    .await;
    let neutron = connect(&server).await.neutron();
    let made = neutron.create_floating_ip(&new(), &mark()).await.unwrap();
    assert_eq!(mark().on(&made), Some(MarkedBy::Description));
}

#[tokio::test]
async fn a_creation_is_not_repeated_when_its_answer_may_be_lost() {
    let server = server().await;
    on("POST", "floatingips", 500, neutron_error("", "boom"))
        .expect(1)
        .mount(&server)
        .await;
    let neutron = connect(&server).await.neutron();
    let error = neutron
        .create_floating_ip(&new(), &mark())
        .await
        .unwrap_err();
    assert!(error.maybe_applied());
}

#[tokio::test]
async fn what_is_ours_is_found_by_tag_or_description_once() {
    let server = server().await;
    let extensions = json!({ "extensions": [{ "alias": "standard-attr-tag" }] });
    on("GET", "extensions", 200, extensions)
        .mount(&server)
        .await;
    let ip = |id: &str, tags: &[&str], description: &str| json!({ "id": id, "tags": tags, "description": description });
    let list = || Mock::given(path("/network/v2.0/floatingips"));
    let tagged = [ip("a", &["kuryr:c"], "kuryr c"), ip("b", &["other"], "")];
    list()
        .and(query_param("tags", "kuryr:c"))
        .respond_with(json_answer(200, json!({ "floatingips": tagged })))
        .mount(&server)
        .await;
    let described = [ip("a", &["kuryr:c"], "kuryr c"), ip("c", &[], "kuryr c")];
    list()
        .and(query_param("description", "kuryr c"))
        .respond_with(json_answer(200, json!({ "floatingips": described })))
        .mount(&server)
        .await;
    let neutron = connect(&server).await.neutron();
    let found = neutron
        .list_owned_floating_ips(&mark(), &FloatingIpQuery::new())
        .await
        .unwrap();
    let ids: Vec<_> = found.iter().map(|ip| ip.id.as_str()).collect();
    assert_eq!(ids, ["a", "c"]);
}

#[tokio::test]
async fn an_external_network_without_addresses_is_exhausted() {
    let server = server().await;
    let words = "Unable to find any IP address on external network ext.";
    on(
        "POST",
        "floatingips",
        400,
        neutron_error("ExternalIpAddressExhausted", words),
    )
    .mount(&server)
    .await;
    let neutron = connect(&server).await.neutron();
    let error = neutron
        .create_floating_ip(&new(), &mark())
        .await
        .unwrap_err();
    assert!(error.is_ip_exhausted(), "{error}");
}

#[tokio::test]
async fn it_is_led_elsewhere_or_nowhere() {
    let change = |port_id: Option<&str>| FloatingIpUpdate {
        port_id: Some(port_id.map(str::to_owned)),
        ..FloatingIpUpdate::default()
    };
    let body = |port_id| serde_json::to_value(change(port_id)).unwrap();
    assert_eq!(body(Some("p")), json!({ "port_id": "p" }));
    assert_eq!(body(None), json!({ "port_id": null }));
}
