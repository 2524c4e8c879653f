//! When a request is sent again, and what is counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kuryr_openstack::model::{NewNetwork, PortUpdate};
use kuryr_openstack::{Cloud, Error, ErrorKind, PortQuery};
use prometheus_client::registry::Registry;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use wiremock::{MockServer, ResponseTemplate};

use crate::cloud::*;

const ID: &str = "4c3a3a1e-7a35-4d7c-9d0c-2b1f0a3c9d55";

fn busy() -> serde_json::Value {
    neutron_error("", "busy")
}

async fn create(cloud: &Cloud) -> Result<String, Error> {
    cloud
        .neutron()
        .create_network(&NewNetwork::default())
        .await
        .map(|n| n.id)
}

#[tokio::test]
async fn a_list_is_repeated_after_server_errors() {
    let server = server().await;
    on("GET", "ports", 500, busy())
        .up_to_n_times(2)
        .mount(&server)
        .await;
    on("GET", "ports", 200, json!({ "ports": [] }))
        .mount(&server)
        .await;
    let cloud = connect(&server).await;
    cloud.neutron().list_ports(&PortQuery::new()).await.unwrap();
    assert_eq!(cloud.metrics().calls()["list_ports"], 3);
}

#[tokio::test]
async fn repetitions_end() {
    let server = server().await;
    on("GET", "ports", 500, busy()).mount(&server).await;
    let cloud = connect(&server).await;
    let error = cloud
        .neutron()
        .list_ports(&PortQuery::new())
        .await
        .unwrap_err();
    assert_eq!(error.context().attempts, 5);
    assert!(error.to_string().contains("after 5 attempts"), "{error}");
    assert_eq!(requests(&server).await.len(), 5);
}

#[tokio::test]
async fn a_creation_is_not_repeated_after_a_server_error() {
    let server = server().await;
    on("POST", "networks", 500, busy())
        .expect(1)
        .mount(&server)
        .await;
    let error = create(&connect(&server).await).await.unwrap_err();
    assert!(error.maybe_applied());
}

#[tokio::test]
async fn a_creation_is_repeated_when_the_cloud_declined_it() {
    let server = server().await;
    on("POST", "networks", 429, busy())
        .up_to_n_times(1)
        .mount(&server)
        .await;
    let later = json_answer(503, busy()).insert_header("retry-after", "0");
    wiremock::Mock::given(wiremock::matchers::method("POST"))
        .and(wiremock::matchers::path("/network/v2.0/networks"))
        .respond_with(later)
        .up_to_n_times(1)
        .mount(&server)
        .await;
    on("POST", "networks", 201, json!({ "network": { "id": ID } }))
        .mount(&server)
        .await;
    assert_eq!(create(&connect(&server).await).await.unwrap(), ID);
}

#[tokio::test]
async fn a_long_retry_after_is_left_to_the_caller() {
    let server = server().await;
    let later = json_answer(429, busy()).insert_header("retry-after", "3600");
    wiremock::Mock::given(wiremock::matchers::path("/network/v2.0/ports"))
        .respond_with(later)
        .expect(1)
        .mount(&server)
        .await;
    let error = connect(&server)
        .await
        .neutron()
        .list_ports(&PortQuery::new())
        .await
        .unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(3600)));
}

#[tokio::test]
async fn a_deletion_that_finds_nothing_at_its_repetition_is_done() {
    let server = server().await;
    let at = format!("ports/{ID}");
    on("DELETE", &at, 502, busy())
        .up_to_n_times(1)
        .mount(&server)
        .await;
    on("DELETE", &at, 404, neutron_error("PortNotFound", "gone"))
        .mount(&server)
        .await;
    connect(&server)
        .await
        .neutron()
        .delete_port(ID)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_deletion_that_finds_nothing_at_first_says_so() {
    let server = server().await;
    on(
        "DELETE",
        &format!("ports/{ID}"),
        404,
        neutron_error("PortNotFound", "gone"),
    )
    .mount(&server)
    .await;
    assert!(
        connect(&server)
            .await
            .neutron()
            .delete_port(ID)
            .await
            .unwrap_err()
            .is_not_found()
    );
}

#[tokio::test]
async fn an_update_is_repeated_and_carries_its_revision() {
    let server = server().await;
    let at = format!("ports/{ID}");
    on("PUT", &at, 503, busy())
        .up_to_n_times(1)
        .mount(&server)
        .await;
    on(
        "PUT",
        &at,
        200,
        json!({ "port": { "id": ID, "revision_number": 8 } }),
    )
    .mount(&server)
    .await;
    let change = PortUpdate {
        name: Some("n".to_owned()),
        ..PortUpdate::default()
    };
    let port = connect(&server)
        .await
        .neutron()
        .update_port(ID, &change, Some(7))
        .await
        .unwrap();
    assert_eq!(port.revision_number, Some(8));
    let sent = requests(&server).await;
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[1].headers["if-match"], "revision_number=7");
    assert_eq!(
        sent[1].body_json::<serde_json::Value>().unwrap(),
        json!({ "port": { "name": "n" } })
    );
}

#[tokio::test]
async fn a_delete_may_carry_the_revision_that_was_read() {
    let server = server().await;
    on("DELETE", &format!("ports/{ID}"), 204, json!({}))
        .mount(&server)
        .await;
    let neutron = connect(&server).await.neutron();
    neutron.delete_port_at(ID, Some(7)).await.unwrap();
    neutron.delete_port_at(ID, None).await.unwrap();
    let sent = requests(&server).await;
    assert_eq!(sent[0].headers["if-match"], "revision_number=7");
    assert!(!sent[1].headers.contains_key("if-match"));
}

/// Leads Neutron to `address`.
async fn cloud_at(keystone: &MockServer, address: String, timeout: Duration) -> Cloud {
    let mut config = config(keystone);
    config.network_endpoint = Some(format!("http://{address}"));
    config.timeout = timeout;
    config.retry.attempts = 3;
    try_connect(config).await.unwrap()
}

#[tokio::test]
async fn a_creation_is_repeated_while_nobody_listens() {
    let keystone = server().await;
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    let error = create(&cloud_at(&keystone, address, Duration::from_secs(20)).await)
        .await
        .unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Connect(_)), "{error}");
    assert_eq!(error.context().attempts, 3);
    assert!(!error.maybe_applied());
}

#[tokio::test]
async fn a_creation_without_answer_may_have_been_carried_out() {
    let keystone = server().await;
    let mute = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = mute.local_addr().unwrap().to_string();
    let error = create(&cloud_at(&keystone, address, Duration::from_millis(200)).await)
        .await
        .unwrap_err();
    assert!(
        matches!(
            error.kind(),
            ErrorKind::Timeout {
                maybe_done: true,
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(error.context().attempts, 1);
    assert!(error.maybe_applied());
}

#[tokio::test]
async fn a_creation_whose_answer_breaks_off_may_have_been_carried_out() {
    let keystone = server().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let (mut peer, _) = listener.accept().await.unwrap();
        let mut request = [0u8; 4096];
        let _ = peer.read(&mut request).await.unwrap();
        peer.write_all(b"HTTP/1.1 201 Created\r\ncontent-length: 500\r\n\r\n{\"network\": {")
            .await
            .unwrap();
    });
    let error = create(&cloud_at(&keystone, address, Duration::from_secs(20)).await)
        .await
        .unwrap_err();
    assert!(
        matches!(
            error.kind(),
            ErrorKind::Disconnected {
                maybe_done: true,
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(error.context().attempts, 1);
}

#[tokio::test]
async fn requests_are_bounded_and_counted() {
    let server = server().await;
    let slow = ResponseTemplate::new(200)
        .set_body_json(json!({ "ports": [] }))
        .set_delay(Duration::from_millis(50));
    wiremock::Mock::given(wiremock::matchers::path("/network/v2.0/ports"))
        .respond_with(slow)
        .mount(&server)
        .await;
    let mut config = config(&server);
    config.concurrency = 2;
    let cloud = try_connect(config).await.unwrap();
    let mut registry = Registry::default();
    cloud.metrics().register(&mut registry);
    let (neutron, query) = (cloud.neutron(), PortQuery::new());
    let lists = futures::future::join_all((0..8).map(|_| neutron.list_ports(&query)));
    let mut most = 0;
    tokio::pin!(lists);
    loop {
        tokio::select! {
            biased;
            done = &mut lists => break assert!(done.iter().all(Result::is_ok)),
            () = tokio::time::sleep(Duration::from_millis(5)) => most = most.max(gauge(&registry)),
        }
    }
    assert_eq!(most, 2);
    assert_eq!(gauge(&registry), 0);
    assert_eq!(cloud.metrics().calls()["list_ports"], 8);
    let text = exposition(&registry);
    let line = r#"kuryr_openstack_request_duration_seconds_count{service="network",operation="list_ports",outcome="ok"} 8"#;
    assert!(text.contains(line), "{text}");
}

#[tokio::test]
async fn a_guard_that_says_no_while_a_write_waits_withholds_it() {
    let server = server().await;
    let slow = ResponseTemplate::new(200)
        .set_body_json(json!({ "ports": [] }))
        .set_delay(Duration::from_millis(200));
    wiremock::Mock::given(wiremock::matchers::path("/network/v2.0/ports"))
        .respond_with(slow)
        .mount(&server)
        .await;
    wiremock::Mock::given(wiremock::matchers::method("DELETE"))
        .respond_with(ResponseTemplate::new(204))
        .expect(0)
        .mount(&server)
        .await;
    let mut config = config(&server);
    config.concurrency = 1;
    let cloud = try_connect(config).await.unwrap();
    let open = Arc::new(AtomicBool::new(true));
    let asked = open.clone();
    cloud.guard_writes(move || asked.load(Ordering::SeqCst));
    let (neutron, query) = (cloud.neutron(), PortQuery::new());
    // The list has the only permit; the guard closes while the deletion waits for it.
    let (listed, deleted, ()) = tokio::join!(
        neutron.list_ports(&query),
        neutron.delete_port("p1"),
        async { open.store(false, Ordering::SeqCst) },
    );
    assert!(listed.is_ok(), "reads are not withheld");
    let error = deleted.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Withheld), "{error}");
    assert!(!error.maybe_applied());
}

fn exposition(registry: &Registry) -> String {
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, registry).unwrap();
    text
}

fn gauge(registry: &Registry) -> i64 {
    let text = exposition(registry);
    let line = text
        .lines()
        .find(|l| l.starts_with("kuryr_openstack_requests_in_flight "))
        .unwrap();
    line.rsplit(' ').next().unwrap().parse().unwrap()
}
