//! Where services are: the catalogue of a token, or what the operator says in its place.

use serde::Deserialize;
use url::Url;

use super::url::{keystone, with_version};
use crate::call::Service;
use crate::config::CloudConfig;

/// A service of the catalogue.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Entry {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    endpoints: Vec<Endpoint>,
}

#[derive(Debug, Clone, Deserialize)]
struct Endpoint {
    interface: String,
    /// Keystone says both; a region that is none is null.
    region_id: Option<String>,
    region: Option<String>,
    url: String,
}

/// The URL of `service` with its version.
///
/// # Errors
/// In words, what the catalogue lacks or what is wrong with its entry.
pub(super) fn endpoint(
    config: &CloudConfig,
    catalog: &[Entry],
    service: Service,
) -> Result<Url, String> {
    let given = match service {
        Service::Identity => return keystone(&config.auth_url),
        Service::Network => config.network_endpoint.as_ref(),
        Service::LoadBalancer => config.load_balancer_endpoint.as_ref(),
    };
    let url = match given {
        Some(url) => url,
        None => listed(config, catalog, service)?,
    };
    let parsed = Url::parse(url).map_err(|e| format!("{}: {url:?}: {e}", service.name()))?;
    Ok(with_version(parsed, service))
}

/// The first of the wanted region and interface.
fn listed<'a>(
    config: &CloudConfig,
    catalog: &'a [Entry],
    service: Service,
) -> Result<&'a str, String> {
    let entries = catalog.iter().filter(|entry| entry.kind == service.name());
    let wanted = |endpoint: &&Endpoint| {
        let region = config.region.as_ref().is_none_or(|region| {
            [&endpoint.region_id, &endpoint.region].contains(&&Some(region.clone()))
        });
        region && endpoint.interface == config.interface.as_str()
    };
    let found = entries.flat_map(|entry| &entry.endpoints).find(wanted);
    found.map(|endpoint| endpoint.url.as_str()).ok_or_else(|| {
        let region = config.region.as_deref().unwrap_or("any");
        format!(
            "{}: the catalogue has no {} endpoint in region {region}",
            service.name(),
            config.interface.as_str()
        )
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;
    use crate::config::{Auth, Interface};

    fn catalog() -> Vec<Entry> {
        let at = |interface: &str, region: &str, url: &str| json!({ "interface": interface, "region": region, "region_id": region, "url": url });
        serde_json::from_value(json!([
            { "type": "compute", "endpoints": [at("public", "One", "http://c")] },
            { "type": "network", "endpoints": [
                at("public", "One", "http://n1"), at("internal", "One", "http://i1/v2.0"),
                at("public", "Two", "http://n2/"),
            ] },
            { "type": "load-balancer" },
        ]))
        .unwrap()
    }

    fn config() -> CloudConfig {
        let token = Auth::Token { token: "t".into() };
        CloudConfig::new("http://k", token)
    }

    #[test]
    fn region_and_interface_choose() {
        let of =
            |config: &CloudConfig| endpoint(config, &catalog(), Service::Network).map(String::from);
        let mut wanted = config();
        assert_eq!(of(&wanted).unwrap(), "http://n1/v2.0");
        wanted.region = Some("Two".to_owned());
        assert_eq!(of(&wanted).unwrap(), "http://n2/v2.0");
        wanted.interface = Interface::Internal;
        let said = of(&wanted).unwrap_err();
        assert_eq!(
            said,
            "network: the catalogue has no internal endpoint in region Two"
        );
        wanted.network_endpoint = Some("http://mine/net".to_owned());
        assert_eq!(of(&wanted).unwrap(), "http://mine/net/v2.0");
    }

    #[test]
    fn a_service_without_endpoints_is_not_there() {
        assert!(endpoint(&config(), &catalog(), Service::LoadBalancer).is_err());
        let at = endpoint(&config(), &catalog(), Service::Identity).unwrap();
        assert_eq!(at.as_str(), "http://k/v3");
    }
}
