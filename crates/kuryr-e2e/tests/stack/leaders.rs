//! Two controllers: one leads.

use std::time::Duration;

use kuryr_e2e::metrics::changes;
use kuryr_e2e::progress::until;
use kuryr_e2e::world::{FIRST, World};
use kuryr_e2e::{Outcome, fail};

use crate::{same, scenario};

const SECOND: &str = "controller-2";
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn one_of_two_controllers_leads() {
    scenario("leaders", async |world| {
        two_controllers(world).await?;
        world.sleepers(0, 2).await?;
        world
            .progress
            .clone()
            .step("2 pods ready", world.pods.ready(2))
            .await?;
        leader_slept(world).await?;
        leader_killed(world).await
    });
}

async fn two_controllers(world: &mut World) -> Outcome {
    world.controller(FIRST)?.until_leading().await?;
    let second = world.kit.controller(SECOND)?;
    world.controllers.insert(SECOND.to_owned(), second);
    world.controller(SECOND)?.until_ready().await?;
    match world.controller(SECOND)?.leads().await? {
        false => Ok(()),
        true => fail("both controllers lead"),
    }
}

/// It is stopped, not killed: when it wakes, it sees the same pods as its successor saw, and must
/// not serve them a second time.
async fn leader_slept(world: &mut World) -> Outcome {
    let progress = world.progress.clone();
    let before = changes(&world.controller(FIRST)?.metrics().await?);
    world.controller(FIRST)?.process.signal("STOP").await?;
    world.sleepers(2, 3).await?;
    progress
        .step(
            "leader stopped, standby leads",
            world.controller(SECOND)?.until_leading(),
        )
        .await?;
    progress.step("5 pods ready", world.pods.ready(5)).await?;
    let (revisions, claims) = (
        world.tenant.revisions().await?,
        world.pods.versions().await?,
    );

    world.controller(FIRST)?.process.signal("CONT").await?;
    let first = world.controller(FIRST)?;
    until(
        "it knows that it does not lead",
        PATIENCE,
        async || match first.leads().await? {
            false => Ok(()),
            true => fail("it says it does"),
        },
    )
    .await?;
    same(
        "ports and trunks",
        &revisions,
        &world.tenant.revisions().await?,
    )?;
    same("KuryrPorts", &claims, &world.pods.versions().await?)?;
    // While its successor serves one more, it sees that one and those before.
    world.sleepers(5, 1).await?;
    progress.step("one pod more", world.pods.ready(6)).await?;
    let after = changes(&world.controller(FIRST)?.metrics().await?);
    same("changing calls of the one that slept", &before, &after)
}

/// The other one has the work that was begun.
async fn leader_killed(world: &mut World) -> Outcome {
    let progress = world.progress.clone();
    world.sleepers(6, 2).await?;
    world.kill_controller(SECOND).await?;
    progress
        .step(
            "leader killed, standby leads",
            world.controller(FIRST)?.until_leading(),
        )
        .await?;
    let pods = progress.step("8 pods ready", world.pods.ready(8)).await?;
    world.field(&pods, [])?.all_reach(PATIENCE).await.map(drop)
}
