//! The truth table: the oracle, and what the embedded cloud's security groups let pass.

use kuryr_truth::{Added, Case, Places};

use crate::world::{Options, World};

async fn agree_on(world: &World, places: &Places, case: &Case) {
    let check = |world: &World| {
        let told = world.check_truth_with(places, &case.labels);
        told.map_err(|wrong| format!("{}: {wrong}", case.name))
    };
    world.until(check).await;
}

async fn agree_on_all(world: &World, options: Options) {
    let options = world.enforcing(options);
    let _controller = world.controller(options).await;
    let places = world.truth_cluster().await;
    let without = world.policy_groups().len();
    for case in kuryr_truth::cases().unwrap() {
        world.delete_policies().await;
        for policy in case.objects(&places).unwrap() {
            world.put_policy(policy).await;
        }
        agree_on(world, &places, &case).await;
    }
    world.delete_policies().await;
    let mut added = Added::new();
    for case in kuryr_truth::updates().unwrap() {
        for (who, labels) in kuryr_truth::relabel(&added, &case.labels) {
            world.relabel(&who, labels).await;
        }
        added.clone_from(&case.labels);
        for policy in case.objects(&places).unwrap() {
            world.put_policy(policy).await;
        }
        agree_on(world, &places, &case).await;
    }
    world.delete_policies().await;
    world
        .until_true("no policy's group is left", |w| {
            w.policy_groups().len() == without
        })
        .await;
}

#[tokio::test]
async fn policies_and_packets_agree_on_one_network() {
    let world = World::start(2).await;
    let options = world.serving("ovn");
    agree_on_all(&world, options).await;
}

#[tokio::test]
async fn policies_and_packets_agree_with_a_network_a_namespace() {
    let world = World::start(2).await;
    let options = world.serving("ovn");
    // The pods' pool is where the table's blocks are.
    let pool = world.pool("pods", "10.20.0.0/16", 24);
    let options = world.with_pools(options, vec![pool]);
    agree_on_all(&world, options).await;
}
