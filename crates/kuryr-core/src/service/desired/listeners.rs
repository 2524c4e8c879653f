//! Listeners, their pools and monitors.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::{Draft, families, port_text};
use crate::service::complaint::Reason;
use crate::service::model::{Id, Protocol, ServicePort};
use crate::service::provider::Support;
use crate::service::tree::{Listener, Monitor, MonitorKind, Persistence, Pool, Vip};

/// Kubernetes' default of `sessionAffinityConfig.clientIP.timeoutSeconds`.
const AFFINITY_DEFAULT: u32 = 10_800;

impl Draft<'_> {
    pub(super) fn listeners(&mut self, vips: &[Vip]) -> BTreeMap<(Protocol, u16), Listener> {
        let service = self.service;
        let mut out = BTreeMap::new();
        for port in &service.ports {
            match out.entry((port.protocol, port.port)) {
                Entry::Occupied(_) => {
                    self.skip(port, "the Service has it twice; the first is served");
                }
                Entry::Vacant(_) if self.traits.no_protocols.contains(&port.protocol) => {
                    self.skip(port, "the provider does not have the protocol");
                }
                Entry::Vacant(entry) => {
                    entry.insert(self.listener(port, vips));
                }
            }
        }
        out
    }

    fn skip(&mut self, port: &ServicePort, why: &str) {
        let about = port_text(port);
        let message = format!("{about} gets no listener: {why}");
        self.complain(Reason::KuryrSkipListener, about, message);
    }

    fn listener(&mut self, port: &ServicePort, vips: &[Vip]) -> Listener {
        let name: Id = format!("{}:{}:{}", self.service.key, port.protocol, port.port).into();
        let own = &self.service.annotations;
        let client = own.timeout_client.or(self.settings.timeout_client);
        let member = own.timeout_member.or(self.settings.timeout_member);
        let timeouts = self.traits.timeouts;
        if !timeouts && (client.is_some() || member.is_some()) {
            self.complain(
                Reason::OptionRefused,
                "timeouts",
                "the provider has no timeouts of listeners; its own apply",
            );
        }
        let allowed = self.allowed(&families(vips));
        Listener {
            pool: self.pool(port, name.clone(), vips),
            name,
            protocol: port.protocol,
            port: port.port,
            timeout_client: client.filter(|_| timeouts),
            timeout_member: member.filter(|_| timeouts),
            allowed,
        }
    }

    fn pool(&mut self, port: &ServicePort, name: Id, vips: &[Vip]) -> Pool {
        Pool {
            name,
            protocol: port.protocol,
            algorithm: self.traits.algorithm(self.settings.algorithm),
            persistence: self.persistence(port.protocol),
            members: self.members(port, vips),
            monitor: self.monitor(port.protocol),
        }
    }

    fn persistence(&mut self, protocol: Protocol) -> Option<Persistence> {
        let timeout = self.service.affinity?;
        match self.traits.persistence {
            Support::Works => {}
            Support::Pretends | Support::Refuses => {
                self.complain(
                    Reason::SessionAffinityNotKept,
                    "",
                    "sessionAffinity ClientIP can't be kept: the provider sends each connection \
                     of a client to any endpoint",
                );
                return None;
            }
        }
        if protocol != Protocol::Tcp {
            return Some(Persistence {
                timeout: Some(timeout),
            });
        }
        if timeout != AFFINITY_DEFAULT {
            self.complain(
                Reason::SessionAffinityNotKept,
                "timeout",
                "sessionAffinity ClientIP is kept for as long as the provider chooses: Octavia \
                 takes no timeout for TCP",
            );
        }
        Some(Persistence { timeout: None })
    }

    fn monitor(&mut self, protocol: Protocol) -> Option<Monitor> {
        let own = &self.service.annotations;
        if !own.monitor.unwrap_or(self.settings.monitors) {
            return None;
        }
        let (delay, timeout) = (own.monitor_delay, own.monitor_timeout);
        let retries = own.monitor_retries.unwrap_or(3);
        let kind = MonitorKind::of(protocol);
        if self.traits.no_monitors.contains(&kind) {
            self.complain(
                Reason::HealthMonitorNotSupported,
                protocol.word(),
                format!(
                    "the provider has no health monitor for {protocol}; Kubernetes' readiness \
                     alone says which endpoints are used"
                ),
            );
            return None;
        }
        let delay = delay.unwrap_or(5).max(2);
        let longest = delay - 1;
        let timeout = timeout.unwrap_or(longest.min(3));
        if timeout > longest {
            self.complain(
                Reason::InvalidValue,
                "health monitor",
                format!(
                    "a check of {timeout} s each {delay} s can't be: its timeout is {longest} s"
                ),
            );
        }
        Some(Monitor {
            kind,
            delay,
            timeout: timeout.min(longest),
            retries,
        })
    }
}
