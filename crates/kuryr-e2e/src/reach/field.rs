//! Datagrams between all places of a field.

use std::collections::BTreeSet;
use std::net::{SocketAddr, UdpSocket as StdSocket};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use kuryr_net::netns;
use tokio::net::UdpSocket;
use tokio::task::JoinSet;

use super::Place;
use crate::{Outcome, fail};

/// Where each place listens. Requests come from another port, so a filter that lets answers
/// in lets none of them in.
const LISTEN: u16 = 7777;
/// Between two rounds of datagrams, and how long the last may take.
const ROUND: Duration = Duration::from_millis(200);
/// Pairs that a failure names.
const NAMED: usize = 12;

/// Places with sockets in them. While it lives, their namespaces live.
pub struct Field {
    stations: Vec<Station>,
    heard: Arc<Mutex<Heard>>,
    /// Number of the burst under way.
    burst: u32,
    _listeners: JoinSet<()>,
}

struct Station {
    place: Place,
    sender: UdpSocket,
}

/// Datagrams that arrived, of the burst under way: by sender and receiver.
#[derive(Default)]
struct Heard {
    burst: u32,
    counts: Vec<Vec<u32>>,
}

/// A datagram's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Letter {
    burst: u32,
    from: u16,
    to: u16,
}

impl Letter {
    fn bytes(self) -> [u8; 8] {
        let mut bytes = [0; 8];
        bytes[..4].copy_from_slice(&self.burst.to_be_bytes());
        bytes[4..6].copy_from_slice(&self.from.to_be_bytes());
        bytes[6..].copy_from_slice(&self.to.to_be_bytes());
        bytes
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; 8] = bytes.try_into().ok()?;
        let [a, b, c, d, e, f, g, h] = *bytes;
        Some(Self {
            burst: u32::from_be_bytes([a, b, c, d]),
            from: u16::from_be_bytes([e, f]),
            to: u16::from_be_bytes([g, h]),
        })
    }
}

/// How many datagrams of a burst arrived, by sender and receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    names: Vec<String>,
    counts: Vec<Vec<u32>>,
}

impl Field {
    /// Opens sockets in all places.
    ///
    /// # Errors
    /// A namespace is not there, or has not the place's address.
    pub fn open(places: impl IntoIterator<Item = Place>) -> Outcome<Self> {
        let (mut stations, mut listeners) = (Vec::new(), JoinSet::new());
        let heard = Arc::new(Mutex::new(Heard::default()));
        for (number, place) in places.into_iter().enumerate() {
            let bind = |port| StdSocket::bind(SocketAddr::new(place.address, port));
            let made = netns::run_in(Some(&place.netns), || Ok((bind(LISTEN)?, bind(0)?)));
            let (listener, sender): (StdSocket, StdSocket) = made?
                .map_err(|e: std::io::Error| format!("{}, {}: {e}", place.name, place.address))?;
            listener.set_nonblocking(true)?;
            sender.set_nonblocking(true)?;
            let listener = UdpSocket::from_std(listener)?;
            listeners.spawn(listen(listener, number, heard.clone()));
            let sender = UdpSocket::from_std(sender)?;
            stations.push(Station { place, sender });
        }
        Ok(Self {
            stations,
            heard,
            burst: 0,
            _listeners: listeners,
        })
    }

    /// How many ordered pairs of different places there are.
    #[must_use]
    pub fn pairs(&self) -> usize {
        self.stations.len() * self.stations.len().saturating_sub(1)
    }

    /// Sends until a datagram of each place has arrived at each other; gives the number of pairs.
    ///
    /// # Errors
    /// `patience` is over; names pairs between which none arrived.
    pub async fn all_reach(&mut self, patience: Duration) -> Outcome<usize> {
        let end = Instant::now() + patience;
        self.begin();
        loop {
            let missing = self.counts().silent();
            if missing.is_empty() {
                return Ok(self.pairs());
            }
            if Instant::now() >= end {
                return fail(self.silence(&missing));
            }
            self.send(missing).await;
            tokio::time::sleep(ROUND).await;
        }
    }

    /// Sends `each` datagrams between each pair and counts those that arrive.
    pub async fn burst(&mut self, each: usize) -> Counts {
        self.begin();
        let all: Vec<_> = pairs(self.stations.len()).collect();
        for _ in 0..each {
            self.send(all.clone()).await;
            tokio::time::sleep(ROUND).await;
        }
        self.counts()
    }

    fn begin(&mut self) {
        self.burst += 1;
        let places = self.stations.len();
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Heard {
            burst: self.burst,
            counts: vec![vec![0; places]; places],
        };
    }

    async fn send(&self, pairs: Vec<(usize, usize)>) {
        for (from, to) in pairs {
            let (Ok(a), Ok(b)) = (u16::try_from(from), u16::try_from(to)) else {
                continue;
            };
            let letter = Letter {
                burst: self.burst,
                from: a,
                to: b,
            };
            let target = (self.stations[to].place.address, LISTEN);
            // One that can't be sent (no route, no neighbour) counts as one that does not arrive.
            let _ = self.stations[from]
                .sender
                .send_to(&letter.bytes(), target)
                .await;
        }
    }

    fn counts(&self) -> Counts {
        Counts {
            names: self.stations.iter().map(|s| s.place.name.clone()).collect(),
            counts: self
                .heard
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .counts
                .clone(),
        }
    }

    fn silence(&self, missing: &[(usize, usize)]) -> String {
        let show = |(from, to): &(usize, usize)| {
            let (from, to) = (&self.stations[*from].place, &self.stations[*to].place);
            format!(
                "{} {} -> {} {}",
                from.name, from.address, to.name, to.address
            )
        };
        let named: Vec<String> = missing.iter().take(NAMED).map(show).collect();
        format!(
            "{} of {} pairs: nothing arrives: {}{}",
            missing.len(),
            self.pairs(),
            named.join(", "),
            if missing.len() > NAMED { ", ..." } else { "" }
        )
    }
}

impl Counts {
    /// Pairs between which nothing arrived, by the places' numbers.
    fn silent(&self) -> Vec<(usize, usize)> {
        pairs(self.names.len())
            .filter(|(from, to)| self.counts[*from][*to] == 0)
            .collect()
    }

    /// Datagrams that arrived from places whose name is `from` to those whose name is `to`.
    #[must_use]
    pub fn between(&self, from: impl Fn(&str) -> bool, to: impl Fn(&str) -> bool) -> u32 {
        let chosen = |(a, b): &(usize, usize)| from(&self.names[*a]) && to(&self.names[*b]);
        pairs(self.names.len())
            .filter(chosen)
            .map(|(a, b)| self.counts[a][b])
            .sum()
    }

    /// Names of the places that a datagram arrived at, of those whose name is `to`.
    #[must_use]
    pub fn reached(&self, to: impl Fn(&str) -> bool) -> BTreeSet<&str> {
        let chosen = |(a, b): &(usize, usize)| to(&self.names[*b]) && self.counts[*a][*b] > 0;
        pairs(self.names.len())
            .filter(chosen)
            .map(|(_, b)| self.names[b].as_str())
            .collect()
    }
}

/// Ordered pairs of different numbers.
fn pairs(count: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..count).flat_map(move |a| (0..count).filter(move |b| a != *b).map(move |b| (a, b)))
}

async fn listen(socket: UdpSocket, number: usize, heard: Arc<Mutex<Heard>>) {
    let mut buffer = [0; 64];
    loop {
        // An ICMP error about something that was sent; listening goes on.
        let Ok(length) = socket.recv(&mut buffer).await else {
            continue;
        };
        let Some(letter) = Letter::read(&buffer[..length]) else {
            continue;
        };
        let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
        if letter.burst == heard.burst
            && usize::from(letter.to) == number
            && let Some(row) = heard.counts.get_mut(usize::from(letter.from))
        {
            row[number] += 1;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn counts(counts: Vec<Vec<u32>>) -> Counts {
        let names = ["pod a", "pod b", "vm"].map(str::to_owned).to_vec();
        Counts { names, counts }
    }

    #[test]
    fn a_letter_reads_as_it_was_written() {
        let letter = Letter {
            burst: 70_000,
            from: 3,
            to: 500,
        };
        assert_eq!(Letter::read(&letter.bytes()), Some(letter));
        assert_eq!(Letter::read(b"short"), None);
    }

    #[test]
    fn pairs_are_ordered_and_of_different_places() {
        assert_eq!(pairs(3).count(), 6);
        assert!(pairs(3).all(|(a, b)| a != b));
    }

    #[test]
    fn silence_and_sums_are_by_direction() {
        let counts = counts(vec![vec![0, 2, 1], vec![0, 0, 1], vec![0, 0, 0]]);
        assert_eq!(counts.silent(), [(1, 0), (2, 0), (2, 1)]);
        let pod = |name: &str| name.starts_with("pod");
        assert_eq!(counts.between(pod, pod), 2);
        assert_eq!(counts.between(pod, |n| n == "vm"), 2);
        assert_eq!(counts.reached(pod), ["pod b"].into());
    }

    #[tokio::test]
    async fn datagrams_are_counted_where_they_arrive() {
        let place = |name: &str, last| Place {
            name: name.to_owned(),
            netns: "/proc/self/ns/net".into(),
            address: [127, 9, 9, last].into(),
        };
        let mut field = Field::open([place("a", 1), place("b", 2)]).unwrap();
        assert_eq!(field.all_reach(Duration::from_secs(5)).await.unwrap(), 2);
        let counts = field.burst(3).await;
        assert_eq!(counts.between(|n| n == "a", |n| n == "b"), 3);
        assert_eq!(counts.between(|n| n == "a", |n| n == "a"), 0);
    }
}
