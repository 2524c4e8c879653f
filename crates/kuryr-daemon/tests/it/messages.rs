//! What a pod's owner reads, one line for each cause.

use std::time::Duration;

use kuryr_daemon::ports::{Known, PodPort, WaitReason};

use crate::world::{World, target, uid, vif};

fn port(edit: impl FnOnce(&mut PodPort)) -> Option<Known> {
    let mut port = PodPort {
        uid: uid("web-0"),
        ..PodPort::default()
    };
    edit(&mut port);
    Some(Known::Port(port))
}

fn waits_for(reason: &str, message: &str) -> Option<Known> {
    port(|p| {
        p.waits_for = Some(WaitReason {
            reason: reason.into(),
            message: message.into(),
        });
    })
}

#[tokio::test]
async fn each_cause_has_its_message() {
    let cases = [
        None,
        Some(Known::Unreadable(
            "its spec cannot be read: missing field `podUid`".into(),
        )),
        port(|p| p.uid = "u-earlier".into()),
        port(|_| {}),
        waits_for("OverQuota", "the quota of ports of project k8s is used up"),
        waits_for(
            "NoAddress",
            "no address is left in subnet pods (10.41.0.0/16)",
        ),
        waits_for("NoTrunk", "node worker-1 (10.40.0.7) has no trunk port"),
        port(|p| {
            let entry = Ok(vif(1, 101, true));
            p.vifs.insert("eth1".into(), entry);
        }),
        port(|p| {
            let entry = Err("VIF p1: field vlan_id is None, expected 1 to 4094".into());
            p.vifs.insert("eth0".into(), entry);
        }),
        port(|p| {
            let entry = Ok(vif(1, 101, false));
            p.vifs.insert("eth0".into(), entry);
        }),
        port(|p| p.deleting = true),
    ];
    let mut lines = Vec::new();
    for known in cases {
        let mut world = World::waiting(Duration::from_millis(10)).await;
        if let Some(known) = known {
            world.apply("web-0", known);
        }
        let error = world
            .add(&target("c1", "web-0"))
            .await
            .unwrap_err()
            .to_cni();
        lines.push(format!("{:>3} {}", error.code, error.msg));
        world.assert_clean();
    }
    insta::assert_snapshot!(lines.join("\n"));
}

#[tokio::test]
async fn a_namespace_that_is_not_there_is_named() {
    let mut world = World::new().await;
    world.port("web-0", &uid("web-0"), Some(vif(1, 101, true)));
    let target = target("c1", "web-0");
    let add = world
        .node
        .add(&target, Duration::from_secs(5), Default::default());
    let message = add.await.unwrap_err().to_string();
    assert_eq!(
        message,
        "pod demo/web-0 is gone: there is no network namespace at /run/netns/c1"
    );
    world.assert_clean();
}
