//! What happens to status by itself: ports become ACTIVE once plugged, trunks of ML2/OVS pass through BUILD.

use std::time::{Duration, SystemTime};

use serde_json::json;

use super::super::settings::{Activation, Backend};
use super::schema::Kind;
use super::{Cloud, flag, text};

/// A change that is due at some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Transition {
    PortRises(String),
    PortSinks(String),
    TrunkStatus(String, &'static str),
    FloatingIpFollows(String),
}

impl Cloud {
    /// Lets time pass: everything that is due by `now` happens.
    pub fn advance(&mut self, now: SystemTime) {
        self.now = self.now.max(now);
        self.settle();
    }

    /// When the next change by itself is due.
    pub fn next_due(&self) -> Option<SystemTime> {
        self.pending.keys().next().map(|(due, _)| *due)
    }

    fn settle(&mut self) {
        while let Some(entry) = self.pending.first_entry() {
            if entry.key().0 > self.now {
                return;
            }
            match entry.remove() {
                Transition::PortRises(port) => self.port_rises(&port),
                Transition::PortSinks(port) => {
                    self.set(Kind::Port, &port, &[("status", json!("DOWN"))])
                }
                Transition::FloatingIpFollows(id) => self.floating_ip_follows(&id),
                Transition::TrunkStatus(trunk, status) => {
                    self.set(Kind::Trunk, &trunk, &[("status", json!(status))])
                }
            }
        }
    }

    pub(super) fn schedule(&mut self, after: Duration, transition: Transition) {
        self.sequence += 1;
        self.pending
            .insert((self.now + after, self.sequence), transition);
    }

    /// Delay of a port's activation, or `None` when the topology reports it.
    fn delay(&self) -> Option<Duration> {
        match self.settings.activation {
            Activation::After(delay) => Some(delay),
            Activation::WhenWired => None,
        }
    }

    /// A port's interface was plugged into a hypervisor: the port is bound there and becomes ACTIVE, and with a
    /// trunk's parent its subports do.
    pub fn plug(&mut self, port: &str, host: &str) {
        if self.get(Kind::Port, port).is_none() {
            return;
        }
        self.plugged.insert(port.to_owned(), host.to_owned());
        let trunk = self.parents.get(port).cloned();
        let bridge = match (self.settings.backend, &trunk) {
            (Backend::Ovs, Some(trunk)) => Some(format!("tbr-{}", &trunk[..10.min(trunk.len())])),
            _ => None,
        };
        let mut changes: Vec<(&str, serde_json::Value)> = vec![("binding:host_id", json!(host))];
        let binding = self.binding(host, bridge.as_deref());
        changes.extend(
            binding
                .iter()
                .map(|(name, value)| (name.as_str(), value.clone())),
        );
        self.set(Kind::Port, port, &changes);
        if let Some(delay) = self.delay() {
            self.schedule(delay, Transition::PortRises(port.to_owned()));
        }
        if let Some(trunk) = trunk {
            self.trunk_changed(&trunk);
            self.subports_may_rise(&trunk);
        }
        self.settle();
    }

    /// A port's interface is gone: the port goes DOWN, and with a trunk's parent its subports do.
    pub fn unplug(&mut self, port: &str) {
        self.plugged.remove(port);
        self.set(Kind::Port, port, &[("status", json!("DOWN"))]);
        let Some(trunk) = self.parents.get(port).cloned() else {
            return;
        };
        let subports: Vec<String> = self
            .subports
            .get(&trunk)
            .into_iter()
            .flat_map(|known| known.keys().cloned())
            .collect();
        for subport in subports {
            self.set(Kind::Port, &subport, &[("status", json!("DOWN"))]);
        }
        if self.settings.backend == Backend::Ovs {
            self.set(Kind::Trunk, &trunk, &[("status", json!("DOWN"))]);
        }
    }

    /// The topology has wired a port, so that it carries traffic (with [`Activation::WhenWired`]).
    pub fn wired(&mut self, port: &str) {
        self.port_rises(port);
    }

    /// Whether the port's interface is plugged into a hypervisor.
    pub fn is_plugged(&self, port: &str) -> bool {
        self.plugged.contains_key(port)
    }

    /// The hypervisor that a port, or its trunk's parent, is plugged into.
    pub fn host_of(&self, port: &str) -> Option<&str> {
        let own = self.plugged.get(port);
        let parent = || {
            self.plugged
                .get(&self.parent_of(&self.memberships.get(port)?.trunk))
        };
        own.or_else(parent).map(String::as_str)
    }

    /// Subports of a plugged trunk are on their way to ACTIVE.
    pub(super) fn subports_may_rise(&mut self, trunk: &str) {
        if !self.is_plugged(&self.parent_of(trunk)) {
            return;
        }
        let Some(delay) = self.delay() else { return };
        let down: Vec<String> = self
            .subports
            .get(trunk)
            .into_iter()
            .flat_map(|known| known.keys().cloned())
            .filter(|port| {
                self.get(Kind::Port, port)
                    .is_some_and(|port| text(port, "status") != "ACTIVE")
            })
            .collect();
        for port in down {
            self.schedule(delay, Transition::PortRises(port));
        }
        self.settle();
    }

    /// ML2/OVS: a plugged trunk is DOWN, BUILD and ACTIVE again after each change, before its subports are.
    pub(super) fn trunk_changed(&mut self, trunk: &str) {
        self.touch(Kind::Trunk, trunk);
        if self.settings.backend != Backend::Ovs || !self.is_plugged(&self.parent_of(trunk)) {
            return;
        }
        let delay = self.delay().unwrap_or_default();
        self.set(Kind::Trunk, trunk, &[("status", json!("DOWN"))]);
        self.schedule(
            delay / 4,
            Transition::TrunkStatus(trunk.to_owned(), "BUILD"),
        );
        self.schedule(
            delay / 2,
            Transition::TrunkStatus(trunk.to_owned(), "ACTIVE"),
        );
        self.settle();
    }

    /// ML2/OVS: a port that lost its wiring goes DOWN a while later.
    pub(super) fn port_sinks(&mut self, port: &str) {
        let delay = self.delay().unwrap_or_default();
        self.schedule(delay, Transition::PortSinks(port.to_owned()));
        self.settle();
    }

    fn port_rises(&mut self, port: &str) {
        let Some(host) = self.host_of(port).map(str::to_owned) else {
            return;
        };
        let Some(fields) = self.get(Kind::Port, port) else {
            return;
        };
        let agent = self.settings.backend == Backend::Ovs;
        if agent && !flag(fields, "admin_state_up") {
            return;
        }
        let mut changes = vec![("status", json!("ACTIVE"))];
        let binding = self.binding(&host, None);
        if agent && self.memberships.contains_key(port) {
            changes.push(("device_owner", json!("trunk:subport")));
            changes.push(("binding:host_id", json!(host)));
            let bound = binding.iter();
            changes.extend(bound.map(|(name, value)| (name.as_str(), value.clone())));
        }
        self.set(Kind::Port, port, &changes);
    }

    /// `admin_state_up` of a port changed: ML2/OVS shows it in the status, ML2/OVN does not.
    pub(super) fn admin_state_changed(&mut self, port: &str) {
        if self.settings.backend == Backend::Ovn || self.host_of(port).is_none() {
            return;
        }
        let up = self
            .get(Kind::Port, port)
            .is_some_and(|port| flag(port, "admin_state_up"));
        match (up, self.delay()) {
            (true, Some(delay)) => self.schedule(delay, Transition::PortRises(port.to_owned())),
            (true, None) => {}
            (false, _) => self.port_sinks(port),
        }
        self.settle();
    }
}
