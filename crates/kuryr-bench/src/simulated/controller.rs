//! The controller: a process of its own, so that its memory and CPU are its own.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::process::{Child, Command};

use super::site::Site;
use crate::BenchError;

/// How often its probes are asked.
const ASK: Duration = Duration::from_millis(20);
/// Lines of its log that an error shows.
const TAIL: usize = 15;

/// How the controller is started.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    program: PathBuf,
    config_files: Vec<PathBuf>,
    kubeconfig: PathBuf,
    log: PathBuf,
    health: u16,
    metrics: u16,
    /// As the kubelet names a pod, of which containers come and go.
    pod_uid: String,
}

/// A running controller; it is killed when dropped.
#[derive(Debug)]
pub(crate) struct Controller {
    child: Child,
    pid: u32,
    program: Program,
    started: Instant,
}

/// What a process has used.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// Resident memory now, MB.
    pub(crate) rss_mb: f64,
    /// The most that it ever was, MB.
    pub(crate) peak_mb: f64,
    /// CPU seconds so far.
    pub(crate) cpu_s: f64,
}

impl Program {
    /// Writes the configuration; `more` are files read over it.
    pub(crate) fn new(
        site: &Site,
        program: PathBuf,
        more: Vec<PathBuf>,
        pools: bool,
    ) -> Result<Self, BenchError> {
        let (health, metrics) = (free_port()?, free_port()?);
        let own = site.configure(health, metrics, pools)?;
        Ok(Self {
            program,
            config_files: [own].into_iter().chain(more).collect(),
            kubeconfig: site.kubeconfig()?,
            log: site.log(),
            health,
            metrics,
            pod_uid: uuid::Uuid::new_v4().to_string(),
        })
    }

    pub(crate) fn start(&self) -> Result<Controller, BenchError> {
        let failed = |source| BenchError::Write {
            path: self.log.clone(),
            source,
        };
        let log = File::options()
            .create(true)
            .append(true)
            .open(&self.log)
            .map_err(failed)?;
        let mut command = Command::new(&self.program);
        command.arg("controller").env("POD_UID", &self.pod_uid);
        for file in &self.config_files {
            command.arg("--config-file").arg(file);
        }
        command.arg("--kubeconfig").arg(&self.kubeconfig);
        command.stdin(Stdio::null());
        command.stdout(log.try_clone().map_err(failed)?).stderr(log);
        let started = Instant::now();
        let child = command
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| self.failed(format!("cannot be started: {error}")))?;
        Ok(Controller {
            pid: child.id().unwrap_or_default(),
            child,
            program: self.clone(),
            started,
        })
    }

    /// What happened to it, with the end of its log.
    fn failed(&self, what: String) -> BenchError {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        BenchError::Controller {
            what,
            log: lines[lines.len().saturating_sub(TAIL)..].join("\n"),
        }
    }
}

/// A port that nobody listens on at this moment.
fn free_port() -> Result<u16, BenchError> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let port = listener.and_then(|l| l.local_addr()).map(|a| a.port());
    port.map_err(|error| BenchError::Cloud {
        what: "find a free port".to_owned(),
        message: error.to_string(),
    })
}

impl Controller {
    /// Seconds since it was started.
    pub(crate) fn age(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// Waits until it leads and has read everything.
    pub(crate) async fn synced(&mut self, limit: Duration) -> Result<(), BenchError> {
        let metrics = format!("http://127.0.0.1:{}/metrics", self.program.metrics);
        let ready = format!("http://127.0.0.1:{}/ready", self.program.health);
        let leads = |text: &str| text.lines().any(|line| line == "kuryr_leader 1");
        let wait = async {
            loop {
                self.alive()?;
                // In this order: who does not lead says that it is ready, too.
                if answer(&metrics).await.is_some_and(|text| leads(&text))
                    && answer(&ready).await.is_some()
                {
                    return Ok(());
                }
                tokio::time::sleep(ASK).await;
            }
        };
        let waited = tokio::time::timeout(limit, wait).await;
        waited.unwrap_or_else(|_| {
            let what = format!("has not read everything after {} s", limit.as_secs());
            Err(self.program.failed(what))
        })
    }

    /// An error if it ended.
    pub(crate) fn alive(&mut self) -> Result<(), BenchError> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(self.program.failed(format!("ended: {status}"))),
            Err(error) => Err(self.program.failed(format!("can't be waited for: {error}"))),
        }
    }

    pub(crate) fn usage(&self) -> Usage {
        usage(&self.pid.to_string())
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// SIGKILL, and waits for its end.
    pub(crate) async fn kill(mut self) -> Result<(), BenchError> {
        let killed = self.child.kill().await;
        killed.map_err(|error| self.program.failed(format!("can't be killed: {error}")))
    }
}

async fn answer(url: &str) -> Option<String> {
    let answer = reqwest::get(url).await.ok()?.error_for_status().ok()?;
    answer.text().await.ok()
}

/// What a process has used (proc(5)); nothing of one that is gone.
pub(crate) fn usage(pid: &str) -> Usage {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let kilobytes = |key: &str| -> f64 {
        let line = status.lines().find_map(|line| line.strip_prefix(key));
        let number = line.and_then(|rest| rest.split_whitespace().next());
        number.and_then(|n| n.parse().ok()).unwrap_or(0.0)
    };
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name, in brackets, may hold anything; utime and stime are the 12th and 13th after it.
    let after = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    let ticks = after.split(' ').skip(11).take(2);
    let ticks: f64 = ticks.filter_map(|n| n.parse::<f64>().ok()).sum();
    #[allow(clippy::cast_precision_loss)] // a hundred
    let per_second = rustix::param::clock_ticks_per_second() as f64;
    Usage {
        rss_mb: kilobytes("VmRSS:") * 1024.0 / 1e6,
        peak_mb: kilobytes("VmHWM:") * 1024.0 / 1e6,
        cpu_s: ticks / per_second,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_and_a_peak_over_it() {
        let used = usage("self");
        assert!(used.rss_mb > 0.0 && used.peak_mb >= used.rss_mb, "{used:?}");
        assert!(usage("0").rss_mb.abs() < f64::EPSILON);
    }
}
