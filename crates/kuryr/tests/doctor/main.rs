//! `kuryr doctor` as an operator runs it, against an embedded cloud: what it prints, and its exit status.
#![allow(clippy::unwrap_used)]

use std::process::{Command, Output};

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::jiff::Timestamp;
use kube::Api;
use kube::api::PostParams;
use kuryr_embedded_kubernetes::{Fault, FaultRule, KubeApi, KubeOptions};
use kuryr_embedded_openstack::Tenant;
use kuryr_embedded_openstack::{Caller, Kind, OpenStack, Settings, State};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A cloud and a cluster without pods, with somebody who leads, and the files that lead there.
struct World {
    openstack: Option<OpenStack>,
    kube: KubeApi,
    tenant: Tenant,
    folder: TempDir,
}

impl World {
    async fn start() -> Self {
        let openstack = OpenStack::start(Settings::default()).await.unwrap();
        let tenant = Tenant::make(&openstack, 1).unwrap();
        let kube = KubeApi::start(KubeOptions::default()).await.unwrap();
        let client = kube.client().unwrap();
        let crds = Api::all(client.clone());
        for crd in kuryr_api::crd::all() {
            crds.create(&PostParams::default(), &crd).await.unwrap();
        }
        let lease = json!({"metadata": {"name": "kuryr-controller"}, "spec": {
            "holderIdentity": "controller-0",
            "leaseDurationSeconds": 3600,
            "renewTime": format!("{:.6}", Timestamp::now()),
        }});
        let lease: Lease = serde_json::from_value(lease).unwrap();
        let leases = Api::namespaced(client, "kube-system");
        leases.create(&PostParams::default(), &lease).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: String| std::fs::write(folder.path().join(name), text);
        file("clouds.yaml", openstack.clouds_yaml()).unwrap();
        file("kubeconfig", kube.kubeconfig()).unwrap();
        let clouds = folder.path().join("clouds.yaml");
        let conf = format!(
            "[neutron]\ncloud = kuryr\nclouds_file = {}\n[neutron_defaults]\npod_subnet = {}\n\
             pod_security_groups = {}\n[kuryr]\norphan_grace = 0\n\
             [pod_vif_nested]\nworker_nodes_subnets = {}\n",
            clouds.display(),
            tenant.pod_subnet,
            tenant.pod_security_group,
            tenant.node_subnet,
        );
        file("kuryr.conf", conf).unwrap();
        Self {
            openstack: Some(openstack),
            kube,
            tenant,
            folder,
        }
    }

    fn leak_a_port(&self) {
        let asked = json!({
            "network_id": self.tenant.pod_network,
            "tags": ["kuryr-cluster=kuryr"],
        });
        let make = |state: &mut State| {
            let caller = Caller {
                project_id: state.identity.project_id("k8s").unwrap().to_owned(),
                admin: false,
            };
            let asked = asked.as_object().cloned().unwrap();
            state.cloud.create(&caller, Kind::Port, asked).unwrap();
        };
        self.openstack.as_ref().unwrap().handle().with(make);
    }

    async fn doctor(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kuryr"));
        let file = |name: &str| self.folder.path().join(name);
        command
            .args(["doctor", "--again", "0", "--config-file"])
            .arg(file("kuryr.conf"))
            .arg("--kubeconfig")
            .arg(file("kubeconfig"))
            .args(arguments);
        tokio::task::spawn_blocking(move || command.output().unwrap())
            .await
            .unwrap()
    }
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_healthy_cluster_is_0() {
    let world = World::start().await;
    let output = world.doctor(&[]).await;
    let (said, errors) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(code(&output), 0, "{said}{errors}");
    let last = said.lines().last().unwrap();
    assert_eq!(
        last,
        "doctor: 0 errors, 0 warnings, 0 notes; 0 ports of this cluster (0 in use, 0 free), 0 of others on its \
         trunks; controller-0 leads"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_is_1_until_it_is_fixed() {
    let world = World::start().await;
    world.leak_a_port();
    let output = world.doctor(&["-o", "json"]).await;
    assert_eq!(code(&output), 1, "{}", text(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["findings"][0]["finding"], "port-leaked");
    let output = world.doctor(&["--fix"]).await;
    let said = text(&output.stdout);
    assert_eq!(code(&output), 0, "{said}");
    assert!(said.contains("error    port-leaked: port "), "{said}");
    assert!(said.contains("> --fix: delete the port"), "{said}");
    assert!(said.contains("  done     port "), "{said}");
    assert_eq!(code(&world.doctor(&[]).await), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_can_t_look_at_is_2() {
    let mut world = World::start().await;
    world.kube.faults().add(FaultRule {
        method: None,
        contains: "/nodes".to_owned(),
        times: 1,
        fault: Fault::Answer {
            code: 403,
            retry_after: None,
        },
    });
    let output = world.doctor(&[]).await;
    let said = text(&output.stderr);
    assert_eq!(code(&output), 2, "{said}");
    assert!(
        said.starts_with("kuryr doctor: can't list nodes: the API server answered 403"),
        "{said}"
    );
    let output = world.doctor(&["--node", "nowhere"]).await;
    assert_eq!(code(&output), 2);
    assert_eq!(
        text(&output.stderr),
        "kuryr doctor: there is no node nowhere\n"
    );
    world.openstack = None;
    let output = world.doctor(&[]).await;
    let said = text(&output.stderr);
    assert_eq!(code(&output), 2, "{said}");
    assert!(said.contains("cannot connect"), "{said}");
    let bad = world.folder.path().join("bad.conf");
    std::fs::write(&bad, "[kuryr]\nport_cooldown = soon\n").unwrap();
    let output = world
        .doctor(&["--config-file", bad.to_str().unwrap()])
        .await;
    assert_eq!(code(&output), 2);
    assert!(text(&output.stderr).contains("bad.conf:2"));
}
