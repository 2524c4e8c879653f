//! What runs in the amphora: haproxy, with one listener for each Service, as Octavia configures it for TCP.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use kuryr_net::netns;

use super::addresses::{PODS, PORT, Pod, WORKERS, service_port};
use crate::MatrixError;

/// How long haproxy may take until it listens.
const START: Duration = Duration::from_secs(5);

/// haproxy in the amphora's namespace; it ends when dropped.
#[derive(Debug)]
pub(super) struct Amphora {
    haproxy: Child,
}

impl Amphora {
    /// Starts haproxy and waits until it listens.
    pub(super) fn start(netns_path: &Path) -> Result<Self, MatrixError> {
        let failed = || MatrixError::net("enter the amphora");
        let spawned = netns::run_in(Some(netns_path), spawn).map_err(failed())?;
        let mut this = Self {
            haproxy: spawned.map_err(not_started)?,
        };
        let until = Instant::now() + START;
        loop {
            let listens = || TcpStream::connect((Ipv4Addr::LOCALHOST, service_port(1)));
            let tried = netns::run_in(Some(netns_path), listens).map_err(failed())?;
            if tried.is_ok() {
                return Ok(this);
            }
            if let Some(said) = this.ended() {
                return Err(not_started(io::Error::other(said)));
            }
            if Instant::now() > until {
                let late = io::Error::from(io::ErrorKind::TimedOut);
                return Err(MatrixError::io("see haproxy listen")(late));
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// What it said, if it has ended.
    fn ended(&mut self) -> Option<String> {
        self.haproxy.try_wait().ok()??;
        let mut said = String::new();
        if let Some(mut stderr) = self.haproxy.stderr.take() {
            let _ = io::Read::read_to_string(&mut stderr, &mut said);
        }
        Some(said.trim().to_owned())
    }
}

impl Drop for Amphora {
    fn drop(&mut self) {
        let _ = self.haproxy.kill();
        let _ = self.haproxy.wait();
    }
}

fn not_started(source: io::Error) -> MatrixError {
    let what = match source.kind() {
        io::ErrorKind::NotFound => {
            "start haproxy, which an amphora is (Debian: apt install haproxy; or --only ovn)"
        }
        _ => "start haproxy",
    };
    MatrixError::io(what)(source)
}

fn spawn() -> io::Result<Child> {
    use std::os::unix::process::CommandExt as _;
    let mut child = Command::new("haproxy")
        .args(["-db", "-f", "/dev/stdin"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        // Ctrl-C is the matrix' to answer, in order.
        .process_group(0)
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(configuration().as_bytes())?;
    }
    Ok(child)
}

/// haproxy's configuration: timeouts are Octavia's defaults; fewer connections than its 50,000, for which many machines
/// allow too few files.
fn configuration() -> String {
    let mut text = "global
    maxconn 4000
defaults
    mode tcp
    timeout connect 5000ms
    timeout client 50000ms
    timeout server 50000ms
"
    .to_owned();
    for (worker, _) in WORKERS {
        let server = PODS.address(Pod::Server(worker).host()).addr();
        let _ = writeln!(
            text,
            "listen service{worker}\n    bind *:{}\n    server pod {server}:{PORT}",
            service_port(worker)
        );
    }
    text
}
