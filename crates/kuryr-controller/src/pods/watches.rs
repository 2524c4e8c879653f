//! The watches that pods need.

use std::sync::Arc;

use futures::FutureExt;
use kube::api::ApiResource;
use kube::core::DynamicObject;
use kube::{Api, Client, ResourceExt};
use kuryr_api::KuryrPort;
use kuryr_core::port::{Event, Id, PodKey, PortKind};
use tokio::sync::mpsc;

use super::slim::{SlimNode, SlimPod};
use crate::facts::{addresses, claim, pod};
use crate::reconcile::{Kind, Watch, follow};

/// The watches, and the news that they bring of pods that want ports of this kind.
pub(crate) fn watches(client: &Client, kind: Arc<PortKind>) -> (mpsc::Receiver<Event>, [Watch; 3]) {
    let (tx, rx) = mpsc::channel(1024);
    let kind = Ok(kind);
    let pods = Kind {
        id: key,
        read: move |p: SlimPod| pod(&p.into(), &kind),
        news: Event::Pod,
    };
    let nodes = Kind {
        id: |n: &SlimNode| Id::from(n.name_any()),
        read: |n: SlimNode| Some((n.name_any().into(), addresses(&n.into()))),
        news: Event::Node,
    };
    let claims = Kind {
        id: key,
        read: |o: DynamicObject| Some(claim(&o)),
        news: Event::Claim,
    };
    let all = |client: &Client| client.clone();
    let resource = ApiResource::erase::<KuryrPort>(&());
    let claims = follow(Api::all_with(all(client), &resource), claims, tx.clone());
    let watches = [
        (
            "watch of pods",
            follow(Api::all(all(client)), pods, tx.clone()).boxed(),
        ),
        (
            "watch of nodes",
            follow(Api::all(all(client)), nodes, tx).boxed(),
        ),
        ("watch of KuryrPorts", claims.boxed()),
    ];
    (rx, watches)
}

fn key<K: ResourceExt>(object: &K) -> PodKey {
    PodKey::new(object.namespace().unwrap_or_default(), object.name_any())
}
