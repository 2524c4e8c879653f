//! Services: a pod reaches what is behind one by the Service if it does so by its address.
//!
//! A load balancer chooses among all that is behind the Service, and the client's egress is judged before it does. So a Service is
//! open to a pod only if everything behind it is, and the pod itself counts as allowed there.

use super::super::model::{Backend, Direction, Facts, Pod, Service, ServicePort};
use super::{Call, Flow, lets, pod_at};

/// Whether all packets of the call are allowed. If not, none of them is to pass.
#[must_use]
pub fn allows_call(facts: &Facts, call: &Call) -> bool {
    let Some((service, port)) = served_at(facts, call) else {
        return false;
    };
    let client = pod_at(facts, call.from);
    if client.is_some_and(|client| !is_open(facts, client, port, call)) {
        return false;
    }
    let Some(server) = pod_at(facts, call.backend.address) else {
        return true;
    };
    let is_itself = client.is_some_and(|client| client.key == server.key);
    let from = match call.balancer.filter(|_| !service.on_hypervisor) {
        Some(balancer) => balancer,
        None if is_itself => return true,
        None => call.from,
    };
    let arrives = Flow {
        from,
        to: call.backend.address,
        protocol: call.protocol,
        port: call.backend.port,
    };
    lets(facts, server, Direction::Ingress, &arrives)
}

fn served_at<'a>(facts: &'a Facts, call: &Call) -> Option<(&'a Service, &'a ServicePort)> {
    let mut services = facts.services.values();
    services.find_map(|service| {
        let mut ports = service.ports.iter();
        let port = ports.find(|p| p.protocol == call.protocol && p.port == call.port)?;
        service
            .vips
            .contains(&call.vip)
            .then_some((&**service, port))
    })
}

/// Whether the client is allowed all that is behind the Service, where there is something.
fn is_open(facts: &Facts, client: &Pod, port: &ServicePort, call: &Call) -> bool {
    let is_same_version = |b: &&Backend| b.address.is_ipv4() == call.vip.is_ipv4();
    let behind: Vec<&Backend> = port.backends.iter().filter(is_same_version).collect();
    let may = |backend: &&Backend| {
        let leaves = Flow {
            from: call.from,
            to: backend.address,
            protocol: call.protocol,
            port: backend.port,
        };
        let is_itself = client.addresses.contains(&backend.address);
        is_itself || lets(facts, client, Direction::Egress, &leaves)
    };
    !behind.is_empty() && behind.iter().all(may)
}
