//! KuryrPorts as people and the API server see them.

use kube::Error;
use kube::api::{DynamicObject, PostParams};
use kuryr_e2e::stack;
use serde_json::json;

use crate::scenario;

#[test]
fn kubectl_shows_what_a_pod_has() {
    scenario("kubectl", async |world| {
        world.sleepers(0, 1).await?;
        let pod = world.pods.ready_one("p0").await?;
        let mut kubectl = world.stack.kubectl();
        kubectl.args(["get", "kuryrports", "-n", &world.pods.namespace]);
        let shown = stack::output(kubectl).await?;
        let rows: Vec<Vec<&str>> = shown
            .lines()
            .map(|line| line.split_whitespace().collect())
            .collect();
        assert_eq!(
            rows[0],
            ["NAME", "IP", "NODE", "VLAN", "ACTIVE", "AGE"],
            "{shown}"
        );
        let subports = world.tenant.subports().await?;
        let vlan = subports[0].1.segmentation_id.to_string();
        let address = pod.address.to_string();
        assert_eq!(
            rows[1][..5],
            ["p0", &address, &pod.node, &vlan, "true"],
            "{shown}"
        );
        Ok(())
    });
}

#[test]
fn the_api_server_refuses_nonsense() {
    scenario("nonsense", async |world| {
        world.sleepers(0, 1).await?;
        world.pods.ready_one("p0").await?;
        let good = serde_json::to_value(world.pods.ports().get("p0").await?)?;
        let data = "/status/vifs/eth0/vif/versioned_object.data";
        for (at, nonsense) in [
            (format!("{data}/vlan_id"), json!(5000)),
            (format!("{data}/vlan_id"), json!("five")),
            (format!("{data}/active"), json!("yes")),
            ("/spec/podUid".to_owned(), json!("")),
            ("/status/vifs".to_owned(), json!([])),
        ] {
            let mut object = good.clone();
            object["metadata"] = json!({"name": "nonsense"});
            let Some(place) = object.pointer_mut(&at) else {
                panic!("a KuryrPort has no {at}: {good}");
            };
            *place = nonsense.clone();
            let object: DynamicObject = serde_json::from_value(object)?;
            match world
                .pods
                .raw_ports()
                .create(&PostParams::default(), &object)
                .await
            {
                Err(Error::Api(status)) => assert_eq!(status.code, 422, "{at}: {status:?}"),
                other => panic!("{at} = {nonsense}: {other:?}"),
            }
        }
        Ok(())
    });
}
