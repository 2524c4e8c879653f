//! The plugin and the daemon, over the socket.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kuryr_cni::Env;
use kuryr_daemon::DaemonError;
use kuryr_daemon::metrics::Metrics;
use kuryr_daemon::server::{Server, Socket};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::world::{World, uid, vif};

/// Runs the plugin as a runtime does; its answer and whether it succeeded.
pub(crate) async fn plugin(socket: &Path, command: &str, pod: &str, extra: Value) -> (bool, Value) {
    plugin_in(Path::new("/run/netns/c1"), socket, command, pod, extra).await
}

/// The same for a container whose namespace is elsewhere.
pub(crate) async fn plugin_in(
    netns: &Path,
    socket: &Path,
    command: &str,
    pod: &str,
    extra: Value,
) -> (bool, Value) {
    let env: Env = [
        ("CNI_COMMAND", command.to_owned()),
        ("CNI_CONTAINERID", "c1".to_owned()),
        ("CNI_NETNS", netns.display().to_string()),
        ("CNI_IFNAME", "eth0".to_owned()),
        (
            "CNI_ARGS",
            format!("K8S_POD_NAMESPACE=demo;K8S_POD_NAME={pod};K8S_POD_UID=u-{pod}"),
        ),
    ]
    .map(|(k, v)| (k.to_owned(), v))
    .into();
    let mut conf = json!({"cniVersion": "1.1.0", "name": "kuryr", "type": "kuryr-cni",
        "socket": socket, "timeout": 20});
    conf.as_object_mut()
        .unwrap()
        .extend(extra.as_object().cloned().unwrap_or_default());
    tokio::task::spawn_blocking(move || {
        let mut out = Vec::new();
        let code = kuryr_cni::run(&env, conf.to_string().as_bytes(), &mut out);
        let ok = format!("{code:?}") == format!("{:?}", std::process::ExitCode::SUCCESS);
        (ok, serde_json::from_slice(&out).unwrap_or(Value::Null))
    })
    .await
    .unwrap()
}

struct Served {
    world: World,
    socket: PathBuf,
    metrics: Arc<Metrics>,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

async fn serve() -> Served {
    let world = World::new().await;
    let socket = world.dir.path().join("cni.sock");
    let metrics = Arc::new(Metrics::new(("bpf", "it is the only one".into())));
    let server = Arc::new(Server {
        attachments: Arc::clone(&world.node),
        metrics: Arc::clone(&metrics),
    });
    let shutdown = CancellationToken::new();
    let bound = Socket::bind(&socket).unwrap();
    let task = tokio::spawn(server.serve(bound, shutdown.clone()));
    Served {
        world,
        socket,
        metrics,
        shutdown,
        task,
    }
}

#[tokio::test]
async fn a_pod_lives_and_dies() {
    let mut served = serve().await;
    served.world.kernel().make_netns("/run/netns/c1");
    served
        .world
        .port("web-0", &uid("web-0"), Some(vif(1, 101, true)));
    let (ok, added) = plugin(&served.socket, "ADD", "web-0", json!({})).await;
    assert!(ok, "{added}");
    assert_eq!(added["ips"][0]["address"], "10.41.1.1/16");
    let prev = json!({"prevResult": added});
    let (ok, out) = plugin(&served.socket, "CHECK", "web-0", prev).await;
    assert!(ok, "{out}");
    let (ok, out) = plugin(&served.socket, "STATUS", "web-0", json!({})).await;
    assert!(ok, "{out}");
    let (ok, out) = plugin(&served.socket, "DEL", "web-0", json!({})).await;
    assert!(ok, "{out}");
    served.world.node.removals_end().await;
    served.world.assert_clean();
    let text = served.metrics.text(0);
    for line in [
        r#"kuryr_cni_request_duration_seconds_count{command="ADD",error="False"} 1"#,
        r#"kuryr_cni_request_duration_seconds_count{command="DEL",error="False"} 1"#,
        "kuryr_cni_attachments 0",
        r#"kuryr_cni_plug_method_info{method="bpf",reason="it is the only one"} 1"#,
    ] {
        assert!(text.contains(line), "{line} in:\n{text}");
    }
}

#[tokio::test]
async fn gc_goes_through() {
    let mut served = serve().await;
    served.world.kernel().make_netns("/run/netns/c1");
    served
        .world
        .port("web-0", &uid("web-0"), Some(vif(1, 101, true)));
    plugin(&served.socket, "ADD", "web-0", json!({})).await;
    let none = json!({"cni.dev/valid-attachments": []});
    let (ok, out) = plugin(&served.socket, "GC", "web-0", none).await;
    assert!(ok, "{out}");
    served.world.assert_clean();
}

#[tokio::test]
async fn a_runtime_that_kills_the_plugin_leaves_nothing() {
    let mut served = serve().await;
    served.world.kernel().make_netns("/run/netns/c1");
    served
        .world
        .port("web-0", &uid("web-0"), Some(vif(1, 101, false)));
    let call = json!({"protocol": 1, "timeout_ms": 60_000, "command": "ADD", "network": "kuryr",
        "container_id": "c1", "ifname": "eth0", "netns": "/run/netns/c1",
        "pod": {"namespace": "demo", "name": "web-0"}});
    let mut stream = UnixStream::connect(&served.socket).unwrap();
    writeln!(stream, "{call}").unwrap();
    served.world.until(|k| k.links.len() == 1).await;
    drop(stream);
    served.world.until(|k| k.links.is_empty()).await;
}

#[tokio::test]
async fn a_stop_ends_what_waits_and_keeps_what_is_plugged() {
    let mut served = serve().await;
    served.world.kernel().make_netns("/run/netns/c1");
    served
        .world
        .port("web-0", &uid("web-0"), Some(vif(1, 101, true)));
    plugin(&served.socket, "ADD", "web-0", json!({})).await;
    served.world.port("web-1", &uid("web-1"), None);
    let socket = served.socket.clone();
    let waiting = tokio::spawn(async move { plugin(&socket, "ADD", "web-1", json!({})).await });
    // It is under way once its call is counted among those begun: the store has a reader.
    while served.world.store.readers() == 0 {
        tokio::task::yield_now().await;
    }
    served.shutdown.cancel();
    let (ok, out) = waiting.await.unwrap();
    assert!(!ok);
    assert_eq!(out["code"], 11, "{out}");
    served.task.await.unwrap();
    assert!(!served.socket.exists());
    assert_eq!(served.world.kernel().links.len(), 1);
}

#[tokio::test]
async fn garbage_is_answered_and_harms_nobody() {
    let served = serve().await;
    let long = format!("{{\"protocol\": 1, \"x\": \"{}\"}}", "x".repeat(2 << 20));
    let lines = [
        "\n",
        "{\n",
        "GET / HTTP/1.1\n",
        "{\"protocol\": 7}\n",
        "{\"protocol\": 1, \"command\": \"FLY\", \"timeout_ms\": 1}\n",
        "{\"protocol\": 1, \"command\": \"ADD\", \"timeout_ms\": 1}\n",
        &long,
    ];
    for line in lines {
        let socket = served.socket.clone();
        let line = line.to_owned();
        let answer = tokio::task::spawn_blocking(move || {
            let mut stream = UnixStream::connect(socket).unwrap();
            // The daemon may answer and close before it has read a call that is too long.
            let _ = stream.write_all(line.as_bytes());
            let mut answer = String::new();
            let _ = BufReader::new(stream).read_line(&mut answer);
            answer
        });
        let answer = answer.await.unwrap();
        assert!(
            answer.contains("\"code\":103") || answer.is_empty(),
            "{answer}"
        );
    }
    let (ok, out) = plugin(&served.socket, "STATUS", "x", json!({})).await;
    assert!(ok, "{out}");
}

#[tokio::test]
async fn the_socket_is_roots_alone_and_only_one_daemons() {
    let served = serve().await;
    let mode = std::fs::metadata(&served.socket)
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let second = Socket::bind(&served.socket).unwrap_err();
    assert!(
        matches!(second, DaemonError::SocketInUse { .. }),
        "{second}"
    );
}

#[tokio::test]
async fn a_dead_daemons_socket_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sub/cni.sock");
    std::fs::create_dir(dir.path().join("sub")).unwrap();
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let socket = Socket::bind(&path).unwrap();
    drop(socket);
    assert!(!path.exists());
}
