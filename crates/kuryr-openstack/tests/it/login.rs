//! Logging in, choosing endpoints, renewing the token.

use kuryr_openstack::config::{Auth, Credential, Domain, Interface, Scope, User};
use kuryr_openstack::{Call, ErrorKind, PortQuery, Service};
use serde_json::{Value, json};
use wiremock::matchers::{body_partial_json, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::cloud::*;

fn empty() -> Value {
    json!({ "ports": [] })
}

async fn list(cloud: &kuryr_openstack::Cloud) -> Result<usize, kuryr_openstack::Error> {
    cloud
        .neutron()
        .list_ports(&PortQuery::new())
        .await
        .map(|p| p.len())
}

#[tokio::test]
async fn a_password_logs_in_and_its_token_is_sent() {
    let server = server().await;
    on("GET", "ports", 200, empty()).mount(&server).await;
    let cloud = connect(&server).await;
    assert_eq!(cloud.project_id(), PROJECT);
    assert_eq!(list(&cloud).await.unwrap(), 0);
    let auth = &logins(&server).await[0]["auth"];
    assert_eq!(auth["identity"]["methods"], json!(["password"]));
    let user = json!({ "name": "kuryr", "password": PASSWORD, "domain": { "name": "Default" } });
    assert_eq!(auth["identity"]["password"]["user"], user);
    assert_eq!(
        auth["scope"],
        json!({ "project": { "name": "k8s", "domain": { "name": "Default" } } })
    );
    assert_eq!(
        requests(&server).await[0].headers["x-auth-token"],
        "token-1"
    );
}

#[tokio::test]
async fn an_application_credential_logs_in_without_scope() {
    let server = server().await;
    let mut config = config(&server);
    config.project = Scope::Unset;
    config.auth = Auth::ApplicationCredential {
        credential: Credential::Id("ac1".to_owned()),
        secret: "s".into(),
    };
    let cloud = try_connect(config).await.unwrap();
    assert_eq!(cloud.project_id(), PROJECT);
    let auth = &logins(&server).await[0]["auth"];
    let want = json!({ "methods": ["application_credential"], "application_credential": { "id": "ac1", "secret": "s" } });
    assert_eq!(auth["identity"], want);
    assert!(auth["scope"].is_null());
}

#[tokio::test]
async fn an_application_credential_logs_in_by_name_too() {
    let server = MockServer::start().await;
    let body = json!({ "auth": { "identity": { "application_credential": {
        "name": "mine", "secret": "s", "user": { "name": "kuryr", "domain": { "id": "default" } } } } } });
    Mock::given(body_partial_json(body))
        .respond_with(token(&server, "t1", 1800))
        .expect(1)
        .mount(&server)
        .await;
    let mut config = config(&server);
    let user = User::Name {
        name: "kuryr".to_owned(),
        domain: Domain::Id("default".to_owned()),
    };
    let credential = Credential::Name {
        name: "mine".to_owned(),
        user,
    };
    config.auth = Auth::ApplicationCredential {
        credential,
        secret: "s".into(),
    };
    try_connect(config).await.unwrap();
}

#[tokio::test]
async fn a_given_token_is_traded_for_one_of_the_project_and_not_renewed() {
    let server = server().await;
    on(
        "GET",
        "ports",
        401,
        neutron_error("", "Authentication required"),
    )
    .mount(&server)
    .await;
    let mut config = config(&server);
    config.auth = Auth::Token {
        token: "given".into(),
    };
    let cloud = try_connect(config).await.unwrap();
    let error = list(&cloud).await.unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::Unauthorized(_)),
        "{error}"
    );
    let logins = logins(&server).await;
    assert_eq!(logins.len(), 1);
    assert_eq!(
        logins[0]["auth"]["identity"],
        json!({ "methods": ["token"], "token": { "id": "given" } })
    );
}

#[tokio::test]
async fn refused_credentials_are_unauthorized_and_not_tried_again() {
    let server = MockServer::start().await;
    let body = json!({ "error": { "code": 401, "message": "The request you have made requires authentication.",
        "title": "Unauthorized" } });
    Mock::given(method("POST"))
        .respond_with(json_answer(401, body))
        .expect(1)
        .mount(&server)
        .await;
    let error = try_connect(config(&server)).await.unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::Unauthorized(m) if m.contains("requires authentication")),
        "{error}"
    );
    assert_eq!(error.context().operation, "login");
}

#[tokio::test]
async fn a_keystone_that_recovers_is_waited_for() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(503).set_body_string("<html>"))
        .up_to_n_times(2)
        .mount(&server)
        .await;
    Mock::given(method("POST"))
        .respond_with(token(&server, "t", 1800))
        .mount(&server)
        .await;
    connect(&server).await;
    assert_eq!(logins(&server).await.len(), 3);
}

#[tokio::test]
async fn no_keystone_at_the_url_is_not_an_object_not_found() {
    let server = MockServer::start().await;
    let error = try_connect(config(&server)).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Catalog(_)), "{error}");
}

#[tokio::test]
async fn region_and_interface_choose_the_endpoint() {
    let server = server().await;
    let answer = |at: &str| {
        Mock::given(path(at))
            .respond_with(json_answer(200, empty()))
            .expect(1)
    };
    answer("/two/v2.0/ports").mount(&server).await;
    answer("/internal/v2.0/ports").mount(&server).await;
    let mut second = config(&server);
    second.region = Some("Two".to_owned());
    list(&try_connect(second).await.unwrap()).await.unwrap();
    let mut internal = config(&server);
    internal.interface = Interface::Internal;
    let internal = try_connect(internal).await.unwrap();
    list(&internal).await.unwrap();
    assert!(
        internal.octavia().is_none(),
        "there is no internal load-balancer entry"
    );
}

#[tokio::test]
async fn a_region_without_neutron_is_said() {
    let server = server().await;
    let mut config = config(&server);
    config.region = Some("Three".to_owned());
    let error = try_connect(config).await.unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::Catalog(m) if m.contains("network")),
        "{error}"
    );
}

#[tokio::test]
async fn an_endpoint_override_takes_the_catalogues_place() {
    let server = server().await;
    Mock::given(path("/elsewhere/v2.0/ports"))
        .respond_with(json_answer(200, empty()))
        .expect(1)
        .mount(&server)
        .await;
    let mut config = config(&server);
    config.network_endpoint = Some(format!("{}/elsewhere", server.uri()));
    list(&try_connect(config).await.unwrap()).await.unwrap();
}

#[tokio::test]
async fn octavia_is_reached_by_generic_calls() {
    let server = server().await;
    let body = json!({ "loadbalancers": [{ "id": "lb1" }] });
    Mock::given(path("/lb/v2/lbaas/loadbalancers"))
        .respond_with(json_answer(200, body))
        .mount(&server)
        .await;
    let octavia = connect(&server).await.octavia().unwrap();
    let call = Call::get(
        Service::LoadBalancer,
        "list_loadbalancers",
        "lbaas/loadbalancers",
    );
    let found: Vec<Value> = octavia
        .request(&call)
        .await
        .unwrap()
        .json("loadbalancers")
        .unwrap();
    assert_eq!(found[0]["id"], "lb1");
}

/// Keystone gives `old` first, then `new`.
async fn two_tokens(old: u32) -> MockServer {
    let server = MockServer::start().await;
    let login = || Mock::given(method("POST")).and(path("/v3/auth/tokens"));
    login()
        .respond_with(token(&server, "old", old))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    login()
        .respond_with(token(&server, "new", 1800))
        .mount(&server)
        .await;
    let with =
        |name: &str| Mock::given(path("/network/v2.0/ports")).and(header("x-auth-token", name));
    with("old")
        .respond_with(json_answer(
            401,
            neutron_error("", "Authentication required"),
        ))
        .mount(&server)
        .await;
    with("new")
        .respond_with(json_answer(200, empty()))
        .mount(&server)
        .await;
    server
}

#[tokio::test]
async fn a_refused_token_is_renewed_and_the_call_sent_again() {
    let server = two_tokens(1800).await;
    let cloud = connect(&server).await;
    list(&cloud).await.unwrap();
    assert_eq!(requests(&server).await.len(), 2);
    let logins = logins(&server).await;
    assert_eq!(logins.len(), 2);
    assert_eq!(
        logins[1]["auth"]["identity"]["methods"],
        json!(["password"]),
        "a token would not live longer"
    );
}

#[tokio::test]
async fn many_calls_that_are_refused_log_in_once() {
    let server = two_tokens(1800).await;
    let cloud = connect(&server).await;
    let all = futures::future::join_all((0..12).map(|_| list(&cloud))).await;
    assert!(all.iter().all(Result::is_ok));
    assert_eq!(logins(&server).await.len(), 2);
}

#[tokio::test]
async fn a_token_that_is_refused_again_ends_the_call() {
    let server = server().await;
    on(
        "GET",
        "ports",
        401,
        neutron_error("", "Authentication required"),
    )
    .mount(&server)
    .await;
    let cloud = connect(&server).await;
    let error = list(&cloud).await.unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::Unauthorized(_)),
        "{error}"
    );
    assert_eq!(requests(&server).await.len(), 2);
}

#[tokio::test]
async fn a_token_about_to_end_is_renewed_before_it_is_sent() {
    let server = two_tokens(0).await;
    let cloud = connect(&server).await;
    list(&cloud).await.unwrap();
    let sent = requests(&server).await;
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].headers["x-auth-token"], "new");
}

#[tokio::test]
async fn a_failed_renewal_does_not_pass_for_the_call() {
    let server = MockServer::start().await;
    let login = || Mock::given(method("POST")).and(path("/v3/auth/tokens"));
    login()
        .respond_with(token(&server, "old", 1800))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    login()
        .respond_with(ResponseTemplate::new(500).set_body_string("down"))
        .mount(&server)
        .await;
    on(
        "POST",
        "networks",
        401,
        neutron_error("", "Authentication required"),
    )
    .mount(&server)
    .await;
    let cloud = connect(&server).await;
    let error = cloud
        .neutron()
        .create_network(&Default::default())
        .await
        .unwrap_err();
    assert_eq!(error.context().operation, "login");
    assert!(matches!(error.kind(), ErrorKind::Server { .. }), "{error}");
    assert!(!error.maybe_applied(), "the network was refused, not made");
    assert_eq!(error.context().attempts, 5);
}

#[tokio::test]
async fn unusable_settings_are_said_before_anything_is_sent() {
    let server = server().await;
    let mut bad = config(&server);
    bad.auth_url = "ftp://x".to_owned();
    assert!(matches!(
        try_connect(bad).await.unwrap_err().kind(),
        ErrorKind::Config(_)
    ));
    let mut bad = config(&server);
    bad.auth_url = format!("{}/v2.0", server.uri());
    assert!(
        matches!(try_connect(bad).await.unwrap_err().kind(), ErrorKind::Config(m) if m.contains("v3"))
    );
    let mut bad = config(&server);
    bad.project = Scope::Unset;
    assert!(
        matches!(try_connect(bad).await.unwrap_err().kind(), ErrorKind::Config(m) if m.contains("project"))
    );
    assert_eq!(logins(&server).await.len(), 0);
}

#[tokio::test]
async fn a_user_who_needs_a_second_factor_is_told_so() {
    let server = MockServer::start().await;
    let body = json!({ "receipt": { "methods": ["password"] }, "required_auth_methods": [["totp", "password"]] });
    Mock::given(method("POST"))
        .respond_with(json_answer(401, body).insert_header("openstack-auth-receipt", "r"))
        .mount(&server)
        .await;
    let error = try_connect(config(&server)).await.unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::Unauthorized(m) if m.contains("second factor")),
        "{error}"
    );
}

#[tokio::test]
async fn an_answer_that_is_no_token_is_said() {
    let server = MockServer::start().await;
    for (answer, want) in [
        (json!({ "token": { "expires_at": "soon" } }), "token"),
        (token_body(&server.uri(), 1800), "x-subject-token"),
    ] {
        server.reset().await;
        Mock::given(method("POST"))
            .respond_with(json_answer(201, answer))
            .mount(&server)
            .await;
        let error = try_connect(config(&server)).await.unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::BadAnswer { .. }),
            "{error}"
        );
        assert!(error.to_string().contains(want), "{error}");
    }
}
