//! Programs that start again find everything as it is, and leave it so.

use std::collections::BTreeMap;
use std::time::Duration;

use kuryr_e2e::metrics::changes;
use kuryr_e2e::world::FIRST;
use kuryr_e2e::{Outcome, fail};

use crate::scenario;

const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn a_controller_that_starts_again_changes_nothing() {
    scenario("controller-restart", async |world| {
        let progress = world.progress.clone();
        world.sleepers(0, 4).await?;
        progress.step("4 pods ready", world.pods.ready(4)).await?;
        let ports = world.tenant.revisions().await?;
        let claims = world.pods.versions().await?;

        world.kill_controller(FIRST).await?;
        world.start_programs().await?;
        progress
            .step("started again", world.controller(FIRST)?.until_leading())
            .await?;
        let calls = changes(&world.controller(FIRST)?.metrics().await?);
        same("changing calls to Neutron", &BTreeMap::new(), &calls)?;
        same(
            "revisions in Neutron",
            &ports,
            &world.tenant.revisions().await?,
        )?;

        // A pod's port costs what it costs, and the calls are still only those for it.
        world.sleepers(4, 1).await?;
        let pods = progress.step("one pod more", world.pods.ready(5)).await?;
        let calls = changes(&world.controller(FIRST)?.metrics().await?);
        progress.say(format!("    changing calls since the start: {calls:?}"));
        let needed = ["create_ports", "add_subports"]
            .map(|call| (call.to_owned(), 1))
            .into();
        same("changing calls to Neutron", &needed, &calls)?;
        let mut after = world.pods.versions().await?;
        after.retain(|name, _| claims.contains_key(name));
        same("versions of KuryrPorts", &claims, &after)?;
        world.field(&pods, [])?.all_reach(PATIENCE).await.map(drop)
    });
}

#[test]
fn a_daemon_that_starts_again_leaves_links_alone() {
    scenario("daemon-restart", async |world| {
        let progress = world.progress.clone();
        world.sleepers(0, 4).await?;
        let pods = progress.step("4 pods ready", world.pods.ready(4)).await?;
        let before = world.traces().await?;
        world.kill_all().await?;
        progress
            .step("started again", world.start_programs())
            .await?;
        same(
            "links, filters, programs, ports",
            &before,
            &world.traces().await?,
        )?;
        world.field(&pods, [])?.all_reach(PATIENCE).await.map(drop)
    });
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, before: &T, after: &T) -> Outcome {
    match before == after {
        true => Ok(()),
        false => fail(format!("{what}: {before:?} expected, {after:?} found")),
    }
}
