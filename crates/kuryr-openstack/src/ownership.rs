//! How our ports are known to be ours.
//!
//! A port carries our cluster's tag. Clouds differ in how it gets there (all seen with Neutron 21):
//!
//! - With ML2's extension driver `tag_ports_during_bulk_creation`, `tags` in the `POST` are kept; ML2/OVN keeps
//!   them though it hides the extension's alias.
//! - Without it they are dropped in silence: 201, and `"tags": []`. A `PUT` of the tags after it works.
//! - Without the extension `standard-attr-tag`, no tag can be had.
//!
//! So nothing is believed from the list of extensions; the answer to the first `POST` is read, and what it
//! shows is remembered. Until tags are seen to be kept in a `POST`, the mark goes into the port's `description`
//! as well, because we may die between `POST` and `PUT`, and where there are no tags it is all there is.
//! [`list_owned_ports`](crate::Neutron::list_owned_ports) looks for both.
//!
//! Floating IPs and networks get the mark in the description always, and the tag by a `PUT` after it: Neutron takes none in their
//! `POST`. Load balancers keep tags in the `POST` from Octavia 2.5 on.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use crate::model::{FloatingIp, LoadBalancer, Network, Port};

/// What can carry a mark: it has tags and a description.
pub trait Marked {
    /// Its tags.
    fn tags(&self) -> &[String];
    /// Its description.
    fn description(&self) -> &str;
}

macro_rules! marked {
    ($($kind:ty)*) => {
        $(impl Marked for $kind {
            fn tags(&self) -> &[String] {
                &self.tags
            }

            fn description(&self) -> &str {
                &self.description
            }
        })*
    };
}

marked!(Port FloatingIp LoadBalancer Network);

impl<T: Marked> Marked for &T {
    fn tags(&self) -> &[String] {
        (*self).tags()
    }

    fn description(&self) -> &str {
        (*self).description()
    }
}

/// What marks an object as ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnershipMark {
    pub tag: String,
    /// The description, used where tags are not to be had. The filter by it matches exactly.
    pub description: String,
}

/// By what an object was recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarkedBy {
    Tag,
    /// By its description only.
    Description,
}

impl OwnershipMark {
    /// How `object` is marked as ours, if it is. It must have been asked for with `tags` and `description`.
    pub fn on(&self, object: &impl Marked) -> Option<MarkedBy> {
        if object.tags().contains(&self.tag) {
            Some(MarkedBy::Tag)
        } else if !self.description.is_empty() && object.description() == self.description {
            Some(MarkedBy::Description)
        } else {
            None
        }
    }

    /// The mark's tag and `others`, each once.
    pub(crate) fn tags_with(&self, others: &[String]) -> Vec<String> {
        let mut tags = vec![self.tag.clone()];
        for tag in others {
            if !tags.contains(tag) {
                tags.push(tag.clone());
            }
        }
        tags
    }
}

/// How ports get their tags in this cloud.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum TagSupport {
    /// Not seen yet.
    #[default]
    Unknown = 0,
    /// `tags` in the `POST` are kept.
    InPost = 1,
    /// `tags` in the `POST` are dropped or refused, a `PUT` sets them.
    ByPut = 2,
    /// Not at all.
    None = 3,
}

impl TagSupport {
    /// Whether `tags` go into the `POST`.
    pub(crate) fn try_in_post(self) -> bool {
        matches!(self, Self::Unknown | Self::InPost)
    }

    /// Whether the description is needed as a mark.
    pub(crate) fn needs_description(self) -> bool {
        self != Self::InPost
    }
}

/// What was learned, shared by all clones.
#[derive(Debug, Default)]
pub(crate) struct Learned {
    support: AtomicU8,
    /// A list of everything has shown no port that its description alone marks, and none was made since.
    all_tagged: AtomicBool,
}

impl Learned {
    pub(crate) fn get(&self) -> TagSupport {
        match self.support.load(Ordering::Relaxed) {
            1 => TagSupport::InPost,
            2 => TagSupport::ByPut,
            3 => TagSupport::None,
            _ => TagSupport::Unknown,
        }
    }

    /// Whether a list of what is ours must look for descriptions too.
    pub(crate) fn look_for_descriptions(&self) -> bool {
        self.get().needs_description() || !self.all_tagged.load(Ordering::Relaxed)
    }

    /// Notes whether all ports of ours are known to be tagged.
    pub(crate) fn all_tagged(&self, known: bool) {
        self.all_tagged.store(known, Ordering::Relaxed);
    }

    pub(crate) fn set(&self, support: TagSupport) {
        if self.support.swap(support as u8, Ordering::Relaxed) != support as u8 {
            tracing::info!(?support, "how this cloud tags ports");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark() -> OwnershipMark {
        OwnershipMark {
            tag: "kuryr:a".to_owned(),
            description: "kuryr a".to_owned(),
        }
    }

    #[test]
    fn tag_or_exact_description_marks_a_port() {
        let port = |tag: &str, description: &str| Port {
            tags: vec![tag.to_owned()],
            description: description.to_owned(),
            ..Port::default()
        };
        assert_eq!(mark().on(&port("kuryr:a", "x")), Some(MarkedBy::Tag));
        assert_eq!(
            mark().on(&port("other", "kuryr a")),
            Some(MarkedBy::Description)
        );
        assert_eq!(mark().on(&port("kuryr:ab", "kuryr ab")), None);
        let untold = OwnershipMark {
            description: String::new(),
            ..mark()
        };
        assert_eq!(untold.on(&Port::default()), None);
    }

    #[test]
    fn what_is_learned_is_kept() {
        let learned = Learned::default();
        assert_eq!(learned.get(), TagSupport::Unknown);
        for support in [TagSupport::ByPut, TagSupport::None, TagSupport::InPost] {
            learned.set(support);
            assert_eq!(learned.get(), support);
        }
    }
}
