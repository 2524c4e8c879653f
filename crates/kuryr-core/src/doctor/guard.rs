//! Whether something is needed, and whether a fix is still right by facts read again just before it.

use std::time::Duration;

use super::facts::PortFact;
use crate::port::{Action, Claim, Id, Pod, PodKey, PodLife, PortStatus, Trunk, Want};

/// Whether a pod needs its KuryrPort.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// It does.
    Yes,
    /// There is no such pod.
    PodGone,
    /// The pod of that name is another.
    OtherPod,
    /// The pod has ended.
    Over,
    /// The pod is on its host's network.
    OnHost,
}

/// Whether `pod`, the one of the KuryrPort's name, needs it.
#[must_use]
pub fn need(claim: &Claim, pod: Option<&Pod>) -> Need {
    match pod {
        None => Need::PodGone,
        Some(pod) if pod.uid != claim.pod_uid => Need::OtherPod,
        Some(pod) if pod.life == PodLife::Over => Need::Over,
        Some(pod) if pod.want == Want::Nothing => Need::OnHost,
        Some(_) => Need::Yes,
    }
}

/// What was read again just before an action, as far as the action concerns it.
#[derive(Clone, Debug, Default)]
pub struct Fresh {
    pub pod: Option<Pod>,
    /// The pod's KuryrPort.
    pub claim: Option<Claim>,
    /// All KuryrPorts that name one of the action's ports.
    pub users: Vec<(Id, PodKey)>,
    /// The action's ports, as far as they are there and ours.
    pub ports: Vec<PortFact>,
    /// The action's trunk.
    pub trunk: Option<Trunk>,
    /// Where the action's port is put next, if it is only moved: trunk and VLAN.
    pub moving_to: Option<(Trunk, u16)>,
}

/// Whether an action is still right.
///
/// `grace` is how long nothing may have changed about a port that is deleted; zero for one that the same fix has just
/// taken off its trunk.
///
/// # Errors
/// Why it is not, as a sentence without its full stop: then nothing is written.
pub fn check(action: &Action, fresh: &Fresh, grace: Duration) -> Result<(), String> {
    match action {
        Action::DropClaim { uid, .. } => drop_claim(uid, fresh),
        Action::DropPodFinalizer { uid, .. } => drop_finalizer(uid, fresh),
        Action::DeletePort { port } => {
            free(port, fresh)?;
            rested(port, fresh, grace)
        }
        Action::RemoveSubports { trunk, ports } => remove(trunk, ports, fresh),
        Action::AddSubports { trunk, ports } => ports
            .iter()
            .try_for_each(|(port, vlan)| add(trunk, port, *vlan, fresh)),
        Action::SetSecurityGroups { port, .. } => ours(port, fresh).map(drop),
        _ => Err("this is not done by a fix".to_owned()),
    }
}

fn drop_claim(uid: &Id, fresh: &Fresh) -> Result<(), String> {
    let Some(claim) = &fresh.claim else {
        return Err("the KuryrPort is gone".to_owned());
    };
    if claim.pod_uid != *uid {
        return Err("the KuryrPort is another now".to_owned());
    }
    match need(claim, fresh.pod.as_ref()) {
        Need::Yes => Err("the pod needs it now".to_owned()),
        _ => Ok(()),
    }
}

fn drop_finalizer(uid: &Id, fresh: &Fresh) -> Result<(), String> {
    match &fresh.pod {
        Some(pod) if pod.uid == *uid && pod.finalizer => {}
        _ => return Err("the pod or its finalizer is gone".to_owned()),
    }
    if fresh.pod.as_ref().is_some_and(|p| p.life != PodLife::Over) {
        return Err("the pod has not ended".to_owned());
    }
    match &fresh.claim {
        Some(claim) if claim.pod_uid == *uid => Err("its KuryrPort is still there".to_owned()),
        _ => Ok(()),
    }
}

fn ours<'a>(port: &Id, fresh: &'a Fresh) -> Result<&'a PortFact, String> {
    fresh
        .ports
        .iter()
        .find(|p| p.port.id == *port)
        .ok_or_else(|| format!("port {port} is gone, or not ours any more"))
}

/// The port is ours and nobody's.
fn free(port: &Id, fresh: &Fresh) -> Result<(), String> {
    ours(port, fresh)?;
    match fresh.users.iter().find(|(id, _)| id == port) {
        Some((_, pod)) => Err(format!("port {port} belongs to {pod} now")),
        None => Ok(()),
    }
}

fn rested(port: &Id, fresh: &Fresh, grace: Duration) -> Result<(), String> {
    match ours(port, fresh)?.unchanged {
        _ if grace.is_zero() => Ok(()),
        Some(age) if age >= grace => Ok(()),
        Some(_) => Err(format!("port {port} was changed a moment ago")),
        None => Err(format!("Neutron does not tell how old port {port} is")),
    }
}

fn remove(trunk: &Id, ports: &[Id], fresh: &Fresh) -> Result<(), String> {
    let there = on_trunk(trunk, fresh)?;
    for port in ports {
        ours(port, fresh)?;
        if !there.subports.values().any(|p| p == port) {
            return Err(format!("port {port} is not on the trunk any more"));
        }
        match &fresh.moving_to {
            Some((to, vlan)) => moved(there, port, to, *vlan, fresh)?,
            None => free(port, fresh)?,
        }
    }
    Ok(())
}

/// A port in use is taken off its trunk only to be put where its one KuryrPort says, and where there is room for it.
fn moved(from: &Trunk, port: &Id, to: &Trunk, vlan: u16, fresh: &Fresh) -> Result<(), String> {
    let claim = fresh.claim.as_ref();
    let says = claim.and_then(|c| c.vif.as_ref());
    if says.is_none_or(|v| v.port != *port || v.vlan != vlan) {
        return Err("the KuryrPort does not say so any more".to_owned());
    }
    let others = |(id, pod): &&(Id, PodKey)| id == port && claim.is_none_or(|c| c.pod != *pod);
    if let Some((_, pod)) = fresh.users.iter().find(others) {
        return Err(format!("port {port} belongs to {pod}, too"));
    }
    match to.subports.get(&vlan) {
        // One that is not wired there is put there anew.
        Some(there) if there == port && to.id == from.id => match ours(port, fresh)?.port.status {
            PortStatus::Active => Err("it is where its KuryrPort says".to_owned()),
            PortStatus::Down => Ok(()),
        },
        Some(there) => Err(format!("VLAN {vlan} was given to port {there}")),
        None => Ok(()),
    }
}

fn on_trunk<'a>(trunk: &Id, fresh: &'a Fresh) -> Result<&'a Trunk, String> {
    fresh
        .trunk
        .as_ref()
        .filter(|t| t.id == *trunk)
        .ok_or_else(|| format!("trunk {trunk} is gone"))
}

/// The KuryrPort still says so, and trunk and port are free.
fn add(trunk: &Id, port: &Id, vlan: u16, fresh: &Fresh) -> Result<(), String> {
    let there = on_trunk(trunk, fresh)?;
    ours(port, fresh)?;
    let says = fresh.claim.as_ref().and_then(|c| c.vif.as_ref());
    if says.is_none_or(|v| v.port != *port || v.vlan != vlan) {
        return Err("the KuryrPort does not say so any more".to_owned());
    }
    match there.subports.get(&vlan) {
        Some(other) if other == port => Err("it is there already".to_owned()),
        Some(other) => Err(format!("VLAN {vlan} was given to port {other}")),
        None if there.subports.values().any(|p| p == port) => {
            Err("it is on the trunk with another VLAN".to_owned())
        }
        None => Ok(()),
    }
}
