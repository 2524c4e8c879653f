//! No secret leaves by logs, errors or debug output. A binary of its own: other tests would switch off log levels
//! for all threads.
#![allow(clippy::unwrap_used, unreachable_pub)]

#[allow(dead_code)]
#[path = "it/cloud.rs"]
mod cloud;

use std::io::Write;
use std::sync::{Arc, Mutex};

use kuryr_openstack::config::{Auth, Credential};
use kuryr_openstack::{NetworkQuery, PortQuery};
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer};

use cloud::*;

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Captured {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Logs in, is refused, logs in again, fails, all logged at the lowest level by every crate.
#[tokio::test]
async fn nothing_logged_at_any_level_has_a_secret() {
    let captured = Captured::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(captured.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);

    let server = MockServer::start().await;
    let login = || Mock::given(method("POST")).and(path("/v3/auth/tokens"));
    login()
        .respond_with(token(&server, "secret-token-a", 1800))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    login()
        .respond_with(token(&server, "secret-token-b", 0))
        .mount(&server)
        .await;
    let ports = || Mock::given(path("/network/v2.0/ports"));
    ports()
        .and(header("x-auth-token", "secret-token-a"))
        .respond_with(json_answer(401, json!({})))
        .mount(&server)
        .await;
    ports()
        .respond_with(json_answer(200, json!({ "ports": [] })))
        .mount(&server)
        .await;
    let cloud = connect(&server).await;
    cloud.neutron().list_ports(&PortQuery::new()).await.unwrap();
    let error = cloud
        .neutron()
        .list_networks(&NetworkQuery::new().name("secret-query"))
        .await
        .unwrap_err();
    let debugged = format!("{:?} {error:?} {error} {cloud:?}", config(&server));
    drop(guard);

    let logged = String::from_utf8(captured.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("token refused"), "the capture works");
    assert!(logged.contains("TRACE"), "at the lowest level");
    for secret in [PASSWORD, "secret-token-a", "secret-token-b"] {
        let near = logged.lines().find(|l| l.contains(secret));
        assert!(near.is_none(), "logged: {near:?}");
        assert!(!debugged.contains(secret));
    }
    assert!(!debugged.contains("secret-query"));
}

#[test]
fn settings_show_no_secret() {
    let credential = Auth::ApplicationCredential {
        credential: Credential::Id("visible".to_owned()),
        secret: "hidden".into(),
    };
    let text = format!(
        "{credential:?} {:?}",
        Auth::Token {
            token: "hidden".into()
        }
    );
    assert!(
        text.contains("visible") && !text.contains("hidden"),
        "{text}"
    );
}
