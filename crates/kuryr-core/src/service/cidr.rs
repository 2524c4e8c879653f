//! Networks as users write them.

use std::net::IpAddr;

use ipnet::IpNet;

/// Reads `10.0.0.0/8`, whose host bits do not count; an address alone is a network of one.
///
/// # Errors
/// A sentence that quotes the text.
pub(crate) fn network(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    let whole = || text.parse::<IpAddr>().map(IpNet::from).ok();
    let network = text.parse::<IpNet>().ok().or_else(whole);
    let network = network.ok_or_else(|| format!("{text:?} is no network such as 10.0.0.0/8"))?;
    Ok(network.trunc())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn host_bits_do_not_count() {
        assert_eq!(network("10.1.2.3/8").unwrap().to_string(), "10.0.0.0/8");
    }

    #[test]
    fn all_and_one() {
        for (text, shown) in [
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("::/0", "::/0"),
            (" 1.2.3.4 ", "1.2.3.4/32"),
            ("fd00::1", "fd00::1/128"),
        ] {
            assert_eq!(network(text).unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in [
            "",
            "10.0.0.0/33",
            "::/129",
            "10.0.0/8",
            "10.0.0.0/",
            "x/8",
            "1.1.1.1/-1",
        ] {
            assert!(network(text).is_err(), "{text}");
        }
    }
}
