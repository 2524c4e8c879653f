//! Pods of one node are switched there: past the trunk as long as Neutron would let it pass, and no longer; and Services,
//! whose answers the cloud has to translate, are none the worse for it.

use std::time::Duration;

use kuryr_e2e::pods::Running;
use kuryr_e2e::progress::until;
use kuryr_e2e::reach::{Answers, By, Field, Place, copy};
use kuryr_e2e::world::World;
use kuryr_e2e::{Outcome, fail};

use crate::scenario;
use crate::services::{MOST, Scene, backends};

const PATIENCE: Duration = Duration::from_secs(120);
/// Bytes of a stream. What else the node sends in that time is far less.
const LENGTH: usize = 16 << 20;
const LITTLE: u64 = 1 << 20;

#[test]
fn pods_of_one_node_are_switched_there() {
    scenario("local-switching", async |world| {
        let progress = world.progress.clone();
        world.kill_all().await?;
        world.kit.local_switching = true;
        progress
            .step("started again to switch locally", world.start_programs())
            .await?;
        let mut answers = Answers::default();
        let client = progress
            .step("6 pods ready", backends(world, &mut answers))
            .await?;
        let here = world.nodes[0].name.clone();
        let pods = world.pods.ready(MOST + 1).await?;
        let pods: Vec<Running> = pods.into_iter().filter(|pod| pod.node == here).collect();
        let neighbour = pods.iter().find(|pod| pod.address != client.address);
        let neighbour = world.place(neighbour.ok_or("the client is alone on its node")?)?;
        let mut field = world.field(&pods, [])?;
        progress
            .step(
                "pods of one node reach each other",
                field.all_reach(PATIENCE),
            )
            .await?;
        progress
            .step("switched there", switched(world, &client, &neighbour))
            .await?;
        if world.stack.backend == "ovn" {
            service(world, client.clone()).await?;
        }
        group_decides(world, &mut field).await?;
        progress
            .step("switched there again", switched(world, &client, &neighbour))
            .await
    });
}

/// Bytes that leave the node by its trunk while a stream goes from one pod to the other and back.
async fn by_trunk(world: &World, a: &Place, b: &Place) -> Outcome<u64> {
    let node = &world.nodes[0];
    let before = node.bytes_sent().await?;
    copy(a, b, LENGTH, PATIENCE).await?;
    copy(b, a, LENGTH, PATIENCE).await?;
    Ok(node.bytes_sent().await? - before)
}

async fn switched(world: &World, a: &Place, b: &Place) -> Outcome {
    let what = "streams don't leave the node";
    until(what, PATIENCE, async || {
        match by_trunk(world, a, b).await? {
            little if little < LITTLE => Ok(()),
            bytes => fail(format!("{bytes} bytes do")),
        }
    })
    .await
}

/// The client asks by the Service pods of its own node and of the other.
async fn service(world: &World, client: Place) -> Outcome {
    let progress = &world.progress;
    let scene = Scene {
        world,
        askers: vec![client],
    };
    scene.select(MOST).await?;
    let vip = progress.step("a Service over them", scene.make()).await?;
    for by in [By::Tcp, By::Udp, By::Tcp] {
        let what = format!("all pods answer by {by:?}");
        progress.step(what, scene.answered(vip, MOST, by)).await?;
    }
    progress.step("nothing of it is left", scene.delete()).await
}

/// A rule is taken away: what had been switched stays away, too, within seconds.
async fn group_decides(world: &World, field: &mut Field) -> Outcome {
    let progress = &world.progress;
    world.tenant.shut_out(&world.group).await?;
    let silence = until(
        "nothing reaches a pod any more",
        PATIENCE,
        async || match field.burst(1).await.between(|_| true, |_| true) {
            0 => Ok(()),
            count => fail(format!("{count} datagrams did")),
        },
    );
    progress.step("rule removed, silence", silence).await?;
    let count = field.burst(20).await.between(|_| true, |_| true);
    if count > 0 {
        return fail(format!("{count} datagrams came through later"));
    }
    world.tenant.let_in(&world.group).await?;
    progress
        .step("rule back, every pair reached", field.all_reach(PATIENCE))
        .await
        .map(drop)
}
