//! What a person types: `kubectl` against the API. Skipped where there is no `kubectl`,
//! unless `CI=true`.

use std::{process::Stdio, time::Duration};

use tempfile::TempDir;
use tokio::{io::AsyncWriteExt as _, process::Command};

use crate::support::Cluster;

/// A cluster and a kubeconfig for it.
struct Kubectl {
    cluster: Cluster,
    home: TempDir,
}

impl Kubectl {
    /// `None` where there is no `kubectl`.
    async fn start() -> Option<Self> {
        let found = Command::new("kubectl")
            .args(["version", "--client"])
            .output()
            .await;
        if !found.is_ok_and(|output| output.status.success()) {
            assert_ne!(
                std::env::var("CI").as_deref(),
                Ok("true"),
                "kubectl is missing"
            );
            eprintln!("skipped: kubectl is not on the path");
            return None;
        }
        let (cluster, home) = (Cluster::start().await, TempDir::new().unwrap());
        std::fs::write(home.path().join("config"), cluster.api.kubeconfig()).unwrap();
        Some(Self { cluster, home })
    }

    /// Runs a command line, with `input` for `-f -`; success and what it printed.
    async fn run(&self, line: &str, input: &str) -> (bool, String) {
        let mut child = Command::new("kubectl")
            .args(line.split_whitespace())
            .env("KUBECONFIG", self.home.path().join("config"))
            .env("HOME", self.home.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).await.unwrap();
        drop(stdin);
        let limit = Duration::from_secs(60);
        let output = tokio::time::timeout(limit, child.wait_with_output())
            .await
            .unwrap()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        (output.status.success(), text)
    }

    /// A command that must succeed; what it printed.
    async fn ok(&self, line: &str, input: &str) -> String {
        let (success, text) = self.run(line, input).await;
        assert!(success, "kubectl {line}: {text}");
        text
    }
}

const POD: &str = "
apiVersion: v1
kind: Pod
metadata: {name: a, labels: {app: web}}
spec: {containers: [{name: c, image: 'localhost/busybox:1'}]}
";

const CRD: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: ports.example.org}
spec:
  group: example.org
  scope: Namespaced
  names: {plural: ports, kind: Port, shortNames: [pt]}
  versions:
  - name: v1
    served: true
    storage: true
    additionalPrinterColumns: [{name: Uid, type: string, jsonPath: .spec.podUid}]
    schema:
      openAPIV3Schema:
        type: object
        properties: {spec: {type: object, properties: {podUid: {type: string}}}}
";

#[tokio::test]
async fn apply_get_label_describe_delete() {
    let Some(kubectl) = Kubectl::start().await else {
        return;
    };
    assert_eq!(kubectl.ok("apply -f -", POD).await, "pod/a created\n");
    assert_eq!(kubectl.ok("apply -f -", POD).await, "pod/a unchanged\n");
    let changed = POD.replace("app: web", "app: db");
    assert_eq!(
        kubectl.ok("apply -f -", &changed).await,
        "pod/a configured\n"
    );
    let table = kubectl.ok("get pods -o wide", "").await;
    assert!(
        table.starts_with("NAME   READY   STATUS    RESTARTS   AGE"),
        "{table}"
    );
    assert!(
        table.contains("NODE") && table.contains("Pending"),
        "{table}"
    );
    kubectl.ok("label pod a more=yes", "").await;
    kubectl.ok("annotate pod a note=text", "").await;
    let yaml = kubectl.ok("get pod a -o yaml", "").await;
    assert!(
        yaml.contains("app: db") && yaml.contains("more: \"yes\""),
        "{yaml}"
    );
    let text = kubectl.ok("describe pod a", "").await;
    assert!(text.contains("Status:           Pending"), "{text}");
    assert!(
        kubectl
            .ok("get pods -l app=db -o name", "")
            .await
            .contains("pod/a")
    );
    assert!(kubectl.ok("delete pod a", "").await.contains("deleted"));
    assert!(!kubectl.run("get pod a", "").await.0);
}

#[tokio::test]
async fn server_side_apply_and_patches() {
    let Some(kubectl) = Kubectl::start().await else {
        return;
    };
    kubectl.ok("apply --server-side -f -", POD).await;
    kubectl.ok("apply --server-side -f -", POD).await;
    kubectl
        .ok("create configmap cm --from-literal=a=1", "")
        .await;
    kubectl
        .ok(
            r#"patch configmap cm --type=merge -p {"data":{"a":"2"}}"#,
            "",
        )
        .await;
    kubectl
        .ok(r#"patch configmap cm -p {"data":{"b":"3"}}"#, "")
        .await;
    let json = r#"patch configmap cm --type=json -p [{"op":"remove","path":"/data/a"}]"#;
    kubectl.ok(json, "").await;
    assert_eq!(
        kubectl.ok("get configmap cm -o jsonpath={.data}", "").await,
        r#"{"b":"3"}"#
    );
    let replace = kubectl
        .ok("get configmap cm -o json", "")
        .await
        .replace("\"3\"", "\"4\"");
    kubectl.ok("replace -f -", &replace).await;
    assert_eq!(
        kubectl
            .ok("get configmap cm -o jsonpath={.data.b}", "")
            .await,
        "4"
    );
}

#[tokio::test]
async fn custom_resources_with_their_columns() {
    let Some(kubectl) = Kubectl::start().await else {
        return;
    };
    kubectl.ok("apply -f -", CRD).await;
    kubectl
        .ok(
            "wait --for=condition=Established crd/ports.example.org --timeout=20s",
            "",
        )
        .await;
    let port = "apiVersion: example.org/v1\nkind: Port\nmetadata: {name: p}\nspec: {podUid: u1}\n";
    assert_eq!(
        kubectl.ok("apply -f -", port).await,
        "port.example.org/p created\n"
    );
    assert_eq!(
        kubectl.ok("apply -f -", &port.replace("u1", "u2")).await,
        "port.example.org/p configured\n"
    );
    let table = kubectl.ok("get pt", "").await;
    assert!(table.contains("UID") && table.contains("u2"), "{table}");
    let (success, text) = kubectl
        .run("apply -f -", &port.replace("podUid: u1", "odd: u1"))
        .await;
    assert!(!success && text.contains("unknown field"), "{text}");
    kubectl.ok("delete -f -", port).await;
    assert!(
        kubectl
            .ok("api-resources --api-group=example.org", "")
            .await
            .contains("ports")
    );
}

#[tokio::test]
async fn namespaces_services_and_watching() {
    let Some(kubectl) = Kubectl::start().await else {
        return;
    };
    kubectl.ok("create namespace n", "").await;
    kubectl
        .ok("create service clusterip web --tcp=80:8080 -n n", "")
        .await;
    let table = kubectl.ok("get svc -n n", "").await;
    assert!(
        table.contains("ClusterIP") && table.contains("80/TCP"),
        "{table}"
    );
    let (delete, wait) = tokio::join!(
        kubectl.run("delete namespace n", ""),
        kubectl.run("wait --for=delete namespace/n --timeout=20s", ""),
    );
    assert!(delete.0 && wait.0, "{delete:?} {wait:?}");
    let all = kubectl.ok("get all -A", "").await;
    assert!(all.contains("service/kubernetes"), "{all}");
    assert!(kubectl.ok("get --raw /readyz", "").await.contains("ok"));
    assert!(kubectl.ok("version", "").await.contains("kuryr-lab"));
    assert!(kubectl.ok("auth can-i list pods", "").await.contains("yes"));
    kubectl.cluster.api.faults().clear();
}

#[tokio::test]
async fn events_and_forced_deletion() {
    let Some(kubectl) = Kubectl::start().await else {
        return;
    };
    kubectl
        .ok(
            "apply -f -",
            &POD.replace("spec: {", "spec: {nodeName: n1, "),
        )
        .await;
    let event = "
apiVersion: events.k8s.io/v1
kind: Event
metadata: {name: e, namespace: default}
regarding: {apiVersion: v1, kind: Pod, name: a, namespace: default}
reason: KuryrPortReady
note: it is ready
type: Normal
action: Attach
reportingController: kuryr
reportingInstance: k
eventTime: '2024-01-01T00:00:00.000000Z'
";
    kubectl.ok("create -f -", event).await;
    let table = kubectl.ok("get events", "").await;
    assert!(
        table.contains("KuryrPortReady") && table.contains("pod/a"),
        "{table}"
    );
    let events = kubectl.ok("events --for pod/a", "").await;
    assert!(events.contains("it is ready"), "{events}");
    kubectl
        .ok("delete pod a --force --grace-period=0", "")
        .await;
    assert!(!kubectl.run("get pod a", "").await.0);
}
