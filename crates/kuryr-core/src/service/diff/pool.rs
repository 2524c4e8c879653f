//! A pool: itself, its members, its monitor.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::service::action::Change;
use crate::service::model::Id;
use crate::service::observed::SeenPool;
use crate::service::tree::{Member, Pool};

/// What a batch can change of a member. Its subnet is not among it: Octavia keeps the one
/// that the member was created with.
fn facts(member: &Member) -> (IpAddr, u16, &Id, u16) {
    (member.address, member.port, &member.name, member.weight)
}

/// The batch that sets the members, if they differ.
pub(super) fn members(wanted: &Pool, is: &SeenPool) -> Option<Change> {
    let there: BTreeSet<_> = is.members.iter().map(|m| facts(&m.member)).collect();
    let same = there.len() == is.members.len()
        && there.len() == wanted.members.len()
        && wanted.members.iter().all(|m| there.contains(&facts(m)));
    (!same).then(|| Change::SetMembers {
        pool: is.id.clone(),
        members: wanted.members.as_slice().into(),
    })
}

/// The next change of the pool itself or its monitor.
pub(super) fn differs(wanted: &Pool, is: &SeenPool) -> Option<Change> {
    let same = wanted.name == is.name
        && Some(wanted.algorithm) == is.algorithm
        && wanted.persistence == is.persistence;
    if !same {
        return Some(Change::UpdatePool {
            id: is.id.clone(),
            pool: wanted.clone(),
        });
    }
    monitor(wanted, is)
}

fn monitor(wanted: &Pool, is: &SeenPool) -> Option<Change> {
    match (&wanted.monitor, &is.monitor) {
        (None, None) => None,
        (Some(wanted), None) => Some(Change::CreateMonitor {
            pool: is.id.clone(),
            monitor: wanted.clone(),
        }),
        (Some(wanted), Some(is)) if is.monitor.as_ref() == Some(wanted) => None,
        (Some(wanted), Some(is)) if is.monitor.as_ref().map(|m| m.kind) == Some(wanted.kind) => {
            Some(Change::UpdateMonitor {
                id: is.id.clone(),
                monitor: wanted.clone(),
            })
        }
        // Its kind can't be changed.
        (_, Some(is)) => Some(Change::DeleteMonitor { id: is.id.clone() }),
    }
}
