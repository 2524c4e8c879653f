//! Full lists of what OpenStack has.

use std::collections::{BTreeMap, HashSet};
use std::hash::Hash;

/// A list of everything: whether it is wanted, whether it is under way, and what it can say when it arrives.
///
/// A list is older than its answer. What was changed by us after it began, it shows as it was; what went since (`I`) it may
/// show still; and what was listed before this process led, another may have changed. Creations (`D`) whose answers were
/// lost are in doubt until a list that began after them.
///
/// Moments are numbers of the reconciler's own that grow with each change.
#[derive(Clone, Debug)]
pub(crate) struct Listing<I, D> {
    wanted: bool,
    under_way: bool,
    from: u64,
    /// What was listed before this is no longer known.
    term: u64,
    /// What went since the list under way began.
    gone: HashSet<I>,
    doubts: BTreeMap<D, u64>,
    listed: bool,
}

impl<I, D> Default for Listing<I, D> {
    fn default() -> Self {
        Self {
            wanted: true,
            under_way: false,
            from: 0,
            term: 0,
            gone: HashSet::new(),
            doubts: BTreeMap::new(),
            listed: false,
        }
    }
}

impl<I: Hash + Eq, D: Ord + Clone> Listing<I, D> {
    /// A list is wanted.
    pub(crate) fn want(&mut self) {
        self.wanted = true;
    }

    /// The same if `when` holds.
    pub(crate) fn want_if(&mut self, when: bool) {
        self.wanted |= when;
    }

    /// Whether one is to begin.
    pub(crate) fn is_due(&self) -> bool {
        self.wanted && !self.under_way
    }

    /// Whether what is known may be about to change much.
    pub(crate) fn is_pending(&self) -> bool {
        self.wanted || self.under_way
    }

    /// Whether a list was taken in this term, so that absence means something.
    pub(crate) fn is_listed(&self) -> bool {
        self.listed
    }

    /// This process leads from now on: all is to be listed before it acts.
    pub(crate) fn start_term(&mut self, at: u64) {
        (self.term, self.listed, self.wanted) = (at, false, true);
    }

    /// A list begins.
    pub(crate) fn begin(&mut self, at: u64) {
        (self.under_way, self.wanted, self.from) = (true, false, at);
        self.gone.clear();
    }

    /// Its answer is there. Whether it can be taken: one that began before this process led is older than what another may
    /// have done, and another is wanted.
    pub(crate) fn end(&mut self) -> bool {
        self.under_way = false;
        let counts = self.is_of_term(self.from);
        self.wanted |= !counts;
        counts
    }

    /// It was taken; whether it is the first of this term.
    pub(crate) fn taken(&mut self) -> bool {
        !std::mem::replace(&mut self.listed, true)
    }

    /// Whether what was read from this moment on was read in this term.
    pub(crate) fn is_of_term(&self, from: u64) -> bool {
        from >= self.term
    }

    /// Whether the list knows of what was changed at this moment.
    pub(crate) fn knows(&self, changed: u64) -> bool {
        changed <= self.from
    }

    /// Something is gone.
    pub(crate) fn note_gone(&mut self, id: I) {
        if self.under_way {
            self.gone.insert(id);
        }
    }

    /// Something is there again.
    pub(crate) fn note_there(&mut self, id: &I) {
        self.gone.remove(id);
    }

    /// Whether something went since the list began.
    pub(crate) fn went(&self, id: &I) -> bool {
        self.gone.contains(id)
    }

    /// A creation may have been carried out, and nothing is known of what it made: a list will tell.
    pub(crate) fn doubt(&mut self, what: D, at: u64) {
        self.doubts.insert(what, at);
        self.wanted = true;
    }

    /// Whether it is not known yet if it was created.
    pub(crate) fn is_in_doubt(&self, what: &D) -> bool {
        self.doubts.contains_key(what)
    }

    /// What was in doubt before the list that was taken began: it is in it, or was not carried out. What is left wants
    /// another list.
    pub(crate) fn resolved(&mut self) -> Vec<D> {
        let from = self.from;
        let sure = self.doubts.extract_if(.., |_, at| *at <= from);
        let sure = sure.map(|(what, _)| what).collect();
        self.wanted |= !self.doubts.is_empty();
        sure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Ports = Listing<&'static str, &'static str>;

    #[test]
    fn a_list_that_began_before_the_term_is_not_taken() {
        let mut list = Ports::default();
        assert!(list.is_due());
        list.begin(1);
        assert!(!list.is_due() && list.is_pending());
        list.start_term(2);
        assert!(!list.end());
        assert!(list.is_due() && !list.is_listed());
        list.begin(3);
        assert!(list.end() && list.taken() && list.is_listed());
        assert!(!list.taken(), "it is not the first");
    }

    #[test]
    fn what_went_while_a_list_was_under_way_is_known() {
        let mut list = Ports::default();
        list.note_gone("before");
        list.begin(1);
        list.note_gone("port");
        assert!(list.went(&"port") && !list.went(&"before"));
        list.note_there(&"port");
        assert!(!list.went(&"port"));
    }

    #[test]
    fn a_doubt_is_resolved_by_a_list_that_began_after_it() {
        let mut list = Ports::default();
        list.begin(1);
        list.doubt("balancer", 2);
        assert!(list.end());
        assert!(list.resolved().is_empty() && list.is_due());
        list.begin(2);
        assert!(list.end());
        assert_eq!(list.resolved(), ["balancer"]);
        assert!(!list.is_in_doubt(&"balancer") && !list.is_due());
    }
}
