//! What keeps an installation from working, and where the operator reads it.

use std::fs;
use std::path::Path;

use kuryr_e2e::installed::Installation;
use kuryr_e2e::world::World;
use kuryr_e2e::{Outcome, fail};

use crate::scenario;

/// A configuration that comes before ours by name.
const OTHER: &str = "05-other.conflist";
const CONFLIST: &str =
    r#"{"cniVersion": "0.4.0", "name": "other", "plugins": [{"type": "other-cni"}]}"#;

#[test]
fn what_keeps_an_installation_from_working_is_said_and_mended() {
    scenario("refused", async |world| {
        let progress = world.progress.clone();
        world.stop_programs().await?;
        for node in &world.nodes {
            node.uninstall()?;
        }
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("e2e-refused");
        let installation = Installation::prepare(world, &dir).await?;
        let other = world
            .stack
            .disk(&world.nodes[0].name)
            .join("etc-cni/net.d")
            .join(OTHER);
        fs::write(&other, CONFLIST)?;
        let said = said(world, &installation, &other).await;
        let _ = fs::remove_file(&other);
        let removed = progress.step("uninstalled", installation.remove()).await;
        said.and(removed)
    });
}

async fn said(world: &World, installation: &Installation, other: &Path) -> Outcome {
    let progress = world.progress.clone();
    installation.change_password(Some("wrong"))?;
    installation.apply_only().await?;
    progress
        .step(
            "a wrong credential is in the pod's status",
            credential(installation),
        )
        .await?;
    progress
        .step("and kuryr doctor says it", doctor(world, installation))
        .await?;
    let node = world.nodes[0].name.clone();
    let told = async {
        let get = [
            "get",
            "events",
            "--field-selector",
            "reason=OtherCniFirst",
            "-o",
            MESSAGES,
        ];
        let is = |shown: &str| shown.contains(OTHER) && shown.contains(&node);
        installation
            .until_shown("an Event on the node", "default", &get, is)
            .await
    };
    progress
        .step("two CNIs: an Event on the node", told)
        .await?;
    fs::remove_file(other)?;
    installation.change_password(None)?;
    progress
        .step("mended, all pods of ours ready", installation.apply())
        .await?;
    installation
        .set_image("deployment/kuryr-controller", "absent")
        .await?;
    let pulled = async {
        let get = [
            "get",
            "pods",
            "-o",
            "jsonpath={.items[*].status.containerStatuses[*].state.waiting}",
        ];
        let is = |shown: &str| shown.contains("ImagePull") && shown.contains("controller:absent");
        installation
            .until_shown("a pod's status", "kuryr", &get, is)
            .await
    };
    progress
        .step(
            "an image that can't be pulled is in the pod's status",
            pulled,
        )
        .await
}

const MESSAGES: &str = "jsonpath={range .items[*]}{.involvedObject.name}: {.message}{\"\\n\"}{end}";

/// The controller ends with its reason, which Kubernetes keeps.
async fn credential(installation: &Installation) -> Outcome {
    let label = "app.kubernetes.io/name=kuryr-controller";
    let last = "jsonpath={.items[*].status.containerStatuses[*].lastState.terminated.message}";
    let get = ["get", "pods", "-l", label, "-o", last];
    let is = |shown: &str| shown.contains("refuses the credential");
    installation
        .until_shown("the pod's status", "kuryr", &get, is)
        .await
}

/// The same credential, the same words.
async fn doctor(world: &World, installation: &Installation) -> Outcome {
    let done = installation.doctor(world)?.output().await?;
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    match !done.status.success() && said.contains("refuses the credential") {
        true => Ok(()),
        false => fail(format!("{}: {said}", done.status)),
    }
}
