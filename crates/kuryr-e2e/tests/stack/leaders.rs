//! Two controllers: one leads.

use std::time::Duration;

use kuryr_e2e::metrics::changes;
use kuryr_e2e::progress::until;
use kuryr_e2e::world::{FIRST, World};
use kuryr_e2e::{Outcome, fail};

use crate::scenario;

const SECOND: &str = "controller-2";
const PATIENCE: Duration = Duration::from_secs(60);

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

#[test]
fn a_standby_takes_over_from_a_leader_that_was_killed() {
    scenario("leader-killed", async |world| {
        let progress = world.progress.clone();
        two_controllers(world).await?;
        world.sleepers(0, 2).await?;
        progress.step("2 pods ready", world.pods.ready(2)).await?;
        world.sleepers(2, 4).await?;
        world.kill_controller(FIRST).await?;
        progress
            .step(
                "leader killed, standby leads",
                world.controller(SECOND)?.until_leading(),
            )
            .await?;
        let pods = progress.step("6 pods ready", world.pods.ready(6)).await?;
        world.field(&pods, [])?.all_reach(PATIENCE).await.map(drop)
    });
}

/// It is stopped, not killed: when it wakes, it sees the same pods as its successor saw, and must
/// not serve them a second time.
#[test]
fn a_leader_that_slept_writes_nothing_when_it_wakes() {
    scenario("leader-slept", async |world| {
        let progress = world.progress.clone();
        two_controllers(world).await?;
        world.sleepers(0, 2).await?;
        progress.step("2 pods ready", world.pods.ready(2)).await?;
        let before = changes(&world.controller(FIRST)?.metrics().await?);

        world.controller(FIRST)?.process.signal("STOP").await?;
        world.sleepers(2, 4).await?;
        progress
            .step(
                "leader stopped, standby leads",
                world.controller(SECOND)?.until_leading(),
            )
            .await?;
        progress.step("6 pods ready", world.pods.ready(6)).await?;
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
        assert_eq!(
            world.tenant.revisions().await?,
            revisions,
            "ports and trunks"
        );
        assert_eq!(world.pods.versions().await?, claims, "KuryrPorts");
        // While its successor serves one more, it sees that one and those before.
        world.sleepers(6, 1).await?;
        let pods = progress.step("one pod more", world.pods.ready(7)).await?;
        let after = changes(&world.controller(FIRST)?.metrics().await?);
        assert_eq!(before, after, "changing calls of the one that slept");
        world.field(&pods, [])?.all_reach(PATIENCE).await.map(drop)
    });
}
