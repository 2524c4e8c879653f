//! Security groups and rules.

use std::time::Duration;

use super::Neutron;
use super::query::SecurityGroupQuery;
use super::request::Resource;
use crate::error::Error;
use crate::model::{
    NewSecurityGroup, NewSecurityGroupRule, SecurityGroup, SecurityGroupRule, SecurityGroupUpdate,
};
use crate::ownership::{OwnershipMark, TagSupport};
use crate::rest::to_value;

/// Fifty rules take 2.7 s.
const EACH: Duration = Duration::from_millis(250);

impl Neutron {
    /// Lists security groups with their rules.
    ///
    /// # Errors
    /// See [`ErrorKind`](crate::ErrorKind); so for all calls.
    pub async fn list_security_groups(
        &self,
        query: &SecurityGroupQuery,
    ) -> Result<Vec<SecurityGroup>, Error> {
        self.list(Resource::SecurityGroup, &query.0).await
    }

    /// Lists the security groups of `query` that carry `mark`, by tag or by description, each once, with their rules.
    ///
    /// # Errors
    /// If one of the two lists fails, all does: half of what is ours would look like the whole.
    pub async fn list_owned_security_groups(
        &self,
        mark: &OwnershipMark,
        query: &SecurityGroupQuery,
    ) -> Result<Vec<SecurityGroup>, Error> {
        self.list_marked(Resource::SecurityGroup, mark, query.0.clone())
            .await
    }

    /// Reads a security group with its rules.
    ///
    /// # Errors
    /// `NotFound` if it is not there.
    pub async fn get_security_group(&self, id: &str) -> Result<SecurityGroup, Error> {
        self.get(Resource::SecurityGroup, id).await
    }

    /// Makes a security group. It has two rules from the start, that let all egress out.
    ///
    /// # Errors
    /// `Conflict` with `OverQuota`.
    pub async fn create_security_group(
        &self,
        new: &NewSecurityGroup,
    ) -> Result<SecurityGroup, Error> {
        self.create(Resource::SecurityGroup, new).await
    }

    /// Makes a security group and marks it as ours. Neutron takes no tags in the `POST`, so the mark is in the
    /// description from the start and the tags, the mark's and `tags`, follow. If it can't be tagged it is given all the
    /// same; [`OwnershipMark::on`] tells. It has the two rules that
    /// [`create_security_group`](Self::create_security_group) speaks of.
    ///
    /// # Errors
    /// `Conflict` with `OverQuota`. With [`Error::maybe_applied`], list what is ours before another try.
    pub async fn create_owned_security_group(
        &self,
        new: &NewSecurityGroup,
        tags: &[String],
        mark: &OwnershipMark,
    ) -> Result<SecurityGroup, Error> {
        let new = NewSecurityGroup {
            description: mark.description.clone(),
            ..new.clone()
        };
        let mut made = self.create_security_group(&new).await?;
        if self.tag_support() == TagSupport::None {
            return Ok(made);
        }
        let tags = mark.tags_with(tags);
        match self
            .set_tags(Resource::SecurityGroup, &made.id, &tags)
            .await
        {
            Ok(set) => made.tags = set,
            Err(error) => tracing::warn!(
                %error, security_group = %made.id,
                "security group not tagged, it is marked by its description"
            ),
        }
        Ok(made)
    }

    /// Changes a security group's name or description.
    ///
    /// # Errors
    /// `NotFound` if it is not there.
    pub async fn update_security_group(
        &self,
        id: &str,
        change: &SecurityGroupUpdate,
    ) -> Result<SecurityGroup, Error> {
        self.update(Resource::SecurityGroup, id, change, |call| call)
            .await
    }

    /// Deletes a security group and its rules.
    ///
    /// # Errors
    /// `Conflict` with `SecurityGroupInUse` if a port has it or a rule names it.
    pub async fn delete_security_group(&self, id: &str) -> Result<(), Error> {
        self.delete(Resource::SecurityGroup, id).await
    }

    /// Makes rules, all or none.
    ///
    /// # Errors
    /// `Conflict` with `RuleExists` if one of them is there already.
    pub async fn create_security_group_rules(
        &self,
        new: &[NewSecurityGroupRule],
    ) -> Result<Vec<SecurityGroupRule>, Error> {
        const OPERATION: &str = "create_security_group_rules";
        let bodies = new
            .iter()
            .map(|rule| to_value(OPERATION, rule))
            .collect::<Result<Vec<_>, _>>()?;
        self.create_bulk(OPERATION, Resource::SecurityGroupRule, bodies, EACH)
            .await
    }

    /// Deletes a rule.
    ///
    /// # Errors
    /// `NotFound` if it was not there to begin with.
    pub async fn delete_security_group_rule(&self, id: &str) -> Result<(), Error> {
        self.delete(Resource::SecurityGroupRule, id).await
    }
}
