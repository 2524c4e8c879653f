//! Writes to Neutron. Where it can be told a revision, it is; where not, its own rules refuse what would do harm: a
//! subport can't be deleted, a VLAN or port not be used twice.

use kuryr_core::port::{Id, PortKind};
use kuryr_openstack::model::{PortUpdate, SubPort};
use kuryr_openstack::{ConflictKind, Error, ErrorKind};

use super::{Mender, Outcome};

fn outcome<T>(answer: Result<T, Error>) -> Outcome {
    let Err(error) = answer else {
        return Outcome::Done;
    };
    let meanwhile = matches!(
        error.conflict(),
        Some(
            ConflictKind::RevisionMismatch { .. }
                | ConflictKind::PortInUse
                | ConflictKind::DuplicateSubPort { .. }
        )
    );
    if meanwhile || error.is_not_found() {
        return Outcome::Skipped(format!("it was changed meanwhile: {error}"));
    }
    if matches!(error.kind(), ErrorKind::Withheld) {
        return Outcome::Failed("the lease was lost; nothing was written".to_owned());
    }
    Outcome::Failed(error.to_string())
}

impl Mender<'_> {
    pub(super) async fn delete_port(&self, port: &Id, revision: Option<i64>) -> Outcome {
        match self.neutron.delete_port_at(port, revision).await {
            Err(error) if error.is_not_found() => Outcome::Done,
            answer => outcome(answer),
        }
    }

    pub(super) async fn remove(&self, trunk: &Id, ports: &[Id]) -> Outcome {
        let ids: Vec<String> = ports.iter().map(ToString::to_string).collect();
        outcome(self.neutron.remove_subports(trunk, &ids).await)
    }

    pub(super) async fn add(&self, trunk: &Id, ports: &[(Id, u16)]) -> Outcome {
        let subports: Vec<SubPort> = ports
            .iter()
            .map(|(id, vlan)| SubPort::vlan(&**id, *vlan))
            .collect();
        outcome(self.neutron.add_subports(trunk, &subports).await)
    }

    pub(super) async fn set_groups(
        &self,
        port: &Id,
        kind: &PortKind,
        revision: Option<i64>,
    ) -> Outcome {
        let groups = kind.security_groups.iter().map(ToString::to_string);
        let update = PortUpdate {
            security_groups: Some(groups.collect()),
            ..PortUpdate::default()
        };
        outcome(self.neutron.update_port(port, &update, revision).await)
    }
}
