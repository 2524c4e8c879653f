//! What a pod's KuryrPort means for an ADD that waits for it. No effects.

use std::fmt;

use kuryr_api::vif::Vif;

use crate::error::Refusal;
use crate::ports::{Known, PodKey, PodPort, WaitReason};

/// The pod of an ADD.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub pod: PodKey,
    /// Its uid, if the runtime says it.
    pub uid: Option<String>,
    /// The interface's name in the pod.
    pub ifname: String,
}

/// How far things are.
#[derive(Debug)]
pub enum Step<T> {
    /// Here it is.
    Done(T),
    /// Not yet.
    Wait(Waiting),
    /// It will never come.
    Refuse(Refusal),
}

/// What is missing; as a sentence, it is what the user reads when time is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// The daemon has no whole list of KuryrPorts, or has not tidied up after its start.
    Sync {
        /// What the API server last said, if it failed.
        error: Option<String>,
    },
    /// There is no KuryrPort.
    KuryrPort {
        node: String,
        /// What the API server last said, if it fails.
        error: Option<String>,
    },
    /// There is one that cannot be read.
    Readable(String),
    /// It is an earlier pod's.
    Uid {
        /// The uid that the KuryrPort has.
        found: String,
    },
    /// It names no port.
    Port(Option<WaitReason>),
    /// Another pod's KuryrPort names what it names too.
    Taken(String),
    /// The port is plugged, and not active.
    Active {
        /// The Neutron port.
        port_id: String,
        /// The VLAN id.
        vlan: u16,
    },
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sync { error } => {
                f.write_str("the daemon has not read this node's KuryrPorts from the API server yet")?;
                failing(f, error.as_deref())
            }
            Self::KuryrPort { node, error } => {
                write!(
                    f,
                    "the controller has made no KuryrPort for it on node {node}; is kuryr-controller running?"
                )?;
                failing(f, error.as_deref())
            }
            Self::Readable(error) => write!(f, "its KuryrPort cannot be read: {error}"),
            Self::Uid { found } => write!(
                f,
                "its KuryrPort is still that of an earlier pod of this name (uid {found})"
            ),
            Self::Port(Some(WaitReason { reason, message })) => write!(f, "{message} ({reason})"),
            Self::Port(None) => f.write_str(
                "the controller has given it no Neutron port yet; its log and the pod's events say why",
            ),
            Self::Taken(what) => write!(
                f,
                "its KuryrPort names {what}, which the KuryrPort of another pod of this node names too; one of the two was \
                 not written by the controller, and none is plugged in the other's place"
            ),
            Self::Active { port_id, vlan } => write!(
                f,
                "its port {port_id} (VLAN {vlan}) is plugged, but Neutron does not show it ACTIVE"
            ),
        }
    }
}

fn failing(f: &mut fmt::Formatter<'_>, error: Option<&str>) -> fmt::Result {
    error.map_or(Ok(()), |e| {
        write!(f, " (the API server does not answer: {e})")
    })
}

/// The VIF to plug, and the uid that the KuryrPort has.
#[must_use]
pub fn find(known: Option<Known>, wanted: &Wanted, node: &str) -> Step<(Vif, String)> {
    let port = match known {
        None => {
            return Step::Wait(Waiting::KuryrPort {
                node: node.to_owned(),
                error: None,
            });
        }
        Some(Known::Unreadable(error)) => return Step::Wait(Waiting::Readable(error)),
        Some(Known::Port(port)) => port,
    };
    if !belongs(&port, wanted) {
        return Step::Wait(Waiting::Uid { found: port.uid });
    }
    if port.deleting {
        // Without a uid this may be the earlier pod's.
        return match wanted.uid {
            Some(_) => Step::Refuse(gone(wanted, "its KuryrPort is being deleted")),
            None => Step::Wait(Waiting::Uid { found: port.uid }),
        };
    }
    match port.vif(&wanted.ifname) {
        Some(vif) => match vif {
            Ok(vif) => Step::Done((vif.clone(), port.uid)),
            Err(reason) => Step::Refuse(Refusal::InvalidVif {
                pod: wanted.pod.clone(),
                reason: reason.clone(),
            }),
        },
        None if port.vifs.is_empty() => Step::Wait(Waiting::Port(port.waits_for)),
        None => Step::Refuse(Refusal::NoInterface {
            pod: wanted.pod.clone(),
            ifname: wanted.ifname.clone(),
            found: port.vifs.into_keys().collect(),
        }),
    }
}

/// Whether a port that is plugged already has become active; `uid` is the KuryrPort's of
/// that time.
#[must_use]
pub fn activated(known: Option<Known>, wanted: &Wanted, uid: &str, plugged: &Vif) -> Step<()> {
    let waiting = Step::Wait(Waiting::Active {
        port_id: plugged.port_id.clone(),
        vlan: plugged.vlan,
    });
    let port = match known {
        None => return Step::Refuse(gone(wanted, "its KuryrPort was deleted")),
        Some(Known::Unreadable(_)) => return waiting,
        Some(Known::Port(port)) => port,
    };
    if port.uid != uid {
        return Step::Refuse(gone(wanted, "its KuryrPort is a newer pod's"));
    }
    if port.deleting {
        return Step::Refuse(gone(wanted, "its KuryrPort is being deleted"));
    }
    match port.vif_of(&plugged.port_id) {
        Some((_, vif)) if vif.vlan != plugged.vlan => {
            Step::Refuse(gone(wanted, "its port was given another VLAN"))
        }
        Some((_, vif)) if vif.active => Step::Done(()),
        Some(_) => waiting,
        None => Step::Refuse(gone(wanted, "its KuryrPort names another port")),
    }
}

/// A static pod's uid is the kubelet's own, unknown to the API server.
fn belongs(port: &PodPort, wanted: &Wanted) -> bool {
    port.is_static || wanted.uid.as_ref().is_none_or(|uid| *uid == port.uid)
}

/// Whether a KuryrPort is certainly that of the pod meant, not of an earlier one of its name.
#[must_use]
pub fn is_own(known: &Known, wanted: &Wanted) -> bool {
    matches!(known, Known::Port(port) if wanted.uid.as_ref() == Some(&port.uid))
}

/// The refusal for a pod that went away.
#[must_use]
pub fn gone(wanted: &Wanted, why: &str) -> Refusal {
    Refusal::PodGone {
        pod: wanted.pod.clone(),
        why: why.to_owned(),
    }
}
