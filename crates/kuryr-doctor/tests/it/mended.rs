//! Damage that `--fix` mends, without a controller or beside one.

use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kuryr_api::names::{KURYRPORT_FINALIZER, POD_FINALIZER};
use kuryr_core::doctor::FindingKind;
use kuryr_doctor::Outcome;
use kuryr_embedded_openstack::Kind;
use serde_json::json;

use crate::world::{World, assert_mended, kinds, troubles};

#[tokio::test]
async fn a_healthy_cluster_is_left_alone() {
    let world = World::with_pods(2, 4).await;
    world.pretend_leader().await;
    let fixed = world.fix().await;
    assert_eq!(kinds(&fixed.after), []);
    assert!(fixed.after.is_healthy() && fixed.steps.is_empty());
    let used: Vec<_> = fixed
        .after
        .overview
        .nodes
        .iter()
        .map(|r| (r.used, r.free))
        .collect();
    assert_eq!(used, [(2, 0), (2, 0)]);
    assert_eq!(world.openstack.calls().changing(), 0);
}

#[tokio::test]
async fn a_kuryrport_without_a_pod_goes_with_its_port() {
    let world = World::with_pods(1, 2).await;
    let port = world.port_of("pod1").await;
    world.delete_pod("pod1").await;
    assert_eq!(
        kinds(&world.look().await),
        [FindingKind::KuryrPortWithoutPod]
    );
    let fixed = world.fix().await;
    assert_mended(&world, &fixed).await;
    assert!(world.claim("pod1").await.is_none() && world.port(&port).is_none());
    assert!(world.claim("pod2").await.is_some());
    let calls = world.openstack.calls();
    assert_eq!(calls.count("PUT", "trunks/{id}/remove_subports"), 1);
    assert_eq!(calls.count("DELETE", "ports/{id}"), 1);
    assert_eq!(calls.changing(), 2);
    assert_eq!(world.lease_holder().await, "", "given up after the fix");
}

#[tokio::test]
async fn beside_a_leader_the_kuryrport_goes_and_the_port_is_the_leaders() {
    let world = World::with_pods(1, 2).await;
    world.pretend_leader().await;
    let port = world.port_of("pod1").await;
    world.delete_pod("pod1").await;
    let fixed = world.fix().await;
    assert!(fixed.after.is_healthy());
    assert_eq!(troubles(&fixed.after), [FindingKind::PoolTooLarge]);
    assert!(world.claim("pod1").await.is_none() && world.port(&port).is_some());
    assert_eq!(world.openstack.calls().changing(), 0);
}

#[tokio::test]
async fn a_kuryrport_of_an_earlier_pod_goes() {
    let world = World::with_pods(1, 1).await;
    world.delete_pod("pod1").await;
    world.add_pod("pod1", 1).await;
    let found = kinds(&world.look().await);
    assert_eq!(
        found,
        [FindingKind::KuryrPortOfAnotherPod, FindingKind::PodWaits]
    );
    let fixed = world.fix().await;
    assert!(world.claim("pod1").await.is_none());
    assert_eq!(
        troubles(&fixed.after),
        [FindingKind::PodWaits],
        "it waits for a controller"
    );
}

#[tokio::test]
async fn a_stuck_finalizer_of_ours_is_taken_off() {
    let world = World::with_pods(1, 1).await;
    world.pretend_leader().await;
    world.delete_pod("pod1").await;
    world
        .claims()
        .delete("pod1", &DeleteParams::default())
        .await
        .unwrap();
    assert!(world.claim("pod1").await.is_some());
    assert_eq!(kinds(&world.look().await), [FindingKind::KuryrPortStuck]);
    let fixed = world.fix().await;
    assert_eq!(fixed.steps[0].outcome, Outcome::Done);
    assert!(world.claim("pod1").await.is_none());
}

#[tokio::test]
async fn anothers_finalizer_stays() {
    let world = World::with_pods(1, 1).await;
    world.pretend_leader().await;
    let both = json!({"metadata": {"finalizers": [KURYRPORT_FINALIZER, "example.org/audit"]}});
    world.patch_claim("pod1", both).await;
    world.delete_pod("pod1").await;
    let fixed = world.fix().await;
    assert_eq!(fixed.steps[0].outcome, Outcome::Done);
    let left = world.claim("pod1").await.unwrap();
    assert_eq!(left.metadata.finalizers.unwrap(), ["example.org/audit"]);
    let found = &fixed.after.findings[0];
    assert_eq!(found.kind, FindingKind::KuryrPortStuck);
    assert!(
        found.what.contains("held by example.org/audit"),
        "{}",
        found.what
    );
}

#[tokio::test]
async fn upstreams_finalizer_on_an_ended_pod_is_taken_off() {
    let world = World::start(1).await;
    world.pretend_leader().await;
    let metadata = json!({"finalizers": [POD_FINALIZER, "example.org/keep"]});
    world.add_pod_with("pod1", 1, metadata).await;
    let ended = Patch::Merge(json!({"status": {"phase": "Succeeded"}}));
    world
        .pods()
        .patch_status("pod1", &PatchParams::default(), &ended)
        .await
        .unwrap();
    assert_eq!(kinds(&world.look().await), [FindingKind::PodFinalizerStuck]);
    let fixed = world.fix().await;
    assert_mended(&world, &fixed).await;
    let pod = world.pods().get("pod1").await.unwrap();
    assert_eq!(pod.metadata.finalizers.unwrap(), ["example.org/keep"]);
}

#[tokio::test]
async fn a_leaked_port_is_deleted_beside_a_leader_too() {
    let world = World::with_pods(1, 1).await;
    world.pretend_leader().await;
    let port = world.create_own_port();
    assert_eq!(kinds(&world.look().await), [FindingKind::PortLeaked]);
    let fixed = world.fix().await;
    assert_mended(&world, &fixed).await;
    assert!(world.port(&port).is_none());
    assert_eq!(
        world
            .openstack
            .calls()
            .by_operation()
            .get("DELETE /v2.0/ports/{id}"),
        Some(&1)
    );
    assert_eq!(world.openstack.calls().changing(), 1);
}

#[tokio::test]
async fn a_port_that_is_marked_by_its_description_is_ours_too() {
    let world = World::start(1).await;
    world.pretend_leader().await;
    let port = world.create_port(json!({"description": "kuryr-cluster=kuryr"}));
    let fixed = world.fix().await;
    assert_mended(&world, &fixed).await;
    assert!(world.port(&port).is_none());
}

#[tokio::test]
async fn a_young_port_may_be_in_the_making() {
    let mut world = World::with_pods(1, 1).await;
    world.config.ports.orphan_grace = 600_000;
    let port = world.create_own_port();
    assert_eq!(kinds(&world.fix().await.after), []);
    assert!(world.port(&port).is_some());
}

#[tokio::test]
async fn a_port_that_was_taken_off_its_trunk_is_put_back() {
    let world = World::with_pods(2, 2).await;
    world.pretend_leader().await;
    let port = world.port_of("pod1").await;
    let place = world.place(&port);
    world.remove_subport(&port);
    assert_eq!(kinds(&world.look().await), [FindingKind::PortMisplaced]);
    let fixed = world.fix().await;
    assert_mended(&world, &fixed).await;
    assert_eq!(world.place(&port), place);
    assert_eq!(world.openstack.calls().changing(), 1);
}

#[tokio::test]
async fn a_port_on_another_trunk_is_moved() {
    let world = World::with_pods(2, 2).await;
    world.pretend_leader().await;
    let port = world.port_of("pod1").await;
    let place = world.place(&port);
    world.remove_subport(&port);
    world.add_subport(2, &port, 777);
    assert_eq!(kinds(&world.look().await), [FindingKind::PortMisplaced]);
    let fixed = world.fix().await;
    assert_mended(&world, &fixed).await;
    assert_eq!(world.place(&port), place);
}

#[tokio::test]
async fn security_groups_are_set_right() {
    let world = World::with_pods(1, 2).await;
    world.pretend_leader().await;
    let port = world.port_of("pod1").await;
    world.update_port(&port, json!({"security_groups": []}));
    assert_eq!(
        kinds(&world.look().await),
        [FindingKind::SecurityGroupsDiffer]
    );
    let fixed = world.fix().await;
    assert_mended(&world, &fixed).await;
    let groups = json!([world.tenant.pod_security_group]);
    assert_eq!(world.port(&port).unwrap()["security_groups"], groups);
    assert_eq!(world.openstack.calls().changing(), 1);
}

#[tokio::test]
async fn an_unused_port_on_a_trunk_is_left_to_the_leader() {
    let world = World::with_pods(1, 1).await;
    world.pretend_leader().await;
    let port = world.create_own_port();
    world.add_subport(1, &port, 900);
    let fixed = world.fix().await;
    assert_eq!(troubles(&fixed.after), [FindingKind::PoolTooLarge]);
    let left = Outcome::Left("somebody leads and does it".to_owned());
    assert_eq!(fixed.steps[0].outcome, left);
    assert!(world.port(&port).is_some());
}

#[tokio::test]
async fn an_unused_port_on_a_trunk_goes_where_nobody_leads() {
    let world = World::with_pods(1, 1).await;
    let (port, used) = (world.create_own_port(), world.port_of("pod1").await);
    world.add_subport(1, &port, 900);
    assert_eq!(kinds(&world.look().await), [FindingKind::PoolTooLarge]);
    let fixed = world.fix().await;
    assert_mended(&world, &fixed).await;
    assert!(world.port(&port).is_none() && world.place(&used).is_some());
}

#[tokio::test]
async fn a_lease_that_nobody_renews_is_taken_after_its_time() {
    let mut world = World::with_pods(1, 1).await;
    let short = std::time::Duration::from_secs(1);
    (world.config.lease.duration, world.config.lease.renew) = (short, short / 4);
    let api = kube::Api::namespaced(world.client.clone(), crate::world::NAMESPACE);
    let mut lease: k8s_openapi::api::coordination::v1::Lease =
        api.get("kuryr-controller").await.unwrap();
    let spec = lease.spec.as_mut().unwrap();
    (spec.holder_identity, spec.lease_duration_seconds) = (Some("dead".to_owned()), Some(1));
    let long_ago = "2020-01-01T00:00:00Z".parse().unwrap();
    spec.renew_time = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime(
        long_ago,
    ));
    api.replace("kuryr-controller", &PostParams::default(), &lease)
        .await
        .unwrap();
    let port = world.create_own_port();
    world.add_subport(1, &port, 900);
    let fixed = world.fix().await;
    assert_mended(&world, &fixed).await;
    assert_eq!(world.lease_holder().await, "");
}

#[tokio::test]
async fn what_a_removed_node_left_goes() {
    let world = World::with_pods(2, 4).await;
    let ports = [world.port_of("pod2").await, world.port_of("pod4").await];
    world.delete_node(2).await;
    for pod in ["pod2", "pod4"] {
        world.delete_pod(pod).await;
    }
    let fixed = world.fix().await;
    assert_mended(&world, &fixed).await;
    assert!(ports.iter().all(|p| world.port(p).is_none()));
    // The trunk is the operator's.
    assert_eq!(world.objects(Kind::Trunk).len(), 2);
    assert!(world.claim("pod1").await.is_some() && world.claim("pod3").await.is_some());
}

#[tokio::test]
async fn several_damages_are_mended_at_once() {
    let world = World::with_pods(2, 6).await;
    let (moved, regrouped) = (world.port_of("pod1").await, world.port_of("pod2").await);
    world.remove_subport(&moved);
    world.update_port(&regrouped, json!({"security_groups": []}));
    world.delete_pod("pod3").await;
    world.create_own_port();
    let stray = world.create_own_port();
    world.add_subport(2, &stray, 900);
    assert_eq!(kinds(&world.look().await).len(), 5);
    let fixed = world.fix().await;
    assert_mended(&world, &fixed).await;
    for pod in ["pod1", "pod2", "pod4", "pod5", "pod6"] {
        let port = world.port_of(pod).await;
        assert_eq!(world.place(&port).unwrap().1, world.vlan_of(pod).await);
    }
}
