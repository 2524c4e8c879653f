//! The Kubernetes API of a lab, embedded or real.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::PostParams;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::conditions::is_crd_established;
use kube::runtime::wait::await_condition;
use kube::{Api, Client, ResourceExt};
use kuryr_embedded_kubernetes::{KubeApi, KubeOptions};

use super::folder::Folder;
use super::real::{Binaries, RealKubernetes};
use super::{KubernetesKind, LabError};

/// A running Kubernetes API; it stops when dropped.
#[derive(Debug)]
pub(super) enum Cluster {
    Embedded(KubeApi),
    Real(Box<RealKubernetes>),
}

impl Cluster {
    /// Whether it can be started here, as far as can be said before.
    pub(super) fn check(kind: KubernetesKind) -> Result<(), LabError> {
        match kind {
            KubernetesKind::Embedded => Ok(()),
            KubernetesKind::Real => Ok(Binaries::find_here().map(drop)?),
        }
    }

    pub(super) async fn start(kind: KubernetesKind, folder: &Folder) -> Result<Self, LabError> {
        Ok(match kind {
            KubernetesKind::Embedded => {
                Self::Embedded(KubeApi::start(KubeOptions::default()).await?)
            }
            KubernetesKind::Real => {
                let folder = folder.make_dir("kubernetes")?;
                let real = RealKubernetes::start(&Binaries::find_here()?, &folder).await?;
                Self::Real(Box::new(real))
            }
        })
    }

    /// What the API is, for people.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Embedded(_) => "the embedded one".to_owned(),
            Self::Real(real) => real.name(),
        }
    }

    /// A configuration file for `kubectl`.
    pub(super) fn kubeconfig(&self) -> String {
        match self {
            Self::Embedded(api) => api.kubeconfig(),
            Self::Real(real) => real.kubeconfig(),
        }
    }

    /// A client, of the configuration that `kubectl` gets.
    pub(super) async fn client(&self) -> Result<Client, LabError> {
        let invalid = |error: String| kube::Error::Service(error.into());
        let make = async {
            let config = Kubeconfig::from_yaml(&self.kubeconfig());
            let config = config.map_err(|error| invalid(error.to_string()))?;
            let config =
                kube::Config::from_custom_kubeconfig(config, &KubeConfigOptions::default()).await;
            Client::try_from(config.map_err(|error| invalid(error.to_string()))?)
        };
        make.await
            .map_err(LabError::call("make a client of the Kubernetes API"))
    }

    pub(super) async fn shutdown(self) {
        match self {
            Self::Embedded(api) => api.shutdown().await,
            Self::Real(real) => real.shutdown().await,
        }
    }
}

/// Creates Kuryr's custom resources and waits until they are served.
pub(super) async fn install_crds(client: &Client) -> Result<(), LabError> {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    for definition in kuryr_api::crd::all() {
        let name = definition.name_any();
        let created = api.create(&PostParams::default(), &definition).await;
        created.map_err(LabError::call(format!("create CRD {name}")))?;
        let served = await_condition(api.clone(), &name, is_crd_established()).await;
        served.map_err(|error| {
            let source = kube::Error::Service(error.into());
            LabError::call(format!("wait for CRD {name}"))(source)
        })?;
    }
    Ok(())
}
