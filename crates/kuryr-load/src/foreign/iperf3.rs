//! iperf3 (3.7 and newer), which does streams.

use std::io;
use std::net::SocketAddr;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::load::Protocol;
use crate::{Load, LoadError, Outcome};

const PROGRAM: &str = "iperf3";

/// A server of iperf3 for one test. It is ended when dropped.
#[derive(Debug)]
pub struct Iperf3 {
    server: Child,
    address: SocketAddr,
}

/// Whether iperf3 can do a load, and if not, why.
///
/// # Errors
/// [`LoadError::Foreign`].
pub fn streams_only(load: &Load) -> Result<(), LoadError> {
    load.validate()?;
    if load.pattern.answers() {
        return Err(failed(format!("it does streams, not {}", load.pattern)));
    }
    Ok(())
}

impl Iperf3 {
    /// Starts a server at an address, in the calling thread's network namespace.
    ///
    /// # Errors
    /// [`LoadError::Foreign`] if it isn't installed or ends at once.
    pub fn serve(address: SocketAddr) -> Result<Self, LoadError> {
        let (ip, port) = (address.ip().to_string(), address.port().to_string());
        let mut server = Command::new(PROGRAM)
            .args([
                "--server",
                "--one-off",
                "--forceflush",
                "--bind",
                &ip,
                "--port",
                &port,
            ])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(not_started)?;
        let ready = wait_for_words(&mut server, "Server listening");
        let this = Self { server, address };
        ready.map(|()| this)
    }

    /// Carries a load out against it, from the calling thread's network namespace. Durations are whole seconds here,
    /// at least one.
    ///
    /// # Errors
    /// [`LoadError::Foreign`] with what iperf3 says.
    pub fn run(self, load: &Load) -> Result<Outcome, LoadError> {
        streams_only(load)?;
        let seconds = load.duration.as_secs().max(1);
        let mut client = Command::new(PROGRAM);
        client
            .args(["--client", &self.address.ip().to_string()])
            .args(["--port", &self.address.port().to_string()])
            .args(["--time", &seconds.to_string()])
            .args(["--length", &load.size.to_string()])
            .args(["--parallel", &load.threads.to_string()])
            .arg("--json");
        if load.no_delay {
            client.arg("--no-delay");
        }
        if load.pattern.protocol() == Protocol::Udp {
            // 0 is no limit.
            let pace = load
                .pace
                .map_or(0, |pace| pace / load.threads.max(1) as u64);
            client.args(["--udp", "--bitrate", &pace.to_string()]);
        }
        let output = within(
            &mut client,
            Duration::from_secs(seconds) + Duration::from_secs(10),
        )?;
        let said: Value = serde_json::from_slice(&output.stdout)
            .map_err(|_| failed(String::from_utf8_lossy(&output.stderr).trim()))?;
        outcome(load, &said)
    }
}

impl Drop for Iperf3 {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn failed(said: impl Into<String>) -> LoadError {
    LoadError::Foreign {
        program: PROGRAM,
        said: said.into(),
    }
}

fn not_started(error: io::Error) -> LoadError {
    failed(match error.kind() {
        io::ErrorKind::NotFound => "it is not installed (Debian: apt install iperf3)".to_owned(),
        _ => format!("it can't be started: {error}"),
    })
}

fn wait_for_words(server: &mut Child, words: &str) -> Result<(), LoadError> {
    use std::io::BufRead as _;
    let Some(stdout) = server.stdout.take() else {
        return Err(failed("its output can't be read"));
    };
    let mut lines = io::BufReader::new(stdout).lines();
    // What it prints on is read, so that it never waits for somebody to do so.
    let found = lines
        .by_ref()
        .map_while(Result::ok)
        .any(|line| line.contains(words));
    thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
    if found {
        return Ok(());
    }
    let mut said = String::new();
    if let Some(mut stderr) = server.stderr.take() {
        let _ = io::Read::read_to_string(&mut stderr, &mut said);
    }
    Err(failed(format!("its server ended: {}", said.trim())))
}

/// Runs a command to its end, or kills it when its time is over.
fn within(command: &mut Command, limit: Duration) -> Result<Output, LoadError> {
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(not_started)?;
    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap_or(0));
    let (done, ended) = std::sync::mpsc::channel();
    let reader = thread::spawn(move || {
        let output = child.wait_with_output();
        let _ = done.send(());
        output
    });
    let begin = Instant::now();
    if ended.recv_timeout(limit).is_err() && pid.as_raw() > 0 {
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
    }
    match reader.join() {
        Ok(output) => output.map_err(|error| failed(error.to_string())),
        Err(_) => Err(failed(format!("no end after {:?}", begin.elapsed()))),
    }
}

/// What its JSON says.
fn outcome(load: &Load, said: &Value) -> Result<Outcome, LoadError> {
    if let Some(error) = said.get("error").and_then(Value::as_str) {
        return Err(failed(error));
    }
    let number = |path: &str| said.pointer(path).and_then(Value::as_f64);
    let missing = |path: &str| failed(format!("its output has no {path}"));
    let need = |path: &str| number(path).ok_or_else(|| missing(path));
    let (sum, lost) = match load.pattern.protocol() {
        Protocol::Tcp => ("/end/sum_received", 0.0),
        Protocol::Udp => ("/end/sum", need("/end/sum/lost_percent")? / 100.0),
    };
    let arrived = 1.0 - lost;
    let bits_per_s = need(&format!("{sum}/bits_per_second"))? * arrived;
    let seconds = need(&format!("{sum}/seconds"))?;
    let bytes = need(&format!("{sum}/bytes"))? * arrived;
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss
    )]
    let operations = (bytes / load.size as f64) as u64;
    let busy = |who: &str| {
        number(&format!("/end/cpu_utilization_percent/{who}")).unwrap_or(0.0) / 100.0 * seconds
    };
    #[allow(clippy::cast_precision_loss)]
    Ok(Outcome {
        seconds,
        bits_per_s,
        operations_per_s: operations as f64 / seconds,
        operations,
        lost,
        reordered: 0.0,
        latency: None,
        client_cpu_s: busy("host_total"),
        server_cpu_s: busy("remote_total"),
    })
}
