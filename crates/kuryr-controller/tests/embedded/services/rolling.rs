//! A rolling update of many pods behind one Service.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{Api, Patch, PatchParams};
use kuryr_checkpoint::{Moment, Verdict};
use kuryr_embedded_openstack::{Latency, Settings};
use serde_json::json;

use crate::world::{NAMESPACE, World};

const PODS: usize = 100;

/// How many changing calls to Octavia there were at a time at most.
#[derive(Clone, Default)]
struct Most(Arc<(AtomicUsize, AtomicUsize)>);

impl Most {
    fn watch(world: &World) -> Self {
        let most = Self::default();
        let counts = most.clone();
        world.guard(move |call| {
            if call.changes() && call.uri.contains("/v2/lbaas/") {
                let (now, most) = &*counts.0;
                match call.moment {
                    Moment::Before => {
                        let under_way = now.fetch_add(1, Ordering::SeqCst) + 1;
                        most.fetch_max(under_way, Ordering::SeqCst);
                    }
                    Moment::After => drop(now.fetch_sub(1, Ordering::SeqCst)),
                }
            }
            Verdict::Pass
        });
        most
    }

    fn get(&self) -> usize {
        self.0.1.load(Ordering::SeqCst)
    }
}

/// The slice as it is when so many pods were replaced: those have other addresses.
async fn replaced(world: &World, count: usize) {
    let api: Api<EndpointSlice> = Api::namespaced(world.client.clone(), NAMESPACE);
    let endpoint = |n: usize| {
        let net = if n < count { 110 } else { 100 };
        json!({"addresses": [format!("10.20.{net}.{}", 10 + n)], "conditions": {"ready": true}})
    };
    let slice = json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {"name": "web-0", "labels": {"kubernetes.io/service-name": "web"}},
        "addressType": "IPv4",
        "ports": [{"name": "p80", "port": 8080, "protocol": "TCP"}],
        "endpoints": (0..PODS).map(endpoint).collect::<Vec<_>>(),
    });
    let apply = PatchParams::apply("test").force();
    api.patch("web-0", &apply, &Patch::Apply(&slice))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_rolling_update_is_one_call_at_a_time_with_what_came_meanwhile() {
    let settings = Settings {
        latency: Latency {
            lb_change: Duration::from_millis(100),
            lb_settle: Duration::from_millis(300),
            ..Latency::none()
        },
        ..Settings::default()
    };
    let world = World::with(1, settings).await;
    let options = world.serving("ovn");
    let _controller = world.controller(options).await;
    world.add_service("web", &[80], PODS).await;
    world.all_served().await;
    let most = Most::watch(&world);
    world.openstack.calls().clear();
    for count in 1..=PODS {
        replaced(&world, count).await;
    }
    world.all_served().await;
    let calls = world.octavia_changes();
    assert_eq!(most.get(), 1, "{calls:?}");
    assert!(calls.len() <= PODS / 4, "{} calls", calls.len());
    let calls = world.openstack.calls().all();
    let refused = calls.iter().filter(|c| c.status == 409);
    assert_eq!(refused.count(), 0, "Octavia had time for each");
}
