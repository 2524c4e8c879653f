//! Plugin, daemon and the real kernel, in namespaces of this test. Needs root.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kuryr_daemon::plug::{NetPlugger, Plugger};
use kuryr_daemon::{DaemonConfig, DaemonError};
use kuryr_net::links::{Links, NewLink, Route};
use kuryr_net::netns;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::socket::plugin_in;
use crate::whole::{Api, api_server, config, kuryrport, spec};
use crate::world::vif;

/// Whether namespaces can be made; with `CI=true` nothing is skipped.
fn root() -> bool {
    let root = std::fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0);
    if !root {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "needs root");
        eprintln!("skipped: network namespaces need root");
    }
    root
}

/// A namespace that is removed with its owner.
struct Namespace {
    name: String,
    path: PathBuf,
}

impl Namespace {
    fn new(test: &str, what: &str) -> Self {
        let name = format!("kd-test-{}-{test}-{what}", std::process::id());
        let path = netns::create(&name).unwrap();
        Self { name, path }
    }

    /// Names of its links, loopback aside.
    fn links(&self) -> Vec<String> {
        let all = Links::open(Some(&self.path)).unwrap().all().unwrap();
        let names = all.into_iter().map(|link| link.name);
        let mut names: Vec<String> = names.filter(|name| name != "lo").collect();
        names.sort();
        names
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        netns::delete(&self.name).unwrap();
    }
}

/// A worker whose trunk leads nowhere, with a default route over it.
fn worker(test: &str) -> Namespace {
    let worker = Namespace::new(test, "node");
    let links = Links::open(Some(&worker.path)).unwrap();
    let up = |name| NewLink {
        up: true,
        ..NewLink::named(name)
    };
    links.add_veth(&up("ens3"), &up("cable")).unwrap();
    let uplink = links.require("ens3").unwrap().index;
    links
        .add_address(uplink, "192.0.2.7/24".parse().unwrap())
        .unwrap();
    let route = Route {
        dst: "0.0.0.0/0".parse().unwrap(),
        via: "192.0.2.1".parse().ok(),
        onlink: false,
    };
    links.add_route(uplink, &route).unwrap();
    worker
}

/// The daemon of a worker, whose API server knows one pod with an active port.
struct Daemon {
    socket: PathBuf,
    shutdown: CancellationToken,
    task: JoinHandle<Result<(), DaemonError>>,
}

async fn start(worker: &Namespace, dir: &Path) -> Daemon {
    let config = DaemonConfig {
        node_netns: Some(worker.path.clone()),
        ..config(dir)
    };
    let api = Api {
        listed: Arc::new(vec![kuryrport(
            "web-0",
            spec("web-0"),
            Some(vif(1, 101, true)),
        )]),
        events: Arc::new(Mutex::new(None)),
        asked: Arc::default(),
    };
    let client = api_server(api).await;
    let shutdown = CancellationToken::new();
    let socket = config.socket.clone();
    let task = tokio::spawn(kuryr_daemon::run(config, client, shutdown.clone()));
    while !socket.exists() && !task.is_finished() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Daemon {
        socket,
        shutdown,
        task,
    }
}

impl Daemon {
    async fn call(&self, command: &str, pod: &Namespace, extra: Value) -> (bool, Value) {
        plugin_in(&pod.path, &self.socket, command, "web-0", extra).await
    }

    async fn stop(self) {
        self.shutdown.cancel();
        self.task.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_pod_gets_its_interface_and_gives_it_back() {
    if !root() {
        return;
    }
    let worker = worker("life");
    let pod = Namespace::new("life", "pod");
    let dir = tempfile::tempdir().unwrap();
    let daemon = start(&worker, dir.path()).await;

    let (ok, added) = daemon.call("ADD", &pod, json!({})).await;
    assert!(ok, "{added}");
    assert_eq!(added["interfaces"][0]["sandbox"], json!(pod.path));
    let links = Links::open(Some(&pod.path)).unwrap();
    let eth0 = links.require("eth0").unwrap();
    assert_eq!(eth0.mtu, 1442);
    let addresses: Vec<String> = links
        .addresses(eth0.index)
        .unwrap()
        .into_iter()
        .map(|(_, address)| address.to_string())
        .collect();
    for wanted in ["10.41.1.1/16", "fd00:41::1:1/64"] {
        assert!(addresses.iter().any(|a| a == wanted), "{addresses:?}");
    }
    let (ok, again) = daemon.call("ADD", &pod, json!({})).await;
    assert!(ok && again == added, "{again}");
    let (ok, out) = daemon
        .call("CHECK", &pod, json!({"prevResult": added}))
        .await;
    assert!(ok, "{out}");
    links.set_mtu(eth0.index, 1300).unwrap();
    let (ok, out) = daemon
        .call("CHECK", &pod, json!({"prevResult": added}))
        .await;
    assert!(
        !ok && out["msg"].as_str().unwrap().contains("1300"),
        "{out}"
    );

    let (ok, out) = daemon.call("DEL", &pod, json!({})).await;
    assert!(ok, "{out}");
    // The pod is cut off; the end of the daemon waits for its link to be gone.
    daemon.stop().await;
    assert!(pod.links().is_empty());
    assert_eq!(worker.links(), ["cable", "ens3"]);
}

#[tokio::test]
async fn what_is_plugged_outlives_the_daemon_and_no_longer() {
    if !root() {
        return;
    }
    let worker = worker("again");
    let pod = Namespace::new("again", "pod");
    let dir = tempfile::tempdir().unwrap();
    let daemon = start(&worker, dir.path()).await;
    let (ok, added) = daemon.call("ADD", &pod, json!({})).await;
    assert!(ok, "{added}");
    let socket = daemon.socket.clone();
    daemon.stop().await;

    assert_eq!(pod.links(), ["eth0"]);
    let (ok, out) = plugin_in(&pod.path, &socket, "DEL", "web-0", json!({})).await;
    assert!(!ok && out["code"] == 11, "{out}");

    let daemon = start(&worker, dir.path()).await;
    let (ok, out) = daemon
        .call("CHECK", &pod, json!({"prevResult": added}))
        .await;
    assert!(ok, "{out}");
    daemon.stop().await;

    let path = pod.path.clone();
    drop(pod);
    let (ok, out) = plugin_in(&path, &socket, "DEL", "web-0", json!({})).await;
    assert!(ok, "the interface went with its namespace: {out}");
    let daemon = start(&worker, dir.path()).await;
    // Whatever the answer: calls are answered once the start has tidied up.
    let _ = plugin_in(&path, &socket, "STATUS", "web-0", json!({})).await;
    let record = std::fs::read_to_string(dir.path().join("state/attachments.json")).unwrap();
    assert!(record.contains("\"attachments\":[]"), "{record}");
    daemon.stop().await;
    assert_eq!(worker.links(), ["cable", "ens3"]);
}

#[tokio::test]
async fn a_node_without_a_way_out_is_told_what_to_configure() {
    if !root() {
        return;
    }
    let worker = Namespace::new("none", "node");
    let dir = tempfile::tempdir().unwrap();
    let daemon = start(&worker, dir.path()).await;
    let error = daemon.task.await.unwrap().unwrap_err().to_string();
    assert!(error.contains("[binding] link_iface"), "{error}");
}

/// The trunk's link has the node's address, and the default route goes by another card.
#[tokio::test]
async fn the_trunk_is_the_link_with_the_nodes_address() {
    if !root() {
        return;
    }
    let worker = worker("cards");
    let links = Links::open(Some(&worker.path)).unwrap();
    let up = |name| NewLink {
        up: true,
        ..NewLink::named(name)
    };
    links.add_veth(&up("ens4"), &up("cable4")).unwrap();
    let trunk = links.require("ens4").unwrap().index;
    links
        .add_address(trunk, "198.51.100.7/24".parse().unwrap())
        .unwrap();
    let dir = tempfile::tempdir().unwrap();
    let find = |node_ip: Option<&str>| {
        let config = DaemonConfig {
            node_netns: Some(worker.path.clone()),
            node_ip: node_ip.map(|ip| ip.parse().unwrap()),
            ..config(dir.path())
        };
        NetPlugger::find(&config).map(|p| p.uplink().to_owned())
    };
    assert_eq!(find(None).unwrap(), "ens3", "by the default route");
    assert_eq!(find(Some("198.51.100.7")).unwrap(), "ens4");
    let nobodys = find(Some("198.51.100.9")).unwrap_err().to_string();
    assert!(nobodys.contains("198.51.100.9"), "{nobodys}");
}
