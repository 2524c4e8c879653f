//! Which port has which security groups, told on to who makes those groups.

use std::collections::BTreeSet;

use super::World;
use crate::port::model::{Id, PodKey};

/// A port and its security groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wearer {
    /// The port.
    pub port: Id,
    /// Who has it; none: nobody, it waits.
    pub pod: Option<PodKey>,
    /// Its groups, and those that it is being given. None: the port is gone.
    pub groups: Option<BTreeSet<Id>>,
}

impl World {
    /// Something about a port's groups changed, or about who has it. Nobody asks where groups
    /// are the same for all pods.
    pub(crate) fn note_wearer(&mut self, port: &Id) {
        if self.settings.waiting_groups.is_some() {
            self.news.insert(port.clone());
        }
    }

    /// What changed since this was last asked for.
    pub fn take_wearers(&mut self) -> Vec<Wearer> {
        let news = std::mem::take(&mut self.news);
        news.into_iter().map(|port| self.wearer(port)).collect()
    }

    fn wearer(&self, port: Id) -> Wearer {
        let groups = self.ports.get(&port).map(|(p, _)| {
            let coming = self.regrouping.get(&port);
            let coming = coming.into_iter().flat_map(|k| &k.security_groups);
            p.kind
                .security_groups
                .iter()
                .chain(coming)
                .cloned()
                .collect()
        });
        Wearer {
            pod: self.users.get(&port).cloned(),
            port,
            groups,
        }
    }

    /// Whether all ports were listed since this process began to lead.
    #[must_use]
    pub fn knows_ports(&self) -> bool {
        self.synced.ports
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::port::action::{Action, Failure, Outcome};
    use crate::port::model::{Place, Port, PortKind, PortNotes, PortStatus};
    use crate::port::settings::Settings;

    fn kind(group: &str) -> Arc<PortKind> {
        Arc::new(PortKind {
            project: "p".into(),
            network: "n".into(),
            subnets: vec!["s".into()],
            security_groups: vec![group.into()],
        })
    }

    fn port() -> Port {
        Port {
            id: "port".into(),
            kind: kind("old"),
            mac: "m".into(),
            addresses: vec![],
            status: PortStatus::Active,
            place: Place::Loose,
        }
    }

    fn groups(world: &mut World) -> Option<Vec<String>> {
        let [wearer] = <[Wearer; 1]>::try_from(world.take_wearers()).unwrap();
        let names = wearer.groups?.into_iter().map(|g| g.to_string());
        Some(names.collect())
    }

    #[test]
    fn a_port_that_changes_its_groups_has_both_until_the_answer() {
        let mut world = World::new(Settings {
            waiting_groups: Some(vec!["old".into()]),
            ..Settings::default()
        });
        world.put_port(port(), PortNotes::default());
        assert_eq!(groups(&mut world).unwrap(), ["old"]);
        let change = Action::SetSecurityGroups {
            port: "port".into(),
            kind: kind("new"),
        };
        world.begin(&change);
        assert_eq!(groups(&mut world).unwrap(), ["new", "old"]);
        let refused = Outcome::Failed(Failure::NotLeader);
        world.finish(&change, refused, 1);
        assert_eq!(groups(&mut world).unwrap(), ["old"]);
        world.begin(&change);
        world.finish(&change, Outcome::Done, 1);
        assert_eq!(groups(&mut world).unwrap(), ["new"]);
        assert!(world.take_wearers().is_empty());
        world.drop_port(&"port".into());
        assert_eq!(groups(&mut world), None);
    }

    #[test]
    fn nothing_is_noted_where_nobody_asks() {
        let mut world = World::new(Settings::default());
        world.put_port(port(), PortNotes::default());
        assert!(world.take_wearers().is_empty());
    }
}
