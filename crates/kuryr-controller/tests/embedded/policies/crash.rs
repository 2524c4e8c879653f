//! The controller killed at each changing call of a policy's life, and each such call failing.

use kuryr_checkpoint::Moment;
use kuryr_embedded_openstack::{Effect, Fault};
use serde_json::{Value, json};

use crate::crash::{at_each, survived};
use crate::world::{Options, World};

fn policy(spec: Value) -> Value {
    json!({"metadata": {"namespace": "default", "name": "p"}, "spec": spec})
}

fn labelled(name: &str) -> Value {
    json!({"labels": {"pod": name}})
}

fn from(name: &str) -> Value {
    json!({"podSelector": {}, "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"from": [{"podSelector": {"matchLabels": {"pod": name}}}]}]})
}

/// It comes, selects, changes its mind, and goes with all that was made for it.
async fn life(world: &World) {
    for (name, node) in [("one", "node1"), ("two", "node2")] {
        world.add_pod_with(name, node, labelled(name)).await;
    }
    world.all_ready().await;
    world.put_policy(policy(from("one"))).await;
    world.until(World::check_pods_flows).await;
    world.put_policy(policy(from("two"))).await;
    world.until(World::check_pods_flows).await;
    world.delete_policies().await;
    world.until(World::check_pods_flows).await;
    world.delete_pods().await;
    world.all_gone().await;
    world
        .until_true("no group is left", |w| w.policy_groups().is_empty())
        .await;
}

async fn crash(point: usize, moment: Moment) -> bool {
    let world = World::start(2).await;
    let options = world.enforcing(Options::default());
    survived(&world, options, (point, moment), life(&world)).await
}

#[tokio::test]
async fn killed_just_before_any_change_of_a_policy() {
    at_each(10, async |point| crash(point, Moment::Before).await).await;
}

#[tokio::test]
async fn killed_just_after_any_change_of_a_policy() {
    at_each(10, async |point| crash(point, Moment::After).await).await;
}

/// Each kind of call fails three times, in each way.
#[tokio::test]
async fn calls_that_fail_are_made_again() {
    let calls = [
        ("POST", "security-groups"),
        ("POST", "security-group-rules"),
        ("DELETE", "security-group-rules/{id}"),
        ("DELETE", "security-groups/{id}"),
        ("PUT", "ports/{id}"),
    ];
    for effect in [
        Effect::Unavailable,
        Effect::ServerErrorAfter,
        Effect::DropAfter,
    ] {
        for (method, path) in calls {
            let world = World::start(2).await;
            let options = world.enforcing(Options::default());
            let _controller = world.controller(options).await;
            let fault = Fault {
                times: Some(3),
                ..Fault::once(method, path, effect.clone())
            };
            world.openstack.faults().add(fault);
            life(&world).await;
        }
    }
}
