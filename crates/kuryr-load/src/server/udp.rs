//! UDP: one thread takes all datagrams.

use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::load::MAX_SIZE;
use crate::outcome::Side;
use crate::{Load, Pattern, payload};

pub(super) fn serve(socket: &UdpSocket, load: &Load, stop: &AtomicBool) -> Side {
    let mut side = Side::default();
    let mut senders: BTreeMap<u32, Seen> = BTreeMap::new();
    let mut buffer = vec![0; MAX_SIZE];
    loop {
        let Ok((len, from)) = socket.recv_from(&mut buffer) else {
            // Nothing for a while: what was under way is here.
            if stop.load(Ordering::Relaxed) {
                return side;
            }
            continue;
        };
        let datagram = &buffer[..len];
        // One that is left of an earlier load has another size.
        if len != load.size {
            continue;
        }
        match payload::read_stamp(datagram) {
            Ok((thread, number)) => {
                side.bytes += len as u64;
                side.messages += 1;
                match senders.entry(thread).or_default().note(number) {
                    Place::Next => {}
                    Place::Late => side.reordered += 1,
                    Place::Again => side.doubled += 1,
                }
            }
            Err(at) => {
                side.corrupt_at.get_or_insert(at);
            }
        }
        if load.pattern == Pattern::UdpRr {
            // An answer that can't be sent is one that the client misses.
            let _ = socket.send_to(datagram, from);
        }
    }
}

/// Which numbers of a sender came, of the last 64.
#[derive(Debug, Default)]
struct Seen {
    /// One more than the highest.
    next: u64,
    /// Bit n: the number `next - 1 - n` came.
    window: u64,
}

/// Where a datagram came in the order of its sender's.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// After all before it, be they lost or not.
    Next,
    /// After a later one.
    Late,
    /// It was here already.
    Again,
}

impl Seen {
    fn note(&mut self, number: u64) -> Place {
        if number >= self.next {
            let ahead = number - self.next + 1;
            self.window = u32::try_from(ahead)
                .ok()
                .and_then(|ahead| self.window.checked_shl(ahead))
                .unwrap_or(0)
                | 1;
            self.next = number + 1;
            return Place::Next;
        }
        let behind = self.next - 1 - number;
        let bit = u32::try_from(behind)
            .ok()
            .and_then(|behind| 1_u64.checked_shl(behind))
            .unwrap_or(0);
        if self.window & bit != 0 {
            return Place::Again;
        }
        self.window |= bit;
        Place::Late
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_late_one_a_double_and_a_gap_are_told_apart() {
        let mut seen = Seen::default();
        let places: Vec<Place> = [0, 1, 3, 2, 3, 70, 4, 70]
            .into_iter()
            .map(|number| seen.note(number))
            .collect();
        use Place::{Again, Late, Next};
        assert_eq!(places, [Next, Next, Next, Late, Again, Next, Late, Again]);
    }

    proptest! {
        #[test]
        fn within_the_window_it_is_what_a_set_says(numbers in proptest::collection::vec(0u64..64, 1..200)) {
            let mut seen = Seen::default();
            let mut all = BTreeSet::new();
            for number in numbers {
                let wanted = if all.contains(&number) {
                    Place::Again
                } else if all.iter().any(|earlier| *earlier > number) {
                    Place::Late
                } else {
                    Place::Next
                };
                all.insert(number);
                prop_assert_eq!(seen.note(number), wanted);
            }
        }
    }
}
