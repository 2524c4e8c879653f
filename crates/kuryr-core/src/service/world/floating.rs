//! Floating IPs in the world.

use std::net::IpAddr;

use super::World;
use crate::Millis;
use crate::service::model::{FloatingIp, Id};

/// What is known of a floating IP.
#[derive(Clone, Debug)]
pub(crate) struct FloatingState {
    pub(crate) ip: FloatingIp,
    /// Since when neither Service nor claim has it.
    pub(crate) orphan_since: Option<Millis>,
    /// Last change by us, to tell old lists from new facts.
    pub(crate) touched: u64,
}

impl World {
    /// A floating IP as a list or an answer shows it.
    pub(crate) fn put_floating(&mut self, ip: FloatingIp) {
        let id = ip.id.clone();
        let before = self.floating.get(&id);
        if before.is_some_and(|s| s.ip == ip) {
            return;
        }
        let orphan_since = before.and_then(|s| s.orphan_since);
        self.remove_floating(&id);
        if let Some(key) = &ip.made_for {
            let of = self.floating_of.entry(key.clone()).or_default();
            of.insert(id.clone());
        }
        let touched = self.sequence;
        self.list.note_there(&id);
        self.floating.insert(
            id.clone(),
            FloatingState {
                ip,
                orphan_since,
                touched,
            },
        );
        self.touch_floating(&id);
    }

    /// A floating IP is gone.
    pub(crate) fn remove_floating(&mut self, id: &Id) {
        self.touch_floating(id);
        let Some(state) = self.floating.remove(id) else {
            return;
        };
        self.list.note_gone(id.clone());
        let Some(key) = &state.ip.made_for else {
            return;
        };
        if let Some(of) = self.floating_of.get_mut(key) {
            of.remove(id);
            if of.is_empty() {
                self.floating_of.remove(key);
            }
        }
    }

    /// A port is gone, and with it what led floating IPs there.
    pub(crate) fn let_go(&mut self, port: &Id) {
        let all = self.floating.values_mut();
        let led = all.filter(|s| s.ip.port.as_ref() == Some(port));
        let mut ids = Vec::new();
        for state in led {
            state.ip.port = None;
            ids.push(state.ip.id.clone());
        }
        ids.iter().for_each(|id| self.touch_floating(id));
    }

    /// The floating IP with this address.
    pub(crate) fn floating_at(&self, address: IpAddr) -> Option<&FloatingIp> {
        let mut all = self.floating.values().map(|s| &s.ip);
        all.find(|ip| ip.address == address)
    }

    fn touch_floating(&mut self, id: &Id) {
        let Some(state) = self.floating.get(id) else {
            return;
        };
        let askers = self.asked.get(&state.ip.address).into_iter().flatten();
        let askers = askers.map(|(key, _)| key.clone());
        let made_for = state.ip.made_for.clone();
        let touched: Vec<_> = askers.chain(made_for).collect();
        touched.iter().for_each(|key| self.touch(key));
    }
}
