//! A virtual machine's interface on a real hypervisor, as Nova and os-vif plug it: a port of the bridge that Neutron
//! names, known by its `iface-id`.

use std::path::PathBuf;
use std::process::Command;

use super::TargetError;

/// The first hypervisor of the stack.
#[derive(Debug, Default)]
pub(super) struct Hypervisor {
    plugged: Vec<String>,
}

/// Where an interface goes, and whose it is.
pub(super) struct Place {
    /// The bridge that Neutron names for the port.
    pub(super) bridge: String,
    /// The port's MAC address.
    pub(super) mac: String,
}

fn interface(port: &str) -> String {
    format!("tap{}", &port[..11.min(port.len())])
}

/// The switch's database, as the stack's environment says.
fn database() -> Result<PathBuf, TargetError> {
    let variable = "KURYR_STACK_OPENSTACK";
    let folder = std::env::var(variable)
        .map_err(|_| TargetError::NoStack(format!("{variable} is not set")))?;
    Ok(PathBuf::from(folder).join("oc1/db.sock"))
}

fn vsctl(args: &[&str]) -> Result<(), TargetError> {
    let database = format!("--db=unix:{}", database()?.display());
    let done = Command::new("ovs-vsctl")
        .args([database.as_str(), "--timeout=30"])
        .args(args)
        .output();
    let failed = |said: String| TargetError::Plug {
        command: format!("ovs-vsctl {}", args.join(" ")),
        said,
    };
    let done = done.map_err(|e| failed(e.to_string()))?;
    if done.status.success() {
        return Ok(());
    }
    Err(failed(String::from_utf8_lossy(&done.stderr).into_owned()))
}

impl Hypervisor {
    pub(super) fn plug(&mut self, port: &str, place: &Place) -> Result<(), TargetError> {
        let (bridge, interface) = (place.bridge.as_str(), interface(port));
        let id = format!("external_ids:iface-id={port}");
        let mac = format!("external_ids:attached-mac={}", place.mac);
        let add_bridge = ["--may-exist", "add-br", bridge];
        let userspace = ["set", "Bridge", bridge, "datapath_type=netdev"];
        let add_port = ["--may-exist", "add-port", bridge, &interface];
        let describe = [
            "set",
            "Interface",
            &interface,
            "type=internal",
            &id,
            &mac,
            "external_ids:vm-uuid=contract",
            "external_ids:iface-status=active",
        ];
        let parts: [&[&str]; 4] = [&add_bridge, &userspace, &add_port, &describe];
        vsctl(&parts.join(&"--"))?;
        self.plugged.push(port.to_owned());
        Ok(())
    }

    pub(super) fn unplug(&mut self, port: &str) -> Result<(), TargetError> {
        vsctl(&["--if-exists", "del-port", &interface(port)])
    }

    /// Takes out what is still in, and gives all that ever was.
    pub(super) fn unplug_all(&mut self) -> Vec<String> {
        let all = std::mem::take(&mut self.plugged);
        for port in &all {
            let _ = self.unplug(port);
        }
        all
    }
}
