//! What is sent: bytes that repeat with a period that no message size shares, so that a byte lost, doubled or moved
//! is seen wherever it is.

use std::sync::LazyLock;

/// Bytes after which the pattern repeats; a prime, so that it falls in step with no size that is in use.
const PERIOD: usize = 65_521;
/// Bytes of a datagram's stamp: the sender's thread (4) and its number there (8), big-endian.
pub const STAMP: usize = 12;

/// The pattern, and enough of its repetition that any message can be taken as one slice.
static BYTES: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut state = 0x9e37_79b9_u32;
    let mut next = || {
        // xorshift32 (Marsaglia 2003): bytes that a shifted copy of themselves does not look like.
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[1]
    };
    let period: Vec<u8> = (0..PERIOD).map(|_| next()).collect();
    period.iter().chain(&period).copied().collect()
});

/// The bytes of a stream from `offset` on; `len` is at most [`longest`].
#[must_use]
pub fn at(offset: u64, len: usize) -> &'static [u8] {
    let start = usize::try_from(offset % PERIOD as u64).unwrap_or(0);
    &BYTES[start..start + len]
}

/// The longest slice that [`at`] gives for every offset.
#[must_use]
pub const fn longest() -> usize {
    PERIOD
}

/// Where the payload of the `number`-th message begins: each message has other bytes than the one before.
#[must_use]
pub fn offset_of(number: u64) -> u64 {
    number.wrapping_mul(61)
}

/// The first byte of `got` that is not the stream's at `offset`.
#[must_use]
pub fn first_difference(offset: u64, got: &[u8]) -> Option<u64> {
    let mut begin = 0;
    for chunk in got.chunks(longest()) {
        let wanted = at(offset + begin, chunk.len());
        if chunk != wanted {
            let same = chunk.iter().zip(wanted).take_while(|(a, b)| a == b).count();
            return Some(begin + same as u64);
        }
        begin += chunk.len() as u64;
    }
    None
}

/// Writes a datagram into `buffer`: the stamp, then payload.
pub fn stamp(buffer: &mut [u8], thread: u32, number: u64) {
    let (stamp, rest) = buffer.split_at_mut(STAMP);
    stamp[..4].copy_from_slice(&thread.to_be_bytes());
    stamp[4..].copy_from_slice(&number.to_be_bytes());
    rest.copy_from_slice(at(offset_of(number), rest.len()));
}

/// Reads a datagram's stamp, if its payload is what goes with it.
///
/// # Errors
/// The first byte that is wrong.
pub fn read_stamp(datagram: &[u8]) -> Result<(u32, u64), u64> {
    let number = datagram.get(4..STAMP).and_then(|b| b.try_into().ok());
    let thread = datagram.get(..4).and_then(|b| b.try_into().ok());
    let (Some(thread), Some(number)) = (thread, number) else {
        return Err(datagram.len() as u64);
    };
    let (thread, number) = (u32::from_be_bytes(thread), u64::from_be_bytes(number));
    match first_difference(offset_of(number), &datagram[STAMP..]) {
        None => Ok((thread, number)),
        Some(at) => Err(at + STAMP as u64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_byte_changed_is_found_where_it_is(
            offset in 0u64..1 << 40, len in 1usize..200_000, at_share in 0.0f64..1.0, change in 1u8..,
        ) {
            let mut stream: Vec<u8> = Vec::new();
            while stream.len() < len {
                let take = (len - stream.len()).min(longest());
                stream.extend(at(offset + stream.len() as u64, take));
            }
            prop_assert_eq!(first_difference(offset, &stream), None);
            let where_ = ((len as f64 * at_share) as usize).min(len - 1);
            stream[where_] ^= change;
            prop_assert_eq!(first_difference(offset, &stream), Some(where_ as u64));
        }

        #[test]
        fn a_stamp_is_read_back(thread: u32, number: u64, len in STAMP..2000) {
            let mut datagram = vec![0; len];
            stamp(&mut datagram, thread, number);
            prop_assert_eq!(read_stamp(&datagram), Ok((thread, number)));
        }
    }

    #[test]
    fn a_byte_left_out_is_seen() {
        let mut stream = at(0, 4096).to_vec();
        stream.remove(100);
        assert!(first_difference(0, &stream).is_some_and(|at| (100..110).contains(&at)));
        assert!(read_stamp(&[0; 5]).is_err());
    }
}
