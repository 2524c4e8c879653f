//! Tags of objects that exist: `/v2.0/{collection}/{id}/tags`.

use serde_json::{Value, json};

use super::super::ApiError;
use super::schema::Kind;
use super::validate::check_tags;
use super::{Caller, Cloud, items};

impl Cloud {
    /// The tags of an object.
    ///
    /// # Errors
    /// 404 when the caller sees no such object.
    pub fn tags(&self, caller: &Caller, kind: Kind, id: &str) -> Result<Vec<Value>, ApiError> {
        let missing = |_| {
            let message = format!("Resource {} {id} could not be found.", kind.plural());
            ApiError::not_found("TagResourceNotFound", message)
        };
        Ok(items(self.visible(caller, kind, id).map_err(missing)?, "tags").to_vec())
    }

    /// Replaces all tags: PUT with `{"tags": [...]}`.
    ///
    /// # Errors
    /// 404; 400 when they are no list of strings.
    pub fn replace_tags(
        &mut self,
        caller: &Caller,
        kind: Kind,
        id: &str,
        body: &Value,
    ) -> Result<Value, ApiError> {
        self.tags(caller, kind, id)?;
        let tags = body
            .get("tags")
            .ok_or_else(|| ApiError::invalid_input("Invalid tags body"))?;
        let tags = check_tags(tags).map_err(ApiError::invalid_input)?;
        self.set(kind, id, &[("tags", tags.clone())]);
        Ok(json!({ "tags": tags }))
    }

    /// Whether an object has a tag.
    ///
    /// # Errors
    /// 404 for the object or the tag.
    pub fn has_tag(
        &self,
        caller: &Caller,
        kind: Kind,
        id: &str,
        tag: &str,
    ) -> Result<(), ApiError> {
        if self
            .tags(caller, kind, id)?
            .iter()
            .any(|known| known == tag)
        {
            return Ok(());
        }
        Err(ApiError::not_found(
            "TagNotFound",
            format!("Tag {tag} could not be found."),
        ))
    }

    /// Adds one tag.
    ///
    /// # Errors
    /// 404 for the object.
    pub fn add_tag(
        &mut self,
        caller: &Caller,
        kind: Kind,
        id: &str,
        tag: &str,
    ) -> Result<(), ApiError> {
        let mut tags = self.tags(caller, kind, id)?;
        if !tags.iter().any(|known| known == tag) {
            tags.push(json!(tag));
        }
        self.set(kind, id, &[("tags", json!(tags))]);
        Ok(())
    }

    /// Removes one tag.
    ///
    /// # Errors
    /// 404 for the object or the tag.
    pub fn remove_tag(
        &mut self,
        caller: &Caller,
        kind: Kind,
        id: &str,
        tag: &str,
    ) -> Result<(), ApiError> {
        self.has_tag(caller, kind, id, tag)?;
        let mut tags = self.tags(caller, kind, id)?;
        tags.retain(|known| known != tag);
        self.set(kind, id, &[("tags", json!(tags))]);
        Ok(())
    }

    /// Removes all tags.
    ///
    /// # Errors
    /// 404 for the object.
    pub fn clear_tags(&mut self, caller: &Caller, kind: Kind, id: &str) -> Result<(), ApiError> {
        self.tags(caller, kind, id)?;
        self.set(kind, id, &[("tags", json!([]))]);
        Ok(())
    }
}
