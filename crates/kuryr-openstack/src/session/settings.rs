//! Our settings in the SDK's terms, and URLs with their versions.

use std::path::Path;

use openstack_sdk::config as sdk;
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};
use url::Url;

use crate::call::Service;
use crate::config::{Auth, CloudConfig, Credential, Domain, Scope, User};

/// `url` with the service's version, if it does not end with one.
pub(super) fn with_version(url: &Url, service: Service) -> Option<Url> {
    let last = url
        .path()
        .trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or_default();
    let versioned = last
        .strip_prefix('v')
        .is_some_and(|v| v.starts_with(|c: char| c.is_ascii_digit()));
    if versioned {
        return None;
    }
    let mut url = url.clone();
    url.path_segments_mut()
        .ok()?
        .pop_if_empty()
        .push(service.version());
    Some(url)
}

/// Keystone's URL with `/v3/` at its end.
pub(crate) fn keystone(auth_url: &str) -> Result<Url, String> {
    let mut url = Url::parse(auth_url).map_err(|e| format!("auth_url {auth_url:?}: {e}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("auth_url {auth_url:?} is neither http nor https"));
    }
    if let Some(versioned) = with_version(&url, Service::Identity) {
        url = versioned;
    }
    url.path_segments_mut()
        .map_err(|()| format!("auth_url {auth_url:?} has no path"))?
        .pop_if_empty()
        .push("");
    if !url.path().ends_with("/v3/") {
        return Err(format!(
            "auth_url {auth_url:?} is of another version than v3"
        ));
    }
    Ok(url)
}

/// Our settings as the SDK's. Its type is deserialized, because one of its fields is of a crate it does not export.
pub(super) fn sdk_config(config: &CloudConfig) -> Result<sdk::CloudConfig, String> {
    let url = keystone(&config.auth_url)?;
    let mut auth = Map::new();
    auth.insert("auth_url".to_owned(), url.as_str().into());
    let auth_type = credentials(&config.auth, &mut auth)?;
    if !matches!(config.auth, Auth::ApplicationCredential { .. }) {
        scope(&config.project, &mut auth)?;
    }
    let mut settings = json!({
        "auth": auth,
        "auth_type": auth_type,
        "auth_cache": false,
        "interface": config.interface.as_str(),
        "region_name": config.region,
        "cacert": config.cafile.as_deref().map(Path::to_string_lossy),
        "verify": !config.insecure,
        "identity_endpoint_override": url.as_str(),
        "identity_skip_discovery": true,
    });
    for (key, value) in [
        ("network_endpoint_override", &config.network_endpoint),
        (
            "load_balancer_endpoint_override",
            &config.load_balancer_endpoint,
        ),
    ] {
        if let Some(value) = value {
            settings[key] = value.as_str().into();
        }
    }
    serde_json::from_value(settings).map_err(|e| e.to_string())
}

fn credentials(auth: &Auth, to: &mut Map<String, Value>) -> Result<&'static str, String> {
    let mut set = |key: &str, value: &str| to.insert(key.to_owned(), value.into());
    match auth {
        Auth::Password { user, password } => {
            set("password", password.expose_secret());
            match user {
                User::Id(id) => set("user_id", id),
                User::Name { name, domain } => {
                    set("username", name);
                    let (key, value) = domain_field("user_domain", domain);
                    set(&key, value)
                }
            };
            Ok("v3password")
        }
        Auth::ApplicationCredential {
            credential: Credential::Id(id),
            secret,
        } => {
            set("application_credential_id", id);
            set("application_credential_secret", secret.expose_secret());
            Ok("v3applicationcredential")
        }
        Auth::ApplicationCredential { .. } => {
            Err("an application credential's name was not resolved".to_owned())
        }
        Auth::Token { token } => {
            set("token", token.expose_secret());
            Ok("v3token")
        }
    }
}

fn scope(project: &Scope, to: &mut Map<String, Value>) -> Result<(), String> {
    match project {
        Scope::Unset => return Err("a project is needed with a password or token".to_owned()),
        Scope::Id(id) => {
            to.insert("project_id".to_owned(), id.as_str().into());
        }
        Scope::Name { name, domain } => {
            to.insert("project_name".to_owned(), name.as_str().into());
            let (key, value) = domain_field("project_domain", domain);
            to.insert(key, value.into());
        }
    }
    Ok(())
}

fn domain_field<'a>(prefix: &str, domain: &'a Domain) -> (String, &'a str) {
    match domain {
        Domain::Id(id) => (format!("{prefix}_id"), id),
        Domain::Name(name) => (format!("{prefix}_name"), name),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn keystones_url_gets_its_version() {
        for (given, want) in [
            ("http://k:5000", "http://k:5000/v3/"),
            ("http://k:5000/", "http://k:5000/v3/"),
            ("http://k:5000/v3", "http://k:5000/v3/"),
            ("https://k/identity", "https://k/identity/v3/"),
            ("https://k/identity/v3/", "https://k/identity/v3/"),
        ] {
            assert_eq!(keystone(given).unwrap().as_str(), want);
        }
        for given in ["", "k:5000", "ftp://k/v3", "http://k/v2.0", "mailto:k@k"] {
            assert!(keystone(given).is_err(), "{given}");
        }
    }

    #[test]
    fn a_catalogue_url_gets_its_services_version_once() {
        let version =
            |url: &str, service| with_version(&url.parse().unwrap(), service).map(String::from);
        assert_eq!(
            version("http://n:9696", Service::Network).as_deref(),
            Some("http://n:9696/v2.0")
        );
        assert_eq!(
            version("http://n/networking/", Service::Network).as_deref(),
            Some("http://n/networking/v2.0")
        );
        assert_eq!(version("http://n/networking/v2.0/", Service::Network), None);
        assert_eq!(
            version("http://l/load-balancer", Service::LoadBalancer).as_deref(),
            Some("http://l/load-balancer/v2")
        );
        assert_eq!(
            version("http://vip/v", Service::Network).as_deref(),
            Some("http://vip/v/v2.0")
        );
    }
}
