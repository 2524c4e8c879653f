//! How many subnets a pool has room for.

use ipnet::IpNet;

use crate::Id;

/// A subnet pool, as Neutron shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolRoom {
    pub pool: Id,
    /// So many more subnets of its default size it has room for; none where that can't be said.
    pub free: Option<u64>,
}

/// How many subnets of a length fit into `prefixes` beside those that are `taken`.
///
/// A subnet that is smaller than the length takes a place all the same.
#[must_use]
pub fn free_subnets(prefixes: &[IpNet], length: u8, taken: &[IpNet]) -> u64 {
    let places = |bits: u8| 1u64.checked_shl(u32::from(bits)).unwrap_or(u64::MAX);
    let of_prefix = |prefix: &IpNet| {
        let all = length.checked_sub(prefix.prefix_len()).map_or(0, places);
        let inside = taken.iter().filter(|net| prefix.contains(*net));
        let used = inside.map(|net| length.checked_sub(net.prefix_len()).map_or(1, places));
        all.saturating_sub(used.fold(0, u64::saturating_add))
    };
    let free = prefixes.iter().map(of_prefix);
    free.fold(0, u64::saturating_add)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn nets(all: &[&str]) -> Vec<IpNet> {
        all.iter().map(|net| net.parse().unwrap()).collect()
    }

    #[test]
    fn what_is_taken_is_not_free_whatever_its_size() {
        let free = |prefixes: &[&str], length, taken: &[&str]| {
            free_subnets(&nets(prefixes), length, &nets(taken))
        };
        assert_eq!(free(&["10.0.0.0/22"], 24, &[]), 4);
        assert_eq!(free(&["10.0.0.0/22"], 24, &["10.0.1.0/24"]), 3);
        assert_eq!(free(&["10.0.0.0/22"], 24, &["10.0.0.0/23"]), 2, "larger");
        assert_eq!(free(&["10.0.0.0/22"], 24, &["10.0.0.0/26"]), 3, "smaller");
        assert_eq!(free(&["10.0.0.0/22"], 24, &["10.9.0.0/24"]), 4, "elsewhere");
        assert_eq!(free(&["10.0.0.0/24", "10.2.0.0/23"], 24, &[]), 3);
        assert_eq!(free(&["10.0.0.0/25"], 24, &[]), 0, "no room at all");
        assert_eq!(free(&["fd00::/48"], 64, &["fd00::/64"]), 65_535);
        assert_eq!(free(&["::/0"], 64, &[]), u64::MAX, "too many to count");
    }
}
