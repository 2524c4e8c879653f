//! Runs and what they amount to.

use serde::Serialize;

/// Some runs of one thing.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Runs {
    /// Each run, in order.
    pub runs: Vec<f64>,
}

impl Runs {
    /// Adds a run.
    pub fn push(&mut self, value: f64) {
        self.runs.push(value);
    }

    /// The smallest value with at least this share of the runs at or under it (nearest
    /// rank); none without runs.
    #[must_use]
    pub fn percentile(&self, share: f64) -> Option<f64> {
        let mut sorted = self.runs.clone();
        sorted.sort_by(f64::total_cmp);
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss
        )]
        let rank = (share.clamp(0.0, 1.0) * sorted.len() as f64).ceil() as usize;
        sorted.get(rank.saturating_sub(1)).copied()
    }

    /// The median.
    #[must_use]
    pub fn median(&self) -> Option<f64> {
        self.percentile(0.5)
    }

    /// The smallest.
    #[must_use]
    pub fn min(&self) -> Option<f64> {
        self.percentile(0.0)
    }

    /// The largest.
    #[must_use]
    pub fn max(&self) -> Option<f64> {
        self.percentile(1.0)
    }
}

impl FromIterator<f64> for Runs {
    fn from_iter<I: IntoIterator<Item = f64>>(runs: I) -> Self {
        Self {
            runs: runs.into_iter().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn percentiles_are_runs_by_nearest_rank() {
        let runs: Runs = (1..=100).rev().map(f64::from).collect();
        assert_eq!(runs.median(), Some(50.0));
        assert_eq!(runs.percentile(0.99), Some(99.0));
        assert_eq!((runs.min(), runs.max()), (Some(1.0), Some(100.0)));
        assert_eq!(Runs::default().median(), None);
    }

    proptest! {
        #[test]
        fn a_percentile_is_one_of_the_runs(
            values in proptest::collection::vec(-1e6f64..1e6, 1..50), share in 0.0f64..1.0,
        ) {
            let runs: Runs = values.iter().copied().collect();
            let p = runs.percentile(share);
            prop_assert!(p.is_some_and(|p| values.contains(&p)));
        }
    }
}
