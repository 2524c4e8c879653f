//! Who may do what, as the authorizer of a real API server is asked: a test sets what answers.

use std::sync::{Arc, PoisonError, RwLock};

use axum::http::{HeaderMap, Method};

use crate::model::{error::ApiError, path::ResourcePath};

/// What is asked about a request on a resource (Kubernetes' `authorization.k8s.io`, ResourceAttributes).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attributes {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete` or `deletecollection`.
    pub verb: &'static str,
    /// API group; "" is the core group.
    pub group: String,
    /// Plural, with the subresource behind a slash where there is one: `services/status`.
    pub resource: String,
    /// Namespace; "" for cluster-wide objects and for all namespaces.
    pub namespace: String,
    /// Name of the object; "" for the collection.
    pub name: String,
}

impl Attributes {
    pub(super) fn of(method: &Method, path: &ResourcePath, watch: bool) -> Self {
        let verb = match (method.as_str(), path.name.is_empty()) {
            ("GET" | "HEAD", _) if watch => "watch",
            ("GET" | "HEAD", true) => "list",
            ("GET" | "HEAD", false) => "get",
            ("POST", _) => "create",
            ("PUT", _) => "update",
            ("PATCH", _) => "patch",
            (_, true) => "deletecollection",
            (_, false) => "delete",
        };
        let resource = match path.subresource.as_str() {
            "" => path.resource.clone(),
            subresource => format!("{}/{subresource}", path.resource),
        };
        Self {
            verb,
            group: path.group.clone(),
            resource,
            namespace: path.namespace.clone(),
            name: path.name.clone(),
        }
    }

    /// As the real API server words it.
    fn refused(&self, user: &str) -> ApiError {
        let place = match self.namespace.as_str() {
            "" => "at the cluster scope".to_owned(),
            namespace => format!("in the namespace \"{namespace}\""),
        };
        let detail = format!(
            "User \"{user}\" cannot {} resource \"{}\" in API group \"{}\" {place}",
            self.verb, self.resource, self.group
        );
        let plural = self.resource.split('/').next().unwrap_or_default();
        ApiError::forbidden(&self.group, plural, &self.name, &detail)
    }
}

/// What is asked: the request's headers say who asks; a refusal names the user.
type Rule = Arc<dyn Fn(&HeaderMap, &Attributes) -> Result<(), String> + Send + Sync>;

/// Asked before each request on a resource; without a rule all may do all.
#[derive(Clone, Default)]
pub struct Authorizer(Arc<RwLock<Option<Rule>>>);

impl Authorizer {
    /// Sets the rule. It must not block.
    pub fn set(
        &self,
        rule: impl Fn(&HeaderMap, &Attributes) -> Result<(), String> + Send + Sync + 'static,
    ) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(rule));
    }

    pub(super) fn check(
        &self,
        headers: &HeaderMap,
        attributes: &Attributes,
    ) -> Result<(), ApiError> {
        let rule = self
            .0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        match rule.map(|rule| rule(headers, attributes)) {
            None | Some(Ok(())) => Ok(()),
            Some(Err(user)) => Err(attributes.refused(&user)),
        }
    }
}

impl std::fmt::Debug for Authorizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authorizer").finish_non_exhaustive()
    }
}
