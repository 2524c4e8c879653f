//! Actions on policies' security groups.

use std::collections::BTreeMap;

use kuryr_core::Id;
use kuryr_core::policy::{Action, Answer, GroupKey, Mark, Outcome, Rule};
use kuryr_core::reconcile::{Failure, FailureKind};
use kuryr_openstack::Resource;
use kuryr_openstack::model::NewSecurityGroup;

use super::{Executor, policy_claims as claims};
use crate::facts::policies as facts;
use crate::failure::{deleted, openstack};
use crate::pods::asked::groups;

/// Carries one out.
pub(super) async fn run(ctx: &Executor, action: &Action) -> Outcome {
    match action {
        Action::List => list(ctx).await,
        Action::CreateGroup { key } => create(ctx, key).await,
        Action::CreateRules { group, rules } => create_rules(ctx, group, rules).await,
        Action::DeleteRule { rule, .. } => {
            let answer = ctx.neutron.delete_security_group_rule(rule).await;
            deleted(answer).map(|()| Answer::Done)
        }
        Action::DeleteGroup { group } => {
            let answer = ctx.neutron.delete_security_group(group).await;
            deleted(answer).map(|()| Answer::Done)
        }
        Action::Report { policy, uid, news } => {
            ctx.events.tell_policy(policy, uid, news).await;
            Ok(Answer::Done)
        }
        Action::CreateClaim {
            policy,
            uid,
            content,
        } => claims::create(ctx, policy, uid, content).await,
        Action::WriteClaim { policy, content } => claims::write(ctx, policy, content).await,
        Action::ReleaseClaim { policy, deleting } => {
            claims::release_one(ctx, policy, *deleting).await
        }
        Action::DeleteOld { policy, group } => claims::delete_old(ctx, policy, group).await,
    }
}

/// All groups of ours, and the operator's.
async fn list(ctx: &Executor) -> Outcome {
    let (ours, theirs) = openstack(groups(&ctx.neutron, &ctx.mark, &ctx.networks).await)?;
    let wanted = ctx.networks.operators_groups();
    let operator: BTreeMap<Id, _> = theirs
        .iter()
        .map(|group| (group.id.as_str().into(), facts::operators_rules(group)))
        .collect();
    if let Some(missing) = wanted.iter().find(|id| !operator.contains_key(*id)) {
        let message = format!(
            "security group {missing} of [neutron_defaults] pod_security_groups is not there: no pod gets a port before it is"
        );
        tracing::warn!("{message}");
        return Err(Failure::new(FailureKind::Invalid, message));
    }
    Ok(Answer::All {
        groups: ours.iter().filter_map(facts::seen_group).collect(),
        operator,
    })
}

async fn create(ctx: &Executor, key: &GroupKey) -> Outcome {
    let new = NewSecurityGroup {
        name: Mark::name(key),
        // It is found by this.
        description: ctx.mark.description.clone(),
        project_id: ctx.project.clone(),
    };
    let made = openstack(ctx.neutron.create_security_group(&new).await)?;
    if !ctx.network_tags.is_empty() {
        let tagged = ctx
            .neutron
            .set_tags(Resource::SecurityGroup, &made.id, &ctx.network_tags)
            .await;
        if let Err(error) = tagged {
            tracing::warn!(security_group = made.id, %error, "the operator's resource_tags are not set");
        }
    }
    let seen = facts::seen_group(&made);
    let lost = || {
        let id = &made.id;
        Failure::unknown(format!(
            "security group {id} has another name than was asked for"
        ))
    };
    seen.map(Answer::Created).ok_or_else(lost)
}

async fn create_rules(ctx: &Executor, group: &Id, rules: &[Rule<Id>]) -> Outcome {
    let new: Vec<_> = rules.iter().map(|r| facts::new_rule(group, r)).collect();
    let made = openstack(ctx.neutron.create_security_group_rules(&new).await)?;
    Ok(Answer::Rules(made.iter().map(facts::seen_rule).collect()))
}
