//! Where an object may be created.

use serde_json::json;

use super::Api;
use crate::{
    kinds::Kind,
    model::{error::ApiError, object},
    store::{Key, TableName},
};

impl Api {
    /// The namespace is there and is not being deleted.
    pub(super) fn check_namespace(
        &self,
        kind: &Kind,
        namespace: &str,
        name: &str,
    ) -> Result<(), ApiError> {
        let key = Key::new("", namespace);
        let Some(found) = self.store.get(&TableName::from("namespaces"), &key) else {
            return Err(ApiError::not_found("", "namespaces", namespace));
        };
        if !object::is_deleting(&found.value) {
            return Ok(());
        }
        let detail = format!(
            "unable to create new content in namespace {namespace} because it is being terminated"
        );
        let mut refusal = ApiError::forbidden(&kind.group, &kind.plural, name, &detail);
        refusal.details["causes"] = json!([{
            "reason": "NamespaceTerminating",
            "message": format!("namespace {namespace} is being terminated"),
            "field": "metadata.namespace",
        }]);
        Err(refusal)
    }
}
