//! Actions on security groups.

use std::time::Duration;

use kuryr_core::policy::{Failure, Group, GroupKey, Id, Outcome, Rule};
use kuryr_openstack::model::NewSecurityGroup;
use kuryr_openstack::{ConflictKind, Error, ErrorKind, SecurityGroupQuery};

use super::Executor;
use crate::policy::facts;

/// All groups of ours with their rules.
pub(super) async fn list(ctx: &Executor) -> Outcome {
    let query = SecurityGroupQuery::new();
    match ctx
        .neutron
        .list_owned_security_groups(&ctx.mark, &query)
        .await
    {
        Ok(groups) => Outcome::Listed(groups.iter().filter_map(facts::seen_group).collect()),
        Err(error) => failed(&error),
    }
}

pub(super) async fn create(ctx: &Executor, key: GroupKey, group: &Group) -> Outcome {
    let new = NewSecurityGroup {
        name: facts::named(key, &group.about),
        project_id: ctx.project.clone(),
        ..NewSecurityGroup::default()
    };
    let mut tags = ctx.tags.clone();
    tags.push(key.tag());
    let made = ctx
        .neutron
        .create_owned_security_group(&new, &tags, &ctx.mark)
        .await;
    match made {
        Ok(made) => facts::seen_group(&made).map_or_else(
            // Neutron answered with another name than was asked for.
            || unknown(format!("security group {} has lost its key", made.id)),
            Outcome::Created,
        ),
        Err(error) => failed(&error),
    }
}

fn unknown(message: String) -> Outcome {
    tracing::warn!("{message}");
    Outcome::Failed(Failure::Unknown { message })
}

pub(super) async fn rules(ctx: &Executor, group: &Id, rules: &[Rule<Id>]) -> Outcome {
    let new: Vec<_> = rules.iter().map(|r| facts::new_rule(group, r)).collect();
    match ctx.neutron.create_security_group_rules(&new).await {
        Ok(made) => Outcome::Rules(made.iter().map(facts::seen_rule).collect()),
        Err(error) => failed(&error),
    }
}

pub(super) async fn delete_rule(ctx: &Executor, rule: &Id) -> Outcome {
    gone(ctx.neutron.delete_security_group_rule(rule).await)
}

pub(super) async fn delete(ctx: &Executor, group: &Id) -> Outcome {
    gone(ctx.neutron.delete_security_group(group).await)
}

/// The outcome of a deletion: what is gone already is deleted.
fn gone(answer: Result<(), Error>) -> Outcome {
    match answer {
        Ok(()) => Outcome::Done,
        Err(error) if error.is_not_found() => Outcome::Done,
        Err(error) => failed(&error),
    }
}

fn failed(error: &Error) -> Outcome {
    tracing::warn!("{error}");
    Outcome::Failed(failure(error))
}

/// An error as the plan needs to know it.
fn failure(error: &Error) -> Failure {
    let message = error.gist();
    let stale = matches!(
        error.conflict(),
        Some(ConflictKind::SecurityGroupInUse | ConflictKind::RuleExists)
    );
    if matches!(error.kind(), ErrorKind::Withheld) {
        Failure::NotLeader
    } else if error.is_over_quota() {
        Failure::Quota { message }
    } else if error.maybe_applied() {
        Failure::Unknown { message }
    } else if stale || error.is_not_found() {
        Failure::Stale { message }
    } else {
        let millis = |d: Duration| u64::try_from(d.as_millis()).unwrap_or(u64::MAX);
        let after = error.retry_after().map(millis);
        Failure::Again { message, after }
    }
}
