//! Oracle and groups agree whatever the policies.

use proptest::prelude::*;

use super::draw::facts;
use super::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Each case is some thousand pairs, protocols and ports.
    #[test]
    fn the_groups_mean_what_the_policies_mean(facts in facts()) {
        let compared = agrees(&facts, &[80, 81]);
        prop_assert!(compared > 1_000);
    }
}
