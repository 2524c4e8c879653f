//! Damage that is told and that only people can put right.

use kuryr_core::doctor::{By, FindingKind, Scope, Severity};
use kuryr_doctor::{LookError, json};
use kuryr_embedded_openstack::Kind;
use serde_json::{Value, json};

use crate::world::{World, kinds};

#[tokio::test]
async fn a_port_that_is_gone_is_told() {
    let world = World::with_pods(1, 2).await;
    world.pretend_leader().await;
    let port = world.port_of("pod1").await;
    world.remove_subport(&port);
    world.delete_port(&port);
    let fixed = world.fix().await;
    assert_eq!(kinds(&fixed.after), [FindingKind::PortGone]);
    let found = &fixed.after.findings[0];
    assert_eq!(found.what, format!("its port {port} is gone from Neutron"));
    assert!(!fixed.after.is_healthy() && fixed.steps.is_empty());
    assert_eq!(fixed.after.overview.namespaces[0].missing, 1);
}

#[tokio::test]
async fn a_port_that_lost_its_tag_is_not_ours_to_change() {
    let world = World::with_pods(1, 1).await;
    world.pretend_leader().await;
    let port = world.port_of("pod1").await;
    world
        .cloud(|state, caller| state.cloud.clear_tags(caller, Kind::Port, &port))
        .unwrap();
    world.update_port(&port, json!({"description": "", "security_groups": []}));
    let fixed = world.fix().await;
    assert_eq!(kinds(&fixed.after), [FindingKind::PortUnmarked]);
    assert_eq!(world.openstack.calls().changing(), 0);
}

#[tokio::test]
async fn a_port_of_two_kuryrports_is_told() {
    let world = World::with_pods(1, 2).await;
    world.pretend_leader().await;
    let claim = world.claim("pod1").await.unwrap();
    world
        .patch_claim("pod2", json!({"status": claim.data["status"]}))
        .await;
    let fixed = world.fix().await;
    let found = kinds(&fixed.after);
    assert!(found.contains(&FindingKind::PortClaimedTwice), "{found:?}");
    assert_eq!(world.openstack.calls().changing(), 0);
}

#[tokio::test]
async fn a_pod_that_waits_is_told_with_the_controllers_reason() {
    let world = World::start(1).await;
    world.add_node(7, "10.99.0.7").await;
    world.add_pod("pod1", 7).await;
    let controller = world.controller().await;
    world
        .until("the controller says why", async || {
            let claim = world.claim("pod1").await;
            claim.is_some_and(|c| c.metadata.annotations.is_some_and(|a| !a.is_empty()))
        })
        .await;
    let look = world.look().await;
    controller.stop().await;
    let found = kinds(&look);
    assert_eq!(
        found,
        [FindingKind::NodeWithoutTrunk, FindingKind::PodWaits]
    );
    let waits = &look.findings[1];
    let why = "NoTrunk: node node7 (10.99.0.7) is not the parent port of any trunk";
    assert!(waits.what.contains(why), "{}", waits.what);
    assert_eq!(look.findings[0].severity, Severity::Error);
}

#[tokio::test]
async fn an_event_says_why_where_the_kuryrport_does_not() {
    let world = World::start(1).await;
    world.add_node(7, "10.99.0.7").await;
    world.add_pod("pod1", 7).await;
    let controller = world.controller().await;
    let said = |claim: &kube::core::DynamicObject| claim.metadata.annotations.is_some();
    world
        .until("the controller says why", async || {
            world.claim("pod1").await.is_some_and(|c| said(&c))
        })
        .await;
    controller.stop().await;
    let silent = json!({"metadata": {"annotations": null}});
    world.patch_claim("pod1", silent).await;
    let look = world.look().await;
    let waits = look
        .findings
        .iter()
        .find(|f| f.kind == FindingKind::PodWaits)
        .unwrap();
    assert!(waits.what.contains("NoTrunk: node node7"), "{}", waits.what);
}

#[tokio::test]
async fn ports_that_are_down_are_told() {
    let world = World::with_pods(2, 2).await;
    world.pretend_leader().await;
    let parent = world.tenant.parents[0].clone();
    world.cloud(|state, _| state.cloud.unplug(&parent));
    let look = world.look().await;
    assert_eq!(kinds(&look), [FindingKind::PortDown]);
    let found = &look.findings[0];
    assert_eq!(
        (found.node.as_deref(), found.remedy.by),
        (Some("node1"), By::Controller)
    );
    let calls = found
        .remedy
        .actions
        .iter()
        .map(kuryr_core::reconcile::Effect::name);
    assert_eq!(
        calls.collect::<Vec<_>>(),
        ["remove_subports", "add_subports"]
    );
}

#[tokio::test]
async fn quota_and_subnet_that_run_out_are_told() {
    let world = World::with_pods(1, 2).await;
    world.pretend_leader().await;
    let subnet = world.tenant.pod_subnet.clone();
    world.cloud(|state, caller| {
        let used = state.cloud.used(&caller.project_id, Kind::Port);
        state.cloud.set_quota(&caller.project_id, "port", used + 1);
    });
    let look = world.look().await;
    assert_eq!(kinds(&look).len(), 0, "5 of 6 are not nine tenths");
    world.cloud(|state, caller| {
        let used = state.cloud.used(&caller.project_id, Kind::Port);
        state.cloud.set_quota(&caller.project_id, "port", used);
    });
    let look = world.look().await;
    assert_eq!(kinds(&look), [FindingKind::QuotaNearlyUsed]);
    assert_eq!(look.findings[0].severity, Severity::Error);
    assert_eq!(look.facts.subnets.len(), 1);
    let there = look.facts.subnets[0].addresses;
    assert_eq!(
        (&*look.facts.subnets[0].id, there.used),
        (subnet.as_str(), 2),
        "the gateway is not of its pools"
    );
}

#[tokio::test]
async fn no_leader_is_told() {
    let world = World::start(1).await;
    let look = world.look().await;
    assert_eq!(look.findings.len(), 1);
    assert_eq!(look.findings[0].kind, FindingKind::NoLeader);
    assert!(!look.is_healthy());
}

#[tokio::test]
async fn a_scope_leaves_the_rest_out_and_alone() {
    let world = World::with_pods(2, 2).await;
    world.pretend_leader().await;
    let ports = [world.port_of("pod1").await, world.port_of("pod2").await];
    for port in &ports {
        world.update_port(port, json!({"security_groups": []}));
    }
    let scope = Scope {
        nodes: ["node2".into()].into(),
        namespaces: ["default".into()].into(),
    };
    let doctor = world.try_doctor(scope).await.unwrap();
    let look = doctor.look().await.unwrap();
    assert_eq!(kinds(&look), [FindingKind::SecurityGroupsDiffer]);
    let fixed = doctor.fix(&look, |_| ()).await.unwrap();
    assert!(fixed.after.is_healthy());
    let groups = |at: usize| world.port(&ports[at]).unwrap()["security_groups"].clone();
    assert_eq!(groups(0), json!([]));
    assert_ne!(groups(1), json!([]));
}

#[tokio::test]
async fn names_that_nobody_knows_are_refused() {
    let world = World::start(1).await;
    let scope = Scope {
        namespaces: ["shpo".into()].into(),
        ..Scope::default()
    };
    let error = world.try_doctor(scope).await.err().unwrap();
    assert_eq!(error.to_string(), "there is no namespace shpo");
    let scope = Scope {
        nodes: ["node9".into()].into(),
        ..Scope::default()
    };
    let error = world
        .try_doctor(scope)
        .await
        .unwrap()
        .look()
        .await
        .unwrap_err();
    assert!(
        matches!(error, LookError::Unknown { what: "node", .. }),
        "{error}"
    );
}

#[tokio::test]
async fn programs_read_json() {
    let world = World::with_pods(1, 1).await;
    world.pretend_leader().await;
    world.create_own_port();
    let report: Value = serde_json::from_str(&json(&world.look().await, None)).unwrap();
    assert_eq!(
        (&report["ok"], &report["leader"]),
        (&json!(false), &json!("somebody"))
    );
    assert_eq!(report["summary"]["errors"], 1);
    assert_eq!(report["findings"][0]["finding"], "port-leaked");
    assert_eq!(report["findings"][0]["remedy"]["by"], "fix");
    assert_eq!(report["nodes"][0]["leaked"], 1, "{report:#}");
    let fixed = world.fix().await;
    let report: Value = serde_json::from_str(&json(&fixed.after, Some(&fixed.steps))).unwrap();
    assert_eq!(report["ok"], true);
    assert_eq!(report["fixes"][0]["outcome"], "done");
}
