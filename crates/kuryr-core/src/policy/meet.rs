//! What two rules let pass both.

use ipnet::IpNet;

use super::group::{Remote, Rule, Traffic};

/// What both let pass, as a rule; none where they let nothing pass both, or where that is no rule: members of two groups, or
/// those of a group that are in a network.
pub(super) fn meet<G: Clone + Eq>(a: &Rule<G>, b: &Rule<G>) -> Option<Rule<G>> {
    if (a.direction, a.family) != (b.direction, b.family) {
        return None;
    }
    Some(Rule {
        direction: a.direction,
        family: a.family,
        traffic: traffic(&a.traffic, &b.traffic)?,
        remote: remote(&a.remote, &b.remote)?,
    })
}

/// Whether all that a rule lets pass one of the others lets pass.
pub(super) fn is_within<'a, G: Clone + Eq + 'a>(
    rule: &Rule<G>,
    others: impl IntoIterator<Item = &'a Rule<G>>,
) -> bool {
    let mut others = others.into_iter();
    others.any(|other| meet(rule, other).as_ref() == Some(rule))
}

fn traffic(a: &Traffic, b: &Traffic) -> Option<Traffic> {
    use Traffic::{Any, Of, Ports};
    match (a, b) {
        (Any, other) | (other, Any) => Some(other.clone()),
        (a, b) if a == b => Some(a.clone()),
        (Of(p), Ports(q, low, high)) | (Ports(q, low, high), Of(p)) if p == q => {
            Some(Ports(*p, *low, *high))
        }
        (Ports(p, a, b), Ports(q, c, d)) if p == q => {
            let (low, high) = (*a.max(c), *b.min(d));
            (low <= high).then_some(Ports(*p, low, high))
        }
        _ => None,
    }
}

fn remote<G: Clone + Eq>(a: &Remote<G>, b: &Remote<G>) -> Option<Remote<G>> {
    match (a, b) {
        (Remote::Any, other) | (other, Remote::Any) => Some(other.clone()),
        (Remote::Prefix(a), Remote::Prefix(b)) => smaller(*a, *b).map(Remote::Prefix),
        (a, b) if a == b => Some(a.clone()),
        _ => None,
    }
}

fn smaller(a: IpNet, b: IpNet) -> Option<IpNet> {
    if a.contains(&b) {
        return Some(b);
    }
    b.contains(&a).then_some(a)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::policy::{Direction, Family, Protocol};

    fn rule(traffic: Traffic, remote: Remote<u8>) -> Rule<u8> {
        Rule {
            direction: Direction::Egress,
            family: Family::V4,
            traffic,
            remote,
        }
    }

    fn tcp(low: u16, high: u16) -> Traffic {
        Traffic::Ports(Protocol::Tcp, low, high)
    }

    fn net(text: &str) -> Remote<u8> {
        Remote::Prefix(text.parse().unwrap())
    }

    #[test]
    fn ports_and_networks_that_overlap() {
        let a = rule(tcp(80, 90), net("10.0.0.0/8"));
        let b = rule(tcp(85, 99), net("10.1.0.0/16"));
        let both = rule(tcp(85, 90), net("10.1.0.0/16"));
        assert_eq!(meet(&a, &b), Some(both.clone()));
        assert!(is_within(&both, [&a]) && !is_within(&a, [&both, &b]));
        assert_eq!(meet(&a, &rule(tcp(91, 99), Remote::Any)), None);
        assert_eq!(meet(&a, &rule(Traffic::Any, net("11.0.0.0/8"))), None);
        assert_eq!(
            meet(&a, &rule(Traffic::Of(Protocol::Udp), Remote::Any)),
            None
        );
    }

    #[test]
    fn members_meet_everyone_and_themselves_only() {
        let one = rule(Traffic::Any, Remote::Group(1));
        assert_eq!(
            meet(&one, &rule(tcp(1, 2), Remote::Any)),
            Some(rule(tcp(1, 2), Remote::Group(1)))
        );
        assert_eq!(meet(&one, &one), Some(one.clone()));
        assert_eq!(meet(&one, &rule(Traffic::Any, Remote::Group(2))), None);
        assert_eq!(meet(&one, &rule(Traffic::Any, net("10.0.0.0/8"))), None);
    }
}
