//! Pods that are not simply there: on the node's own network, completed, made again.

use std::time::Duration;

use kube::ResourceExt;
use kube::api::ListParams;
use kuryr_api::names::POD_FINALIZER;
use kuryr_e2e::fail;
use kuryr_e2e::pods::{pod, sleeper};
use kuryr_e2e::progress::until;
use serde_json::json;

use crate::scenario;

const PATIENCE: Duration = Duration::from_secs(90);

#[test]
fn a_pod_on_the_nodes_network_is_left_alone() {
    scenario("host-network", async |world| {
        let node = world.nodes[0].name.clone();
        let host = pod(
            "host",
            &node,
            &["sleep", "100000"],
            &json!({"hostNetwork": true}),
        );
        // The second shows that the controller has seen the first.
        world.pods.create([host, sleeper("usual", &node)]).await?;
        let pods = world.pods.ready(2).await?;
        let address = world.stack.ids.nodes[&node].address;
        assert!(
            pods.iter()
                .any(|pod| pod.name == "host" && pod.address == address),
            "{pods:?}"
        );
        let claims = world.pods.versions().await?;
        assert_eq!(claims.keys().collect::<Vec<_>>(), ["usual"]);
        let host = world.pods.api().get("host").await?;
        assert!(
            !host.finalizers().iter().any(|f| f == POD_FINALIZER),
            "{:?}",
            host.finalizers()
        );
        Ok(())
    });
}

#[test]
fn a_completed_pod_gives_its_port_back_and_stays() {
    scenario("completed", async |world| {
        let node = world.nodes[0].name.clone();
        let once = pod("once", &node, &["true"], &json!({"restartPolicy": "Never"}));
        world.pods.create([once]).await?;
        until(
            "the pod has completed and its port is gone",
            PATIENCE,
            async || {
                let pod = world.pods.api().get("once").await?;
                let phase = pod
                    .status
                    .as_ref()
                    .and_then(|s| s.phase.clone())
                    .unwrap_or_default();
                let claims = world
                    .pods
                    .ports()
                    .list(&ListParams::default())
                    .await?
                    .items
                    .len();
                let ports = world.tenant.ours().await?.len();
                match (phase.as_str(), claims, ports) {
                    ("Succeeded", 0, 0) => Ok(()),
                    _ => fail(format!("phase {phase}, {claims} KuryrPorts, {ports} ports")),
                }
            },
        )
        .await?;
        let pod = world.pods.api().get("once").await?;
        assert!(
            !pod.finalizers().iter().any(|f| f == POD_FINALIZER),
            "{:?}",
            pod.finalizers()
        );
        assert!(
            pod.metadata.deletion_timestamp.is_none(),
            "the pod is not deleted"
        );
        Ok(())
    });
}

#[test]
fn a_pod_made_again_under_its_name_has_a_port_that_works() {
    scenario("made-again", async |world| {
        let node = world.nodes[0].name.clone();
        world.sleepers(0, 2).await?;
        let mut pods = world.pods.ready(2).await?;
        for by_force in [false, true, true] {
            let old = world.pods.ready_one("p0").await?;
            match by_force {
                true => world.pods.delete_by_force("p0").await?,
                false => world.pods.delete(["p0"]).await?,
            }
            until("the name is free", PATIENCE, async || {
                world.pods.create([sleeper("p0", &node)]).await
            })
            .await?;
            let new = world.pods.ready_other("p0", &old.uid).await?;
            pods.retain(|pod| pod.name != "p0");
            pods.push(new.clone());
            world.field(&pods, [])?.all_reach(PATIENCE).await?;
            let claim = world.pods.ports().get("p0").await?;
            assert_eq!(claim.spec.pod_uid, new.uid);
        }
        Ok(())
    });
}
