//! The CNI plugin: what a container runtime starts to give a pod its interface.
//!
//! It holds no state and no rights in the cluster. It reads its call from the environment
//! and standard input, hands it to the node's daemon over a unix socket, and prints the
//! answer in the form of the CNI version that the network configuration asks for.
//!
//! ```text
//! environment + stdin --request--> Request --client--> daemon --protocol::Reply--> result --> stdout
//! ```
//!
//! | module | what it knows |
//! |---|---|
//! | [`request`] | what the runtime asks: variables, network configuration, their limits |
//! | [`version`] | the CNI versions served and how they differ |
//! | [`protocol`] | one JSON line to the daemon, one back |
//! | [`client`] | the socket and the time limit |
//! | [`result`] | the result's form in each version, `prevResult` |
//! | [`presence`] | whether an interface is still there when no daemon can say so |
//! | [`error`] | the error object and its codes |
//!
//! Followed throughout: the CNI specification 1.1.0, and 0.3.1, 0.4.0, 1.0.0 where they
//! differ from it.

pub mod client;
pub mod error;
pub mod presence;
pub mod protocol;
pub mod request;
pub mod result;
pub mod version;

use std::io::{Read, Write};
use std::process::ExitCode;

use serde_json::Value;

pub use error::{CniError, Code};
pub use request::{Env, Request, parse_request};

use client::ClientError;
use presence::Presence;
use protocol::{Call, Command, Outcome};
use request::{Action, MAX_STDIN, NetConf};
use version::CniVersion;

/// The plugin as a program: this process's environment, standard input and output.
#[must_use]
pub fn main() -> ExitCode {
    let env = std::env::vars_os()
        .filter_map(|(k, v)| Some((k.into_string().ok()?, v.to_string_lossy().into_owned())))
        .filter(|(k, _)| k.starts_with("CNI_"))
        .collect();
    run(&env, std::io::stdin().lock(), std::io::stdout().lock())
}

/// Answers one call. Success prints the command's result (nothing for most) and is exit
/// code 0; failure prints the CNI error object and is exit code 1.
pub fn run(env: &Env, stdin: impl Read, mut stdout: impl Write) -> ExitCode {
    let (version, outcome) = match read(stdin) {
        Ok(bytes) => (
            version::of_config(&bytes).unwrap_or(CniVersion::LATEST),
            parse_request(env, &bytes).and_then(answer),
        ),
        Err(error) => (CniVersion::LATEST, Err(error)),
    };
    let (text, code) = match outcome {
        Ok(None) => (String::new(), ExitCode::SUCCESS),
        Ok(Some(value)) => (value.to_string(), ExitCode::SUCCESS),
        Err(error) => (error.to_json(version).to_string(), ExitCode::FAILURE),
    };
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Ok(()) => code,
        Err(_) => ExitCode::FAILURE,
    }
}

fn read(stdin: impl Read) -> Result<Vec<u8>, CniError> {
    let mut bytes = Vec::new();
    // One byte more than allowed tells a full input from one that is too long.
    stdin
        .take(MAX_STDIN as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| CniError::new(Code::Io, format!("cannot read standard input: {e}")))?;
    Ok(bytes)
}

/// What the request comes to: a value to print, nothing, or an error.
fn answer(request: Request) -> Result<Option<Value>, CniError> {
    let Request { conf, action } = request;
    match action {
        Action::Version => Ok(Some(version::answer(conf.version))),
        Action::Call(command) => call(&conf, command),
    }
}

fn call(conf: &NetConf, command: Command) -> Result<Option<Value>, CniError> {
    if conf.debug {
        eprintln!("kuryr-cni: {command:?} over {}", conf.socket.display());
    }
    let call = Call::new(command, conf.timeout);
    match client::exchange(&conf.socket, &call, conf.timeout) {
        Ok(outcome) => finish(conf, &call.command, outcome),
        Err(error) => without_daemon(&call.command, &error),
    }
}

/// Turns the daemon's answer into what is printed.
fn finish(conf: &NetConf, command: &Command, outcome: Outcome) -> Result<Option<Value>, CniError> {
    match (command, outcome) {
        (_, Outcome::Error(error)) => Err(error),
        (Command::Add(_), Outcome::Attached(attached)) => Ok(Some(result::render(
            conf.version,
            &attached,
            conf.prev_result.as_ref(),
        ))),
        (Command::Check(target), Outcome::Attached(attached)) => {
            let prev = conf.prev_result.as_ref().unwrap_or(&Value::Null);
            result::compare(prev, &attached, &target.ifname).map(|()| None)
        }
        (Command::Del(_) | Command::Status | Command::Gc { .. }, Outcome::Done) => Ok(None),
        (command, outcome) => Err(CniError::new(
            Code::Protocol,
            format!(
                "the daemon's answer to {} is of another kind",
                command.name()
            ),
        )
        .details(format!("{outcome:?}"))),
    }
}

/// No daemon answered. A DEL whose interface is gone has nothing left to do; everything else
/// is to be tried again.
fn without_daemon(command: &Command, error: &ClientError) -> Result<Option<Value>, CniError> {
    let unanswered = error.to_cni(command);
    match command {
        Command::Del(target) => match presence::look(target.netns.as_deref(), &target.ifname) {
            Presence::Gone => Ok(None),
            Presence::There => Err(unanswered.details(format!(
                "{} is still in {}; the daemon will remove it when it runs",
                target.ifname,
                target.netns.as_deref().unwrap_or_default()
            ))),
            Presence::Unknown(why) => Err(unanswered.details(format!(
                "whether {} is gone cannot be seen: {why}",
                target.ifname
            ))),
        },
        Command::Status => Err(CniError {
            code: Code::Unavailable.number(),
            ..unanswered
        }),
        _ => Err(unanswered),
    }
}
