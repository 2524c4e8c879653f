//! Neutron slow or ill: policies come into force when it is over, and nothing is left.

use std::time::Duration;

use kuryr_lab::openstack::{Effect, Fault};

use super::{ALL, from_to, three, to_db};
use crate::world::{Options, PROJECT, World};

/// Every kind of change of security groups by the controller, and of ports by what they have.
const CHANGES: [(&str, &str); 6] = [
    ("POST", "security-groups"),
    ("PUT", "security-groups/{id}/tags"),
    ("POST", "security-group-rules"),
    ("DELETE", "security-group-rules/{id}"),
    ("PUT", "ports/{id}"),
    ("DELETE", "security-groups/{id}"),
];

/// A life with all of them.
async fn life(world: &World) {
    three(world).await;
    world.all_ready().await;
    world.add_policy("db", from_to("web", "db")).await;
    world.only(&ALL, 80, &to_db("web")).await;
    world.change_policy("db", from_to("other", "db")).await;
    world.only(&ALL, 80, &to_db("other")).await;
    world.delete_policy("db").await;
    world.no_policy_left().await;
}

async fn survives(effect: Effect) {
    let world = World::start(2).await;
    let faults = world.openstack.faults();
    for (method, path) in CHANGES {
        faults.add(Fault::once(method, path, effect.clone()));
    }
    let _controller = world.controller(Options::enforcing()).await;
    life(&world).await;
    assert_eq!(faults.left(), 0, "all faults were met");
}

#[tokio::test]
async fn a_change_refused_by_429_is_made_again() {
    survives(Effect::TooManyRequests(Some(Duration::ZERO))).await;
}

#[tokio::test]
async fn a_change_answered_by_a_closed_connection_is_found() {
    survives(Effect::DropAfter).await;
}

#[tokio::test]
async fn a_change_answered_by_500_is_found() {
    survives(Effect::ServerErrorAfter).await;
}

async fn a_quota_is_told_and_ends(resource: &str) {
    let world = World::start(2).await;
    let _controller = world.controller(Options::enforcing()).await;
    three(&world).await;
    world.all_ready().await;
    let project = world.cloud(|state, _| state.identity.project_id(PROJECT).unwrap().to_owned());
    let limit = |limit| world.cloud(|state, _| state.cloud.set_quota(&project, resource, limit));
    limit(0);
    world.add_policy("db", from_to("web", "db")).await;
    let told = world.until_told("db", "QuotaReached").await;
    assert!(told.contains(resource), "{told}");
    // Who is not concerned comes up all the same.
    world.add_app("late", "node1", "late").await;
    world.ready("late").await;
    limit(100);
    world.only(&ALL, 80, &to_db("web")).await;
    world.until_told("db", "InForce").await;
}

#[tokio::test]
async fn a_quota_of_groups_is_told_and_ends() {
    a_quota_is_told_and_ends("security_group").await;
}

#[tokio::test]
async fn a_quota_of_rules_is_told_and_ends() {
    a_quota_is_told_and_ends("security_group_rule").await;
}

#[tokio::test]
async fn a_leader_that_is_killed_in_the_middle_is_followed() {
    let short = Options {
        lease: (Duration::from_secs(3), Duration::from_millis(600)),
        ..Options::enforcing()
    };
    let world = World::start(2).await;
    let leader = world.controller(short.clone()).await;
    three(&world).await;
    world.all_ready().await;
    let _standby = world.controller(short).await;
    world.add_policy("db", from_to("web", "db")).await;
    let begun = |w: &World| w.openstack.calls().count("POST", "security-groups") > 0;
    world.until_true("a group is made", begun).await;
    leader.kill();
    world.only(&ALL, 80, &to_db("web")).await;
    world.delete_policy("db").await;
    world.no_policy_left().await;
}
