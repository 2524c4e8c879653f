//! Subnets and subnet pools.

use std::net::IpAddr;

use http::StatusCode;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde_json::{Value, json};

use super::super::ApiError;
use super::addresses::{address_of, number_of, pool_range};
use super::schema::{Fields, Kind};
use super::validate::python;
use super::{Caller, Cloud, given, items, text};

impl Cloud {
    pub(super) fn create_subnet(
        &mut self,
        caller: &Caller,
        mut fields: Fields,
    ) -> Result<String, ApiError> {
        let network = text(&fields, "network_id").to_owned();
        self.visible(caller, Kind::Network, &network)?;
        // The gateway of an IPv6 subnet depends on it.
        let is_of_pool = given(&fields, "cidr").is_none();
        let cidr = self.cidr_of_new(caller, &fields)?;
        let version = if cidr.addr().is_ipv6() { 6 } else { 4 };
        if fields.get("ip_version") != Some(&json!(version)) {
            let asked = fields.get("ip_version").map(python).unwrap_or_default();
            return Err(ApiError::invalid_input(format!(
                "cidr '{cidr}' does not match the ip_version '{asked}'"
            )));
        }
        let overlaps = |id: &&str| self.cidr(id).is_some_and(|other| overlap(&cidr, &other));
        if self.subnets_of(&network).iter().any(overlaps) {
            let message = format!(
                "Requested subnet with cidr: {cidr} for network: {network} overlaps with another subnet"
            );
            return Err(ApiError::invalid_input(message));
        }
        let gateway = match fields.get("gateway_ip") {
            Some(Value::String(address)) => address.parse().ok(),
            Some(_) => None,
            None if version == 6 && !is_of_pool => Some(cidr.network()),
            None => Some(address_of(number_of(cidr.network()) + 1, version == 6)),
        };
        let pools = match fields.get("allocation_pools").and_then(Value::as_array) {
            Some(pools) => checked_pools(pools, &cidr)?,
            None => default_pools(&cidr, gateway),
        };
        check_gateway(gateway, &pools)?;
        fields.remove("prefixlen");
        fields.insert("cidr".to_owned(), json!(cidr.to_string()));
        fields.insert(
            "gateway_ip".to_owned(),
            json!(gateway.map(|address| address.to_string())),
        );
        fields.insert("allocation_pools".to_owned(), Value::Array(pools));
        Ok(self.insert(Kind::Subnet, fields))
    }

    fn cidr_of_new(&self, caller: &Caller, fields: &Fields) -> Result<IpNet, ApiError> {
        let asked = given(fields, "cidr")
            .and_then(Value::as_str)
            .and_then(|cidr| cidr.parse::<IpNet>().ok());
        let Some(pool) = given(fields, "subnetpool_id").and_then(Value::as_str) else {
            let reason = "a subnetpool must be specified in the absence of a cidr";
            return asked.ok_or_else(|| ApiError::bad_resource("subnets", reason));
        };
        let known = self.visible(caller, Kind::SubnetPool, pool)?;
        self.check_affinity(text(fields, "network_id"), pool, &known["ip_version"])?;
        let prefixes: Vec<IpNet> = items(known, "prefixes")
            .iter()
            .filter_map(|item| item.as_str()?.parse().ok())
            .collect();
        let length = given(fields, "prefixlen")
            .or_else(|| known.get("default_prefixlen"))
            .and_then(length_of);
        let taken: Vec<IpNet> = self
            .table(Kind::Subnet)
            .filter(|(_, subnet)| text(subnet, "subnetpool_id") == pool)
            .filter_map(|(id, _)| self.cidr(id))
            .collect();
        let free = |net: &IpNet| !taken.iter().any(|other| overlap(net, other));
        match (asked, length) {
            (Some(cidr), _) => {
                let inside = prefixes.iter().any(|prefix| prefix.contains(&cidr));
                let reason = "Cannot allocate requested subnet from the available set of prefixes";
                Some(cidr)
                    .filter(|cidr| inside && free(cidr))
                    .ok_or_else(|| allocation_error(reason))
            }
            (None, length) => {
                let length = length.unwrap_or(24);
                let found = prefixes
                    .iter()
                    .filter_map(|prefix| first_free(prefix, length, &taken))
                    .next();
                let reason = format!("Insufficient prefix space to allocate subnet size /{length}");
                found.ok_or_else(|| allocation_error(&reason))
            }
        }
    }

    /// All subnets of one network and version come from one pool.
    fn check_affinity(&self, network: &str, pool: &str, version: &Value) -> Result<(), ApiError> {
        let others = self
            .subnets_of(network)
            .into_iter()
            .filter_map(|id| self.get(Kind::Subnet, id));
        let mut others = others.filter(|subnet| subnet["ip_version"] == *version);
        if others.any(|subnet| text(subnet, "subnetpool_id") != pool) {
            let message =
                "Subnets hosted on the same network must be allocated from the same subnet pool.";
            return Err(ApiError::new(
                StatusCode::BAD_REQUEST,
                "NetworkSubnetPoolAffinityError",
                message,
            ));
        }
        Ok(())
    }

    pub(super) fn prepare_subnet_update(
        &mut self,
        id: &str,
        changes: &Fields,
    ) -> Result<(), ApiError> {
        let Some(cidr) = self.cidr(id) else {
            return Ok(());
        };
        let current = self
            .get(Kind::Subnet, id)
            .map(|subnet| items(subnet, "allocation_pools").to_vec());
        let pools = match changes.get("allocation_pools").and_then(Value::as_array) {
            Some(pools) => checked_pools(pools, &cidr)?,
            None => current.unwrap_or_default(),
        };
        let gateway = changes
            .get("gateway_ip")
            .and_then(Value::as_str)
            .and_then(|text| text.parse().ok());
        check_gateway(gateway, &pools)
    }

    pub(super) fn prepare_subnet_delete(&mut self, id: &str) -> Result<(), ApiError> {
        if self
            .addresses
            .get(id)
            .is_none_or(std::collections::BTreeMap::is_empty)
        {
            return Ok(());
        }
        let message = format!(
            "Unable to complete operation on subnet {id}: One or more ports have an IP allocation from this subnet."
        );
        Err(ApiError::conflict("SubnetInUse", message))
    }

    pub(super) fn create_subnet_pool(&mut self, mut fields: Fields) -> Result<String, ApiError> {
        let prefixes: Vec<IpNet> = items(&fields, "prefixes")
            .iter()
            .filter_map(|item| item.as_str()?.parse().ok())
            .collect();
        let v6 = prefixes
            .first()
            .is_some_and(|prefix| prefix.addr().is_ipv6());
        if prefixes.is_empty() || prefixes.iter().any(|prefix| prefix.addr().is_ipv6() != v6) {
            let message = "Cannot mix IPv4 and IPv6 prefixes in a subnet pool.";
            return Err(ApiError::new(
                StatusCode::BAD_REQUEST,
                "PrefixVersionMismatch",
                message,
            ));
        }
        let (shortest, longest) = if v6 { (64, 128) } else { (8, 32) };
        fields.insert("ip_version".to_owned(), json!(if v6 { 6 } else { 4 }));
        // Neutron 21 answers these three as strings.
        for (name, default) in [
            ("min_prefixlen", shortest),
            ("max_prefixlen", longest),
            ("default_prefixlen", shortest),
        ] {
            let value = fields.get(name).map_or_else(|| default.to_string(), python);
            fields.insert(name.to_owned(), json!(value));
        }
        Ok(self.insert(Kind::SubnetPool, fields))
    }

    pub(super) fn prepare_subnet_pool_delete(&mut self, id: &str) -> Result<(), ApiError> {
        if !self
            .table(Kind::Subnet)
            .any(|(_, subnet)| text(subnet, "subnetpool_id") == id)
        {
            return Ok(());
        }
        let message = "Unable to delete subnet pool: Subnet pool has existing allocations.";
        Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            "SubnetPoolDeleteError",
            message,
        ))
    }
}

fn allocation_error(reason: &str) -> ApiError {
    let message = format!("Failed to allocate subnet: {reason}.");
    ApiError::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "SubnetAllocationError",
        message,
    )
}

fn length_of(value: &Value) -> Option<u8> {
    let number = value.as_u64().or_else(|| value.as_str()?.parse().ok())?;
    u8::try_from(number).ok()
}

fn overlap(left: &IpNet, right: &IpNet) -> bool {
    left.contains(&right.network()) || right.contains(&left.network())
}

/// The lowest subnet of that length in a prefix that overlaps none of those taken.
fn first_free(prefix: &IpNet, length: u8, taken: &[IpNet]) -> Option<IpNet> {
    if length < prefix.prefix_len() {
        return None;
    }
    match prefix {
        IpNet::V4(prefix) => {
            let mut subnets = prefix
                .subnets(length)
                .ok()?
                .map(|net: Ipv4Net| IpNet::V4(net));
            subnets.find(|net| !taken.iter().any(|other| overlap(net, other)))
        }
        IpNet::V6(prefix) => {
            let mut subnets = prefix
                .subnets(length)
                .ok()?
                .map(|net: Ipv6Net| IpNet::V6(net));
            subnets.find(|net| !taken.iter().any(|other| overlap(net, other)))
        }
    }
}

fn checked_pools(pools: &[Value], cidr: &IpNet) -> Result<Vec<Value>, ApiError> {
    for pool in pools {
        let Some((start, end)) = pool_range(pool).filter(|(start, end)| start <= end) else {
            let message = format!("The allocation pool {} is not valid.", python(pool));
            return Err(ApiError::new(
                StatusCode::BAD_REQUEST,
                "InvalidAllocationPool",
                message,
            ));
        };
        let (first, last) = (number_of(cidr.network()), number_of(cidr.broadcast()));
        if start <= first || end > last || (cidr.addr().is_ipv4() && end == last) {
            let v6 = cidr.addr().is_ipv6();
            let message = format!(
                "The allocation pool {}-{} spans beyond the subnet cidr {cidr}.",
                address_of(start, v6),
                address_of(end, v6)
            );
            return Err(ApiError::new(
                StatusCode::BAD_REQUEST,
                "OutOfBoundsAllocationPool",
                message,
            ));
        }
    }
    Ok(pools.to_vec())
}

/// All usable addresses but the gateway's.
fn default_pools(cidr: &IpNet, gateway: Option<IpAddr>) -> Vec<Value> {
    let v6 = cidr.addr().is_ipv6();
    let first = number_of(cidr.network()) + 1;
    let last = number_of(cidr.broadcast()) - u128::from(!v6);
    let gateway = gateway
        .map(number_of)
        .filter(|gateway| (first..=last).contains(gateway));
    let ranges = match gateway {
        None => vec![(first, last)],
        Some(gateway) => vec![(first, gateway.wrapping_sub(1)), (gateway + 1, last)],
    };
    let pool = |(start, end)| json!({"start": address_of(start, v6).to_string(), "end": address_of(end, v6).to_string()});
    ranges
        .into_iter()
        .filter(|(start, end)| start <= end)
        .map(pool)
        .collect()
}

fn check_gateway(gateway: Option<IpAddr>, pools: &[Value]) -> Result<(), ApiError> {
    let Some(gateway) = gateway else {
        return Ok(());
    };
    for (start, end) in pools.iter().filter_map(pool_range) {
        if (start..=end).contains(&number_of(gateway)) {
            let v6 = gateway.is_ipv6();
            let (start, end) = (address_of(start, v6), address_of(end, v6));
            let message =
                format!("Gateway ip {gateway} conflicts with allocation pool {start}-{end}.");
            return Err(ApiError::conflict(
                "GatewayConflictWithAllocationPools",
                message,
            ));
        }
    }
    Ok(())
}
