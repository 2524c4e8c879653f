//! Quotas.

use super::Octavia;
use crate::call::{Call, Service};
use crate::error::{Error, ErrorKind};
use crate::model::{LoadBalancerQuota, is_id};

impl Octavia {
    /// The limits of our project. What is used is not told.
    ///
    /// # Errors
    /// `Forbidden` if the cloud shows quotas to admins only.
    pub async fn load_balancer_quota(&self) -> Result<LoadBalancerQuota, Error> {
        const OPERATION: &str = "load_balancer_quota";
        let project = self.cloud.project_id();
        if !is_id(project) {
            let what = "the token has no project".to_owned();
            return Err(Error::local(OPERATION, ErrorKind::Argument(what)));
        }
        let path = format!("lbaas/quotas/{project}");
        let call = Call::get(Service::LoadBalancer, OPERATION, path);
        self.cloud
            .request(&call.on(format!("project {project}")))
            .await?
            .json("quota")
    }
}
