//! Several Services on one load balancer: whose ports are served there.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{Protocol, Service, ServiceKey};

/// A port of a load balancer.
type Port = (Protocol, u16);

/// Which of a load balancer's guests are served by it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Admission {
    pub(crate) admitted: BTreeSet<ServiceKey>,
    /// The others, each with a port of its that another Service has.
    pub(crate) refused: BTreeMap<ServiceKey, (Port, ServiceKey)>,
}

/// Admits guests in their order. Ports don't overlap: the host's own come first, then those of
/// each guest; a guest of which one port is taken is refused as a whole.
pub(crate) fn admit<'a>(
    host: Option<&Service>,
    guests: impl IntoIterator<Item = &'a Service>,
) -> Admission {
    let mut taken: BTreeMap<Port, ServiceKey> = BTreeMap::new();
    taken.extend(host.into_iter().flat_map(ports));
    let mut admission = Admission::default();
    for guest in guests {
        let clash = ports(guest).find_map(|(port, _)| Some((port, taken.get(&port)?.clone())));
        match clash {
            Some(clash) => drop(admission.refused.insert(guest.key.clone(), clash)),
            None => {
                taken.extend(ports(guest));
                admission.admitted.insert(guest.key.clone());
            }
        }
    }
    admission
}

fn ports(service: &Service) -> impl Iterator<Item = (Port, ServiceKey)> + '_ {
    let all = service.ports.iter();
    all.map(|p| ((p.protocol, p.port), service.key.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::fixtures::{port, service, tcp};

    fn with(name: &str, ports: &[u16]) -> Service {
        let mut s = service(name);
        s.ports = ports.iter().map(|p| tcp(*p)).collect();
        s
    }

    #[test]
    fn the_host_comes_first_and_then_each_guest_in_its_order() {
        let host = with("host", &[80]);
        let guests = [with("a", &[80, 81]), with("b", &[81]), with("c", &[81, 82])];
        let admission = admit(Some(&host), &guests);
        let names: Vec<_> = admission.admitted.iter().map(|k| &*k.name).collect();
        assert_eq!(names, ["b"]);
        let why = |n: usize| admission.refused[&guests[n].key].clone();
        assert_eq!(why(0), ((Protocol::Tcp, 80), host.key.clone()));
        assert_eq!(why(2), ((Protocol::Tcp, 81), guests[1].key.clone()));
        assert_eq!(admit(None, &guests).admitted.len(), 1, "a has both ports");
    }

    #[test]
    fn a_number_is_another_port_of_each_protocol() {
        let mut guest = service("dns");
        guest.ports = vec![port("", Protocol::Udp, 80)];
        let admission = admit(Some(&with("host", &[80])), [&guest]);
        assert_eq!(admission.refused, BTreeMap::new());
    }
}
