//! Which subport without our mark is a pod's all the same.
//!
//! A KuryrPort says so, but anyone may have written that. The port itself must show it too.

use super::model::PortKind;

/// What Neutron shows of a port.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    pub project: &'a str,
    pub network: &'a str,
    pub device_owner: &'a str,
    /// Upstream writes the pod's uid into it, except for ports of a pool.
    pub device_id: &'a str,
}

/// Owners that a pod's port may show: as it was made, as Neutron changes it with a trunk, and as some backends leave it.
const OWNERS: [&str; 3] = ["compute:kuryr", "trunk:subport", ""];

/// Whether a subport may be taken for the port of the pod with this uid, which wants one of this kind.
///
/// # Errors
/// What tells that it is another's, as the end of a sentence.
pub fn adoptable(port: &Shown<'_>, pod_uid: &str, kind: &PortKind) -> Result<(), String> {
    if port.network != &*kind.network {
        return Err(format!(
            "it is on network {}, not on the pods'",
            port.network
        ));
    }
    if port.project != &*kind.project {
        return Err(format!("project {} has it, not the pods'", port.project));
    }
    if !OWNERS.contains(&port.device_owner) {
        return Err(format!("{} uses it", port.device_owner));
    }
    if !port.device_id.is_empty() && port.device_id != pod_uid {
        return Err(format!("it was made for device {}", port.device_id));
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_for_something_else_is_not_the_pods() {
        let kind = PortKind {
            project: "p".into(),
            network: "n".into(),
            subnets: vec![],
            security_groups: vec![],
        };
        let own = Shown {
            project: "p",
            network: "n",
            device_owner: "trunk:subport",
            device_id: "",
        };
        let made_for_it = Shown {
            device_id: "uid",
            ..own
        };
        adoptable(&own, "uid", &kind).unwrap();
        adoptable(&made_for_it, "uid", &kind).unwrap();
        let others = [
            (
                Shown {
                    network: "m",
                    ..own
                },
                "network m",
            ),
            (
                Shown {
                    project: "q",
                    ..own
                },
                "project q",
            ),
            (
                Shown {
                    device_owner: "network:router_interface",
                    ..own
                },
                "router_interface",
            ),
            (
                Shown {
                    device_id: "vm",
                    ..own
                },
                "device vm",
            ),
        ];
        for (port, why) in others {
            let said = adoptable(&port, "uid", &kind).unwrap_err();
            assert!(said.contains(why), "{said}");
        }
    }
}
