//! The `format`s of strings that the API server checks; it ignores others.

use std::net::{Ipv4Addr, Ipv6Addr};

use k8s_openapi::jiff::{Timestamp, civil::Date};

/// Whether `text` has the format; true for unknown formats.
pub(super) fn fits(format: &str, text: &str) -> bool {
    match format {
        "ipv4" => text.parse::<Ipv4Addr>().is_ok(),
        "ipv6" => text.parse::<Ipv6Addr>().is_ok(),
        "cidr" => text.contains('/') && text.parse::<ipnet::IpNet>().is_ok(),
        "mac" => is_mac(text),
        "uuid" => uuid::Uuid::try_parse(text).is_ok(),
        "date-time" | "datetime" => text.parse::<Timestamp>().is_ok(),
        "date" => text.parse::<Date>().is_ok(),
        _ => true,
    }
}

/// Six, eight or twenty bytes in hexadecimal, as Go's `net.ParseMAC` reads them.
fn is_mac(text: &str) -> bool {
    let separator = if text.contains('-') { '-' } else { ':' };
    let parts: Vec<&str> = text.split(separator).collect();
    let hex = |part: &&str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    matches!(parts.len(), 6 | 8 | 20) && parts.iter().all(hex)
}
