//! A pool: itself, its members, its monitor.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use crate::service::action::Change;
use crate::service::model::Id;
use crate::service::observed::{SeenMember, SeenPool};
use crate::service::tree::{Member, Pool};

/// What a batch can change of a member. Its subnet is not among it: Octavia keeps the one
/// that the member was created with.
fn facts(member: &Member) -> (IpAddr, u16, &Id, u16) {
    (member.address, member.port, &member.name, member.weight)
}

/// Of so many members one is deleted by a call of its own; where more are too many, a batch
/// replaces all.
const FEW: usize = 8;

/// The next change of the members, if they differ: what is new by one batch, then what is too
/// many, one by one if it is little.
pub(super) fn members(wanted: &Pool, is: &SeenPool) -> Option<Change> {
    let there: BTreeSet<_> = is.members.iter().map(|m| facts(&m.member)).collect();
    let place = |m: &Member| (m.address, m.port);
    let kept: BTreeSet<_> = wanted.members.iter().map(place).collect();
    let fresh = wanted.members.iter().filter(|m| !there.contains(&facts(m)));
    let fresh: Arc<[Member]> = fresh.cloned().collect();
    let mut seen = BTreeSet::new();
    let too_many = |m: &&SeenMember| {
        let at = place(&m.member);
        !kept.contains(&at) || !seen.insert(at)
    };
    let too_many: Vec<_> = is.members.iter().filter(too_many).collect();
    let few = too_many.len() * FEW <= kept.len();
    if fresh.is_empty() && few {
        return too_many.first().map(|m| Change::DeleteMember {
            pool: is.id.clone(),
            id: m.id.clone(),
        });
    }
    Some(Change::SetMembers {
        pool: is.id.clone(),
        members: wanted.members.as_slice().into(),
        fresh: few.then_some(fresh),
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
