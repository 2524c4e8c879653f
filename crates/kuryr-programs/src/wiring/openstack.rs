//! The way to OpenStack.

use std::sync::Arc;

use kuryr_config::{AuthMethod, Config, Domain, Identity, Interface, OpenStackAuth, Scope, Secret};
use kuryr_openstack::config as to;
use kuryr_openstack::{Cloud, CloudConfig, ErrorKind, Metrics, SecretString};

use super::Stop;

/// Logs in.
pub async fn connect(config: &Config) -> Result<Cloud, Stop> {
    let auth = config
        .openstack
        .as_ref()
        .ok_or_else(|| Stop("[neutron] auth_url is not set: no cloud to work with".to_owned()))?;
    let mut cloud = settings(auth);
    cloud.concurrency = config.kuryr.openstack_concurrency;
    Cloud::connect(cloud, Arc::new(Metrics::new()))
        .await
        .map_err(|error| {
            let todo = todo(error.kind());
            Stop(format!(
                "{}; Keystone is at {}: {todo}",
                kuryr_process::chain(&error),
                auth.auth_url
            ))
        })
}

/// What an operator does where the login fails.
fn todo(kind: &ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Unauthorized(_) => {
            "it refuses the credential, mend it in clouds.yaml (as pods, the Secret kuryr-cloud) or in [neutron]"
        }
        ErrorKind::Catalog(_) => {
            "see `openstack catalog list`, [neutron] region_name and valid_interfaces choose from it"
        }
        ErrorKind::Config(_) => "mend the setting",
        _ => "see that this machine reaches it, and that it is well",
    }
}

fn settings(auth: &OpenStackAuth) -> CloudConfig {
    let host = auth.auth_url.host_str().unwrap_or_default();
    if auth.auth_url.scheme() == "http" && !is_loopback(host) {
        tracing::warn!(
            host,
            "credentials go to Keystone unencrypted: auth_url is no https URL"
        );
    }
    let mut cloud = CloudConfig::new(auth.auth_url.as_str(), method(&auth.method));
    cloud.project = match &auth.scope {
        Scope::Project(Identity::Id(id)) => to::Scope::Id(id.clone()),
        Scope::Project(Identity::Name { name, domain: d }) => to::Scope::Name {
            name: name.clone(),
            domain: domain(d),
        },
        Scope::Domain(_) | Scope::Implied => to::Scope::Unset,
    };
    cloud.region.clone_from(&auth.region);
    cloud.interface = match auth.interface {
        Interface::Public => to::Interface::Public,
        Interface::Internal => to::Interface::Internal,
        Interface::Admin => to::Interface::Admin,
    };
    cloud.network_endpoint = auth.network_endpoint.as_ref().map(ToString::to_string);
    cloud.cafile.clone_from(&auth.cafile);
    cloud.insecure = auth.insecure;
    cloud.timeout = auth.timeout;
    cloud
}

fn secret(s: &Secret) -> SecretString {
    SecretString::from(s.expose().to_owned())
}

fn domain(d: &Domain) -> to::Domain {
    match d {
        Domain::Id(id) => to::Domain::Id(id.clone()),
        Domain::Name(name) => to::Domain::Name(name.clone()),
    }
}

fn user(identity: &Identity) -> to::User {
    match identity {
        Identity::Id(id) => to::User::Id(id.clone()),
        Identity::Name { name, domain: d } => to::User::Name {
            name: name.clone(),
            domain: domain(d),
        },
    }
}

fn method(m: &AuthMethod) -> to::Auth {
    match m {
        AuthMethod::Password { user: u, password } => to::Auth::Password {
            user: user(u),
            password: secret(password),
        },
        AuthMethod::ApplicationCredential { id, secret: s } => to::Auth::ApplicationCredential {
            credential: to::Credential::Id(id.clone()),
            secret: secret(s),
        },
        AuthMethod::NamedApplicationCredential {
            name,
            user: u,
            secret: s,
        } => to::Auth::ApplicationCredential {
            credential: to::Credential::Name {
                name: name.clone(),
                user: user(u),
            },
            secret: secret(s),
        },
        AuthMethod::Token(token) => to::Auth::Token {
            token: secret(token),
        },
    }
}

/// Whether a URL's host is this machine.
fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let address = address.parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}
