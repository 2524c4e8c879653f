//! Segmentation ids of one trunk.

use std::collections::BTreeSet;

/// Lowest VLAN id that 802.1Q lets a subport have.
pub const MIN: u16 = 1;
/// Highest VLAN id that 802.1Q lets a subport have.
pub const MAX: u16 = 4094;

/// Picks `count` ids that `taken` does not hold, going upwards from `after` and round.
///
/// Going round rather than taking the lowest leaves an id alone for as long as possible
/// after it was given back. Fewer than `count` come back when the trunk is full.
#[must_use]
pub fn pick(taken: &BTreeSet<u16>, after: u16, count: usize) -> Vec<u16> {
    let start = if (MIN..MAX).contains(&after) {
        after + 1
    } else {
        MIN
    };
    (start..=MAX)
        .chain(MIN..start)
        .filter(|id| !taken.contains(id))
        .take(count)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn goes_round() {
        assert_eq!(pick(&BTreeSet::from([1]), 4093, 3), [4094, 2, 3]);
    }

    #[test]
    fn a_full_trunk_gives_none() {
        assert!(pick(&(MIN..=MAX).collect(), 7, 1).is_empty());
    }

    proptest! {
        #[test]
        fn ids_are_free_valid_and_differ(
            taken in proptest::collection::btree_set(0u16..5000, 0..4200),
            after in 0u16..5000,
            count in 0usize..5000,
        ) {
            let got = pick(&taken, after, count);
            let set: BTreeSet<u16> = got.iter().copied().collect();
            prop_assert_eq!(set.len(), got.len());
            prop_assert!(set.is_disjoint(&taken));
            prop_assert!(got.iter().all(|id| (MIN..=MAX).contains(id)));
            let free = (MIN..=MAX).filter(|id| !taken.contains(id)).count();
            prop_assert_eq!(got.len(), count.min(free));
        }
    }
}
