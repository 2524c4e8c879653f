//! The unix socket on which the plugin calls.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kuryr_cni::protocol::{self, Call, Command, MAX_LINE, Outcome, Reply, Target};
use kuryr_cni::{CniError, Code};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::attach::Attachments;
use crate::error::{DaemonError, Refusal};
use crate::metrics::Metrics;

/// How long a plugin may take to send its line; it has it ready when it connects.
const LINE_LIMIT: Duration = Duration::from_secs(10);

/// The socket, ours until dropped.
#[derive(Debug)]
pub struct Socket {
    listener: UnixListener,
    path: PathBuf,
}

impl Socket {
    /// Listens, for root only. A file that a killed daemon left is replaced.
    ///
    /// # Errors
    /// [`DaemonError::SocketInUse`] if a daemon answers there.
    pub fn bind(path: &Path) -> Result<Self, DaemonError> {
        if std::os::unix::net::UnixStream::connect(path).is_ok() {
            return Err(DaemonError::SocketInUse { path: path.into() });
        }
        let listener = bind_private(path).map_err(|source| DaemonError::Socket {
            path: path.into(),
            source,
        })?;
        Ok(Self {
            listener,
            path: path.to_owned(),
        })
    }
}

/// Under another name first, so that the socket is never there with more rights than its
/// own.
fn bind_private(path: &Path) -> io::Result<UnixListener> {
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir)?;
    }
    let beside = path.with_extension("new");
    match fs::remove_file(&beside) {
        Err(e) if e.kind() != ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let listener = UnixListener::bind(&beside)?;
    fs::set_permissions(&beside, fs::Permissions::from_mode(0o600))?;
    fs::rename(&beside, path)?;
    Ok(listener)
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// What answers calls.
pub struct Server {
    pub attachments: Arc<Attachments>,
    pub metrics: Arc<Metrics>,
}

impl Server {
    /// Answers calls until `shutdown`; then ADDs under way are given up, and everything
    /// begun is ended before this returns.
    pub async fn serve(self: Arc<Self>, socket: Socket, shutdown: CancellationToken) {
        let calls = TaskTracker::new();
        loop {
            let accepted = tokio::select! {
                accepted = socket.listener.accept() => accepted,
                () = shutdown.cancelled() => break,
            };
            match accepted {
                Ok((stream, _)) => {
                    let server = Arc::clone(&self);
                    let gone = shutdown.child_token();
                    let calls_of = calls.clone();
                    calls.spawn(async move { server.connection(stream, gone, &calls_of).await });
                }
                Err(error) => {
                    tracing::warn!(%error, "a call could not be accepted");
                    // Out of descriptors, mostly: let those who have some end first.
                    tokio::task::yield_now().await;
                }
            }
        }
        // New plugins are told at once that nobody listens.
        drop(socket);
        calls.close();
        calls.wait().await;
    }

    /// One call. It is worked on in a task of its own, so that a plugin that hangs up cannot
    /// leave it half done.
    async fn connection(
        self: Arc<Self>,
        stream: UnixStream,
        gone: CancellationToken,
        calls: &TaskTracker,
    ) {
        let (read, mut write) = stream.into_split();
        let mut reader = BufReader::new(read);
        let outcome = match read_call(&mut reader).await {
            Ok(call) => {
                let server = Arc::clone(&self);
                let token = gone.clone();
                let mut work = calls.spawn(async move { server.call(call, token).await });
                let done = tokio::select! {
                    done = &mut work => done,
                    () = hung_up(&mut reader) => {
                        gone.cancel();
                        work.await
                    }
                };
                done.unwrap_or_else(|e| Outcome::Error(died(&e.to_string())))
            }
            Err(error) => Outcome::Error(error),
        };
        answer(&mut write, outcome).await;
    }

    async fn call(&self, call: Call, gone: CancellationToken) -> Outcome {
        let name = call.command.name();
        let span = span(&call.command);
        let began = Instant::now();
        let result = self.work(call, gone).instrument(span.clone()).await;
        let took = began.elapsed();
        self.metrics.request(name, result.is_err(), took);
        let _in_span = span.enter();
        match result {
            Ok(outcome) => {
                tracing::debug!(?took, "answered");
                outcome
            }
            Err(refusal) => {
                let error = refusal.to_cni();
                tracing::warn!(?took, code = error.code, error = error.msg, "failed");
                Outcome::Error(error)
            }
        }
    }

    async fn work(&self, call: Call, gone: CancellationToken) -> Result<Outcome, Refusal> {
        let timeout = Duration::from_millis(call.timeout_ms);
        let node = &self.attachments;
        match call.command {
            Command::Add(target) => {
                let attached = node.add(&target, timeout, gone).await?;
                return Ok(Outcome::Attached(attached));
            }
            Command::Check(target) => {
                return Ok(Outcome::Attached(node.check(&target).await?));
            }
            // What is left of it goes on by itself.
            Command::Del(target) => drop(node.detach(&target).await?),
            Command::Status => node.available().await?,
            Command::Gc { network, valid } => node.gc(&network, &valid).await?,
        }
        Ok(Outcome::Done)
    }
}

fn span(command: &Command) -> tracing::Span {
    let name = command.name();
    match command {
        Command::Add(t) | Command::Del(t) | Command::Check(t) => {
            tracing::info_span!(
                "cni",
                command = name,
                pod = pod(t),
                container = t.container_id,
                ifname = t.ifname
            )
        }
        Command::Status | Command::Gc { .. } => tracing::info_span!("cni", command = name),
    }
}

fn pod(target: &Target) -> Option<String> {
    let pod = target.pod.as_ref()?;
    Some(format!("{}/{}", pod.namespace, pod.name))
}

async fn read_call(reader: &mut BufReader<OwnedReadHalf>) -> Result<Call, CniError> {
    let mut line = Vec::new();
    let mut limited = reader.take(MAX_LINE as u64 + 1);
    let read = tokio::time::timeout(LINE_LIMIT, limited.read_until(b'\n', &mut line));
    match read.await {
        Ok(Ok(_)) if line.last() == Some(&b'\n') => protocol::decode(&line, "plugin"),
        Ok(Ok(n)) if n > MAX_LINE => Err(CniError::new(
            Code::Protocol,
            format!("the plugin's call is longer than {MAX_LINE} bytes"),
        )),
        Ok(Ok(_)) => Err(CniError::new(
            Code::Protocol,
            "the plugin's call ends early",
        )),
        Ok(Err(e)) => Err(CniError::new(
            Code::Io,
            format!("the plugin's call cannot be read: {e}"),
        )),
        Err(_) => Err(CniError::new(
            Code::Protocol,
            format!("the plugin sent no call within {} s", LINE_LIMIT.as_secs()),
        )),
    }
}

/// Resolves when the other side closes; what it may send before is passed over.
async fn hung_up(reader: &mut (impl AsyncRead + Unpin)) {
    let mut rest = [0; 64];
    while matches!(reader.read(&mut rest).await, Ok(n) if n > 0) {}
}

async fn answer(write: &mut OwnedWriteHalf, outcome: Outcome) {
    let line = serde_json::to_vec(&Reply::new(outcome));
    let sent = match line {
        Ok(mut line) => {
            line.push(b'\n');
            write.write_all(&line).await
        }
        Err(e) => Err(e.into()),
    };
    if let Err(error) = sent {
        // The runtime asks again or calls DEL: either finds things as they are.
        tracing::debug!(%error, "the plugin did not take its answer");
    }
}

fn died(reason: &str) -> CniError {
    CniError::new(
        Code::Plug,
        format!("the daemon failed at this call: {reason}; this is a bug"),
    )
}
