//! Cluster addresses and node ports of services.

use std::{
    collections::HashSet,
    net::{IpAddr, Ipv4Addr},
    sync::{Mutex, MutexGuard, PoisonError},
};

use ipnet::Ipv4Net;
use serde_json::{Value, json};

use super::{
    Context,
    service::{has_node_ports, kind_of},
};
use crate::{
    model::{
        error::{ApiError, FieldError},
        object,
    },
    store::{Store, TableName},
};

/// Ports given to services of type NodePort and LoadBalancer.
const NODE_PORTS: std::ops::RangeInclusive<u16> = 30000..=32767;

/// Addresses of services; the first one is the API's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceRange(pub Ipv4Net);

impl ServiceRange {
    /// The address of the service `kubernetes`.
    pub fn first(&self) -> Ipv4Addr {
        self.0.hosts().next().unwrap_or(self.0.addr())
    }

    fn contains(&self, address: IpAddr) -> bool {
        matches!(address, IpAddr::V4(address) if self.0.contains(&address))
    }

    fn free(&self, used: &HashSet<IpAddr>) -> Result<IpAddr, ApiError> {
        let mut all = self.0.hosts().map(IpAddr::from);
        all.find(|address| !used.contains(address)).ok_or_else(|| {
            let message = "failed to allocate a serviceIP: range is full";
            ApiError::new(500, "InternalError", message)
        })
    }
}

/// Gives out addresses. Whoever creates or updates services holds [`Addresses::lock`]
/// from the choice of an address until the service is stored.
#[derive(Debug)]
pub struct Addresses {
    range: ServiceRange,
    choosing: Mutex<()>,
}

impl Addresses {
    /// Gives out addresses of this range.
    pub fn new(range: ServiceRange) -> Self {
        Self {
            range,
            choosing: Mutex::new(()),
        }
    }

    /// Held while an address is chosen and stored.
    pub fn lock(&self) -> MutexGuard<'_, ()> {
        self.choosing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives a service its addresses and ports, unless it brings them.
///
/// # Errors
/// 422 if those it brings cannot be had; 500 if none is left.
pub(super) fn allocate(service: &mut Value, context: Context<'_>) -> Result<(), ApiError> {
    if kind_of(service) == "ExternalName" {
        return Ok(());
    }
    let others = Used::by_others(context.store, service);
    let wanted = object::text(service, &["spec", "clusterIP"]).unwrap_or_default();
    let address = match wanted {
        "None" => wanted.to_owned(),
        "" => context.addresses.range.free(&others.addresses)?.to_string(),
        _ => check_wanted(service, wanted, context.addresses.range, &others)?.to_string(),
    };
    object::set(service, &["spec", "clusterIPs"], json!([address]));
    object::set(service, &["spec", "clusterIP"], json!(address));
    if has_node_ports(service) {
        allocate_node_ports(service, others.ports);
    }
    Ok(())
}

/// The address that a service asks for must be one of the range, and free.
fn check_wanted(
    service: &Value,
    wanted: &str,
    range: ServiceRange,
    others: &Used,
) -> Result<IpAddr, ApiError> {
    let refused = |field: &str, value: Value, detail: &str| {
        let error = FieldError::invalid(format!("spec.{field}"), &value, detail);
        ApiError::invalid("", "Service", object::name(service), &[error])
    };
    let Ok(address) = wanted.parse::<IpAddr>() else {
        let detail = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
        return Err(refused("clusterIPs[0]", json!(wanted), detail));
    };
    let cannot = |cause: &str| {
        let detail = format!("failed to allocated ip:{address} with error:{cause}");
        refused("clusterIPs", json!([wanted]), &detail)
    };
    if !range.contains(address) {
        return Err(cannot(&format!(
            "provided IP is not in the valid range. The range of valid IPs is {}",
            range.0
        )));
    }
    match others.addresses.contains(&address) {
        true => Err(cannot("provided IP is already allocated")),
        false => Ok(address),
    }
}

fn allocate_node_ports(service: &mut Value, mut used: HashSet<u64>) {
    let ports = object::entry(service, &["spec"])
        .get_mut("ports")
        .and_then(Value::as_array_mut);
    for port in ports.into_iter().flatten() {
        let number = match port["nodePort"].as_u64().filter(|number| *number > 0) {
            Some(number) => number,
            None => match NODE_PORTS
                .map(u64::from)
                .find(|number| !used.contains(number))
            {
                Some(number) => number,
                None => continue,
            },
        };
        used.insert(number);
        port["nodePort"] = json!(number);
    }
}

/// What other services hold.
struct Used {
    addresses: HashSet<IpAddr>,
    ports: HashSet<u64>,
}

impl Used {
    fn by_others(store: &Store, service: &Value) -> Self {
        let mut used = Self {
            addresses: HashSet::new(),
            ports: HashSet::new(),
        };
        let own = (object::namespace(service), object::name(service));
        for other in store.all(&TableName::from("services")) {
            if (object::namespace(&other.value), object::name(&other.value)) == own {
                continue;
            }
            let address = object::text(&other.value, &["spec", "clusterIP"]);
            used.addresses
                .extend(address.and_then(|address| address.parse::<IpAddr>().ok()));
            let ports = object::list(&other.value, &["spec", "ports"]);
            used.ports
                .extend(ports.iter().filter_map(|port| port["nodePort"].as_u64()));
        }
        used
    }
}
