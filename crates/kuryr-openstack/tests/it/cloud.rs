//! A Keystone of canned answers whose catalogue leads to the same server's `/network` and `/lb`.

use std::sync::Arc;
use std::time::Duration;

use kuryr_openstack::config::{Auth, Domain, Scope, User};
use kuryr_openstack::{Cloud, CloudConfig, Error, Metrics, OwnershipMark, RetryPolicy};
use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

pub const PASSWORD: &str = "correct-horse-battery";
pub const PROJECT: &str = "00d9730868a247328d4dd61d3ccc5fce";

/// An answer to a login: a token that lives for `seconds`.
pub fn token(server: &MockServer, name: &str, seconds: u32) -> ResponseTemplate {
    ResponseTemplate::new(201)
        .insert_header("x-subject-token", name)
        .set_body_json(token_body(&server.uri(), seconds))
}

pub fn token_body(at: &str, seconds: u32) -> Value {
    let endpoint = |region: &str, interface: &str, url: String| {
        json!({ "id": format!("{region}-{interface}"), "interface": interface, "region": region, "region_id": region,
            "url": url })
    };
    let service = |kind: &str, endpoints: Value| json!({ "id": kind, "name": kind, "type": kind, "endpoints": endpoints });
    let (minutes, seconds) = (seconds / 60, seconds % 60);
    json!({ "token": {
        "methods": ["password"],
        "issued_at": "2030-01-01T00:00:00.000000Z",
        "expires_at": format!("2030-01-01T00:{minutes:02}:{seconds:02}.000000Z"),
        "project": { "id": PROJECT, "name": "k8s", "domain": { "id": "default", "name": "Default" } },
        "user": { "id": "u1", "name": "kuryr", "domain": { "id": "default", "name": "Default" } },
        "catalog": [
            service("identity", json!([endpoint("One", "public", format!("{at}/v3/"))])),
            service("network", json!([
                endpoint("One", "public", format!("{at}/network")),
                endpoint("One", "internal", format!("{at}/internal/v2.0/")),
                endpoint("Two", "public", format!("{at}/two/")),
            ])),
            service("load-balancer", json!([endpoint("One", "public", format!("{at}/lb"))])),
        ],
    } })
}

/// A server whose Keystone gives one token for half an hour.
pub async fn server() -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/v3/auth/tokens"))
        .respond_with(token(&server, "token-1", 1800))
        .mount(&server)
        .await;
    server
}

pub fn config(server: &MockServer) -> CloudConfig {
    let domain = || Domain::Name("Default".to_owned());
    let user = User::Name {
        name: "kuryr".to_owned(),
        domain: domain(),
    };
    let mut config = CloudConfig::new(
        server.uri(),
        Auth::Password {
            user,
            password: PASSWORD.into(),
        },
    );
    config.project = Scope::Name {
        name: "k8s".to_owned(),
        domain: domain(),
    };
    config.retry = RetryPolicy {
        initial: Duration::from_millis(1),
        ..RetryPolicy::default()
    };
    config.timeout = Duration::from_secs(20);
    config
}

pub async fn try_connect(config: CloudConfig) -> Result<Cloud, Error> {
    Cloud::connect(config, Arc::new(Metrics::new())).await
}

pub async fn connect(server: &MockServer) -> Cloud {
    try_connect(config(server)).await.unwrap()
}

pub fn mark() -> OwnershipMark {
    OwnershipMark {
        tag: "kuryr:c".to_owned(),
        description: "kuryr c".to_owned(),
    }
}

/// Answers `verb` on `at` (below Neutron's version) with `status` and `body`.
pub fn on(verb: &str, at: &str, status: u16, body: Value) -> Mock {
    Mock::given(method(verb))
        .and(path(format!("/network/v2.0/{at}")))
        .respond_with(json_answer(status, body))
}

/// Answers `verb` on `at` (below Octavia's version) with `status` and `body`.
pub fn lb_on(verb: &str, at: &str, status: u16, body: Value) -> Mock {
    Mock::given(method(verb))
        .and(path(format!("/lb/v2/lbaas/{at}")))
        .respond_with(json_answer(status, body))
}

pub fn octavia_error(message: &str) -> Value {
    json!({ "faultcode": "Client", "faultstring": message, "debuginfo": null })
}

pub fn json_answer(status: u16, body: Value) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(body)
}

pub fn neutron_error(kind: &str, message: &str) -> Value {
    json!({ "NeutronError": { "type": kind, "message": message, "detail": "" } })
}

/// Requests that reached Neutron.
pub async fn requests(server: &MockServer) -> Vec<Request> {
    let all = server.received_requests().await.unwrap();
    all.into_iter()
        .filter(|r| !r.url.path().starts_with("/v3/"))
        .collect()
}

pub async fn logins(server: &MockServer) -> Vec<Value> {
    let all = server.received_requests().await.unwrap();
    all.iter()
        .filter(|r| r.url.path() == "/v3/auth/tokens")
        .map(|r| r.body_json().unwrap())
        .collect()
}
