//! What owners of policies read as Events.

use kuryr_embedded_openstack::{Effect, Fault};
use serde_json::{Value, json};

use crate::world::{Options, World};

fn policy(name: &str, ingress: &Value) -> Value {
    json!({
        "metadata": {"namespace": "default", "name": name},
        "spec": {"podSelector": {}, "ingress": [ingress]},
    })
}

fn from_pods() -> Value {
    json!({"from": [{"podSelector": {"matchLabels": {"app": "web"}}}]})
}

async fn two_pods(world: &World) {
    world.add_pods("pod", 2, 2).await;
    world.all_ready().await;
}

#[tokio::test]
async fn a_policy_that_is_in_force_on_all_pods_is_told_of_once() {
    let world = World::start(2).await;
    let _controller = world.controller(world.enforcing(Options::default())).await;
    two_pods(&world).await;
    world.put_policy(policy("web", &from_pods())).await;
    world
        .until_true("told", |w| w.told("web", "InForce").is_some())
        .await;
    world.check_pods_flows().unwrap();
    let told = world.told("web", "InForce").unwrap();
    assert_eq!(told, "in force on all 2 pods that it selects");
    world.add_pods("other", 2, 2).await;
    world.all_ready().await;
    world.until(World::check_pods_flows).await;
    let about = world.events().into_iter().filter(|e| e.pod == "web");
    assert_eq!(about.count(), 1, "pods that come are no news");
}

#[tokio::test]
async fn a_value_that_cant_be_read_is_told_and_the_rest_is_in_force() {
    let world = World::start(2).await;
    let _controller = world.controller(world.enforcing(Options::default())).await;
    two_pods(&world).await;
    let wrong = json!({"from": [{"ipBlock": {"cidr": "10.0.0.0/99"}}]});
    world.put_policy(policy("wrong", &wrong)).await;
    world
        .until_true("both told", |w| {
            w.told("wrong", "InvalidValue").is_some() && w.told("wrong", "InForce").is_some()
        })
        .await;
    let told = world.told("wrong", "InvalidValue").unwrap();
    assert!(told.contains("10.0.0.0/99"), "{told}");
    world.check_pods_flows().unwrap();
}

#[tokio::test]
async fn a_used_up_quota_is_told_to_the_policy_that_meets_it_and_so_is_its_end() {
    let world = World::start(2).await;
    let _controller = world.controller(world.enforcing(Options::default())).await;
    two_pods(&world).await;
    let there = world.objects(kuryr_embedded_openstack::Kind::SecurityGroup);
    world.update_quota("security_group", i64::try_from(there.len()).unwrap());
    world.put_policy(policy("greedy", &from_pods())).await;
    world
        .until_true("told", |w| w.told("greedy", "QuotaReached").is_some())
        .await;
    assert_eq!(world.told("greedy", "InForce"), None);
    world.update_quota("security_group", 1_000);
    world
        .until_true("told", |w| w.told("greedy", "InForce").is_some())
        .await;
}

/// A call that fails once is made again before anybody needs to know.
#[tokio::test]
async fn calls_that_go_on_failing_are_told_and_one_is_not() {
    for (times, is_told) in [(1, false), (16, true)] {
        let world = World::start(2).await;
        let _controller = world.controller(world.enforcing(Options::default())).await;
        two_pods(&world).await;
        let fault = Fault {
            times: Some(times),
            ..Fault::once("POST", "security-groups", Effect::Unavailable)
        };
        world.openstack.faults().add(fault);
        world.put_policy(policy("web", &from_pods())).await;
        world
            .until_true("in force", |w| w.told("web", "InForce").is_some())
            .await;
        let told = world.told("web", "NeutronFailed");
        assert_eq!(told.is_some(), is_told, "{times}: {told:?}");
    }
}
