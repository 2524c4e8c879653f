//! Quotas and extensions.

use super::Neutron;
use crate::call::{Call, Service};
use crate::error::{Error, ErrorKind};
use crate::model::{Extension, Quota, is_id};

impl Neutron {
    /// The quotas of our project, with what is used if the cloud tells (extension `quota_details`).
    ///
    /// # Errors
    /// `Forbidden` or `NotFound` if the cloud shows quotas to admins only.
    pub async fn quota(&self) -> Result<Quota, Error> {
        let project = self.cloud.project_id();
        if !is_id(project) {
            let what = "the token has no project".to_owned();
            return Err(Error::local("get_quota", ErrorKind::Argument(what)));
        }
        let details = if self.cloud.capabilities().await?.quota_details() {
            "/details"
        } else {
            ""
        };
        let call = Call::get(
            Service::Network,
            "get_quota",
            format!("quotas/{project}{details}"),
        );
        self.cloud
            .request(&call.on(format!("project {project}")))
            .await?
            .json("quota")
    }

    /// What the cloud claims that it can do. [`Cloud::capabilities`](crate::Cloud::capabilities) asks once.
    ///
    /// # Errors
    /// See [`ErrorKind`].
    pub async fn extensions(&self) -> Result<Vec<Extension>, Error> {
        let call = Call::get(Service::Network, "list_extensions", "extensions");
        self.cloud.request(&call).await?.json("extensions")
    }
}
