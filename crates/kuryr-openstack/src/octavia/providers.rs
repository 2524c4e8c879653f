//! What an Octavia can do: its versions, its providers, and their flavours.

use super::Octavia;
use super::resources::FLAVOR;
use crate::call::{Call, Service};
use crate::error::{Error, ErrorKind};
use crate::filter::Filter;
use crate::model::{ApiLevel, ApiVersion, Described, LbFlavor, is_id};

impl Octavia {
    /// The versions that Octavia serves. They are told above the version that all other calls are below.
    ///
    /// # Errors
    /// See [`ErrorKind`]; so for all calls.
    pub async fn versions(&self) -> Result<Vec<ApiVersion>, Error> {
        let call = Call::get(Service::LoadBalancer, "versions", "..");
        self.cloud.request(&call).await?.json("versions")
    }

    /// The newest version that Octavia serves; 2.0 if it tells none that we understand. Asked once.
    ///
    /// # Errors
    /// As [`versions`](Self::versions); the next call asks again then.
    pub async fn api_level(&self) -> Result<ApiLevel, Error> {
        let ask = || async {
            let told = self.versions().await?;
            let newest = told.iter().filter_map(ApiVersion::level).max();
            Ok(newest.unwrap_or(ApiLevel::v2(0)))
        };
        let level = &self.cloud.shared.octavia_level;
        level.get_or_try_init(ask).await.copied()
    }

    /// The providers that are enabled. An alias, such as `octavia` for `amphora`, is one of them.
    ///
    /// # Errors
    /// See [`ErrorKind`].
    pub async fn list_providers(&self) -> Result<Vec<Described>, Error> {
        let call = Call::get(Service::LoadBalancer, "list_providers", "lbaas/providers");
        self.cloud.request(&call).await?.json("providers")
    }

    /// What the flavours of a provider can set. By default admins only may ask.
    ///
    /// # Errors
    /// `Forbidden`; `Unsupported` for a provider that has no flavours; `BadRequest` for one that is not enabled.
    pub async fn provider_capabilities(&self, provider: &str) -> Result<Vec<Described>, Error> {
        const OPERATION: &str = "provider_capabilities";
        if !is_id(provider) {
            let what = format!("{provider:?} is no name of a provider");
            return Err(Error::local(OPERATION, ErrorKind::Argument(what)));
        }
        let path = format!("lbaas/providers/{provider}/flavor_capabilities");
        let call = Call::get(Service::LoadBalancer, OPERATION, path);
        self.cloud
            .request(&call.on(format!("provider {provider}")))
            .await?
            .json("flavor_capabilities")
    }

    /// Lists the flavours that load balancers can be asked for with.
    ///
    /// # Errors
    /// See [`ErrorKind`].
    pub async fn list_flavors(&self) -> Result<Vec<LbFlavor>, Error> {
        self.cloud.list(&FLAVOR, &Filter::default()).await
    }

    /// Reads a flavour.
    ///
    /// # Errors
    /// `NotFound` if it is not there.
    pub async fn get_flavor(&self, id: &str) -> Result<LbFlavor, Error> {
        self.cloud.get(&FLAVOR, id).await
    }
}
