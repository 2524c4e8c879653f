//! Oracle and groups agree whatever the policies: on 10,000 drawn clusters, in four parts that run beside each other.

use proptest::prelude::*;
use proptest::test_runner::{TestCaseResult, TestRunner};

use super::draw::{drawn, facts};
use super::*;

const STRIDE: usize = 23;

/// Of some thousand pairs, protocols and ports each case asks a part, and all calls to all Services from everywhere.
fn one_cluster((facts, first): (Facts, usize)) -> TestCaseResult {
    let flows = flows(&everywhere(&facts), &[80, 81]);
    let flows: Vec<Flow> = flows.into_iter().skip(first).step_by(STRIDE).collect();
    agrees_for(&facts, &flows);
    prop_assert!(flows.len() > 1_000 / STRIDE);
    Ok(())
}

fn quarter(seed: u64) {
    let mut runner = TestRunner::new(drawn(2_500, seed));
    let ran = runner.run(&(facts(), 0..STRIDE), one_cluster);
    ran.unwrap();
}

#[test]
fn the_groups_mean_what_the_policies_mean_1() {
    quarter(1);
}

#[test]
fn the_groups_mean_what_the_policies_mean_2() {
    quarter(2);
}

#[test]
fn the_groups_mean_what_the_policies_mean_3() {
    quarter(3);
}

#[test]
fn the_groups_mean_what_the_policies_mean_4() {
    quarter(4);
}
