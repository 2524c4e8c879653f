//! Oracle and groups agree whatever the policies.

use proptest::prelude::*;

use super::draw::facts;
use super::*;

const STRIDE: usize = 23;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    /// Of some thousand pairs, protocols and ports each case asks a part, and all calls to all Services from everywhere.
    #[test]
    fn the_groups_mean_what_the_policies_mean(facts in facts(), first in 0..STRIDE) {
        let flows = flows(&everywhere(&facts), &[80, 81]);
        let flows: Vec<Flow> = flows.into_iter().skip(first).step_by(STRIDE).collect();
        agrees_for(&facts, &flows);
        prop_assert!(flows.len() > 1_000 / STRIDE);
    }
}
