//! Names of the site's namespaces, less the site's own. A link's name has at most 15 bytes, so these are short.

use super::addresses::Pod;

/// The VM of the Services' proxy.
pub(super) const AMPHORA: &str = "lb";

pub(super) fn hypervisor(number: u8) -> String {
    format!("hv{number}")
}

pub(super) fn worker(number: u8) -> String {
    format!("w{number}")
}

/// A pod on a subport.
pub(super) fn kuryr_pod(pod: Pod) -> String {
    format!("k{}", end(pod))
}

/// A pod behind the overlay.
pub(super) fn overlay_pod(pod: Pod) -> String {
    format!("o{}", end(pod))
}

fn end(pod: Pod) -> String {
    match pod {
        Pod::Client => "-client".to_owned(),
        Pod::Server(worker) => format!("-server{worker}"),
    }
}
