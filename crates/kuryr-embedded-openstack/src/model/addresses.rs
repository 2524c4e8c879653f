//! Addresses: which one a port gets, and what is taken.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::StatusCode;
use ipnet::IpNet;
use rand::Rng;
use serde_json::{Value, json};

use super::super::ApiError;
use super::super::settings::Allocation;
use super::schema::{Fields, Kind};
use super::{Cloud, items, text};

/// Random picks before the pools are searched in order.
const RANDOM_PICKS: usize = 32;

/// One address of a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FixedIp {
    pub(super) subnet: String,
    pub(super) address: IpAddr,
}

impl FixedIp {
    pub(super) fn list(values: &[Value]) -> Vec<Self> {
        values.iter().filter_map(Self::parse).collect()
    }

    fn parse(value: &Value) -> Option<Self> {
        let subnet = value.get("subnet_id")?.as_str()?.to_owned();
        let address = value.get("ip_address")?.as_str()?.parse().ok()?;
        Some(Self { subnet, address })
    }

    pub(super) fn to_json(&self) -> Value {
        json!({"subnet_id": self.subnet, "ip_address": self.address.to_string()})
    }
}

/// What addresses are asked for: a port being made or changed.
pub(super) struct Request<'a> {
    pub(super) network: &'a str,
    pub(super) mac: &'a str,
    /// The port that may keep its own addresses, when it exists already.
    pub(super) port: Option<&'a str>,
    /// `fixed_ips` of the body; `None` leaves the choice to Neutron.
    pub(super) asked: Option<&'a [Value]>,
}

impl Cloud {
    /// Chooses addresses without taking them.
    pub(super) fn choose_addresses(
        &mut self,
        request: &Request<'_>,
    ) -> Result<Vec<FixedIp>, ApiError> {
        match request.asked {
            None => self.choose_freely(request),
            Some(asked) => {
                let mut chosen = Vec::new();
                for wish in asked {
                    let next = self.choose_as_asked(request, wish, &chosen)?;
                    chosen.push(next);
                }
                Ok(chosen)
            }
        }
    }

    /// One IPv4 and one IPv6 address, of whichever subnets have one; stateless IPv6 subnets all give theirs.
    fn choose_freely(&mut self, request: &Request<'_>) -> Result<Vec<FixedIp>, ApiError> {
        let subnets: Vec<(String, bool, bool)> = self
            .subnets_of(request.network)
            .into_iter()
            .filter_map(|id| Some((id.to_owned(), self.get(Kind::Subnet, id)?)))
            .map(|(id, subnet)| {
                (
                    id,
                    subnet.get("ip_version") == Some(&json!(6)),
                    stateless(subnet),
                )
            })
            .collect();
        let mut chosen = Vec::new();
        for (id, _, _) in subnets.iter().filter(|(_, _, stateless)| *stateless) {
            chosen.extend(self.eui64(id, request.mac));
        }
        for version6 in [false, true] {
            let mut candidates = subnets
                .iter()
                .filter(|(_, six, stateless)| *six == version6 && !stateless)
                .peekable();
            if candidates.peek().is_none() {
                continue;
            }
            let found = candidates.find_map(|(id, _, _)| self.pick(id, &chosen));
            chosen.push(found.ok_or_else(|| no_more_addresses(request.network))?);
        }
        Ok(chosen)
    }

    fn choose_as_asked(
        &mut self,
        request: &Request<'_>,
        wish: &Value,
        chosen: &[FixedIp],
    ) -> Result<FixedIp, ApiError> {
        let subnet = wish.get("subnet_id").and_then(Value::as_str);
        let address = wish
            .get("ip_address")
            .and_then(Value::as_str)
            .and_then(|text| text.parse::<IpAddr>().ok());
        if let Some(id) = subnet {
            let known = self
                .get(Kind::Subnet, id)
                .ok_or_else(|| Kind::Subnet.not_found(id))?;
            if text(known, "network_id") != request.network {
                let message = format!(
                    "Failed to create port on network {}, because fixed_ips included invalid subnet {id}",
                    request.network
                );
                return Err(ApiError::invalid_input(message));
            }
        }
        match (subnet, address) {
            (None, None) => Err(ApiError::invalid_input(
                "IP allocation requires subnet_id or ip_address",
            )),
            (Some(id), None) => {
                let id = id.to_owned();
                let stateless = self.get(Kind::Subnet, &id).is_some_and(stateless);
                let picked = if stateless {
                    self.eui64(&id, request.mac)
                } else {
                    self.pick(&id, chosen)
                };
                picked.ok_or_else(|| no_more_addresses(request.network))
            }
            (subnet, Some(address)) => self.choose_exactly(request, subnet, address, chosen),
        }
    }

    fn choose_exactly(
        &self,
        request: &Request<'_>,
        subnet: Option<&str>,
        address: IpAddr,
        chosen: &[FixedIp],
    ) -> Result<FixedIp, ApiError> {
        let holds = |id: &&str| self.cidr(id).is_some_and(|cidr| cidr.contains(&address));
        let found = match subnet {
            Some(id) => Some(id).filter(holds),
            None => self.subnets_of(request.network).into_iter().find(holds),
        };
        let Some(id) = found else {
            let (kind, of) = match subnet {
                Some(_) => ("InvalidIpForSubnet", "the specified subnet"),
                None => (
                    "InvalidIpForNetwork",
                    "any of the subnets on the specified network",
                ),
            };
            let message = format!("IP address {address} is not a valid IP for {of}.");
            return Err(ApiError::new(StatusCode::BAD_REQUEST, kind, message));
        };
        let owner = self
            .addresses
            .get(id)
            .and_then(|taken| taken.get(&address))
            .map(String::as_str);
        let again = chosen.iter().any(|other| other.address == address);
        if again || owner.is_some_and(|owner| request.port != Some(owner)) {
            let message = format!("IP address {address} already allocated in subnet {id}");
            return Err(ApiError::conflict("IpAddressAlreadyAllocated", message));
        }
        Ok(FixedIp {
            subnet: id.to_owned(),
            address,
        })
    }

    pub(super) fn cidr(&self, subnet: &str) -> Option<IpNet> {
        text(self.get(Kind::Subnet, subnet)?, "cidr").parse().ok()
    }

    /// A free address of a subnet's pools, or none.
    fn pick(&mut self, subnet: &str, chosen: &[FixedIp]) -> Option<FixedIp> {
        let pools = self.pools(subnet);
        let total: u128 = pools
            .iter()
            .map(|(start, end)| end - start + 1)
            .fold(0, u128::saturating_add);
        let v6 = self.cidr(subnet)?.addr().is_ipv6();
        let nth = |mut index: u128| {
            for (start, end) in &pools {
                let size = end - start + 1;
                if index < size {
                    return Some(address_of(start + index, v6));
                }
                index -= size;
            }
            None
        };
        let picks = if self.settings.allocation == Allocation::Random && total > 0 {
            RANDOM_PICKS
        } else {
            0
        };
        let random: Vec<u128> = (0..picks)
            .map(|_| self.rng.random_range(0..total))
            .collect();
        let taken = self.addresses.get(subnet);
        let free = |address: &IpAddr| {
            !taken.is_some_and(|taken| taken.contains_key(address))
                && !chosen
                    .iter()
                    .any(|other| other.subnet == subnet && other.address == *address)
        };
        let address = random
            .into_iter()
            .chain(0..total)
            .filter_map(nth)
            .find(free)?;
        Some(FixedIp {
            subnet: subnet.to_owned(),
            address,
        })
    }

    /// Allocation pools as inclusive ranges.
    pub(super) fn pools(&self, subnet: &str) -> Vec<(u128, u128)> {
        let Some(subnet) = self.get(Kind::Subnet, subnet) else {
            return Vec::new();
        };
        items(subnet, "allocation_pools")
            .iter()
            .filter_map(pool_range)
            .collect()
    }

    fn eui64(&self, subnet: &str, mac: &str) -> Option<FixedIp> {
        let bytes: Vec<u8> = mac
            .split(':')
            .filter_map(|part| u8::from_str_radix(part, 16).ok())
            .collect();
        let [a, b, c, d, e, f] = bytes[..] else {
            return None;
        };
        let interface = u64::from_be_bytes([a ^ 2, b, c, 0xff, 0xfe, d, e, f]);
        let network = number_of(self.cidr(subnet)?.network());
        Some(FixedIp {
            subnet: subnet.to_owned(),
            address: address_of(network | u128::from(interface), true),
        })
    }

    pub(super) fn take_addresses(&mut self, port: &str, fixed: &[FixedIp]) {
        for fixed in fixed {
            self.addresses
                .entry(fixed.subnet.clone())
                .or_default()
                .insert(fixed.address, port.to_owned());
        }
    }

    pub(super) fn release_addresses(&mut self, fixed: &[FixedIp]) {
        for fixed in fixed {
            if let Some(taken) = self.addresses.get_mut(&fixed.subnet) {
                taken.remove(&fixed.address);
            }
        }
    }

    /// Free addresses left in a subnet's pools, or `None` for no such subnet.
    pub fn free_addresses(&self, subnet: &str) -> Option<u128> {
        self.get(Kind::Subnet, subnet)?;
        let pools = self.pools(subnet);
        let total: u128 = pools
            .iter()
            .map(|(start, end)| end - start + 1)
            .fold(0, u128::saturating_add);
        let inside = |address: &IpAddr| {
            pools
                .iter()
                .any(|(start, end)| (*start..=*end).contains(&number_of(*address)))
        };
        let taken = self.addresses.get(subnet).map_or(0, |taken| {
            taken.keys().filter(|address| inside(address)).count()
        });
        Some(total - taken as u128)
    }

    /// Takes free addresses of a subnet out of use until so many are left: a full subnet, for tests of what happens then.
    /// [`Cloud::unfill_subnet`] gives them back.
    pub fn fill_subnet(&mut self, subnet: &str, leave: u128) {
        while self.free_addresses(subnet).is_some_and(|free| free > leave) {
            let Some(fixed) = self.pick(subnet, &[]) else {
                return;
            };
            self.take_addresses(RESERVED_BY_TEST, &[fixed]);
        }
    }

    /// Gives back what [`Cloud::fill_subnet`] took.
    pub fn unfill_subnet(&mut self, subnet: &str) {
        if let Some(taken) = self.addresses.get_mut(subnet) {
            taken.retain(|_, port| port != RESERVED_BY_TEST);
        }
    }

    pub(super) fn subnet_use(&self, id: &str) -> Option<Value> {
        let subnet = self.get(Kind::Subnet, id)?;
        let total: u128 = self
            .pools(id)
            .iter()
            .map(|(start, end)| end - start + 1)
            .fold(0, u128::saturating_add);
        Some(json!({
            "subnet_id": id,
            "ip_version": subnet.get("ip_version"),
            "cidr": subnet.get("cidr"),
            "subnet_name": subnet.get("name"),
            "used_ips": self.addresses.get(id).map_or(0, std::collections::BTreeMap::len),
            "total_ips": u64::try_from(total).unwrap_or(u64::MAX),
        }))
    }
}

/// Owner of addresses that no port has but that a test made unavailable.
const RESERVED_BY_TEST: &str = "reserved";

fn stateless(subnet: &Fields) -> bool {
    matches!(
        text(subnet, "ipv6_address_mode"),
        "slaac" | "dhcpv6-stateless"
    )
}

fn no_more_addresses(network: &str) -> ApiError {
    let message = format!("No more IP addresses available on network {network}.");
    ApiError::conflict("IpAddressGenerationFailure", message)
}

/// An allocation pool as an inclusive range.
pub(super) fn pool_range(pool: &Value) -> Option<(u128, u128)> {
    let bound = |name: &str| {
        pool.get(name)?
            .as_str()?
            .parse::<IpAddr>()
            .ok()
            .map(number_of)
    };
    Some((bound("start")?, bound("end")?))
}

/// An address as a number.
pub(super) fn number_of(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    }
}

/// A number as an address.
pub(super) fn address_of(number: u128, v6: bool) -> IpAddr {
    match u32::try_from(number) {
        Ok(number) if !v6 => IpAddr::V4(Ipv4Addr::from(number)),
        _ => IpAddr::V6(Ipv6Addr::from(number)),
    }
}
