//! How to use a running lab.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use console::style;

/// How to use the lab from another terminal. `inside`: a pod, its namespace, and the address of
/// another one.
pub(super) fn hints(
    kubeconfig: &Path,
    clouds: &Path,
    inside: Option<&(String, PathBuf, IpAddr)>,
) -> String {
    let heading = |text: &str| style(text).bold().to_string();
    let command = |command: &str, why: &str| {
        let why = if why.is_empty() {
            String::new()
        } else {
            format!("# {why}")
        };
        format!("  {command:<28}  {}", style(why).dim())
            .trim_end()
            .to_owned()
    };
    let mut lines = vec![
        heading("In another terminal"),
        format!("  export KUBECONFIG={}", kubeconfig.display()),
        command("kubectl get pods -o wide", ""),
        command("kubectl get kuryrports", "their Neutron ports"),
        command(
            "kubectl run web --image=any",
            "one pod more; no image is run",
        ),
        command("kubectl delete pod web", "its port goes from Neutron"),
    ];
    if let Some((pod, netns, peer)) = inside {
        lines.push(heading(&format!("As if in {pod}")));
        lines.push(format!("  nsenter --net={} ping {peer}", netns.display()));
    }
    let file = clouds.display();
    lines.push(heading("With OpenStack's own client"));
    lines.push(format!(
        "  export OS_CLIENT_CONFIG_FILE={file} OS_CLOUD=kuryr"
    ));
    lines.push("  openstack port list".to_owned());
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_are_commands_that_can_be_copied() {
        console::set_colors_enabled(false);
        let inside = (
            "pod-1".to_owned(),
            "/run/netns/lab-x".into(),
            IpAddr::from([10, 20, 0, 3]),
        );
        let folder = Path::new("/run/kuryr-lab/lab");
        let (kubeconfig, clouds) = (folder.join("kubeconfig"), folder.join("clouds.yaml"));
        insta::assert_snapshot!(hints(&kubeconfig, &clouds, Some(&inside)));
    }
}
