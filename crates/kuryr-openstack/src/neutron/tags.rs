//! Tags of any object (Neutron API, "Standard attributes tag extension").

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::Url;

use super::Neutron;
use super::request::Resource;
use crate::call::{Call, Service};
use crate::error::{Error, ErrorKind};
use crate::filter::Filter;
use crate::ownership::{Marked, OwnershipMark};

impl Neutron {
    /// Lists the objects of `filter` that carry `mark`, by tag or by description, each once.
    pub(super) async fn list_marked<T>(
        &self,
        resource: Resource,
        mark: &OwnershipMark,
        mut filter: Filter,
    ) -> Result<Vec<T>, Error>
    where
        T: Marked + DeserializeOwned,
    {
        if filter.selects_fields() {
            filter = filter.with("fields", "tags").with("fields", "description");
        }
        let mut found: Vec<T> = Vec::new();
        if self.cloud.capabilities().await?.tags() {
            let tagged = filter.clone().with("tags", &mark.tag);
            found = self.list(resource, &tagged).await?;
        }
        if !mark.description.is_empty() {
            let described = filter.with("description", &mark.description);
            found.append(&mut self.list(resource, &described).await?);
        }
        let mut seen = BTreeSet::new();
        found.retain(|object| mark.on(object).is_some() && seen.insert(object.id().to_owned()));
        Ok(found)
    }

    /// Replaces all tags of an object, and gives those that it has then.
    ///
    /// # Errors
    /// `NotFound` if the object, or the whole extension, is not there: `Context::error_type` names the object's
    /// class in the first case.
    pub async fn set_tags(
        &self,
        resource: Resource,
        id: &str,
        tags: &[String],
    ) -> Result<Vec<String>, Error> {
        let path = format!("{}/tags", self.object("set_tags", resource, id)?);
        let call = Call::put(Service::Network, "set_tags", path, json!({ "tags": tags }));
        self.cloud
            .request(&call.on(format!("{} {id}", resource.key())))
            .await?
            .json("tags")
    }

    /// Adds a tag.
    ///
    /// # Errors
    /// As [`set_tags`](Self::set_tags).
    pub async fn add_tag(&self, resource: Resource, id: &str, tag: &str) -> Result<(), Error> {
        let path = self.tag_path("add_tag", resource, id, tag)?;
        let call = Call::put(
            Service::Network,
            "add_tag",
            path,
            Value::Object(serde_json::Map::new()),
        );
        self.cloud
            .request(&call.on(format!("{} {id}", resource.key())))
            .await
            .map(|_| ())
    }

    /// Removes a tag.
    ///
    /// # Errors
    /// `NotFound` with the type `TagNotFound` if it was not there to begin with.
    pub async fn remove_tag(&self, resource: Resource, id: &str, tag: &str) -> Result<(), Error> {
        let path = self.tag_path("remove_tag", resource, id, tag)?;
        let call = Call::delete(Service::Network, "remove_tag", path);
        self.cloud
            .request(&call.on(format!("{} {id}", resource.key())))
            .await
            .map(|_| ())
    }

    fn tag_path(
        &self,
        operation: &'static str,
        resource: Resource,
        id: &str,
        tag: &str,
    ) -> Result<String, Error> {
        let path = self.object(operation, resource, id)?;
        let unusable = || {
            Error::local(
                operation,
                ErrorKind::Argument(format!("tag {tag:?} can't be in a URL")),
            )
        };
        Ok(format!(
            "{path}/tags/{}",
            segment(tag).ok_or_else(unusable)?
        ))
    }
}

/// `text` encoded as one segment of a path. None for what a URL gives a meaning of its own.
fn segment(text: &str) -> Option<String> {
    if text.is_empty() || text == "." || text == ".." {
        return None;
    }
    let mut url = Url::parse("http://x/").ok()?;
    url.path_segments_mut().ok()?.pop().push(text);
    Some(url.path().trim_start_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_one_segment() {
        assert_eq!(
            segment("kuryr:cluster=a b/c?d#e%").as_deref(),
            Some("kuryr:cluster=a%20b%2Fc%3Fd%23e%25")
        );
        assert_eq!(segment(".."), None);
        assert_eq!(segment(""), None);
    }
}
