//! Who asks whom, and what is to come of it.

use std::fmt;

use kuryr_core::policy::flow::{Call, Flow};
use kuryr_core::policy::{Backend, Facts, Protocol, oracle};

use super::cluster::{NAMESPACES, PODS, PORTS, SERVICES, Service, node};
use super::{Places, TruthError};

/// A connection with data after it, or datagrams from one socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// A pod, such as `x/a`, or a node.
    pub from: String,
    pub to: Target,
    /// TCP or UDP.
    pub protocol: Protocol,
    /// At the target.
    pub port: u16,
}

/// Who is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Pod(String),
    Service(&'static Service),
}

/// What is to come of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is answered.
    Answered,
    /// It is not, not even its first packet arrives.
    Silence,
    /// That depends on which pod a load balancer chooses.
    Either,
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, protocol, port) = (&self.from, self.protocol, self.port);
        match &self.to {
            Target::Pod(pod) => write!(f, "{from} to {pod} {protocol}/{port}"),
            Target::Service(service) => {
                let (namespace, name) = (service.namespace, service.name);
                write!(f, "{from} to Service {namespace}/{name} {protocol}/{port}")
            }
        }
    }
}

/// Each pod asks each other and each Service, and each node its own pods.
#[must_use]
pub fn questions() -> Vec<Question> {
    let pods = || NAMESPACES.iter().flat_map(|ns| PODS.map(|pod| (ns, pod)));
    let mut all = Vec::new();
    let mut ask = |from: &str, to: Target, protocol, port| {
        all.push(Question {
            from: from.to_owned(),
            to,
            protocol,
            port,
        });
    };
    for (namespace, pod) in pods() {
        let from = format!("{namespace}/{pod}");
        for (of, other) in pods() {
            let to = format!("{of}/{other}");
            for port in PORTS.into_iter().filter(|_| to != from) {
                ask(&from, Target::Pod(to.clone()), Protocol::Tcp, port);
                ask(&from, Target::Pod(to.clone()), Protocol::Udp, port);
            }
        }
        for service in &SERVICES {
            for (protocol, port, _) in service.ports {
                let protocol = Protocol::parse(protocol).unwrap_or(Protocol::Tcp);
                ask(&from, Target::Service(service), protocol, *port);
            }
        }
        let own = format!("node{}", node(pod));
        ask(&own, Target::Pod(from), Protocol::Tcp, PORTS[0]);
    }
    all
}

/// What the oracle says to a question, where the operator lets everything pass.
///
/// # Errors
/// Somebody has no address.
pub fn verdict(facts: &Facts, places: &Places, question: &Question) -> Result<Verdict, TruthError> {
    let from = places.address(&question.from)?;
    match &question.to {
        Target::Pod(pod) => {
            let flow = Flow {
                from,
                to: places.address(pod)?,
                protocol: question.protocol,
                port: question.port,
            };
            Ok(match oracle::allows(facts, &flow) {
                true => Verdict::Answered,
                false => Verdict::Silence,
            })
        }
        Target::Service(service) => {
            let calls = calls(places, question, service)?;
            let allowed = calls.iter().filter(|call| oracle::allows_call(facts, call));
            Ok(match allowed.count() {
                0 => Verdict::Silence,
                some if some == calls.len() => Verdict::Answered,
                _ => Verdict::Either,
            })
        }
    }
}

/// The calls that a question to a Service may be, by the pod that is chosen.
///
/// # Errors
/// Somebody has no address.
pub fn calls(
    places: &Places,
    question: &Question,
    service: &Service,
) -> Result<Vec<Call>, TruthError> {
    let (namespace, name) = (service.namespace, service.name);
    let mut ports = service.ports.iter();
    let own = ports.find(|(protocol, port, _)| {
        Protocol::parse(protocol) == Some(question.protocol) && *port == question.port
    });
    let target = own.map_or(question.port, |(_, _, target)| *target);
    let call = |pod: &&str| {
        Ok(Call {
            from: places.address(&question.from)?,
            vip: places.address(&format!("{namespace}/{name}"))?,
            protocol: question.protocol,
            port: question.port,
            backend: Backend {
                address: places.address(&format!("{namespace}/{pod}"))?,
                port: target,
            },
            balancer: None,
        })
    };
    service.pods.iter().map(call).collect()
}
