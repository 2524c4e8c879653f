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
    /// Items in a call before anything was seen.
    first: usize,
    /// Fewer are not asked for once something was seen: a call costs by itself.
    least: usize,
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
    pub fn new(aim: Millis, first: usize, least: usize, most: usize) -> Self {
        Self {
            aim,
            first: first.max(1),
            least,
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

    /// Items that the next call may hold. `waited` is for how many milliseconds somebody has been
    /// left in line: none if nobody is in a hurry.
    ///
    /// It is what fits the aim or that wait, for a wait at most doubles so, and calls are saved;
    /// never more than four times what was answered so far. A cloud that is too slow for the aim
    /// is not asked item by item, which makes it slower still; only the first call of a burst
    /// stays short, so that somebody is served soon.
    #[must_use]
    pub fn size(&self, waited: Option<Millis>) -> usize {
        let Some(each) = self.each else {
            return self.first.min(self.most);
        };
        let aim = self.aim.max(waited.unwrap_or_default());
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss
        )]
        let fit = (aim as f64 / each.max(0.01)) as usize;
        let least = if waited == Some(0) {
            self.first
        } else {
            self.least
        };
        fit.max(least)
            .min((self.grown * 4).max(self.first))
            .min(self.most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_small_and_grows_to_the_aim() {
        let mut s = Sizer::new(4_000, 2, 8, 50);
        assert_eq!(s.size(None), 2);
        s.seen(2, 500);
        assert_eq!(s.size(None), 8);
        s.seen(8, 2_000);
        assert_eq!(s.size(None), 16);
    }

    #[test]
    fn a_slow_cloud_is_not_asked_one_by_one() {
        let mut s = Sizer::new(1_000, 2, 8, 50);
        s.seen(2, 60_000);
        assert_eq!(s.size(None), 8);
        s.seen(8, 60_000);
        assert_eq!(s.size(None), 8);
    }

    #[test]
    fn the_first_call_of_a_burst_is_short() {
        let mut s = Sizer::new(1_000, 2, 8, 50);
        s.seen(8, 4_000);
        assert_eq!(s.size(Some(0)), 2);
        assert_eq!(s.size(Some(1)), 8);
        (0..10).for_each(|_| s.seen(8, 40));
        assert!(s.size(Some(0)) > 2, "what a fast cloud does in the time");
    }

    #[test]
    fn a_fast_cloud_is_asked_for_more_only_step_by_step() {
        let mut s = Sizer::new(1_000, 2, 8, 50);
        s.seen(1, 1);
        assert_eq!(s.size(None), 4);
        s.seen(4, 4);
        assert_eq!(s.size(None), 16);
        s.seen(16, 16);
        assert_eq!(s.size(None), 50);
    }

    #[test]
    fn who_waited_long_is_served_in_larger_calls() {
        let mut s = Sizer::new(1_000, 2, 8, 50);
        s.seen(8, 4_000);
        assert_eq!(s.size(None), 8);
        assert_eq!(s.size(Some(4_000)), 8);
        assert_eq!(s.size(Some(6_000)), 12);
        assert_eq!(
            s.size(Some(600_000)),
            32,
            "never more than four times what was answered"
        );
    }
}
