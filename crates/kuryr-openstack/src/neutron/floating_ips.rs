//! Floating IPs. Neutron takes no tags in their `POST`, so the owner's mark is in the description from the start, and
//! tags are added after it.

use super::Neutron;
use super::query::FloatingIpQuery;
use super::request::Resource;
use crate::error::Error;
use crate::model::{FloatingIp, FloatingIpUpdate, NewFloatingIp};
use crate::ownership::{OwnershipMark, TagSupport};
use crate::rest::to_value;

/// All calls fail as [`ErrorKind`](crate::ErrorKind) says.
impl Neutron {
    /// Lists floating IPs.
    ///
    /// # Errors
    /// See above.
    pub async fn list_floating_ips(
        &self,
        query: &FloatingIpQuery,
    ) -> Result<Vec<FloatingIp>, Error> {
        self.list(Resource::FloatingIp, &query.0).await
    }

    /// Lists the floating IPs of `query` that carry `mark`, by tag or by description, each once.
    ///
    /// # Errors
    /// If one of the two lists fails, all does: half of what is ours would look like the whole.
    pub async fn list_owned_floating_ips(
        &self,
        mark: &OwnershipMark,
        query: &FloatingIpQuery,
    ) -> Result<Vec<FloatingIp>, Error> {
        self.list_marked(Resource::FloatingIp, mark, query.0.clone())
            .await
    }

    /// Reads a floating IP.
    ///
    /// # Errors
    /// `NotFound` if it is not there.
    pub async fn get_floating_ip(&self, id: &str) -> Result<FloatingIp, Error> {
        self.get(Resource::FloatingIp, id).await
    }

    /// Makes a floating IP and marks it as ours. If it can't be tagged it is given all the same, marked by its
    /// description; [`OwnershipMark::on`] tells.
    ///
    /// # Errors
    /// `Conflict` with `OverQuota`, with `IpExhausted` if the external network has no address left, with `AddressTaken`
    /// or `PortInUse` if the one asked for, or the port's address, has a floating IP already; `NotFound` if no router
    /// leads from the network to the port. With [`Error::maybe_applied`], list what is ours before another try.
    pub async fn create_floating_ip(
        &self,
        new: &NewFloatingIp,
        mark: &OwnershipMark,
    ) -> Result<FloatingIp, Error> {
        let mut body = to_value("create_floatingip", new)?;
        body["description"] = mark.description.as_str().into();
        let mut made: FloatingIp = self.create(Resource::FloatingIp, &body).await?;
        if self.tag_support() == TagSupport::None {
            return Ok(made);
        }
        let tags = mark.tags_with(&new.tags);
        match self.set_tags(Resource::FloatingIp, &made.id, &tags).await {
            Ok(set) => made.tags = set,
            Err(error) => tracing::warn!(
                %error, floating_ip = %made.id, "floating IP not tagged, it is marked by its description"
            ),
        }
        Ok(made)
    }

    /// Changes where a floating IP leads to, or its description.
    ///
    /// # Errors
    /// `NotFound` if it, or the port, is not there; `Conflict` with `PortInUse` if the port has another.
    pub async fn update_floating_ip(
        &self,
        id: &str,
        change: &FloatingIpUpdate,
    ) -> Result<FloatingIp, Error> {
        self.update(Resource::FloatingIp, id, change, |call| call)
            .await
    }

    /// Deletes a floating IP: its address may be anybody's then.
    ///
    /// # Errors
    /// `NotFound` if it was not there to begin with.
    pub async fn delete_floating_ip(&self, id: &str) -> Result<(), Error> {
        self.delete(Resource::FloatingIp, id).await
    }
}
