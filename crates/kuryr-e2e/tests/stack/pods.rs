//! Small scenarios about single pods, in one world.

use crate::{lives, objects, scenario};

#[test]
fn pods_of_all_kinds_and_their_kuryrports() {
    scenario("pods", async |world| {
        let progress = world.progress.clone();
        world
            .pods
            .create(lives::unusual(&world.nodes[0].name))
            .await?;
        world.sleepers(0, 2).await?;
        for name in ["p0", "p1"] {
            progress
                .step(format!("pod {name} ready"), world.pods.ready_one(name))
                .await?;
        }
        progress
            .step(
                "a pod on the node's network is left alone",
                lives::host_network(world),
            )
            .await?;
        progress
            .step(
                "a completed pod gives its port back and stays",
                lives::completed(world),
            )
            .await?;
        progress
            .step("kubectl shows what a pod has", objects::columns(world))
            .await?;
        progress
            .step("the API server refuses nonsense", objects::nonsense(world))
            .await?;
        progress
            .step(
                "a pod made again has a port that works",
                lives::made_again(world),
            )
            .await
    });
}
