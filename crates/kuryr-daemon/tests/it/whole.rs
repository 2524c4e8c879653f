//! The whole daemon, with an API server of a few lines.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures::StreamExt;
use kuryr_api::names::OPEN_NETWORKS_ANNOTATION;
use kuryr_daemon::install::Places;
use kuryr_daemon::metrics::Metrics;
use kuryr_daemon::switching::Place;
use kuryr_daemon::{DaemonConfig, run_with};
use kuryr_net::LocalPort;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::socket::plugin;
use crate::world::{World, vif};

/// What it lists, and the events that its watch will bring.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) listed: Arc<Vec<Value>>,
    pub(crate) events: Arc<Mutex<Option<mpsc::UnboundedReceiver<Value>>>>,
    pub(crate) asked: Arc<Mutex<Vec<BTreeMap<String, String>>>>,
}

async fn kuryrports(
    State(api): State<Api>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    api.asked.lock().unwrap().push(query.clone());
    if !query.contains_key("watch") {
        let list = json!({"apiVersion": "openstack.org/v1", "kind": "KuryrPortList",
            "metadata": {"resourceVersion": "10"}, "items": *api.listed});
        return axum::Json(list).into_response();
    }
    let Some(mut events) = api.events.lock().unwrap().take() else {
        return Body::from_stream(futures::stream::pending::<Result<String, std::io::Error>>())
            .into_response();
    };
    let lines = futures::stream::poll_fn(move |cx| events.poll_recv(cx))
        .map(|event| Ok::<_, std::io::Error>(format!("{event}\n")));
    Body::from_stream(lines).into_response()
}

pub(crate) fn kuryrport(name: &str, spec: Value, vif: Option<kuryr_api::vif::Vif>) -> Value {
    let vifs = vif.map(|vif| json!({"eth0": {"default": true, "vif": vif.to_wire()}}));
    json!({"apiVersion": "openstack.org/v1", "kind": "KuryrPort",
        "metadata": {"name": name, "namespace": "demo", "resourceVersion": "11"},
        "spec": spec, "status": {"vifs": vifs.unwrap_or(json!({}))}})
}

pub(crate) fn spec(name: &str) -> Value {
    json!({"podUid": format!("u-{name}"), "podNodeName": "worker-1"})
}

pub(crate) async fn api_server(api: Api) -> kube::Client {
    let router = Router::new()
        .route("/apis/openstack.org/v1/kuryrports", get(kuryrports))
        .with_state(api);
    serve(router).await
}

/// A client of what a router answers.
async fn serve(router: Router) -> kube::Client {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    let uri = format!("http://{address}").parse().unwrap();
    kube::Client::try_from(kube::Config::new(uri)).unwrap()
}

pub(crate) fn config(dir: &std::path::Path) -> DaemonConfig {
    DaemonConfig {
        node_name: "worker-1".into(),
        socket: dir.join("cni.sock"),
        state_dir: dir.join("state"),
        node_netns: None,
        link_iface: None,
        node_ip: None,
        method: kuryr_net::Method::Auto,
        port_wait: Duration::from_secs(20),
        workers: 4,
        failures_allowed: 3,
        places: None,
        local_switching: None,
        use_events: false,
        proc_dir: None,
        health: None,
        metrics: None,
    }
}

/// A list with an object that is wrong, then the port by an event of the watch.
#[tokio::test]
async fn a_port_that_comes_by_the_watch_is_plugged() {
    let world = World::stopped(Duration::from_secs(20));
    world.kernel().make_netns("/run/netns/c1");
    let (send, events) = mpsc::unbounded_channel();
    let listed = vec![
        kuryrport("wrong", json!({"podUid": 7}), None),
        kuryrport("web-0", spec("web-0"), None),
    ];
    let api = Api {
        listed: Arc::new(listed),
        events: Arc::new(Mutex::new(Some(events))),
        asked: Arc::default(),
    };
    let client = api_server(api.clone()).await;
    let config = config(world.dir.path());
    let socket = config.socket.clone();
    let shutdown = CancellationToken::new();
    let metrics = Metrics::new(("bpf", String::new()));
    let daemon = tokio::spawn(run_with(
        config,
        client,
        world.hands.clone(),
        metrics,
        shutdown.clone(),
    ));
    while !socket.exists() {
        tokio::task::yield_now().await;
    }
    let asking = socket.clone();
    let adding = tokio::spawn(async move { plugin(&asking, "ADD", "web-0", json!({})).await });
    for active in [false, true] {
        let object = kuryrport("web-0", spec("web-0"), Some(vif(1, 101, active)));
        send.send(json!({"type": "MODIFIED", "object": object}))
            .unwrap();
        world.until(|k| k.links.len() == 1).await;
    }
    let (ok, out) = adding.await.unwrap();
    assert!(ok, "{out}");
    assert_eq!(out["ips"][1]["address"], "fd00:41::1:1/64");
    let selector = "kuryr.openstack.org/nodeName=worker-1";
    assert!(
        api.asked
            .lock()
            .unwrap()
            .iter()
            .all(|q| q["labelSelector"] == selector)
    );

    shutdown.cancel();
    daemon.await.unwrap().unwrap();
    assert!(!socket.exists());
    assert_eq!(world.kernel().links.len(), 1, "a stop leaves pods plugged");
}

/// The Lease in which the leader says which networks are open.
fn statement(open: &str, holds_s: u32, renewed: &str) -> Value {
    json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": "kuryr-local", "namespace": "kube-system", "resourceVersion": "11",
            "annotations": {OPEN_NETWORKS_ANNOTATION: open}},
        "spec": {"leaseDurationSeconds": holds_s, "renewTime": renewed}})
}

/// By the list, by the watch, and no longer than the leader's word holds.
#[tokio::test]
async fn pods_are_switched_on_the_node_while_the_leader_says_so() {
    let world = World::stopped(Duration::from_secs(20));
    world.kernel().make_netns("/run/netns/c1");
    let port = vif(1, 101, true);
    let network = port.network.id.clone();
    let listed = vec![kuryrport("web-0", spec("web-0"), Some(port))];
    let api = |listed, events| Api {
        listed: Arc::new(listed),
        events: Arc::new(Mutex::new(events)),
        asked: Arc::default(),
    };
    let (say, events) = mpsc::unbounded_channel();
    let first = statement(
        &format!("another, {network}"),
        3600,
        "2026-01-01T00:00:00.000000Z",
    );
    let leases = api(vec![first], Some(events));
    let asked = leases.asked.clone();
    let router = Router::new()
        .route(
            "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases",
            get(move |query| kuryrports(State(leases), query)),
        )
        .route("/apis/openstack.org/v1/kuryrports", get(kuryrports));
    let client = serve(router.with_state(api(listed, None))).await;
    let config = DaemonConfig {
        local_switching: Some(Place {
            namespace: "kube-system".into(),
            name: "kuryr-local".into(),
        }),
        ..config(world.dir.path())
    };
    let socket = config.socket.clone();
    let shutdown = CancellationToken::new();
    let metrics = Metrics::new(("bpf", String::new()));
    let hands = world.hands.clone();
    let daemon = tokio::spawn(run_with(config, client, hands, metrics, shutdown.clone()));
    while !socket.exists() {
        tokio::task::yield_now().await;
    }
    let (ok, out) = plugin(&socket, "ADD", "web-0", json!({})).await;
    assert!(ok, "{out}");
    world.until(|k| k.switched.len() == 1).await;
    let local = world.kernel().switched[0].clone();
    assert_eq!(
        (local.vlan, local.network.as_str(), local.addresses.len()),
        (101, &*network, 2)
    );

    let tell = |open: &str, holds_s, renewed| {
        let object = statement(open, holds_s, renewed);
        say.send(json!({"type": "MODIFIED", "object": object}))
            .unwrap();
    };
    tell("another", 3600, "2026-01-01T00:00:01.000000Z");
    world.until(|k| k.switched.is_empty()).await;
    tell(&network, 1, "2026-01-01T00:00:02.000000Z");
    world.until(|k| k.switched.len() == 1).await;
    // Nothing more is said.
    world.until(|k| k.switched.is_empty()).await;
    let selector = "metadata.name=kuryr-local";
    assert!(
        asked
            .lock()
            .unwrap()
            .iter()
            .all(|q| q["fieldSelector"] == selector)
    );
    shutdown.cancel();
    daemon.await.unwrap().unwrap();
}

/// What an earlier life had switched ends where nobody says that it may go on, though no KuryrPort can be read.
#[tokio::test]
async fn switching_ends_without_the_leaders_word_and_without_kuryrports() {
    let world = World::stopped(Duration::from_secs(20));
    world.kernel().switched = vec![LocalPort {
        vlan: 101,
        mac: kuryr_net::MacAddr([0xfa, 0x16, 0x3e, 0, 0, 1]),
        addresses: vec![],
        network: "pods".into(),
    }];
    let none = Api {
        listed: Arc::default(),
        events: Arc::default(),
        asked: Arc::default(),
    };
    let router = Router::new()
        .route(
            "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases",
            get(kuryrports),
        )
        .route(
            "/apis/openstack.org/v1/kuryrports",
            get(std::future::pending::<()>),
        );
    let client = serve(router.with_state(none)).await;
    let config = DaemonConfig {
        local_switching: Some(Place {
            namespace: "kube-system".into(),
            name: "kuryr-local".into(),
        }),
        ..config(world.dir.path())
    };
    let shutdown = CancellationToken::new();
    let metrics = Metrics::new(("bpf", String::new()));
    let hands = world.hands.clone();
    let daemon = tokio::spawn(run_with(config, client, hands, metrics, shutdown.clone()));
    world.until(|k| k.switched.is_empty()).await;
    shutdown.cancel();
    daemon.await.unwrap().unwrap();
}

/// The runtime says that the node is Ready as soon as it finds the configuration.
#[tokio::test]
async fn the_node_is_configured_when_pods_can_start_and_not_before() {
    let world = World::stopped(Duration::from_secs(20));
    let at = |name: &str| world.dir.path().join(name);
    for folder in ["bin", "net.d"] {
        std::fs::create_dir(at(folder)).unwrap();
    }
    std::fs::write(at("plugin"), "the plugin").unwrap();
    let config = DaemonConfig {
        places: Some(Places {
            plugin: at("plugin"),
            bin_dir: at("bin"),
            conf_dir: at("net.d"),
            conf_name: "10-kuryr.conflist".to_owned(),
        }),
        ..config(world.dir.path())
    };
    let (plugin, conflist) = (at("bin/kuryr-cni"), at("net.d/10-kuryr.conflist"));
    // An API server that answers nothing yet.
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let api = Api {
        listed: Arc::default(),
        events: Arc::default(),
        asked: Arc::default(),
    };
    let (held, asked) = (gate.clone(), api.asked.clone());
    let router = Router::new().route(
        "/apis/openstack.org/v1/kuryrports",
        get(move |state, query| async move {
            let _open = held.acquire().await;
            kuryrports(state, query).await
        }),
    );
    let client = serve(router.with_state(api)).await;
    let shutdown = CancellationToken::new();
    let metrics = Metrics::new(("bpf", String::new()));
    let hands = world.hands.clone();
    let daemon = tokio::spawn(run_with(config, client, hands, metrics, shutdown.clone()));
    let there = async |path: &std::path::Path| {
        while !path.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    there(&plugin).await;
    there(&at("cni.sock")).await;
    assert!(!conflist.exists(), "no pod could start");
    assert!(asked.lock().unwrap().is_empty());
    gate.add_permits(100);
    there(&conflist).await;
    shutdown.cancel();
    daemon.await.unwrap().unwrap();
    assert!(
        conflist.exists() && plugin.exists(),
        "an upgrade takes the node's network not away"
    );
}
