//! A pool: itself, its members, its monitor.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::service::action::Change;
use crate::service::model::Id;
use crate::service::observed::{SeenMember, SeenPool};
use crate::service::tree::{Member, Pool};

/// What a batch can change of a member. Its subnet is not among it: Octavia keeps the one
/// that the member was created with.
fn facts(member: &Member) -> (IpAddr, u16, &Id, u16) {
    (member.address, member.port, &member.name, member.weight)
}

/// Providers work on each member of a pool when a batch comes, whatever the batch names (0.2 s
/// each with `ovn`). So of so many members one is made or deleted by a call of its own; more
/// are one batch.
const FEW: usize = 8;

/// The next change of the members, if they differ: what is new, then what is too many.
pub(super) fn members(wanted: &Pool, is: &SeenPool) -> Option<Change> {
    let place = |m: &Member| (m.address, m.port);
    let there: BTreeSet<_> = is.members.iter().map(|m| facts(&m.member)).collect();
    let places: BTreeSet<_> = is.members.iter().map(|m| place(&m.member)).collect();
    let kept: BTreeSet<_> = wanted.members.iter().map(place).collect();
    let differ = |m: &&Member| !there.contains(&facts(m));
    let fresh: Vec<&Member> = wanted.members.iter().filter(differ).collect();
    let mut seen = BTreeSet::new();
    let too_many = |m: &&SeenMember| {
        let at = place(&m.member);
        !kept.contains(&at) || !seen.insert(at)
    };
    let too_many: Vec<_> = is.members.iter().filter(too_many).collect();
    let (pool, all_new) = (
        is.id.clone(),
        fresh.iter().all(|m| !places.contains(&place(m))),
    );
    let few = (fresh.len() + too_many.len()) * FEW <= kept.len();
    match (fresh.first(), too_many.first()) {
        (None, None) => None,
        (Some(new), _) if few && all_new => Some(Change::CreateMember {
            pool,
            member: (*new).clone(),
        }),
        (None, Some(old)) if few => Some(Change::DeleteMember {
            pool,
            id: old.id.clone(),
        }),
        _ => Some(Change::SetMembers {
            pool,
            members: wanted.members.as_slice().into(),
        }),
    }
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
