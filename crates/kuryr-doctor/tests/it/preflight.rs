//! A cloud before anything is installed on it.

use kuryr_controller::PolicyConfig;
use kuryr_core::preflight::{Check, Standing, checks};
use kuryr_doctor::Preflight;

use crate::world::World;

async fn look(world: &World, pods: u64, cluster: bool) -> Vec<Check> {
    let cloud = world.login().await;
    let preflight = Preflight {
        cloud: &cloud,
        client: if cluster {
            Ok(&world.client)
        } else {
            Err("there is none yet".to_owned())
        },
        config: &world.config,
        pods,
    };
    checks(&preflight.look().await)
}

fn told(checks: &[Check]) -> Vec<(&'static str, Standing)> {
    let told = checks.iter().filter(|c| c.standing != Standing::Good);
    told.map(|c| (c.name, c.standing)).collect()
}

/// A network's type is for admins to see.
const HIDDEN: (&str, Standing) = ("encapsulation", Standing::Unknown);

#[tokio::test]
async fn a_cloud_that_is_ready_is_said_to_be_and_nothing_is_changed() {
    let world = World::start(2).await;
    world.openstack.calls().clear();
    let all = look(&world, 10, true).await;
    assert_eq!(told(&all), [HIDDEN], "{all:?}");
    assert_eq!(world.openstack.calls().changing(), 0);
}

#[tokio::test]
async fn what_is_missing_is_told_each_by_itself() {
    let mut world = World::start(1).await;
    world.add_node(7, "10.99.0.7").await;
    world.config.pod_security_groups = vec!["0a1b2c3d-0000-4000-8000-000000000000".to_owned()];
    let all = look(&world, 1_000_000, true).await;
    let problems: Vec<_> = all
        .iter()
        .filter(|c| c.standing == Standing::Problem)
        .collect();
    let names: Vec<_> = problems.iter().map(|c| c.name).collect();
    assert_eq!(
        names,
        ["pod-subnet", "security-group", "port-quota", "node-trunks"]
    );
    assert!(
        problems[3].seen.contains("node7 (10.99.0.7)"),
        "{:?}",
        problems[3]
    );
}

#[tokio::test]
async fn a_cloud_is_looked_at_though_there_is_no_cluster_yet() {
    let world = World::start(1).await;
    let all = look(&world, 10, false).await;
    assert_eq!(told(&all), [HIDDEN, ("node-trunks", Standing::Unknown)]);
}

#[tokio::test]
async fn neutrons_usual_quota_is_too_small_for_policies() {
    let mut world = World::start(1).await;
    world.config.policies = Some(PolicyConfig::default());
    world.cloud(|state, caller| {
        for (what, limit) in [("security_group", 10), ("security_group_rule", 100)] {
            state.cloud.set_quota(&caller.project_id, what, limit);
        }
    });
    let all = look(&world, 10, true).await;
    let few = ["security-group-quota", "security-group-rule-quota"];
    let few = few.map(|name| (name, Standing::Advice));
    assert!(
        few.iter().all(|told_of| told(&all).contains(told_of)),
        "{all:?}"
    );
}
