//! The real stack, as the environment describes it (stack/README.md).

use std::collections::BTreeMap;
use std::env;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::process::Command;

use crate::{Outcome, fail};

/// Set to 1 where the stack runs: without it nothing is tested.
pub const SWITCH: &str = "KURYR_E2E";
/// Set to `namespace` to run scenarios with a network for each namespace.
pub const DRIVER: &str = "KURYR_E2E_PODS";

/// A stack that runs.
#[derive(Clone, Debug)]
pub struct Stack {
    /// `ovn` or `ovs`; for messages, never for decisions.
    pub backend: String,
    /// `stack/stack`.
    script: PathBuf,
    /// Where the nodes' disks are.
    kubernetes: PathBuf,
    /// The Kubernetes binaries.
    bin: PathBuf,
    /// How to reach Kubernetes, from here and from the nodes.
    pub kubeconfig: PathBuf,
    /// How to reach OpenStack.
    pub clouds: PathBuf,
    /// TCP ports of the machine's loopback address where Keystone, Neutron and Octavia answer.
    pub openstack: Vec<u16>,
    /// Ids and addresses.
    pub ids: Ids,
}

/// Ids and addresses of what the stack made.
#[derive(Clone, Debug, Deserialize)]
pub struct Ids {
    /// The nodes by name.
    pub nodes: BTreeMap<String, NodeIds>,
    /// The external network.
    pub external: String,
    /// The router of all networks.
    pub router: String,
    /// The pool of networks of namespaces.
    pub subnet_pool: String,
    /// Subnets by name.
    pub subnets: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct NodeIds {
    /// Its InternalIP.
    pub address: IpAddr,
    /// Its trunk's parent port.
    pub port: String,
    /// Where it runs.
    pub hypervisor: String,
    /// Name of the namespace that is its network.
    pub netns: String,
}

/// A virtual machine on a tenant network.
#[derive(Clone, Debug, Deserialize)]
pub struct Vm {
    pub name: String,
    /// Name of the namespace that it is.
    pub netns: String,
    pub address: IpAddr,
}

/// Whether the tests are to run.
#[must_use]
pub fn wanted() -> bool {
    env::var(SWITCH).is_ok_and(|value| value == "1")
}

fn ports(text: &str) -> Outcome<Vec<u16>> {
    let port = |text: &str| {
        text.parse()
            .map_err(|e| format!("port {text:?}: {e}").into())
    };
    text.split(',').map(port).collect()
}

fn setting(name: &str) -> Outcome<PathBuf> {
    match env::var_os(name) {
        Some(value) if !value.is_empty() => Ok(value.into()),
        _ => fail(format!(
            "{name} is not set: eval \"$(stack/stack env)\", or run `cargo xtask test --only e2e-ovn`"
        )),
    }
}

impl Stack {
    /// The stack of the environment.
    ///
    /// # Errors
    /// A setting is missing, or the file of ids can't be read.
    pub fn of_environment() -> Outcome<Self> {
        let file = setting("KURYR_STACK_IDS")?;
        let text = std::fs::read_to_string(&file)
            .map_err(|e| format!("can't read {}: {e}; does the stack run?", file.display()))?;
        Ok(Self {
            backend: setting("KURYR_STACK_BACKEND")?.display().to_string(),
            script: setting("KURYR_STACK")?,
            kubernetes: setting("KURYR_STACK_KUBERNETES")?,
            bin: setting("KURYR_STACK_BIN")?,
            kubeconfig: setting("KUBECONFIG")?,
            openstack: ports(
                &setting("KURYR_STACK_OPENSTACK_PORTS")?
                    .display()
                    .to_string(),
            )?,
            clouds: setting("OS_CLIENT_CONFIG_FILE")?,
            ids: serde_json::from_str(&text)?,
        })
    }

    /// A node's disk.
    #[must_use]
    pub fn disk(&self, node: &str) -> PathBuf {
        self.kubernetes.join(node)
    }

    /// `kubectl` with the stack's kubeconfig.
    #[must_use]
    pub fn kubectl(&self) -> Command {
        let mut command = Command::new(self.bin.join("kubectl"));
        command.arg("--kubeconfig").arg(&self.kubeconfig);
        command
    }

    /// `program` as if on the node; it ends with the process that this starts.
    #[must_use]
    pub fn on_node(&self, node: &str, program: &Path) -> Command {
        let mut command = Command::new(&self.script);
        command.args(["exec", node]).arg(program);
        command
    }

    /// Starts a virtual machine on the pods' network.
    ///
    /// # Errors
    /// What `stack vm up` says.
    pub async fn vm_up(&self, name: &str, hypervisor: &str) -> Outcome<Vm> {
        let mut command = Command::new(&self.script);
        command.args([
            "vm",
            "up",
            name,
            "--network",
            "k8s-pods",
            "--hypervisor",
            hypervisor,
        ]);
        json(command).await
    }

    /// Takes a virtual machine away; one that is not there is passed over.
    ///
    /// # Errors
    /// What `stack vm down` says.
    pub async fn vm_down(&self, name: &str) -> Outcome {
        let mut command = Command::new(&self.script);
        command.args(["vm", "down", name]);
        output(command).await.map(drop)
    }
}

impl Stack {
    /// What of the stack ended by itself and was started again: a line each, name, time and how.
    ///
    /// # Errors
    /// What `stack deaths` says.
    pub async fn deaths(&self) -> Outcome<String> {
        let mut command = Command::new(&self.script);
        command.arg("deaths");
        output(command).await
    }

    /// Ends a service's process by a signal, as a crash would.
    ///
    /// # Errors
    /// What `stack kill` says.
    pub async fn kill(&self, service: &str, signal: &str) -> Outcome {
        let mut command = Command::new(&self.script);
        command.args(["kill", service, signal]);
        output(command).await.map(drop)
    }
}

/// Runs a command to its end; gives what it prints.
///
/// # Errors
/// It can't be started or ends with another code than 0; then what it printed as errors.
pub async fn output(mut command: Command) -> Outcome<String> {
    let shown = format!("{:?}", command.as_std());
    let done = command
        .output()
        .await
        .map_err(|e| format!("{shown}: {e}"))?;
    if !done.status.success() {
        let errors = String::from_utf8_lossy(&done.stderr);
        return fail(format!("{shown}: {}: {}", done.status, errors.trim()));
    }
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}

/// [`output`] as JSON.
///
/// # Errors
/// As [`output`], or it is no such JSON.
pub async fn json<T: DeserializeOwned>(command: Command) -> Outcome<T> {
    let shown = format!("{:?}", command.as_std());
    let text = output(command).await?;
    serde_json::from_str(&text).map_err(|e| format!("{shown}: {e}: {text}").into())
}
