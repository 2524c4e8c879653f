//! What the operator lets a Service's owner ask for.
//!
//! Annotations are written by whoever may write a Service. What costs the operator's money or opens the operator's networks
//! is had only if it is on a list.

use std::net::IpAddr;

use ipnet::IpNet;

use super::complaint::{Complaint, Reason};
use super::model::Id;

/// On a list: everything.
const ANY: &str = "*";

/// What may be asked for, by ids; `*` is anything.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Allowed {
    /// Octavia providers.
    pub providers: Vec<Id>,
    /// Octavia flavors.
    pub flavors: Vec<Id>,
    /// Networks to take floating IPs from, besides the one of the settings.
    pub floating_networks: Vec<Id>,
    /// Where members may be; none: anywhere.
    pub members: Option<Vec<IpNet>>,
}

impl Allowed {
    /// Whether a load balancer may send its clients to an address.
    #[must_use]
    pub fn may_be_member(&self, address: IpAddr) -> bool {
        let within = |networks: &Vec<IpNet>| networks.iter().any(|n| n.contains(&address));
        self.members.as_ref().is_none_or(within)
    }
}

/// What was asked for by an annotation, if it is on the list.
///
/// # Errors
/// What its owner is to know; it is as if nothing were asked for.
pub(crate) fn asked<'a>(
    annotation: &str,
    asked: Option<&'a Id>,
    list: &[Id],
    option: &str,
) -> Result<Option<&'a Id>, Complaint> {
    match asked {
        Some(id) if !is_on(list, id) => {
            let shown: String = id.chars().take(80).collect();
            let message = format!(
                "annotation {annotation} asks for {shown:?}, which the operator does not let Services ask for \
                 ([kuryr] {option}); it is as if it were absent"
            );
            Err(Complaint::new(Reason::NotAllowed, annotation, message))
        }
        asked => Ok(asked),
    }
}

pub(crate) fn is_on(list: &[Id], id: &Id) -> bool {
    list.iter().any(|item| item == id || &**item == ANY)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_on_the_list_is_told_and_not_had() {
        let id = Id::from("gold");
        assert_eq!(asked("a", None, &[], "o").unwrap(), None);
        assert_eq!(
            asked("a", Some(&id), std::slice::from_ref(&id), "o").unwrap(),
            Some(&id)
        );
        assert_eq!(
            asked("a", Some(&id), &[ANY.into()], "o").unwrap(),
            Some(&id)
        );
        let told = asked("a", Some(&id), &["silver".into()], "lb_flavors").unwrap_err();
        assert!(told.message.contains("gold") && told.message.contains("lb_flavors"));
    }
}
