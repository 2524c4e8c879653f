//! How many unused ports wait ready on a node's trunk.

/// Upstream's `[vif_pool]` options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Whether ports are kept at all (`vif_pool_driver` is not `noop`).
    pub enabled: bool,
    /// `ports_pool_min`: fewer unused ports than this are too few.
    pub min: usize,
    /// `ports_pool_max`: never more unused ports than this; 0 is no limit.
    pub max: usize,
    /// `ports_pool_batch`: so many are added when there are too few.
    pub batch: usize,
}

impl Limits {
    /// Keeps nothing, as upstream's `noop` driver.
    pub const NONE: Self = Self {
        enabled: false,
        min: 0,
        max: 0,
        batch: 0,
    };
}

/// What a pool holds: the ports of one kind on one trunk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stock {
    /// Ports that pods use, and pods that wait for one.
    pub used: usize,
    /// Ports that no pod uses, made or being made.
    pub unused: usize,
    /// How many more ports quota, subnet and VLANs leave room for.
    pub room: usize,
}

/// What to do about a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is right.
    Keep,
    /// Make so many.
    Grow(usize),
    /// Take away so many.
    Shrink(usize),
}

/// Decides about one pool.
///
/// A kind that no pod on the node uses keeps nothing. Too few ports (under `min`) grow
/// to `min`, by `batch` at least; a pool shrinks only when it holds more than `max`, or
/// two batches over `min`, so that growing is never followed by shrinking.
#[must_use]
pub fn verdict(limits: Limits, stock: Stock) -> Verdict {
    let ceiling = ceiling(limits);
    if !limits.enabled || stock.used == 0 {
        return shrink_to(stock.unused, 0);
    }
    let min = limits.min.min(ceiling);
    if stock.unused < min {
        let goal = (stock.unused + limits.batch).max(min).min(ceiling);
        let more = (goal - stock.unused).min(stock.room);
        return if more == 0 {
            Verdict::Keep
        } else {
            Verdict::Grow(more)
        };
    }
    let high = most(limits);
    if stock.unused > high {
        return shrink_to(stock.unused, high);
    }
    Verdict::Keep
}

/// So many unused ports a pool holds at most before it shrinks.
#[must_use]
pub fn most(limits: Limits) -> usize {
    if !limits.enabled {
        return 0;
    }
    let ceiling = ceiling(limits);
    let two_batches = limits.batch.saturating_mul(2);
    limits
        .min
        .min(ceiling)
        .saturating_add(two_batches)
        .min(ceiling)
}

fn ceiling(limits: Limits) -> usize {
    match limits.max {
        0 => usize::MAX,
        max => max,
    }
}

fn shrink_to(unused: usize, goal: usize) -> Verdict {
    match unused.saturating_sub(goal) {
        0 => Verdict::Keep,
        n => Verdict::Shrink(n),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const UPSTREAM: Limits = Limits {
        enabled: true,
        min: 5,
        max: 0,
        batch: 10,
    };

    fn stock(used: usize, unused: usize) -> Stock {
        Stock {
            used,
            unused,
            room: 1000,
        }
    }

    #[test]
    fn a_node_without_pods_keeps_nothing() {
        assert_eq!(verdict(UPSTREAM, stock(0, 3)), Verdict::Shrink(3));
        assert_eq!(verdict(UPSTREAM, stock(0, 0)), Verdict::Keep);
    }

    #[test]
    fn too_few_grow_by_a_batch() {
        assert_eq!(verdict(UPSTREAM, stock(1, 4)), Verdict::Grow(10));
        assert_eq!(verdict(UPSTREAM, stock(1, 5)), Verdict::Keep);
    }

    #[test]
    fn the_maximum_binds() {
        let limits = Limits { max: 6, ..UPSTREAM };
        assert_eq!(verdict(limits, stock(1, 4)), Verdict::Grow(2));
        assert_eq!(verdict(limits, stock(1, 9)), Verdict::Shrink(3));
    }

    #[test]
    fn no_room_is_no_growth() {
        let full = Stock {
            room: 0,
            ..stock(1, 0)
        };
        assert_eq!(verdict(UPSTREAM, full), Verdict::Keep);
    }

    proptest! {
        #[test]
        fn carrying_out_the_verdict_settles_it(
            min in 0usize..50, max in 0usize..60, batch in 1usize..30,
            used in 0usize..100, unused in 0usize..300, room in 0usize..400,
            enabled: bool,
        ) {
            let limits = Limits { enabled, min, max, batch };
            let before = Stock { used, unused, room };
            let after = match verdict(limits, before) {
                Verdict::Keep => before,
                Verdict::Grow(n) => {
                    prop_assert!(n <= room);
                    Stock { unused: unused + n, room: room - n, ..before }
                }
                Verdict::Shrink(n) => {
                    prop_assert!(n <= unused);
                    Stock { unused: unused - n, room: room + n, ..before }
                }
            };
            if max > 0 {
                prop_assert!(after.unused <= max.max(unused));
            }
            // One step settles it, unless room runs out on the way.
            if after.room > 0 {
                prop_assert_eq!(verdict(limits, after), Verdict::Keep);
            }
        }
    }
}
