//! The plugin's end of the socket.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::protocol::{self, Call, Command, MAX_LINE, Outcome, Reply};
use crate::{CniError, Code};

/// Why no answer came.
#[derive(Debug)]
pub enum ClientError {
    /// Nobody listens.
    Connect(PathBuf, io::Error),
    /// The connection broke.
    Broken(io::Error),
    /// The time is over.
    Timeout(Duration),
    /// An answer came that says nothing.
    Garbled(CniError),
}

impl ClientError {
    /// As the runtime is told.
    #[must_use]
    pub fn to_cni(&self, command: &Command) -> CniError {
        let name = command.name();
        let msg = match self {
            Self::Connect(path, e) => format!(
                "{name}: no kuryr-daemon listens at {} on this node ({e}); is its pod running?",
                path.display()
            ),
            Self::Broken(e) => {
                format!("{name}: kuryr-daemon closed the connection before it answered ({e})")
            }
            Self::Timeout(limit) => {
                format!(
                    "{name}: kuryr-daemon did not answer within {} s",
                    limit.as_secs()
                )
            }
            Self::Garbled(error) => return error.clone(),
        };
        CniError::new(Code::TryAgainLater, msg)
    }
}

/// Sends a call and waits for its answer, `limit` at most in all.
///
/// # Errors
/// [`ClientError`] if none came; an error that the daemon answered is an [`Outcome`].
pub fn exchange(socket: &Path, call: &Call, limit: Duration) -> Result<Outcome, ClientError> {
    let line = serde_json::to_vec(call).map_err(|e| ClientError::Broken(io::Error::other(e)))?;
    let socket = socket.to_owned();
    let (sender, receiver) = mpsc::channel();
    // On a thread of its own, because connecting to a daemon that hangs blocks without limit;
    // the process ends with its main thread and takes this one along.
    thread::spawn(move || {
        let _ = sender.send(talk(&socket, line));
    });
    receiver
        .recv_timeout(limit)
        .unwrap_or(Err(ClientError::Timeout(limit)))
}

fn talk(socket: &Path, mut line: Vec<u8>) -> Result<Outcome, ClientError> {
    let mut stream =
        UnixStream::connect(socket).map_err(|e| ClientError::Connect(socket.to_owned(), e))?;
    line.push(b'\n');
    stream.write_all(&line).map_err(ClientError::Broken)?;
    let mut answer = Vec::new();
    BufReader::new(stream)
        .take(MAX_LINE as u64)
        .read_until(b'\n', &mut answer)
        .map_err(ClientError::Broken)?;
    if answer.last() != Some(&b'\n') {
        return Err(ClientError::Broken(io::ErrorKind::UnexpectedEof.into()));
    }
    let reply: Reply = protocol::decode(&answer, "daemon").map_err(ClientError::Garbled)?;
    Ok(reply.outcome)
}
