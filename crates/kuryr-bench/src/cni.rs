//! ADD in the daemon, with the port ready.
//!
//! Two pods are made on this node. When they are Ready the port of one is plugged anew, again and again,
//! into namespaces made for that, as a runtime does when it makes a sandbox anew. So what is
//! timed is the daemon's work alone: no Kubernetes, no Neutron, no image. The other pod stays, so that the
//! trunk's programs do: they are loaded for a node's first pod only.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kuryr_cni::client::exchange;
use kuryr_cni::protocol::{Call, Command, Outcome, PROTOCOL, Pod, Target};
use kuryr_net::netns;

use crate::cluster::Playground;
use crate::stats::Runs;
use crate::{BenchError, Report};

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Options {
    /// This node's name.
    pub node: String,
    /// The daemon's socket.
    pub socket: PathBuf,
    /// ADDs that are timed.
    pub runs: usize,
    /// ADDs before them that are not.
    pub warmup: usize,
}

/// Runs it.
///
/// # Errors
/// [`BenchError`] says what is missing.
pub async fn run(playground: &Playground, options: &Options) -> Result<Report, BenchError> {
    playground
        .run("add", std::slice::from_ref(&options.node), 2)
        .await?;
    let pod = Pod {
        namespace: playground.namespace.clone(),
        name: "add-0".to_owned(),
        uid: Some(playground.uid("add-0").await?),
    };
    let timed = options.clone();
    let (adds, dels) = tokio::task::spawn_blocking(move || time(&pod, &timed))
        .await
        .map_err(|e| BenchError::Options(e.to_string()))??;
    let mut report = Report::new("cni: ADD and DEL in the daemon, with the port ready");
    report.runs("add", "ms", adds);
    report.runs("del", "ms", dels);
    Ok(report)
}

fn time(pod: &Pod, options: &Options) -> Result<(Runs, Runs), BenchError> {
    let (mut adds, mut dels) = (Runs::default(), Runs::default());
    for i in 0..options.warmup + options.runs {
        let name = format!("kuryr-bench-{}-{i}", std::process::id());
        let path = netns::create(&name)?;
        let timed = once(pod, &options.socket, &name, &path);
        netns::delete(&name)?;
        let (add, del) = timed?;
        if i >= options.warmup {
            adds.push(add);
            dels.push(del);
        }
    }
    Ok((adds, dels))
}

/// One ADD and its DEL; milliseconds.
fn once(pod: &Pod, socket: &Path, name: &str, netns: &Path) -> Result<(f64, f64), BenchError> {
    let target = Target {
        network: "kuryr".to_owned(),
        container_id: name.to_owned(),
        ifname: "eth0".to_owned(),
        netns: Some(netns.display().to_string()),
        pod: Some(pod.clone()),
    };
    let add = ask(socket, Command::Add(target.clone()))?;
    let del = ask(socket, Command::Del(target.clone()))?;
    // Answered once the pod is cut off; a second one is when its link is gone, and the next ADD need not wait for that.
    ask(socket, Command::Del(target))?;
    Ok((add, del))
}

fn ask(socket: &Path, command: Command) -> Result<f64, BenchError> {
    let limit = Duration::from_secs(30);
    let call = Call {
        protocol: PROTOCOL,
        timeout_ms: 30_000,
        command,
    };
    let failed = |message: String| BenchError::Daemon {
        socket: socket.display().to_string(),
        message,
    };
    let begun = Instant::now();
    match exchange(socket, &call, limit).map_err(|e| failed(format!("{e:?}")))? {
        Outcome::Error(error) => Err(failed(format!("{error:?}"))),
        _ => Ok(begun.elapsed().as_secs_f64() * 1e3),
    }
}
