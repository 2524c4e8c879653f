//! From watches and lists to facts about policies.

mod cluster;
mod group;
mod policy;
mod selector;
mod watch;

pub(super) use group::{named, new_rule, seen_group, seen_rule};
pub(super) use watch::{Fact, spawn};
