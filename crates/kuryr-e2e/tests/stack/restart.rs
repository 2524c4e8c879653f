//! Programs that start again find everything as it is, and leave it so.

use std::collections::BTreeMap;
use std::time::Duration;

use kuryr_e2e::Outcome;
use kuryr_e2e::metrics::changes;
use kuryr_e2e::world::{FIRST, World};

use crate::{same, scenario};

const PATIENCE: Duration = Duration::from_secs(60);
const PODS: usize = 4;

#[test]
fn programs_that_start_again_change_nothing() {
    scenario("restart", async |world| {
        let progress = world.progress.clone();
        world.sleepers(0, PODS).await?;
        progress
            .step("4 pods ready", world.pods.ready(PODS))
            .await?;
        everything_started_again(world).await?;
        controller_started_again(world).await?;
        let pods = progress.step("one pod more", one_more(world)).await?;
        world.field(&pods, [])?.all_reach(PATIENCE).await.map(drop)
    });
}

/// Links, filters, programs, ports and namespaces are the same ones as before.
async fn everything_started_again(world: &mut World) -> Outcome {
    let progress = world.progress.clone();
    let before = world.traces().await?;
    world.kill_all().await?;
    progress
        .step("all killed and started again", world.start_programs())
        .await?;
    progress
        .step(
            "the controller leads",
            world.controller(FIRST)?.until_leading(),
        )
        .await?;
    same(
        "what is on nodes, in Neutron, in Kubernetes",
        &before,
        &world.traces().await?,
    )
}

/// Neither Neutron's objects nor KuryrPorts are written.
async fn controller_started_again(world: &mut World) -> Outcome {
    let progress = world.progress.clone();
    let (ports, claims) = (
        world.tenant.revisions().await?,
        world.pods.versions().await?,
    );
    world.kill_controller(FIRST).await?;
    world.start_programs().await?;
    progress
        .step(
            "the controller started again",
            world.controller(FIRST)?.until_leading(),
        )
        .await?;
    same(
        "changing calls to Neutron",
        &BTreeMap::new(),
        &calls(world).await?,
    )?;
    same(
        "revisions in Neutron",
        &ports,
        &world.tenant.revisions().await?,
    )?;
    same(
        "versions of KuryrPorts",
        &claims,
        &world.pods.versions().await?,
    )
}

/// Another pod's port costs its two calls, and since the start there were no others.
async fn one_more(world: &mut World) -> Outcome<Vec<kuryr_e2e::pods::Running>> {
    let claims = world.pods.versions().await?;
    world.sleepers(PODS, 1).await?;
    let pods = world.pods.ready(PODS + 1).await?;
    let needed = ["create_ports", "add_subports"]
        .map(|call| (call.to_owned(), 1))
        .into();
    same("changing calls to Neutron", &needed, &calls(world).await?)?;
    let mut after = world.pods.versions().await?;
    after.retain(|name, _| claims.contains_key(name));
    same("versions of KuryrPorts", &claims, &after)?;
    Ok(pods)
}

async fn calls(world: &mut World) -> Outcome<BTreeMap<String, u64>> {
    Ok(changes(&world.controller(FIRST)?.metrics().await?))
}
