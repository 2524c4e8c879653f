//! What is made of answers: errors by kind, and answers that are none.

use std::time::Duration;

use kuryr_openstack::{Cloud, ConflictKind, Error, ErrorKind, PortQuery};
use serde_json::{Value, json};
use wiremock::matchers::path;
use wiremock::{Mock, ResponseTemplate};

use crate::cloud::*;

const PORT: &str = "4c3a3a1e-7a35-4d7c-9d0c-2b1f0a3c9d55";

async fn delete_answered(answer: ResponseTemplate) -> Error {
    let server = server().await;
    Mock::given(path(format!("/network/v2.0/ports/{PORT}")))
        .respond_with(answer)
        .mount(&server)
        .await;
    let mut config = config(&server);
    config.retry.attempts = 1;
    try_connect(config)
        .await
        .unwrap()
        .neutron()
        .delete_port(PORT)
        .await
        .unwrap_err()
}

async fn list_answered(answer: ResponseTemplate) -> Error {
    let server = server().await;
    Mock::given(path("/network/v2.0/ports"))
        .respond_with(answer)
        .mount(&server)
        .await;
    let mut config = config(&server);
    config.max_answer = 100_000;
    list(&try_connect(config).await.unwrap()).await
}

async fn list(cloud: &Cloud) -> Error {
    cloud
        .neutron()
        .list_ports(&PortQuery::new())
        .await
        .unwrap_err()
}

fn bad(error: &Error) -> (&str, &str) {
    match error.kind() {
        ErrorKind::BadAnswer { what, excerpt } => (what, excerpt),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_error_says_what_was_tried_and_what_came_back() {
    let message = format!("Port {PORT} is currently a subport for trunk 9.");
    let answer = json_answer(409, neutron_error("PortInUseAsSubPort", &message))
        .insert_header("x-openstack-request-id", "req-77");
    let error = delete_answered(answer).await;
    assert_eq!(error.conflict(), Some(&ConflictKind::PortInUse));
    let want = format!(
        "delete_port of port {PORT} (DELETE ports/{PORT} answered 409 PortInUseAsSubPort, req-77): \
         conflict (port_in_use): {message}"
    );
    assert_eq!(error.to_string(), want);
}

#[tokio::test]
async fn statuses_map_to_kinds() {
    for (status, kind, want) in [
        (400, "InvalidInput", "bad_request"),
        (403, "PolicyNotAuthorized", "forbidden"),
        (404, "PortNotFound", "not_found"),
        (405, "", "bad_request"),
        (409, "OverQuota", "over_quota"),
        (409, "IpAddressGenerationFailure", "ip_exhausted"),
        (412, "RevisionNumberConstraintFailed", "revision_mismatch"),
        (413, "OverQuota", "over_quota"),
        (429, "", "rate_limited"),
        (500, "HTTPInternalServerError", "server_error"),
        (501, "", "unsupported"),
        (503, "", "server_error"),
    ] {
        let error = delete_answered(json_answer(status, neutron_error(kind, "m"))).await;
        assert_eq!(error.outcome(), want, "{status} {kind}");
        assert_eq!(error.context().status, Some(status));
    }
}

#[tokio::test]
async fn octavias_words_are_understood() {
    let fault =
        |words: &str| json!({ "faultcode": "Client", "faultstring": words, "debuginfo": null });
    let busy = fault("Load Balancer 5c is immutable and cannot be updated.");
    let error = delete_answered(json_answer(409, busy)).await;
    assert_eq!(error.conflict(), Some(&ConflictKind::Immutable));
    assert!(error.is_retryable());
    let full = fault("Quota has been met for resources: Load Balancer");
    assert!(
        delete_answered(json_answer(403, full))
            .await
            .is_over_quota()
    );
}

#[tokio::test]
async fn retry_after_is_read() {
    let answer = json_answer(429, neutron_error("", "slow down")).insert_header("retry-after", "7");
    assert_eq!(
        delete_answered(answer).await.retry_after(),
        Some(Duration::from_secs(7))
    );
    let dated =
        json_answer(503, json!({})).insert_header("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT");
    assert_eq!(delete_answered(dated).await.retry_after(), None);
}

#[tokio::test]
async fn a_proxys_page_does_not_mean_that_the_object_is_gone() {
    let page = ResponseTemplate::new(404).set_body_string("<html><h1>404 Not Found</h1>");
    let error = delete_answered(page).await;
    assert!(!error.is_not_found());
    assert!(bad(&error).1.starts_with("<html>"));
}

#[tokio::test]
async fn html_with_200_is_a_bad_answer() {
    let error =
        list_answered(ResponseTemplate::new(200).set_body_string("<html>Welcome</html>")).await;
    assert_eq!(bad(&error).1, "<html>Welcome</html>");
}

#[tokio::test]
async fn wrong_shapes_are_bad_answers() {
    for body in [
        json!([]),
        json!({}),
        json!({ "ports": {} }),
        json!({ "ports": [{ "name": "without id" }] }),
        json!({ "ports": [{ "id": 7 }] }),
        json!({ "ports": [{ "id": "../networks/x" }] }),
        json!({ "ports": [{ "id": "a", "fixed_ips": [{ "subnet_id": "s", "ip_address": "1.2.3" }] }] }),
        json!({ "ports": [{ "id": "a", "tags": "kuryr" }] }),
        json!({ "ports": [], "ports_links": "x" }),
    ] {
        let error = list_answered(json_answer(200, body.clone())).await;
        assert_eq!(error.outcome(), "bad_answer", "{body}");
    }
}

#[tokio::test]
async fn cut_off_json_is_a_bad_answer_with_a_short_excerpt() {
    let cut = format!(
        "{{\"ports\": [{{\"id\": \"a\", \"name\": \"{}",
        "x".repeat(5000)
    );
    let error = list_answered(ResponseTemplate::new(200).set_body_string(cut)).await;
    let (what, excerpt) = bad(&error);
    assert!(what.contains("EOF"), "{what}");
    assert_eq!(excerpt.chars().count(), 256);
}

#[tokio::test]
async fn an_answer_beyond_the_bound_is_not_read() {
    let error = list_answered(ResponseTemplate::new(200).set_body_bytes(vec![b' '; 200_000])).await;
    assert!(bad(&error).0.contains("100000 bytes"), "{error}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let answer = ResponseTemplate::new(302).insert_header("location", "http://127.0.0.1:9/steal");
    assert_eq!(list_answered(answer).await.outcome(), "bad_answer");
}

#[tokio::test]
async fn unknown_and_null_fields_are_no_matter() {
    let server = server().await;
    let port = json!({ "id": PORT, "name": null, "tags": null, "fixed_ips": null, "status": "NEW_WORD",
        "revision_number": 4, "something": { "new": [1] } });
    on(
        "GET",
        &format!("ports/{PORT}"),
        200,
        json!({ "port": port }),
    )
    .mount(&server)
    .await;
    let read = connect(&server)
        .await
        .neutron()
        .get_port(PORT)
        .await
        .unwrap();
    assert_eq!(
        (read.id.as_str(), read.revision_number, read.status.as_str()),
        (PORT, Some(4), "NEW_WORD")
    );
}

#[tokio::test]
async fn an_answer_to_a_creation_that_is_no_use_may_have_been_carried_out() {
    let server = server().await;
    on("POST", "networks", 201, json!({ "network": "x" }))
        .expect(1)
        .mount(&server)
        .await;
    let error = connect(&server)
        .await
        .neutron()
        .create_network(&Default::default())
        .await
        .unwrap_err();
    assert!(error.maybe_applied());
}

#[tokio::test]
async fn an_id_that_leads_elsewhere_is_not_sent() {
    let server = server().await;
    let cloud = connect(&server).await;
    for id in ["", "..", "a/b", "a?b", "a#b", "%2e%2e", "a b"] {
        let error = cloud.neutron().delete_port(id).await.unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::Argument(_)),
            "{id:?}: {error}"
        );
    }
    assert!(requests(&server).await.is_empty());
}

#[tokio::test]
async fn quotas_are_read_with_and_without_details() {
    let quota = |extensions: Value, at: &'static str, body: Value| async move {
        let server = server().await;
        on(
            "GET",
            "extensions",
            200,
            json!({ "extensions": extensions }),
        )
        .mount(&server)
        .await;
        on(
            "GET",
            &format!("quotas/{PROJECT}{at}"),
            200,
            json!({ "quota": body }),
        )
        .mount(&server)
        .await;
        connect(&server).await.neutron().quota().await.unwrap()
    };
    let details = json!({ "port": { "limit": 100, "used": "40", "reserved": 2 }, "network": { "limit": -1, "used": 3, "reserved": 0 } });
    let full = quota(json!([{ "alias": "quota_details" }]), "/details", details).await;
    assert_eq!(
        (full.free("port"), full.free("network"), full.free("trunk")),
        (Some(58), None, None)
    );
    let limits = quota(json!([]), "", json!({ "port": 100 })).await;
    assert_eq!(
        (limits.items["port"].limit, limits.free("port")),
        (100, None)
    );
}
