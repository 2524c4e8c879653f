//! Kuryr as pods, applied by kubectl, on real kubelets and containerd.

use std::path::Path;
use std::time::Duration;

use kuryr_e2e::Outcome;
use kuryr_e2e::installed::Installation;
use kuryr_e2e::world::World;

use crate::{same, scenario};

const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn installed_by_one_command_it_serves_pods_and_goes_without_a_trace() {
    scenario("installed", async |world| {
        let progress = world.progress.clone();
        world.stop_programs().await?;
        for node in &world.nodes {
            node.uninstall()?;
        }
        let before = files(world)?;
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("e2e-installed");
        let installation = Installation::prepare(world, &dir).await?;
        let served = serves(world, &installation).await;
        // Whatever came of it, nothing of it stays.
        let emptied = progress.step("pods gone", gone(world)).await;
        let removed = progress.step("uninstalled", installation.remove()).await;
        served.and(emptied).and(removed)?;
        same("files in the nodes' CNI folders", &before, &files(world)?)
    });
}

/// Pods come and reach each other, also while ours are replaced.
async fn serves(world: &mut World, installation: &Installation) -> Outcome {
    let progress = world.progress.clone();
    installation.preflight(world).await?;
    let applied = installation.apply();
    progress
        .step("kubectl apply -k, all pods of ours ready", applied)
        .await?;
    world.nodes_ready().await?;
    world.sleepers(0, 4).await?;
    let pods = progress.step("4 pods ready", world.pods.ready(4)).await?;
    world.field(&pods, [])?.all_reach(PATIENCE).await?;
    // The leader with them, and every daemon.
    installation.delete_pods("kuryr-controller").await?;
    installation.delete_pods("kuryr-daemon").await?;
    world.sleepers(4, 4).await?;
    let all = "4 more ready, though all of ours were deleted";
    let pods = progress.step(all, world.pods.ready(8)).await?;
    installation
        .rolled_out("kuryr", "daemonset/kuryr-daemon")
        .await?;
    world.field(&pods, [])?.all_reach(PATIENCE).await.map(drop)
}

async fn gone(world: &World) -> Outcome {
    world.pods.delete_all().await?;
    world.pods.until_gone().await?;
    world.until_nothing_left().await
}

/// Names of the files in the nodes' folders of plugins and configurations.
fn files(world: &World) -> Outcome<Vec<String>> {
    let mut all = Vec::new();
    for node in &world.nodes {
        for folder in ["opt-cni/bin", "etc-cni/net.d"] {
            for entry in std::fs::read_dir(world.stack.disk(&node.name).join(folder))? {
                let name = entry?.file_name();
                all.push(format!(
                    "{}: {folder}/{}",
                    node.name,
                    name.to_string_lossy()
                ));
            }
        }
    }
    all.sort();
    Ok(all)
}
