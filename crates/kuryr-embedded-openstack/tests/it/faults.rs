//! Faults on purpose, and the log of calls.

use std::time::Duration;

use kuryr_embedded_openstack::{Effect, Fault, Settings};
use serde_json::{Value, json};

use crate::support::Served;

async fn served() -> (Served, Value) {
    let served = Served::new(Settings::default()).await;
    let network = served.network().await;
    (served, json!({"port": {"network_id": network}}))
}

async fn count(served: &Served) -> usize {
    served
        .call("GET", "/v2.0/ports?fields=id", None)
        .await
        .json()["ports"]
        .as_array()
        .unwrap()
        .len()
}

#[tokio::test]
async fn a_limit_is_answered_with_retry_after() {
    let (served, port) = served().await;
    let limit = Effect::TooManyRequests(Some(Duration::from_secs(7)));
    served
        .openstack
        .faults()
        .add(Fault::once("POST", "ports", limit));
    let answer = served.call("POST", "/v2.0/ports", Some(port.clone())).await;
    assert_eq!(
        (
            answer.status,
            answer.headers["retry-after"].to_str().unwrap()
        ),
        (429, "7")
    );
    assert_eq!(
        served.call("POST", "/v2.0/ports", Some(port)).await.status,
        201
    );
}

#[tokio::test]
async fn an_answer_may_be_lost_before_or_after_the_call_is_carried_out() {
    let (served, port) = served().await;
    for (effect, made) in [
        (Effect::DropBefore, 0),
        (Effect::DropAfter, 1),
        (Effect::Truncated, 2),
    ] {
        served
            .openstack
            .faults()
            .add(Fault::once("POST", "ports", effect.clone()));
        assert!(
            served
                .try_call("POST", "/v2.0/ports", Some(port.clone()))
                .await
                .is_err(),
            "{effect:?}"
        );
        assert_eq!(count(&served).await, made, "{effect:?}");
    }
}

#[tokio::test]
async fn answers_may_be_nonsense() {
    let (served, _) = served().await;
    let faults = served.openstack.faults();
    faults.add(Fault::once("GET", "ports", Effect::Html));
    let html = served.call("GET", "/v2.0/ports", None).await;
    assert!(html.status == 200 && html.text.starts_with("<!DOCTYPE html>"));
    faults.add(Fault::once("GET", "networks", Effect::WrongTypes));
    let wrong = served.call("GET", "/v2.0/networks", None).await.json();
    assert_eq!(wrong["networks"][0]["name"], 42);
    faults.add(Fault::once("GET", "ports", Effect::Huge(10 << 20)));
    let huge = served.call("GET", "/v2.0/ports", None).await;
    assert!(huge.text.len() > 10 << 20 && huge.json()["ports"].is_array());
    faults.add(Fault::once("GET", "ports", Effect::Unavailable));
    assert_eq!(served.call("GET", "/v2.0/ports", None).await.status, 503);
}

#[tokio::test]
async fn a_bulk_may_be_carried_out_in_part() {
    let (served, port) = served().await;
    served
        .openstack
        .faults()
        .add(Fault::once("POST", "ports", Effect::Partial(2)));
    let bulk = json!({"ports": [port["port"], port["port"], port["port"]]});
    assert_eq!(
        served.call("POST", "/v2.0/ports", Some(bulk)).await.status,
        500
    );
    assert_eq!(count(&served).await, 2);
}

#[tokio::test]
async fn calls_are_logged_by_operation() {
    let (served, port) = served().await;
    let calls = served.openstack.calls();
    calls.clear();
    let made = served
        .call(
            "POST",
            "/v2.0/ports",
            Some(json!({"ports": [port["port"], port["port"]]})),
        )
        .await;
    let id = made.json()["ports"][0]["id"].as_str().unwrap().to_owned();
    served.call("GET", &format!("/v2.0/ports/{id}"), None).await;
    served
        .call("DELETE", &format!("/v2.0/ports/{id}"), None)
        .await;
    served
        .openstack
        .faults()
        .add(Fault::once("GET", "ports", Effect::DropBefore));
    let _ = served.try_call("GET", "/v2.0/ports", None).await;
    assert_eq!(
        (
            calls.count("GET", "ports/{id}"),
            calls.count("POST", "ports")
        ),
        (1, 1)
    );
    assert_eq!(calls.changing(), 2);
    let all = calls.all();
    assert_eq!((all[0].items, all[0].status), (2, 201));
    let id = made.headers["x-openstack-request-id"].to_str().unwrap();
    assert_eq!(all[0].request_id, id);
    assert!(
        all.iter().any(|call| call.status == 0),
        "the dropped one, of which the client may repeat"
    );
}
