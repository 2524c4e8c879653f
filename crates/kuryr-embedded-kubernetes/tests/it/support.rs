//! A cluster for one test, and requests on it.

use std::time::Duration;

use axum::http::Request;
use futures::{AsyncBufReadExt as _, StreamExt as _, stream::BoxStream};
use kube::{Client, client::Body};
use kuryr_embedded_kubernetes::{KubeApi, KubeOptions};
use serde_json::{Value, json};

/// Longest that a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) const JSON: &str = "application/json";
pub(crate) const MERGE: &str = "application/merge-patch+json";
pub(crate) const JSON_PATCH: &str = "application/json-patch+json";
pub(crate) const STRATEGIC: &str = "application/strategic-merge-patch+json";
pub(crate) const APPLY: &str = "application/apply-patch+yaml";

pub(crate) struct Cluster {
    pub(crate) api: KubeApi,
    pub(crate) client: Client,
}

/// Lines of a watch.
pub(crate) type Lines = BoxStream<'static, Value>;

impl Cluster {
    pub(crate) async fn start() -> Self {
        Self::with(KubeOptions::default()).await
    }

    pub(crate) async fn with(options: KubeOptions) -> Self {
        let api = KubeApi::start(options).await.unwrap();
        // Tests see each answer as it is: the client must not try again by itself.
        let mut config = api.client_config().unwrap();
        config.default_retry = false;
        let client = Client::try_from(config).unwrap();
        Self { api, client }
    }

    /// One request; its status and body.
    pub(crate) async fn call(
        &self,
        method: &str,
        path: &str,
        content_type: &str,
        body: impl ToString,
    ) -> (u16, Value) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("Content-Type", content_type)
            .body(Body::from(body.to_string().into_bytes()))
            .unwrap();
        self.send(request).await
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> (u16, Value) {
        let response = self.client.send(request).await.unwrap();
        let status = response.status().as_u16();
        let bytes = response.into_body().collect_bytes().await.unwrap();
        let text = || Value::from(String::from_utf8_lossy(&bytes).into_owned());
        (
            status,
            serde_json::from_slice(&bytes).unwrap_or_else(|_| text()),
        )
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        self.call("GET", path, JSON, "").await
    }

    /// A GET that says what form it wants.
    pub(crate) async fn get_as(&self, path: &str, accept: &str) -> (u16, Value) {
        let request = Request::get(path)
            .header("Accept", accept)
            .body(Body::empty())
            .unwrap();
        self.send(request).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.call("POST", path, JSON, body).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> (u16, Value) {
        self.call("PUT", path, JSON, body).await
    }

    pub(crate) async fn patch(&self, path: &str, kind: &str, body: Value) -> (u16, Value) {
        self.call("PATCH", path, kind, body).await
    }

    pub(crate) async fn delete(&self, path: &str) -> (u16, Value) {
        self.call("DELETE", path, JSON, "").await
    }

    /// Creates an object that must be accepted.
    pub(crate) async fn create(&self, path: &str, body: Value) -> Value {
        let (status, object) = self.post(path, body).await;
        assert_eq!(status, 201, "{object}");
        object
    }

    /// Opens a watch.
    pub(crate) async fn watch(&self, path: &str) -> Lines {
        let request = Request::get(path).body(Vec::new()).unwrap();
        let reader = self.client.request_stream(request).await.unwrap();
        let lines = reader.lines().map(|line| match line {
            Ok(line) => serde_json::from_str(&line).unwrap(),
            Err(error) => json!({"type": "BROKEN", "object": error.to_string()}),
        });
        lines.boxed()
    }

    /// Waits until the object at `path` is gone.
    pub(crate) async fn until_gone(&self, path: &str) {
        self.until(path, |status, _| status == 404).await;
    }

    /// Waits until the answer for `path` is as wanted.
    pub(crate) async fn until(&self, path: &str, wanted: impl Fn(u16, &Value) -> bool) -> Value {
        let wait = async {
            loop {
                let (status, object) = self.get(path).await;
                if wanted(status, &object) {
                    return object;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, wait).await;
        waited.unwrap_or_else(|_| panic!("{path} did not become what was wanted"))
    }
}

/// The next line of a watch.
pub(crate) async fn next(lines: &mut Lines) -> Value {
    let line = tokio::time::timeout(PATIENCE, lines.next()).await;
    line.unwrap().unwrap_or_else(|| json!({"type": "END"}))
}

/// The next line of a watch as `TYPE name`.
pub(crate) async fn next_brief(lines: &mut Lines) -> String {
    let line = next(lines).await;
    let name = line["object"]["metadata"]["name"]
        .as_str()
        .unwrap_or_default();
    format!("{} {name}", line["type"].as_str().unwrap())
}

pub(crate) const PODS: &str = "/api/v1/namespaces/default/pods";
pub(crate) const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";

pub(crate) fn pod(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"containers": [{"name": "c", "image": "localhost/busybox:1"}]},
    })
}

pub(crate) fn config_map(name: &str, labels: Value) -> Value {
    json!({"metadata": {"name": name, "labels": labels}, "data": {"a": "1"}})
}

pub(crate) fn node(name: &str, ready: bool) -> Value {
    json!({
        "metadata": {"name": name, "labels": {"name": name}},
        "status": {"conditions": [{"type": "Ready", "status": if ready { "True" } else { "False" }}]},
    })
}
