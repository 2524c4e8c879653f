//! Faults that tests of the product inject.

use std::time::Duration;

use axum::http::Method;
use kuryr_embedded_kubernetes::{Fault, FaultRule};
use serde_json::json;

use crate::support::{CONFIG_MAPS, Cluster, config_map, next, next_brief};

fn rule(code: u16, times: u32) -> FaultRule {
    FaultRule {
        method: Some(Method::POST),
        contains: "/configmaps".to_owned(),
        times,
        fault: Fault::Answer {
            code,
            retry_after: Some(1),
        },
    }
}

#[tokio::test]
async fn a_rule_answers_in_place_of_the_request() {
    let cluster = Cluster::start().await;
    cluster.api.faults().add(rule(429, 1));
    let (code, status) = cluster.post(CONFIG_MAPS, config_map("a", json!({}))).await;
    assert_eq!((code, &status["reason"]), (429, &json!("TooManyRequests")));
    assert_eq!(status["details"]["retryAfterSeconds"], 1);
    cluster
        .create(CONFIG_MAPS, config_map("a", json!({})))
        .await;
    assert_eq!(cluster.api.faults().left(), 0);
}

#[tokio::test]
async fn a_delay_lets_the_request_through() {
    let cluster = Cluster::start().await;
    cluster.api.faults().add(FaultRule {
        fault: Fault::Delay(Duration::from_millis(10)),
        ..rule(0, 1)
    });
    cluster
        .create(CONFIG_MAPS, config_map("a", json!({})))
        .await;
    assert_eq!(cluster.api.faults().left(), 0);
}

#[tokio::test]
async fn watches_are_dropped_without_a_word_or_expire() {
    let cluster = Cluster::start().await;
    cluster
        .create(CONFIG_MAPS, config_map("a", json!({})))
        .await;
    let path = format!("{CONFIG_MAPS}?watch=true");
    let mut lines = cluster.watch(&path).await;
    assert_eq!(next_brief(&mut lines).await, "ADDED a");
    cluster.api.faults().drop_watches();
    assert_eq!(next(&mut lines).await["type"], "END");

    let mut lines = cluster.watch(&path).await;
    assert_eq!(next_brief(&mut lines).await, "ADDED a");
    cluster.api.expire_history();
    assert_eq!(next(&mut lines).await["object"]["code"], 410);
}

#[tokio::test]
async fn a_server_that_is_down_breaks_connections_and_comes_back_as_it_was() {
    let cluster = Cluster::start().await;
    cluster
        .create(CONFIG_MAPS, config_map("a", json!({})))
        .await;
    let mut lines = cluster.watch(&format!("{CONFIG_MAPS}?watch=true")).await;
    assert_eq!(next_brief(&mut lines).await, "ADDED a");
    cluster.api.go_down();
    assert!(matches!(
        next(&mut lines).await["type"].as_str(),
        Some("BROKEN" | "END")
    ));
    assert!(cluster.client.apiserver_version().await.is_err());
    cluster.api.come_back();
    assert_eq!(cluster.get(&format!("{CONFIG_MAPS}/a")).await.0, 200);
}

#[tokio::test]
async fn after_shutdown_nobody_listens() {
    let cluster = Cluster::start().await;
    let address = cluster.api.address();
    cluster.api.shutdown().await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}
