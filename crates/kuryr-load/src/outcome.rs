//! What came of a load.

use std::net::SocketAddr;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::LoadError;
use crate::client::ClientSide;
use crate::load::{Load, Pattern};

/// Latencies are kept between these, in nanoseconds, to three digits.
const RANGE: (u64, u64) = (1, 60_000_000_000);
const DIGITS: u8 = 3;

/// What one end did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Side {
    /// Bytes of payload that it got, or of a sending client, sent.
    pub bytes: u64,
    /// Messages, in the same way.
    pub messages: u64,
    /// Datagrams that came after a later one.
    pub reordered: u64,
    /// Datagrams that came a second time are among `messages`; these are they. Only the last 64 numbers of each
    /// sender are remembered.
    pub doubled: u64,
    /// Processor time of its threads, seconds.
    pub cpu_s: f64,
    /// The first wrong byte, if there was one.
    pub corrupt_at: Option<u64>,
}

impl Side {
    /// Adds what another thread did.
    pub fn add(&mut self, other: &Self) {
        self.bytes += other.bytes;
        self.messages += other.messages;
        self.reordered += other.reordered;
        self.doubled += other.doubled;
        self.cpu_s += other.cpu_s;
        self.corrupt_at = self.corrupt_at.or(other.corrupt_at);
    }
}

/// Latencies, summed up: microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    pub min_us: f64,
    pub mean_us: f64,
    pub p50_us: f64,
    pub p90_us: f64,
    pub p99_us: f64,
    pub p999_us: f64,
    pub max_us: f64,
}

/// What came of a load at both ends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// From the first message to the last that arrived, seconds.
    pub seconds: f64,
    /// Bytes of payload that arrived at the server, a second, times eight.
    pub bits_per_s: f64,
    /// Answers a second; of a stream, messages that arrived a second.
    pub operations_per_s: f64,
    /// Requests answered, or messages that arrived.
    pub operations: u64,
    /// Of what was sent, the share that did not arrive, or was not answered: 0 to 1. Of TCP always 0.
    pub lost: f64,
    /// Of what arrived, the share that came after a later one: 0 to 1.
    pub reordered: f64,
    /// Of patterns with answers.
    pub latency: Option<Latency>,
    pub client_cpu_s: f64,
    pub server_cpu_s: f64,
}

impl Outcome {
    /// What both ends say, put together.
    ///
    /// # Errors
    /// [`LoadError::Corrupt`] if what arrived at `target` was not what was sent.
    #[allow(clippy::cast_precision_loss)]
    pub fn of(
        load: &Load,
        target: SocketAddr,
        client: &ClientSide,
        server: &Side,
    ) -> Result<Self, LoadError> {
        if let Some(at) = server.corrupt_at {
            return Err(LoadError::Corrupt {
                address: target,
                at,
            });
        }
        let seconds = client.seconds.max(1e-9);
        let arrived = server.messages.saturating_sub(server.doubled);
        let missing = match load.pattern {
            Pattern::UdpStream => client.side.messages.saturating_sub(arrived),
            _ => client.unanswered,
        };
        let asked = client.side.messages + client.unanswered;
        // A stream's TCP segments are no messages: its bytes are counted, in messages of the size that was written.
        let operations = match load.pattern {
            Pattern::TcpStream => server.bytes / load.size.max(1) as u64,
            Pattern::UdpStream => server.messages,
            _ => client.side.messages,
        };
        Ok(Self {
            seconds,
            bits_per_s: server.bytes as f64 * 8.0 / seconds,
            operations_per_s: operations as f64 / seconds,
            operations,
            lost: share(missing, asked),
            reordered: share(server.reordered, server.messages),
            latency: client.times.summary(),
            client_cpu_s: client.side.cpu_s,
            server_cpu_s: server.cpu_s,
        })
    }
}

#[allow(clippy::cast_precision_loss)]
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        return 0.0;
    }
    part as f64 / whole as f64
}

/// A histogram of latencies.
#[derive(Debug, Clone)]
pub(crate) struct Times(Histogram<u64>);

impl Times {
    pub(crate) fn new() -> Self {
        let histogram = Histogram::new_with_bounds(RANGE.0, RANGE.1, DIGITS);
        Self(histogram.expect("range and digits are constants that a histogram takes"))
    }

    pub(crate) fn record(&mut self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(RANGE.1);
        self.0.saturating_record(nanos.clamp(RANGE.0, RANGE.1));
    }

    pub(crate) fn add(&mut self, other: &Self) {
        // Both have the same range.
        let _ = self.0.add(&other.0);
    }

    #[allow(clippy::cast_precision_loss)]
    pub(crate) fn summary(&self) -> Option<Latency> {
        if self.0.is_empty() {
            return None;
        }
        let at = |quantile: f64| self.0.value_at_quantile(quantile) as f64 / 1e3;
        Some(Latency {
            min_us: self.0.min() as f64 / 1e3,
            mean_us: self.0.mean() / 1e3,
            p50_us: at(0.5),
            p90_us: at(0.9),
            p99_us: at(0.99),
            p999_us: at(0.999),
            max_us: self.0.max() as f64 / 1e3,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_are_summed_up_in_microseconds() {
        let mut times = Times::new();
        assert_eq!(times.summary(), None);
        for micros in 1..=1000 {
            times.record(Duration::from_micros(micros));
        }
        let mut more = Times::new();
        more.record(Duration::from_secs(1000));
        times.add(&more);
        let sum = times.summary().unwrap_or_default();
        let near = |value: f64, wanted: f64| (value / wanted - 1.0).abs() < 0.002;
        assert!(
            near(sum.p50_us, 501.0) && near(sum.p99_us, 991.0),
            "{sum:?}"
        );
        assert!(near(sum.min_us, 1.0) && near(sum.max_us, 60e6), "{sum:?}");
    }
}
