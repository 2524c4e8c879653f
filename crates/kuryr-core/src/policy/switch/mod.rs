//! In which order ports change their groups.
//!
//! Whether a packet passes from one pod to another depends on four things: what the first's groups
//! let out and which members the second is of; what the second's groups let in and which members
//! the first is of. When policies change, ports change one after the other, so there are moments
//! at which some of the four are old and some new. A packet that neither the old nor the new let
//! pass could pass at such a moment only if one of the four came to let it pass before another
//! came to stop it. So:
//!
//! - Of each port it is known which of its three parts (what it lets in, what it lets out, whom it
//!   is a member with) are to let more pass than now, and which less.
//! - A port whose part is to let more pass waits while other ports have parts to change that
//!   could be at the other end and are to let less pass. What lets in is at the other end of what
//!   lets out; memberships are at the other end of all three.
//! - A port that has both to do and waits goes half the way: it gives up what it is to lose.
//! - Whatever is only to let less pass never waits.
//!
//! Most changes are of one direction only, and nothing waits.
//!
//! Membership in a group that no rule names yet lets nothing pass, so it is taken at once; and
//! one that only rules name which are about to go is kept until they are gone, so that what the
//! old and the new allow is not cut off in between.

mod view;

use std::collections::{BTreeMap, BTreeSet};

use self::view::{Change, View};
use super::model::{Direction, Id, PodKey};
use super::world::{PortGroups, World};

/// The parts of a port that matter to a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Lets(Direction),
    Member,
}

impl Part {
    const ALL: [Self; 3] = [
        Self::Lets(Direction::Ingress),
        Self::Lets(Direction::Egress),
        Self::Member,
    ];

    /// Whether the two, on two ports, decide about the same packet.
    fn meets(self, other: Self) -> bool {
        self == Self::Member || self != other
    }
}

/// How many ports have a part that is to let less pass.
#[derive(Debug, Default)]
struct Narrowing(BTreeMap<Part, usize>);

impl Narrowing {
    fn note(&mut self, change: &Change) {
        for part in &change.less {
            *self.0.entry(*part).or_default() += 1;
        }
    }

    /// Whether a change has to wait for another port's. `noted`: it is in the count itself.
    fn holds(&self, change: &Change, noted: bool) -> bool {
        let others = |part: &Part| {
            let all = self.0.get(part).copied().unwrap_or(0);
            all > usize::from(noted && change.less.contains(part))
        };
        let meets = |more: &Part| Part::ALL.iter().any(|p| more.meets(*p) && others(p));
        change.more.iter().any(meets)
    }
}

impl World {
    /// Decides anew what each pod's port is to carry now.
    pub(super) fn switch(&mut self) {
        if !self.switch_wanted && !self.gives_up() {
            return;
        }
        self.switch_wanted = false;
        let changes = View::new(self).changes();
        self.note_narrowing(&changes);
        let mut narrowing = Narrowing::default();
        for change in changes.values().filter(|c| !self.is_given_up(&c.port)) {
            narrowing.note(change);
        }
        let answers: BTreeMap<PodKey, PortGroups> = self
            .compiled
            .of_pod
            .keys()
            .filter_map(|pod| {
                let change = changes.get(pod);
                Some((pod.clone(), self.answer(pod, change, &narrowing)?))
            })
            .collect();
        let before = std::mem::replace(&mut self.answers, answers);
        let all: BTreeSet<&PodKey> = before.keys().chain(self.answers.keys()).collect();
        let differ = all
            .into_iter()
            .filter(|pod| before.get(*pod) != self.answers.get(*pod));
        self.changed.extend(differ.cloned());
    }

    fn answer(
        &self,
        pod: &PodKey,
        change: Option<&Change>,
        narrowing: &Narrowing,
    ) -> Option<PortGroups> {
        let target = self.final_groups(pod)?;
        let Some(change) = change else {
            return Some(target);
        };
        let noted = !self.is_given_up(&change.port);
        Some(match narrowing.holds(change, noted) {
            true => change.half_way(&target),
            false => PortGroups {
                operator: target.operator,
                groups: target.groups.union(&change.kept).cloned().collect(),
            },
        })
    }

    /// Since when each port is to let less pass.
    fn note_narrowing(&mut self, changes: &BTreeMap<PodKey, Change>) {
        let less = changes.values().filter(|c| !c.less.is_empty());
        let since = less.map(|c| {
            let before = self.narrowing.get(&c.port);
            (c.port.clone(), before.copied().unwrap_or(self.now))
        });
        self.narrowing = since.collect();
    }

    /// Whether others no longer wait for the port.
    fn is_given_up(&self, port: &Id) -> bool {
        let since = self.narrowing.get(port);
        since.is_some_and(|at| at.saturating_add(self.settings.patience) <= self.now)
    }

    /// Whether there is a port for which others no longer wait.
    fn gives_up(&self) -> bool {
        self.narrowing.keys().any(|port| self.is_given_up(port))
    }
}
