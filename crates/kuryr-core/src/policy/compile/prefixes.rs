//! Networks without parts of them.

use ipnet::IpNet;

/// The fewest networks that together are `whole` without `cuts`, in their order.
///
/// A half that no cut touches is whole; one that is in a cut is nothing; another is halved again. So no two of the networks are the
/// halves of one.
pub(super) fn without(whole: IpNet, cuts: &[IpNet]) -> Vec<IpNet> {
    if cuts.iter().any(|cut| cut.contains(&whole)) {
        return Vec::new();
    }
    let inside = cuts.iter().filter(|cut| whole.contains(*cut));
    let inside: Vec<IpNet> = inside.copied().collect();
    if inside.is_empty() {
        return vec![whole];
    }
    let halves = whole.subnets(whole.prefix_len().saturating_add(1));
    let halves = halves.into_iter().flatten();
    halves.flat_map(|half| without(half, &inside)).collect()
}

/// An address as a network of one.
pub(super) fn host(address: std::net::IpAddr) -> IpNet {
    IpNet::from(address)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn parts(whole: &str, cuts: &[&str]) -> Vec<String> {
        let cuts: Vec<IpNet> = cuts.iter().map(|cut| cut.parse().unwrap()).collect();
        let parts = without(whole.parse().unwrap(), &cuts);
        parts.iter().map(IpNet::to_string).collect()
    }

    #[test]
    fn a_network_without_one_in_it() {
        assert_eq!(parts("10.0.0.0/30", &[]), ["10.0.0.0/30"]);
        assert_eq!(
            parts("10.0.0.0/30", &["10.0.0.1/32"]),
            ["10.0.0.0/32", "10.0.0.2/31"]
        );
        assert_eq!(parts("fd00::/127", &["fd00::/128"]), ["fd00::1/128"]);
        assert_eq!(parts("0.0.0.0/0", &["10.0.0.0/8"]).len(), 8);
        assert_eq!(parts("::/0", &["::1/128"]).len(), 128);
    }

    #[test]
    fn several_do_not_open_each_other() {
        assert_eq!(
            parts("10.0.0.0/30", &["10.0.0.0/32", "10.0.0.3/32"]),
            ["10.0.0.1/32", "10.0.0.2/32"]
        );
        // One in the other, all of it, and none of it.
        assert_eq!(
            parts("10.0.0.0/30", &["10.0.0.0/31", "10.0.0.1/32"]),
            ["10.0.0.2/31"]
        );
        assert!(parts("10.0.0.0/30", &["10.0.0.0/31", "10.0.0.2/31"]).is_empty());
        assert!(parts("10.0.0.0/30", &["0.0.0.0/0"]).is_empty());
        assert_eq!(parts("10.0.0.0/30", &["fd00::/8"]), ["10.0.0.0/30"]);
    }
}
