//! URLs with their versions.

use url::Url;

use crate::call::Service;

/// `url` with the service's version, if it does not end with one.
pub(super) fn with_version(url: Url, service: Service) -> Url {
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
        return url;
    }
    let mut longer = url.clone();
    match longer.path_segments_mut() {
        Ok(mut path) => drop(path.pop_if_empty().push(service.version())),
        // One without a path, such as `mailto:`, is refused when a request is built.
        Err(()) => return url,
    }
    longer
}

/// Keystone's URL with `/v3` at its end.
pub(super) fn keystone(auth_url: &str) -> Result<Url, String> {
    let url = Url::parse(auth_url).map_err(|e| format!("auth_url {auth_url:?}: {e}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("auth_url {auth_url:?} is neither http nor https"));
    }
    let url = with_version(url, Service::Identity);
    if !url.path().trim_end_matches('/').ends_with("/v3") {
        return Err(format!(
            "auth_url {auth_url:?} is of another version than v3"
        ));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn keystones_url_gets_its_version() {
        for (given, want) in [
            ("http://k:5000", "http://k:5000/v3"),
            ("http://k:5000/", "http://k:5000/v3"),
            ("http://k:5000/v3", "http://k:5000/v3"),
            ("https://k/identity", "https://k/identity/v3"),
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
        for (url, service, want) in [
            ("http://n:9696", Service::Network, "http://n:9696/v2.0"),
            (
                "http://n/networking/",
                Service::Network,
                "http://n/networking/v2.0",
            ),
            (
                "http://n/networking/v2.0/",
                Service::Network,
                "http://n/networking/v2.0/",
            ),
            (
                "http://l/load-balancer",
                Service::LoadBalancer,
                "http://l/load-balancer/v2",
            ),
            ("http://vip/v", Service::Network, "http://vip/v/v2.0"),
        ] {
            let longer = with_version(url.parse().unwrap(), service);
            assert_eq!(longer.as_str(), want);
        }
    }
}
