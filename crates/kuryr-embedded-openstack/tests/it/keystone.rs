//! Keystone over HTTP.

use std::time::Duration;

use kuryr_embedded_openstack::Settings;
use serde_json::{Value, json};

use crate::support::{Answer, Served, password};

fn credential(id: &str, secret: &str) -> Value {
    json!({"auth": {"identity": {
        "methods": ["application_credential"], "application_credential": {"id": id, "secret": secret}}}})
}

async fn get(served: &Served, path: &str, headers: &[(&str, &str)]) -> Answer {
    let root = served.openstack.auth_url().replace("/v3", "");
    let mut request = served.http.get(format!("{root}{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Answer::of(request.send().await.unwrap()).await.unwrap()
}

#[tokio::test]
async fn versions_are_found() {
    let served = Served::new(Settings::default()).await;
    let root = get(&served, "/", &[]).await;
    assert_eq!(root.status, 300);
    assert_eq!(root.json()["versions"]["values"][0]["id"], "v3.14");
    let version = get(&served, "/v3", &[]).await.json();
    assert_eq!(
        version["version"]["links"][0]["href"],
        format!("{}/", served.openstack.auth_url())
    );
}

#[tokio::test]
async fn a_token_names_project_roles_and_catalog() {
    let served = Served::new(Settings {
        regions: vec!["one".into(), "two".into()],
        ..Settings::default()
    })
    .await;
    let answer = served
        .authenticate(&password("kuryr", "kuryr", "k8s"))
        .await;
    assert_eq!(answer.status, 201);
    let token = answer.json()["token"].clone();
    assert_eq!(
        (&token["project"]["name"], &token["user"]["name"]),
        (&json!("k8s"), &json!("kuryr"))
    );
    assert_eq!(token["roles"][0]["name"], "member");
    let catalog = token["catalog"].as_array().unwrap();
    for service in ["identity", "network", "load-balancer"] {
        let service = catalog
            .iter()
            .find(|entry| entry["type"] == service)
            .unwrap();
        assert_eq!(
            service["endpoints"].as_array().unwrap().len(),
            6,
            "three interfaces in two regions"
        );
    }
}

#[tokio::test]
async fn wrong_credentials_are_refused_alike() {
    let served = Served::new(Settings::default()).await;
    let made = |state: &mut kuryr_embedded_openstack::State| {
        state
            .identity
            .create_application_credential("kuryr", "app")
            .unwrap()
    };
    let app = served.openstack.handle().with(made);
    let wrong = [
        password("kuryr", "wrong", "k8s"),
        password("nobody", "kuryr", "k8s"),
        password("kuryr", "kuryr", "admin"),
        credential(&app.id, "wrong"),
    ];
    for body in wrong {
        let answer = served.authenticate(&body).await;
        assert_eq!(answer.status, 401, "{body}");
        let message = "The request you have made requires authentication.";
        assert_eq!(
            answer.json(),
            json!({"error": {"code": 401, "message": message, "title": "Unauthorized"}})
        );
    }
    assert_eq!(served.authenticate(&json!({"auth": {}})).await.status, 400);
    let token = json!({"auth": {"identity": {"methods": ["token"], "token": {"id": "wrong"}}}});
    assert_eq!(served.authenticate(&token).await.status, 404);
    let answer = served.authenticate(&credential(&app.id, &app.secret)).await;
    assert_eq!(
        (answer.status, &answer.json()["token"]["project"]["name"]),
        (201, &json!("k8s"))
    );
}

#[tokio::test]
async fn a_token_gets_another_and_is_looked_at_and_revoked() {
    let served = Served::new(Settings::default()).await;
    let scope = json!({"project": {"name": "k8s", "domain": {"name": "Default"}}});
    let rescope = json!({"auth": {
        "identity": {"methods": ["token"], "token": {"id": served.token}}, "scope": scope}});
    assert_eq!(served.authenticate(&rescope).await.status, 201);
    let own = [
        ("x-auth-token", served.token.as_str()),
        ("x-subject-token", served.token.as_str()),
    ];
    assert_eq!(get(&served, "/v3/auth/tokens", &own).await.status, 200);
    let other = [
        ("x-auth-token", served.token.as_str()),
        ("x-subject-token", "nonsense"),
    ];
    assert_eq!(get(&served, "/v3/auth/tokens", &other).await.status, 404);
    assert_eq!(served.call("GET", "/v2.0/ports", None).await.status, 200);
    served
        .openstack
        .handle()
        .with(|state| state.identity.revoke_all());
    let refused = served.call("GET", "/v2.0/ports", None).await;
    assert_eq!(refused.status, 401);
    let challenge = format!("Keystone uri=\"{}\"", served.openstack.auth_url());
    assert_eq!(refused.headers["www-authenticate"], challenge.as_str());
}

#[tokio::test]
async fn a_token_expires() {
    let served = Served::new(Settings {
        token_lifetime: Duration::ZERO,
        ..Settings::default()
    })
    .await;
    assert_eq!(served.call("GET", "/v2.0/ports", None).await.status, 401);
}

#[tokio::test]
async fn without_a_scope_there_is_no_catalog() {
    let served = Served::new(Settings::default()).await;
    let mut unscoped = password("kuryr", "kuryr", "k8s");
    unscoped["auth"].as_object_mut().unwrap().remove("scope");
    let answer = served.authenticate(&unscoped).await;
    assert_eq!(
        (answer.status, answer.json()["token"].get("catalog")),
        (201, None)
    );
}
