//! What the machine must have for a topology, looked at before anything is made.

use std::fmt;
use std::fs;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use kuryr_net::links::{Links, NewLink, Vxlan};
use kuryr_net::netns;

use super::names::underlay_address;

/// One thing that is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// A capability, by name.
    Capability(&'static str),
    /// The process is in a user namespace, where the kernel loads no bpf programs.
    UserNamespace,
    /// A kind of link, with what the kernel said.
    Link(&'static str, String),
    /// Network namespaces can't be made, with what the kernel said.
    Namespaces(String),
    /// The program nft.
    Nft,
    /// nft can't do what the filters need, with what it said.
    Filters(String),
    /// Bridged packets don't pass the IP filters (br_netfilter).
    BridgeNetfilter,
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Capability(name) => write!(f, "the capability {name}: run as root (sudo)"),
            Self::UserNamespace => {
                f.write_str("root of the machine rather than of a user namespace: in one the kernel loads no bpf programs")
            }
            Self::Link(kind, said) => write!(f, "links of kind {kind} (modprobe {kind}): {said}"),
            Self::Namespaces(said) => write!(f, "network namespaces under /run/netns: {said}"),
            Self::Nft => f.write_str("the program nft: install the package nftables"),
            Self::Filters(said) => write!(f, "nftables with conntrack and zones: {said}"),
            Self::BridgeNetfilter => f.write_str("filters for bridged packets: modprobe br_netfilter"),
        }
    }
}

/// Everything that is missing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Missing(pub Vec<Need>);

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this machine can't carry a lab's network; it lacks")?;
        self.0.iter().try_for_each(|need| write!(f, "\n  - {need}"))
    }
}

/// Numbers of the capabilities needed (linux/capability.h).
const CAPABILITIES: &[(&str, u32)] = &[("CAP_NET_ADMIN", 12), ("CAP_SYS_ADMIN", 21)];

/// Rules of each sort that the filters use.
const PROBE: &str = "table inet probe {
	chain zones {
		type filter hook prerouting priority raw; policy accept;
		ct zone set iifname map { \"br1\" : 1 }
	}
	chain passing {
		type filter hook forward priority filter; policy accept;
		ct state established ct direction reply accept
	}
}
table bridge probe {
	chain entering {
		type filter hook prerouting priority -300; policy accept;
		ether type arp arp saddr ip 192.0.2.1 drop
	}
}
";

/// Looks whether a topology can be made here. Tries what it can in a namespace of its own and leaves nothing behind.
///
/// # Errors
/// [`Missing`] lists all that is missing, each with what helps.
pub fn preflight() -> Result<(), Missing> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mut needs = missing_capabilities(&status);
    if !needs.is_empty() {
        return Err(Missing(needs));
    }
    if in_user_namespace(&fs::read_to_string("/proc/self/uid_map").unwrap_or_default()) {
        needs.push(Need::UserNamespace);
    }
    // One of its own: several labs may begin at once.
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("kuryr-probe-{}-{count}", std::process::id());
    match netns::create(&name) {
        Err(error) => needs.push(Need::Namespaces(error.to_string())),
        Ok(path) => {
            let tried = netns::run_in(Some(&path), try_out);
            needs.extend(tried.unwrap_or_else(|error| vec![Need::Namespaces(error.to_string())]));
        }
    }
    let _ = netns::delete(&name);
    if needs.is_empty() {
        Ok(())
    } else {
        Err(Missing(needs))
    }
}

/// Capabilities that `CapEff` of /proc/self/status lacks.
fn missing_capabilities(status: &str) -> Vec<Need> {
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let effective = line
        .and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok())
        .unwrap_or_default();
    let lacks = CAPABILITIES
        .iter()
        .filter(|(_, bit)| effective & (1 << bit) == 0);
    lacks.map(|(name, _)| Need::Capability(name)).collect()
}

/// Whether an uid_map is other than the whole range mapped to itself.
fn in_user_namespace(uid_map: &str) -> bool {
    let fields: Vec<&str> = uid_map.split_whitespace().collect();
    !fields.is_empty() && fields != ["0", "0", "4294967295"]
}

fn try_out() -> Vec<Need> {
    let mut needs = Vec::new();
    match Links::open(None) {
        Err(error) => needs.push(Need::Namespaces(error.to_string())),
        Ok(links) => needs.extend(try_links(&links)),
    }
    match run_nft(PROBE) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => needs.push(Need::Nft),
        Err(error) => needs.push(Need::Filters(error.to_string())),
        Ok(()) => {}
    }
    if fs::read_to_string("/proc/sys/net/bridge/bridge-nf-call-iptables").is_err() {
        needs.push(Need::BridgeNetfilter);
    }
    needs
}

fn try_links(links: &Links) -> Vec<Need> {
    let underlay = Vxlan {
        id: 1,
        local: underlay_address(1).into(),
        remote: underlay_address(2).into(),
        port: 4789,
    };
    let tries = [
        (
            "veth",
            links.add_veth(&NewLink::named("probe0"), &NewLink::named("probe1")),
        ),
        ("bridge", links.add_bridge(&NewLink::named("probe2"))),
        (
            "vxlan",
            links.add_vxlan(&NewLink::named("probe3"), &underlay),
        ),
    ];
    let failed = tries
        .into_iter()
        .filter_map(|(kind, tried)| Some((kind, tried.err()?)));
    failed
        .map(|(kind, error)| Need::Link(kind, error.to_string()))
        .collect()
}

/// Has nft load a ruleset in this thread's namespace.
///
/// # Errors
/// What nft says; `NotFound` where there is none.
pub fn run_nft(ruleset: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut nft = Command::new("nft")
        .args(["-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        // Ctrl-C is the lab's to answer, in order.
        .process_group(0)
        .spawn()?;
    if let Some(mut stdin) = nft.stdin.take() {
        // An nft that stopped reading says why on its stderr.
        let _ = stdin.write_all(ruleset.as_bytes());
    }
    let output = nft.wait_with_output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(std::io::Error::other(
        String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unprivileged_process_is_told_what_it_lacks() {
        let needs = missing_capabilities("Name:\tx\nCapEff:\t0000000000000000\n");
        assert_eq!(
            needs,
            [
                Need::Capability("CAP_NET_ADMIN"),
                Need::Capability("CAP_SYS_ADMIN")
            ]
        );
        let said = Missing(needs).to_string();
        assert!(said.contains("CAP_NET_ADMIN: run as root"), "{said}");
        assert!(missing_capabilities("CapEff:\t000001ffffffffff\n").is_empty());
    }

    #[test]
    fn a_user_namespace_is_known_by_its_map() {
        assert!(in_user_namespace("         0       1000          1\n"));
        assert!(!in_user_namespace("         0          0 4294967295\n"));
    }
}
