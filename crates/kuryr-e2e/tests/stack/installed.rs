//! Kuryr as pods, applied by kubectl, on real kubelets and containerd.

use std::path::Path;
use std::time::Duration;

use kuryr_e2e::installed::Installation;
use kuryr_e2e::pods::Running;
use kuryr_e2e::reach::{Answers, By, Field};
use kuryr_e2e::world::World;
use kuryr_e2e::{Outcome, pods};

use crate::services::{Scene, backends};
use crate::{same, scenario};

const PATIENCE: Duration = Duration::from_secs(60);
/// Datagrams of a pair that are counted at once: a second's.
const BURST: usize = 5;

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
        if served.is_err() {
            // Without definitions nothing can be looked at.
            world.define_again().await?;
        }
        // Whatever came of it, nothing of it stays.
        let emptied = progress.step("pods gone", gone(world)).await;
        let removed = progress.step("uninstalled", installation.remove_all());
        let removed = removed.await;
        // The end of the scenario, and those after it, are with programs that are no pods.
        let again = world.define_again().await;
        served.and(emptied).and(removed).and(again)?;
        same("files in the nodes' CNI folders", &before, &files(world)?)
    });
}

/// Pods come and reach each other, also while ours are replaced.
async fn serves(world: &mut World, installation: &Installation) -> Outcome {
    let progress = world.progress.clone();
    installation.preflight(world).await?;
    progress
        .step("kuryr manifests, dry run", installation.dry_run(world))
        .await?;
    installation.forget_definitions().await?;
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
    world.field(&pods, [])?.all_reach(PATIENCE).await?;
    upgraded(world, installation, &pods).await?;
    service(world).await
}

/// Other images and back, while pods come and go: every datagram between those that stay arrives, and no pod fails for good.
async fn upgraded(world: &World, installation: &Installation, stay: &[Running]) -> Outcome {
    let progress = world.progress.clone();
    installation.tag_images(world, "next").await?;
    let mut field = world.field(stay, [])?;
    for (tag, what) in [
        ("next", "upgraded under churn"),
        ("test", "downgraded under churn"),
    ] {
        let change = async {
            let changed = tokio::join!(installation.change_images(tag), churn(world));
            changed.0.and(changed.1)
        };
        let (changed, lost) = progress.step(what, counted(&mut field, change)).await?;
        changed?;
        same("datagrams that did not arrive", &0, &lost)?;
    }
    Ok(())
}

/// Pods that come and go, one after the other on each node.
async fn churn(world: &World) -> Outcome {
    for _ in 0..3 {
        let names = ["c0", "c1"];
        let nodes = world.nodes.iter();
        let pods = names
            .iter()
            .zip(nodes)
            .map(|(name, node)| pods::sleeper(name, &node.name));
        world.pods.create(pods).await?;
        for name in names {
            world.pods.ready_one(name).await?;
        }
        world.pods.delete(names).await?;
        for name in names {
            world.pods.until_one_gone(name).await?;
        }
    }
    Ok(())
}

/// Sends between all pairs of a field for as long as something lasts; says how many of the datagrams did not arrive.
async fn counted(
    field: &mut Field,
    change: impl Future<Output = Outcome>,
) -> Outcome<(Outcome, usize)> {
    let mut change = std::pin::pin!(change);
    let mut lost = 0;
    loop {
        let anyone = |_: &str| true;
        let burst = async {
            let arrived = field.burst(BURST).await.between(anyone, anyone);
            BURST * field.pairs() - arrived as usize
        };
        tokio::select! {
            // The burst under way is given up: it is not counted, the others are.
            changed = &mut change => return Ok((changed, lost)),
            missing = burst => lost += missing,
        }
    }
}

/// A Service over pods, with our programs as pods.
async fn service(world: &World) -> Outcome {
    let progress = world.progress.clone();
    if world.stack.backend != "ovn" {
        progress.say("skipped: only Octavia's OVN provider carries traffic on this stack");
        return Ok(());
    }
    gone(world).await?;
    let mut answers = Answers::default();
    let client = backends(world, &mut answers).await?;
    let scene = Scene {
        world,
        askers: vec![client],
    };
    scene.select(3).await?;
    let vip = scene.make().await?;
    let answered = scene.answered(vip, 3, By::Tcp);
    progress
        .step("3 pods of a Service answer", answered)
        .await?;
    progress.step("the Service is gone", scene.delete()).await
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
