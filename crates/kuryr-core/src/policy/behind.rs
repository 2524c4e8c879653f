//! Services as policies see them, from what watches tell of Services, of what is behind them, and of their load balancers.
//!
//! All that a slice names counts, whether it is ready or not: a backend that restarts is then nothing that changes, and what may
//! become ready any moment is not let in by surprise.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{Backend, Service, ServicePort};
use super::reconciler::Event;
use crate::Id;
use crate::reconcile::Watched;
use crate::service::{self, Kind, ServiceKey, Slices};

/// The provider whose load balancers are on the hypervisors.
const ON_HYPERVISOR: &str = "ovn";

/// What is known of Services.
#[derive(Clone, Debug, Default)]
pub struct Behind {
    /// The provider of load balancers that do not say theirs; none: Octavia's choice.
    provider: Option<Id>,
    services: BTreeMap<ServiceKey, service::Service>,
    slices: Slices,
    /// The providers of load balancers that are there, as KuryrLoadBalancers say.
    providers: BTreeMap<ServiceKey, Id>,
    /// Whether all Services, and all KuryrLoadBalancers, were read at least once.
    synced: (bool, bool),
    is_told: bool,
}

impl Behind {
    /// Nothing is known but the provider of load balancers that do not say theirs.
    #[must_use]
    pub fn new(provider: Option<Id>) -> Self {
        Self {
            provider,
            ..Self::default()
        }
    }

    /// Takes news in; what policies are to know of it.
    pub fn learn(&mut self, event: service::Event) -> Vec<Event> {
        let touched = match event {
            service::Event::Service(news) => self.learn_service(news),
            service::Event::Slice(news) => self.slices.learn(news),
            service::Event::Endpoints(news) => self.slices.learn_endpoints(news),
            service::Event::Claim(news) => self.learn_claim(news),
            service::Event::Subnet(_) => BTreeSet::new(),
        };
        let is_synced = self.synced == (true, true) && self.slices.are_synced();
        if is_synced && !self.is_told {
            self.is_told = true;
            let all: BTreeSet<ServiceKey> = self.services.keys().cloned().collect();
            let there = all.iter().map(|key| self.seen(key));
            let there = there.filter(|news| matches!(news, Watched::There(_)));
            let there: Vec<_> = there.chain([Watched::All(all.clone())]).collect();
            return there.into_iter().map(Event::Service).collect();
        }
        let touched = touched.iter().filter(|_| self.is_told);
        let news = touched.map(|key| Event::Service(self.seen(key)));
        news.collect()
    }

    fn learn_service(
        &mut self,
        news: Watched<ServiceKey, Box<service::Service>>,
    ) -> BTreeSet<ServiceKey> {
        match news {
            Watched::Begin => BTreeSet::new(),
            Watched::There(service) => {
                let key = service.key.clone();
                self.services.insert(key.clone(), *service);
                [key].into()
            }
            Watched::Gone(key, _) => {
                self.services.remove(&key);
                [key].into()
            }
            Watched::All(there) => {
                self.synced.0 = true;
                let gone = self.services.keys().filter(|key| !there.contains(key));
                let gone: BTreeSet<ServiceKey> = gone.cloned().collect();
                self.services.retain(|key, _| !gone.contains(key));
                gone
            }
        }
    }

    fn learn_claim(
        &mut self,
        news: Watched<ServiceKey, Box<service::Claim>>,
    ) -> BTreeSet<ServiceKey> {
        match news {
            Watched::Begin => BTreeSet::new(),
            Watched::There(claim) => {
                let provider = claim.record.and_then(|record| record.provider);
                let old = match &provider {
                    Some(id) => self.providers.insert(claim.service.clone(), id.clone()),
                    None => self.providers.remove(&claim.service),
                };
                (old != provider)
                    .then_some(claim.service)
                    .into_iter()
                    .collect()
            }
            Watched::Gone(key, _) => {
                let was_known = self.providers.remove(&key).is_some();
                was_known.then_some(key).into_iter().collect()
            }
            Watched::All(there) => {
                self.synced.1 = true;
                let gone = self.providers.extract_if(.., |key, _| !there.contains(key));
                gone.map(|(key, _)| key).collect()
            }
        }
    }

    /// A Service as policies see it.
    fn seen(&self, key: &ServiceKey) -> Watched<ServiceKey, Service> {
        let service = self.services.get(key).filter(|s| has_vips(s));
        let Some(service) = service else {
            return Watched::Gone(key.clone(), 0);
        };
        let provider = self.providers.get(key).or(self.provider.as_ref());
        Watched::There(Service {
            key: key.clone(),
            on_hypervisor: provider.is_some_and(|id| &**id == ON_HYPERVISOR),
            vips: service.cluster_ips.iter().copied().collect(),
            ports: service
                .ports
                .iter()
                .map(|port| self.port(key, port))
                .collect(),
        })
    }

    fn port(&self, key: &ServiceKey, port: &service::ServicePort) -> ServicePort {
        let mut backends = BTreeSet::new();
        for slice in self.slices.of(key) {
            let own = slice.ports.iter().find(|p| p.name == port.name);
            let own = own.filter(|p| p.protocol == port.protocol);
            let Some(number) = own.and_then(|p| p.port) else {
                continue;
            };
            let addresses = slice.endpoints.iter().flat_map(|e| &e.addresses);
            backends.extend(addresses.map(|address| Backend {
                address: *address,
                port: number,
            }));
        }
        ServicePort {
            protocol: port.protocol,
            port: port.port,
            backends,
        }
    }
}

/// Whether a load balancer serves it, ours or one that the operator made.
fn has_vips(service: &service::Service) -> bool {
    let is_name = service.kind == Kind::ExternalName;
    !is_name && !service.headless && !service.left_to_others && !service.cluster_ips.is_empty()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::service::fixtures;

    fn started(behind: &mut Behind) -> Vec<Event> {
        let mut told = behind.learn(service::Event::Slice(Watched::All(BTreeSet::new())));
        told.extend(behind.learn(service::Event::Service(Watched::All(BTreeSet::new()))));
        assert!(told.is_empty(), "nothing is told before all is known");
        behind.learn(service::Event::Claim(Watched::All(BTreeSet::new())))
    }

    fn there(events: Vec<Event>) -> Option<Service> {
        events.into_iter().find_map(|event| match event {
            Event::Service(Watched::There(service)) => Some(service),
            _ => None,
        })
    }

    #[test]
    fn what_is_behind_a_service_is_all_that_its_slices_name() {
        let mut behind = Behind::new(Some("ovn".into()));
        assert_eq!(started(&mut behind).len(), 1);
        let service = fixtures::service("web");
        let told = behind.learn(service::Event::Service(Watched::There(Box::new(service))));
        assert!(there(told).unwrap().ports[0].backends.is_empty());
        let slice = fixtures::many("web", 3);
        let told = behind.learn(service::Event::Slice(Watched::There(slice.clone())));
        let seen = there(told).unwrap();
        assert!(seen.on_hypervisor && seen.vips.len() == 1);
        assert_eq!(seen.ports[0].backends.len(), 3);
        let mut unready = slice;
        unready.endpoints.iter_mut().for_each(|e| e.ready = false);
        let told = behind.learn(service::Event::Slice(Watched::There(unready)));
        assert_eq!(there(told), Some(seen), "the same as before");
    }

    #[test]
    fn a_headless_service_has_no_vip() {
        let mut behind = Behind::new(None);
        started(&mut behind);
        let headless = service::Service {
            headless: true,
            ..fixtures::service("web")
        };
        let told = behind.learn(service::Event::Service(Watched::There(Box::new(headless))));
        assert_eq!(there(told), None);
    }
}
