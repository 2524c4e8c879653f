//! Ports of ours in Neutron, and those among them that no KuryrPort names.

use std::collections::HashSet;

use kuryr_api::names::cluster_tag;
use kuryr_embedded_openstack::{Kind, Query};

use crate::BenchError;
use crate::simulated::site::{CLUSTER_ID, Site, caller};
use crate::simulated::watch::Watch;

/// Ids of all ports with the cluster's tag.
pub(super) fn ours(site: &Site) -> Result<HashSet<String>, BenchError> {
    let query = Query::parse(&format!("tags={}&fields=id", cluster_tag(CLUSTER_ID)));
    let page = site.openstack.handle().with(|state| {
        let caller = caller(state);
        state.cloud.list(&caller, Kind::Port, &query)
    });
    let page = page.map_err(|error| BenchError::Cloud {
        what: "list ports".to_owned(),
        message: error.message,
    })?;
    let id = |port: &kuryr_embedded_openstack::Fields| port["id"].as_str().map(str::to_owned);
    Ok(page.items.iter().filter_map(id).collect())
}

/// How many of ours no pod has.
pub(super) fn unnamed(site: &Site, watch: &Watch) -> Result<usize, BenchError> {
    let mut ports = ours(site)?;
    let seen = watch.seen();
    let named: HashSet<&String> = seen.ready.values().collect();
    ports.retain(|port| !named.contains(port));
    Ok(ports.len())
}
