//! What can be asked for.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::LoadError;

/// A connection or an answer that isn't there after this long never comes.
pub const PATIENCE: Duration = Duration::from_secs(2);
/// The largest message: what a UDP datagram over IPv4 holds (65,535 less both headers).
pub const MAX_SIZE: usize = 65_507;
/// Enough for any machine on which this makes sense.
pub const MAX_THREADS: usize = 256;

/// A protocol below the payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    Tcp,
    Udp,
}

/// What the two ends do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pattern {
    /// One connection, written to as fast as it takes.
    TcpStream,
    /// One connection; a request, its answer, the next.
    TcpRr,
    /// A connection for each request: connect, request, answer, close.
    TcpCrr,
    /// Datagrams, as fast as the socket takes them or at a pace.
    UdpStream,
    /// A datagram, its answer, the next.
    UdpRr,
}

impl Pattern {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::TcpStream,
        Self::TcpRr,
        Self::TcpCrr,
        Self::UdpStream,
        Self::UdpRr,
    ];

    /// The name as it is written, such as `tcp-rr`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::TcpStream => "tcp-stream",
            Self::TcpRr => "tcp-rr",
            Self::TcpCrr => "tcp-crr",
            Self::UdpStream => "udp-stream",
            Self::UdpRr => "udp-rr",
        }
    }

    /// The protocol below.
    #[must_use]
    pub fn protocol(self) -> Protocol {
        match self {
            Self::TcpStream | Self::TcpRr | Self::TcpCrr => Protocol::Tcp,
            Self::UdpStream | Self::UdpRr => Protocol::Udp,
        }
    }

    /// Whether answers are waited for, so that there are latencies.
    #[must_use]
    pub fn answers(self) -> bool {
        !matches!(self, Self::TcpStream | Self::UdpStream)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.map(Self::name).join(", ");
        let found = Self::ALL.into_iter().find(|p| p.name() == text);
        found.ok_or_else(|| format!("{text:?} is no pattern; there are {known}"))
    }
}

/// One load: what a client does to a server.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Load {
    pub pattern: Pattern,
    /// Bytes of a message: of each write, each datagram, each request and each answer.
    pub size: usize,
    /// Connections or sockets at once, each with a thread of its own at either end.
    pub threads: usize,
    pub duration: Duration,
    /// Messages that each thread sends even if the time is over before: on a machine that is busy with other things a
    /// short load would carry next to nothing.
    #[serde(default)]
    pub at_least: u64,
    /// Bits of payload a second that all threads together send at most; only for UDP streams.
    pub pace: Option<u64>,
    /// Whether small TCP writes go out at once (`TCP_NODELAY`). uperf and netperf leave it off for streams; with
    /// requests and answers it makes no difference, since nothing is under way when one is written.
    pub no_delay: bool,
}

impl Load {
    /// A load of one thread, as fast as it goes.
    #[must_use]
    pub fn new(pattern: Pattern, size: usize, duration: Duration) -> Self {
        Self {
            pattern,
            size,
            threads: 1,
            duration,
            at_least: 0,
            pace: None,
            no_delay: pattern.answers(),
        }
    }

    /// The smallest message: a datagram needs room for its number.
    #[must_use]
    pub fn smallest(pattern: Pattern) -> usize {
        match pattern.protocol() {
            Protocol::Tcp => 1,
            Protocol::Udp => crate::payload::STAMP,
        }
    }

    /// Whether it can be carried out at all.
    ///
    /// # Errors
    /// [`LoadError::Invalid`] names the first value that can't be.
    pub fn validate(&self) -> Result<(), LoadError> {
        let smallest = Self::smallest(self.pattern);
        within("size", self.size, smallest, MAX_SIZE, "bytes")?;
        within("threads", self.threads, 1, MAX_THREADS, "threads")?;
        if self.duration.is_zero() || self.duration > Duration::from_secs(3600) {
            return Err(LoadError::Invalid {
                what: "duration",
                value: format!("{:?}", self.duration),
                why: "it must be above 0 and at most an hour".to_owned(),
            });
        }
        if self.pace.is_some() && self.pattern != Pattern::UdpStream {
            return Err(LoadError::Invalid {
                what: "pace",
                value: format!("with {}", self.pattern),
                why: "only UDP streams are paced".to_owned(),
            });
        }
        if self.pace == Some(0) {
            return Err(LoadError::Invalid {
                what: "pace",
                value: "0".to_owned(),
                why: "nothing would be sent".to_owned(),
            });
        }
        Ok(())
    }
}

fn within(
    what: &'static str,
    value: usize,
    least: usize,
    most: usize,
    unit: &str,
) -> Result<(), LoadError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(LoadError::Invalid {
        what,
        value: value.to_string(),
        why: format!("it must be {least} to {most} {unit}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_is_refused_with_what_can() {
        let second = Duration::from_secs(1);
        let load = |pattern, size| Load::new(pattern, size, second);
        let no = |load: Load| load.validate().err().map(|e| e.to_string());
        let said = no(load(Pattern::TcpStream, 0)).unwrap_or_default();
        assert_eq!(said, "size 0: it must be 1 to 65507 bytes");
        assert!(no(load(Pattern::UdpRr, 8)).is_some());
        assert!(no(load(Pattern::UdpStream, 70_000)).is_some());
        let none = Load {
            threads: 0,
            ..load(Pattern::TcpRr, 64)
        };
        assert!(no(none).is_some());
        let paced = Load {
            pace: Some(1),
            ..load(Pattern::TcpRr, 64)
        };
        assert!(no(paced).is_some());
        assert_eq!(no(load(Pattern::TcpCrr, 1)), None);
    }

    #[test]
    fn a_pattern_is_read_as_it_is_written() {
        for pattern in Pattern::ALL {
            assert_eq!(pattern.name().parse(), Ok(pattern));
        }
        assert!("tcp".parse::<Pattern>().is_err());
    }
}
