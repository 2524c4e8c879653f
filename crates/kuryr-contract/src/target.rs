//! Where a case's calls go: an embedded service of its own, or a place of its own in the real one.

mod embedded;
mod kubeconfig;
mod openstack;
mod plug;
mod rented;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::case::{Setting, Who};
use crate::exchange::{Answer, NoAnswer, Request};

pub use embedded::Flavour;

/// A service that cases are carried out against.
pub struct Target {
    client: reqwest::Client,
    /// What a path's first part selects, and its URL: `""` is the usual one.
    bases: Vec<(&'static str, String)>,
    /// The same URLs as the service writes them, and what they are called in a transcript.
    places: Vec<(String, String)>,
    names: BTreeMap<String, String>,
    tokens: BTreeMap<&'static str, String>,
    /// What was made, to be taken away.
    pub(crate) made: Vec<Made>,
    real: bool,
    ordered: bool,
    hypervisor: plug::Hypervisor,
    keep: Keep,
}

/// What lives as long as the target.
enum Keep {
    OpenStack(Box<kuryr_embedded_openstack::OpenStack>),
    Kubernetes(kuryr_embedded_kubernetes::KubeApi),
    RealOpenStack(rented::Rented),
    RealKubernetes(kubeconfig::Namespace),
}

/// Something that a call made, as a call that takes it away.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    method: &'static str,
    url: String,
    body: Option<String>,
}

/// A target could not be had, or could not do something.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// The embedded service does not start.
    #[error("the embedded service does not start: {0}")]
    Embedded(String),
    /// The environment does not say where the real services are.
    #[error("{0}: is the real stack up, and its environment set (stack/stack env)?")]
    NoStack(String),
    /// A call was not answered.
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
    /// The real service refuses what a case needs to begin with.
    #[error("{what}: {answer}")]
    Refused {
        /// What was asked for.
        what: String,
        /// What came back.
        answer: String,
    },
    /// A hypervisor's switch refuses.
    #[error("{command}: {said}")]
    Plug {
        /// What was run.
        command: String,
        said: String,
    },
}

impl Target {
    /// An embedded service, fresh.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn embedded(flavour: Flavour, setting: Setting) -> Result<Self, TargetError> {
        embedded::start(flavour, setting).await
    }

    /// A place of its own in the real service: a project with a user, or a namespace.
    ///
    /// # Errors
    /// If the environment does not name the stack, or the stack refuses.
    pub async fn real(flavour: Flavour, setting: Setting) -> Result<Self, TargetError> {
        match flavour {
            Flavour::Kubernetes => kubeconfig::namespace().await,
            _ => openstack::rent(flavour, setting).await,
        }
    }

    pub(crate) fn client(&self) -> &reqwest::Client {
        &self.client
    }

    pub(crate) fn names(&self) -> BTreeMap<String, String> {
        self.names.clone()
    }

    pub(crate) fn places(&self) -> Vec<(String, String)> {
        self.places.clone()
    }

    /// Whether lists have an order that counts.
    pub(crate) fn ordered(&self) -> bool {
        self.ordered
    }

    /// Time between two looks at something that is waited for.
    pub(crate) fn pause(&self) -> Duration {
        Duration::from_millis(if self.real { 200 } else { 10 })
    }

    /// `identity:/v3/...` is Keystone's; a path alone is the usual service's.
    pub(crate) fn url(&self, path: &str) -> String {
        let of = |service: &str| {
            let base = self.bases.iter().find(|(name, _)| *name == service);
            base.map_or("", |(_, url)| url.as_str()).to_owned()
        };
        match path.split_once(":/") {
            Some((service, rest)) if !service.contains('/') => format!("{}/{rest}", of(service)),
            _ => format!("{}{path}", of("")),
        }
    }

    pub(crate) fn headers(&self, who: &Who) -> Vec<(String, String)> {
        let mut headers = vec![
            ("accept".to_owned(), "application/json".to_owned()),
            ("content-type".to_owned(), "application/json".to_owned()),
        ];
        let token = match who {
            Who::Member => self.tokens.get("member"),
            Who::Admin => self.tokens.get("admin"),
            Who::Nobody | Who::Token(_) => None,
        };
        headers.extend(token.map(|token| ("x-auth-token".to_owned(), token.clone())));
        headers
    }

    pub(crate) async fn plug(&mut self, port: &str) -> Result<(), TargetError> {
        match &self.keep {
            Keep::OpenStack(cloud) => {
                cloud.handle().with(|state| state.cloud.plug(port, "oc1"));
                Ok(())
            }
            Keep::RealOpenStack(rented) => {
                let place = rented.place_of(&self.client, port).await?;
                self.hypervisor.plug(port, &place)
            }
            Keep::Kubernetes(_) | Keep::RealKubernetes(_) => Ok(()),
        }
    }

    pub(crate) async fn unplug(&mut self, port: &str) -> Result<(), TargetError> {
        match &self.keep {
            Keep::OpenStack(cloud) => {
                cloud.handle().with(|state| state.cloud.unplug(port));
                Ok(())
            }
            _ => self.hypervisor.unplug(port),
        }
    }

    /// Forgets history. The real API server has forgotten: what is watched in a case was made a moment ago, and the
    /// version asked for is older.
    pub(crate) fn expire(&self) {
        if let Keep::Kubernetes(api) = &self.keep {
            api.expire_history();
        }
    }

    /// Takes away all that was made, as far as it goes.
    pub async fn finish(mut self) {
        match &self.keep {
            Keep::RealOpenStack(rented) => {
                let plugged = self.hypervisor.unplug_all();
                rented.give_back(&self.client, &self.made, &plugged).await;
            }
            Keep::RealKubernetes(namespace) => namespace.delete(&self.client, &self.made).await,
            Keep::OpenStack(_) | Keep::Kubernetes(_) => {}
        }
    }
}

impl Made {
    /// What a call made, as far as it has to be taken away.
    pub(crate) fn by(request: &Request, answer: &Answer) -> Vec<Self> {
        if !(200..300).contains(&answer.status) {
            return Vec::new();
        }
        let (url, _) = request.url.split_once('?').unwrap_or((&request.url, ""));
        if let Some(router) = url.strip_suffix("/add_router_interface") {
            return vec![Self {
                method: "PUT",
                url: format!("{router}/remove_router_interface"),
                body: request.body.clone(),
            }];
        }
        if request.method != "POST" {
            return Vec::new();
        }
        let (balancers, lbaas) = (
            url.ends_with("/lbaas/loadbalancers"),
            url.contains("/lbaas/"),
        );
        if lbaas && !balancers {
            // It goes with its load balancer.
            return Vec::new();
        }
        let cascade = if balancers { "?cascade=true" } else { "" };
        let delete = |id: &str| Self {
            method: "DELETE",
            url: format!("{url}/{id}{cascade}"),
            body: None,
        };
        ids(&answer.body)
            .into_iter()
            .map(|id| delete(&id))
            .collect()
    }
}

/// Ids of what an answer shows: below one key, one or many; or a Kubernetes object's name.
fn ids(body: &Value) -> Vec<String> {
    let Value::Object(fields) = body else {
        return Vec::new();
    };
    if let Some(name) = body.pointer("/metadata/name").and_then(Value::as_str) {
        return vec![name.to_owned()];
    }
    let id = |value: &Value| value.get("id").and_then(Value::as_str).map(str::to_owned);
    fields
        .values()
        .flat_map(|value| match value {
            Value::Array(items) => items.iter().filter_map(id).collect(),
            other => id(other).into_iter().collect::<Vec<_>>(),
        })
        .collect()
}
