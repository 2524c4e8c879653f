//! Networks, subnets, routers.

use serde_json::json;

use super::Neutron;
use super::query::{NetworkQuery, SubnetQuery};
use super::request::Resource;
use crate::call::{Call, Service};
use crate::error::{Error, ErrorKind};
use crate::model::{
    IpAvailability, Network, NewNetwork, NewSubnet, Router, RouterInterface, Subnet, SubnetPool,
    SubnetUse, is_id,
};

/// All calls fail as [`ErrorKind`] says; reading and deleting with `NotFound` if the object is not there, deleting
/// with `Conflict` if it is in use.
impl Neutron {
    /// Lists networks.
    ///
    /// # Errors
    /// See above.
    pub async fn list_networks(&self, query: &NetworkQuery) -> Result<Vec<Network>, Error> {
        self.list(Resource::Network, &query.0).await
    }

    /// Reads a network.
    ///
    /// # Errors
    /// See above.
    pub async fn get_network(&self, id: &str) -> Result<Network, Error> {
        self.get(Resource::Network, id).await
    }

    /// Makes a network. Tags are set after it by [`set_tags`](Self::set_tags).
    ///
    /// # Errors
    /// See above.
    pub async fn create_network(&self, new: &NewNetwork) -> Result<Network, Error> {
        self.create(Resource::Network, new).await
    }

    /// Deletes a network.
    ///
    /// # Errors
    /// See above.
    pub async fn delete_network(&self, id: &str) -> Result<(), Error> {
        self.delete(Resource::Network, id).await
    }

    /// Lists subnets.
    ///
    /// # Errors
    /// See above.
    pub async fn list_subnets(&self, query: &SubnetQuery) -> Result<Vec<Subnet>, Error> {
        self.list(Resource::Subnet, &query.0).await
    }

    /// Reads a subnet.
    ///
    /// # Errors
    /// See above.
    pub async fn get_subnet(&self, id: &str) -> Result<Subnet, Error> {
        self.get(Resource::Subnet, id).await
    }

    /// Makes a subnet.
    ///
    /// # Errors
    /// See above.
    pub async fn create_subnet(&self, new: &NewSubnet) -> Result<Subnet, Error> {
        self.create(Resource::Subnet, new).await
    }

    /// Deletes a subnet.
    ///
    /// # Errors
    /// See above.
    pub async fn delete_subnet(&self, id: &str) -> Result<(), Error> {
        self.delete(Resource::Subnet, id).await
    }

    /// Reads a pool of prefixes.
    ///
    /// # Errors
    /// See above.
    pub async fn get_subnetpool(&self, id: &str) -> Result<SubnetPool, Error> {
        self.get(Resource::SubnetPool, id).await
    }

    /// Reads a router.
    ///
    /// # Errors
    /// See above.
    pub async fn get_router(&self, id: &str) -> Result<Router, Error> {
        self.get(Resource::Router, id).await
    }

    /// Gives a router a leg in a subnet, at the subnet's gateway address. Sent once: a repetition would fail on what
    /// the first one did.
    ///
    /// # Errors
    /// `BadRequest` if the router has a leg there already ("Router already has a port on subnet").
    pub async fn add_router_interface(
        &self,
        router_id: &str,
        subnet_id: &str,
    ) -> Result<RouterInterface, Error> {
        let call = self
            .interface_call("add_router_interface", router_id, subnet_id)?
            .once();
        self.cloud.request(&call).await?.whole()
    }

    /// Takes a router's leg out of a subnet.
    ///
    /// # Errors
    /// `NotFound` if it has none there: a repetition by ourselves may have found it gone.
    pub async fn remove_router_interface(
        &self,
        router_id: &str,
        subnet_id: &str,
    ) -> Result<(), Error> {
        let call = self.interface_call("remove_router_interface", router_id, subnet_id)?;
        self.cloud.request(&call).await.map(|_| ())
    }

    fn interface_call(
        &self,
        operation: &'static str,
        router_id: &str,
        subnet_id: &str,
    ) -> Result<Call, Error> {
        let path = format!(
            "{}/{operation}",
            self.object(operation, Resource::Router, router_id)?
        );
        let object = format!("router {router_id}, subnet {subnet_id}");
        Ok(Call::put(
            Service::Network,
            operation,
            path,
            json!({ "subnet_id": subnet_id }),
        )
        .on(object))
    }

    /// How many addresses of a subnet are used. By default admins only may ask.
    ///
    /// # Errors
    /// `Forbidden` or `NotFound` for others.
    pub async fn subnet_use(&self, network_id: &str, subnet_id: &str) -> Result<SubnetUse, Error> {
        const OPERATION: &str = "get_network_ip_availability";
        if !is_id(network_id) {
            return Err(Error::local(
                OPERATION,
                ErrorKind::Argument(format!("{network_id:?} is no id")),
            ));
        }
        let path = format!("network-ip-availabilities/{network_id}");
        let call = Call::get(Service::Network, OPERATION, path).on(format!("network {network_id}"));
        let answer = self.cloud.request(&call).await?;
        let all: IpAvailability = answer.json("network_ip_availability")?;
        let found = all
            .subnet_ip_availability
            .into_iter()
            .find(|s| s.subnet_id == subnet_id);
        found.ok_or_else(|| {
            call.fail(ErrorKind::NotFound(format!(
                "no subnet {subnet_id} in the network"
            )))
        })
    }
}
