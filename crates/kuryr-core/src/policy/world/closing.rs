//! Who is to let less pass than now: until that is done, nobody of the namespace lets more pass.

use std::collections::BTreeSet;

use super::{Subject, World};
use crate::Millis;
use crate::policy::model::{Direction, Id};

/// What a pod's port, or a policy, is to let pass no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::policy) struct Closing {
    pub(in crate::policy) since: Millis,
    pub(in crate::policy) directions: BTreeSet<Direction>,
}

impl World {
    /// How long it is waited for pods and policies of a namespace that are to let less pass than they do.
    pub(in crate::policy) fn closes_until(
        &self,
        namespace: &Id,
        is: impl Fn(&Subject, &Closing) -> bool,
    ) -> Option<Millis> {
        let closing = self.closing.get(namespace).into_iter().flatten();
        let those = closing.filter(|(subject, closing)| is(subject, closing));
        let until = those.map(|(_, closing)| closing.since + self.settings.patience);
        until.filter(|until| *until > self.agenda.now()).max()
    }

    /// Notes in which directions a pod or a policy is to let less pass than it does.
    pub(in crate::policy) fn close(
        &mut self,
        namespace: &Id,
        subject: Subject,
        directions: BTreeSet<Direction>,
    ) {
        let old = self.closing.get(namespace).and_then(|of| of.get(&subject));
        let since = old.map_or(self.agenda.now(), |old| old.since);
        let was = old.map(|old| &old.directions);
        if was.unwrap_or(&BTreeSet::new()) == &directions {
            return;
        }
        let of = self.closing.entry(namespace.clone()).or_default();
        if directions.is_empty() {
            of.remove(&subject);
            if of.is_empty() {
                self.closing.remove(namespace);
            }
        } else {
            of.insert(subject, Closing { since, directions });
        }
        let withheld = self.withheld.get(namespace).into_iter().flatten();
        let withheld: Vec<Subject> = withheld.cloned().map(Subject::Pod).collect();
        self.agenda.touch_all(withheld);
        let gated = self.gated.remove(namespace).into_iter().flatten();
        self.agenda.touch_all(gated.map(Subject::Group));
    }
}
