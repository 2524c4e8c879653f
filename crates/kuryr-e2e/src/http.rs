//! Health and metrics of our programs, which may listen in a node's network.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use kuryr_net::netns;

use crate::{Outcome, fail};

const PATIENCE: Duration = Duration::from_secs(5);

/// Where a program listens.
#[derive(Clone, Debug)]
pub struct Site {
    /// In which network; `None`: the test's own.
    pub netns: Option<PathBuf>,
    /// TCP port on the loopback address.
    pub port: u16,
}

impl Site {
    /// The body of what is served at `path`.
    ///
    /// # Errors
    /// Nobody answers, or with another status than 200.
    pub async fn get(&self, path: &'static str) -> Outcome<String> {
        let site = self.clone();
        tokio::task::spawn_blocking(move || {
            netns::run_in(site.netns.as_deref(), || fetch(site.port, path))?
        })
        .await?
    }
}

fn fetch(port: u16, path: &str) -> Outcome<String> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let Some((head, body)) = answer.split_once("\r\n\r\n") else {
        return fail(format!("{path}: no HTTP answer: {answer:?}"));
    };
    match head.split_whitespace().nth(1) {
        Some("200") => Ok(body.to_owned()),
        _ => fail(format!("{path}: {head}: {}", body.trim())),
    }
}
