//! Why nothing can be said.

use kuryr_controller::NetworkError;
use thiserror::Error;

/// Why the doctor can't look.
#[derive(Debug, Error)]
pub enum LookError {
    /// Kubernetes did not give a list.
    #[error("can't {what}: {}", answer(.source))]
    Kubernetes {
        /// What was attempted.
        what: String,
        /// What came back.
        source: Box<kube::Error>,
    },
    /// Neutron did not give a list.
    #[error("can't {what}: {source}")]
    Neutron {
        /// What was attempted.
        what: &'static str,
        /// What came back.
        source: kuryr_openstack::Error,
    },
    /// The pods' network can't be read.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The user asked for something that is not there.
    #[error("there is no {what} {name}")]
    Unknown {
        /// `node` or `namespace`.
        what: &'static str,
        name: String,
    },
}

impl LookError {
    pub(crate) fn kubernetes(what: impl Into<String>) -> impl FnOnce(kube::Error) -> Self {
        let what = what.into();
        move |source| Self::Kubernetes {
            what,
            source: Box::new(source),
        }
    }

    pub(crate) fn neutron(what: &'static str) -> impl FnOnce(kuryr_openstack::Error) -> Self {
        move |source| Self::Neutron { what, source }
    }
}

/// The API server's word, and what to do about it.
pub(crate) fn answer(error: &kube::Error) -> String {
    let kube::Error::Api(status) = error else {
        return error.to_string();
    };
    let hint = match status.code {
        401 => "; the credentials are not valid",
        403 => {
            "; the account needs to list nodes, pods and KuryrPorts, and with --fix to patch pods and to patch \
             and delete KuryrPorts"
        }
        404 => "; are the custom resources installed? `kuryr crds` prints them",
        _ => "",
    };
    format!(
        "the API server answered {}: {}{hint}",
        status.code, status.message
    )
}
