//! Others in the project.

use kuryr_api::names::cluster_tag;
use kuryr_lab::openstack::Kind;
use serde_json::json;

use super::{ALL, from_to, three, to_db};
use crate::world::{CLUSTER, Foreign, Options, World};

/// A security group as a controller of `cluster` would have left it.
fn left(world: &World, cluster: &str, key: u128) -> String {
    let tag = format!("kuryr-policy-group={key:032x}");
    let group = json!({"name": tag, "description": cluster_tag(cluster)});
    let id = world.create(Kind::SecurityGroup, group);
    world.cloud(|state, caller| {
        let tags = json!({"tags": [cluster_tag(cluster), tag]});
        let set = state
            .cloud
            .replace_tags(caller, Kind::SecurityGroup, &id, &tags);
        set.unwrap();
    });
    id
}

#[tokio::test]
async fn what_an_earlier_life_left_is_taken_away_and_nobody_elses() {
    let world = World::start(2).await;
    let foreign = Foreign::add(&world);
    left(&world, CLUSTER, 1);
    let theirs = left(&world, "other", 2);
    let similar = left(&world, "test2", 3);
    let _controller = world.controller(Options::enforcing()).await;
    three(&world).await;
    world.add_policy("db", from_to("web", "db")).await;
    world.only(&ALL, 80, &to_db("web")).await;
    world.delete_policy("db").await;
    world.no_policy_left().await;
    for id in [theirs, similar] {
        assert!(world.object(Kind::SecurityGroup, &id).is_some());
    }
    assert_eq!(world.policy_groups_of("other").len(), 1);
    foreign.check(&world);
}
