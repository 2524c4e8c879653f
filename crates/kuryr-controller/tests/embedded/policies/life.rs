//! What policies cost, and what happens to pods that come and go.

use serde_json::{Value, json};

use crate::world::{Options, Pools, World};

/// Pods of namespace x may be called by pod b of theirs only.
fn from_b() -> Value {
    json!({
        "metadata": {"namespace": "x", "name": "from-b"},
        "spec": {"podSelector": {},
            "ingress": [{"from": [{"podSelector": {"matchLabels": {"pod": "b"}}}]}]},
    })
}

#[tokio::test]
async fn a_pod_that_joins_a_policy_is_one_call_for_its_port() {
    let world = World::start(2).await;
    let options = world.serving("ovn").pools(Pools::On);
    let _controller = world.controller(world.enforcing(options)).await;
    world.truth_cluster().await;
    world.put_policy(from_b()).await;
    let places = world.places();
    world.until(|w| w.check_truth(&places)).await;
    let before = world.policy_changes().len();
    world.delete_pod_in("x", "c").await;
    world
        .until_true("its KuryrPort is gone", |w| {
            !w.all_claims()
                .iter()
                .any(|c| c.namespace == "x" && c.name == "c")
        })
        .await;
    world.add_truth_pod("x", "c").await;
    world.all_ready().await;
    let places = world.places();
    world.until(|w| w.check_truth(&places)).await;
    let changes = world.policy_changes();
    let made: Vec<&String> = changes[before..].iter().collect();
    // One takes the groups off the port that the pod had, the other puts them on the port that it gets.
    assert_eq!(made.len(), 2, "{made:?}");
    assert!(made.iter().all(|call| call.starts_with("PUT")), "{made:?}");
}

#[tokio::test]
async fn a_second_controller_finds_all_groups_and_changes_nothing() {
    let world = World::start(2).await;
    let options = world.enforcing(world.serving("ovn"));
    let first = world.controller(options.clone()).await;
    let places = world.truth_cluster().await;
    world.put_policy(from_b()).await;
    world.until(|w| w.check_truth(&places)).await;
    first.stop().await;
    let before = world.policy_changes().len();
    let _second = world.controller(options).await;
    world
        .put_policy(json!({
            "metadata": {"namespace": "y", "name": "later"},
            "spec": {"podSelector": {}, "policyTypes": ["Ingress"]},
        }))
        .await;
    world.until(|w| w.check_truth(&places)).await;
    let changes = world.policy_changes();
    let touched = changes[before..].iter().filter(|c| c.starts_with("PUT"));
    assert_eq!(
        touched.count(),
        3,
        "the pods of y and nobody else: {changes:?}"
    );
}

#[tokio::test]
async fn ports_that_wait_for_a_pod_carry_no_group() {
    let world = World::start(2).await;
    let options = world.enforcing(Options::default().pools(Pools::On));
    let _controller = world.controller(options).await;
    world.add_pods("pod", 3, 2).await;
    world.all_ready().await;
    world
        .until_true("a pool", |w| w.ports_of(crate::world::CLUSTER).len() > 3)
        .await;
    world.delete_pods().await;
    world
        .until_true("all pods' ports wait with nothing", |w| {
            let ports = w.ports_of(crate::world::CLUSTER);
            w.all_claims().is_empty() && ports.iter().all(|port| port.groups.is_empty())
        })
        .await;
}

#[tokio::test]
async fn a_group_that_somebody_deletes_is_made_anew() {
    let world = World::start(2).await;
    let options = world.enforcing(Options {
        resync: std::time::Duration::from_millis(500),
        ..world.serving("ovn")
    });
    let _controller = world.controller(options).await;
    let places = world.truth_cluster().await;
    world.put_policy(from_b()).await;
    world.until(|w| w.check_truth(&places)).await;
    // Of a group that ports carry Neutron lets nobody take more than its rules.
    for rule in world.objects(kuryr_embedded_openstack::Kind::SecurityGroupRule) {
        let id = rule["id"].as_str().unwrap().to_owned();
        let group = rule["security_group_id"].clone();
        if world.policy_groups().iter().any(|g| g["id"] == group) {
            world.delete(kuryr_embedded_openstack::Kind::SecurityGroupRule, &id);
        }
    }
    world.until(|w| w.check_truth(&places)).await;
}
