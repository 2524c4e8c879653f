//! What is done alike to objects of every kind.

use std::fmt::Debug;

use kube::api::{Api, DeleteParams, Patch, PatchParams};
use kube::core::DynamicObject;
use kube::{Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::lease::Fence;

/// The HTTP status that the API server answered, or 0.
pub(crate) fn code(error: &kube::Error) -> u16 {
    match error {
        kube::Error::Api(status) => status.code,
        _ => 0,
    }
}

/// A write may have been carried out all the same: no answer came, or one that a server or a
/// proxy gives when it lost sight of the write (5xx).
pub(crate) fn maybe_applied(error: &kube::Error) -> bool {
    match error {
        kube::Error::Api(status) => status.code >= 500,
        _ => true,
    }
}

/// Why something was not done, for a log line and an Event.
pub(crate) fn message(what: &str, object: &impl std::fmt::Display, error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => format!("{what} {object}: {} {}", status.code, status.message),
        other => format!("{what} {object}: {other}"),
    }
}

/// What came of a release.
pub(crate) enum Released {
    /// It is gone, or was.
    Gone,
    /// It is without our finalizer; others keep it.
    Left(Box<DynamicObject>),
    /// The lease was lost on the way.
    NotLeader,
}

/// Deletes an object, then takes our finalizer off it; another's finalizer stays. One that is
/// being deleted already needs the second step only.
pub(crate) async fn release(
    api: &Api<DynamicObject>,
    name: &str,
    finalizer: &str,
    deleting: bool,
    fence: &Fence,
) -> Result<Released, kube::Error> {
    let deleted = if deleting {
        api.get(name).await.map(Some)
    } else {
        let deleted = api.delete(name, &DeleteParams::default()).await;
        deleted.map(|either| either.left())
    };
    let deleted = match deleted {
        Ok(object) => object,
        Err(error) if code(&error) == 404 => return Ok(Released::Gone),
        Err(error) => return Err(error),
    };
    let Some(object) = deleted.filter(|o| o.metadata.deletion_timestamp.is_some()) else {
        return Ok(Released::Gone);
    };
    if !fence.open() {
        return Ok(Released::NotLeader);
    }
    let rest = finalizers_without(&object, finalizer);
    match patch_finalizers(api, &object, &rest).await {
        Ok(object) => Ok(Released::Left(Box::new(object))),
        Err(error) if code(&error) == 404 => Ok(Released::Gone),
        Err(error) => Err(error),
    }
}

/// The finalizers of an object but one.
pub(crate) fn finalizers_without<K: ResourceExt>(object: &K, finalizer: &str) -> Vec<String> {
    let all = object.finalizers().iter();
    all.filter(|f| *f != finalizer).cloned().collect()
}

/// Sets an object's finalizers, if nobody wrote it since it was read.
pub(crate) async fn patch_finalizers<K>(
    api: &Api<K>,
    read: &impl ResourceExt,
    finalizers: &[String],
) -> Result<K, kube::Error>
where
    K: Resource + Clone + Debug + DeserializeOwned,
{
    let patch = json!({ "metadata": {
        "finalizers": finalizers,
        "resourceVersion": read.resource_version(),
    }});
    api.patch(
        &read.name_any(),
        &PatchParams::default(),
        &Patch::Merge(&patch),
    )
    .await
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    #[test]
    fn a_write_is_certain_to_be_undone_only_where_the_server_refused_it() {
        let answer = |code| kube::Error::Api(Box::new(Status::failure("", "").with_code(code)));
        for code in [403, 404, 409, 422, 429] {
            assert!(!maybe_applied(&answer(code)), "{code}");
        }
        for code in [500, 502, 503, 504] {
            assert!(maybe_applied(&answer(code)), "{code}");
        }
        let reset = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        assert!(maybe_applied(&kube::Error::Service(Box::new(reset))));
    }
}
