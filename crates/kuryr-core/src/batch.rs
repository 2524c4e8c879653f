//! How much to ask of Neutron in one call.
//!
//! Neutron's cost is per port, in bulk or not, and a bulk call answers when its last
//! port is done. So a batch saves calls and costs the first port the wait for the last.
//! A batch is what Neutron was seen to do in the time that its sizer aims at.

use crate::Millis;

/// Learns from answered calls how many items the next one may hold.
#[derive(Clone, Debug)]
pub struct Sizer {
    /// How long a call is to take, milliseconds.
    aim: Millis,
    /// Items in a call before anything was seen; afterwards never fewer than twice as many.
    first: usize,
    /// No call holds more.
    most: usize,
    /// Milliseconds an item, smoothed.
    each: Option<f64>,
    /// Items in the largest call that was answered.
    grown: usize,
}

impl Sizer {
    /// A sizer that has seen nothing yet.
    #[must_use]
    pub fn new(aim: Millis, first: usize, most: usize) -> Self {
        Self {
            aim,
            first: first.max(1),
            most: most.max(1),
            each: None,
            grown: 0,
        }
    }

    /// Notes that a call with `items` took `took` milliseconds.
    pub fn seen(&mut self, items: usize, took: Millis) {
        if items == 0 {
            return;
        }
        #[allow(clippy::cast_precision_loss)] // small numbers
        let each = took as f64 / items as f64;
        self.each = Some(self.each.map_or(each, |old| old * 0.7 + each * 0.3));
        self.grown = self.grown.max(items);
    }

    /// Items that the next call may hold, of a line that has waited for `waited` milliseconds:
    /// what fits the aim or that wait, and never more than twice what was answered so far: a
    /// wait at most doubles, and calls are saved. A
    /// cloud that is too slow for the aim is not asked item by item: that makes it slower
    /// still, for a call costs by itself.
    #[must_use]
    pub fn size(&self, waited: Millis) -> usize {
        let Some(each) = self.each else {
            return self.first.min(self.most);
        };
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss
        )]
        let fit = (self.aim.max(waited) as f64 / each.max(0.01)) as usize;
        fit.max(self.first * 2)
            .min((self.grown * 2).max(self.first))
            .min(self.most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_small_and_grows_to_the_aim() {
        let mut s = Sizer::new(2_000, 4, 50);
        assert_eq!(s.size(0), 4);
        s.seen(4, 1_000);
        assert_eq!(s.size(0), 8);
        s.seen(8, 2_000);
        assert_eq!(s.size(0), 8);
    }

    #[test]
    fn a_slow_cloud_is_not_asked_one_by_one() {
        let mut s = Sizer::new(1_000, 4, 50);
        s.seen(1, 60_000);
        assert_eq!(s.size(0), 4);
        s.seen(4, 60_000);
        assert_eq!(s.size(0), 8);
        s.seen(8, 60_000);
        assert_eq!(s.size(0), 8);
    }

    #[test]
    fn a_fast_cloud_is_asked_for_more_only_step_by_step() {
        let mut s = Sizer::new(1_000, 4, 50);
        s.seen(1, 1);
        assert_eq!(s.size(0), 4);
        s.seen(4, 4);
        assert_eq!(s.size(0), 8);
        s.seen(8, 8);
        s.seen(16, 16);
        s.seen(32, 32);
        assert_eq!(s.size(0), 50);
    }

    #[test]
    fn who_waited_long_is_served_in_larger_calls() {
        let mut s = Sizer::new(1_000, 4, 50);
        s.seen(8, 4_000);
        assert_eq!(s.size(0), 8);
        assert_eq!(s.size(4_000), 8);
        assert_eq!(s.size(6_000), 12);
        assert_eq!(
            s.size(600_000),
            16,
            "never more than twice what was answered"
        );
    }
}
