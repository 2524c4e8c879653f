//! How actions are called in logs and metrics.

use kuryr_core::port::Action;

/// The span in which an action's lines are logged.
pub(crate) fn span(action: &Action) -> tracing::Span {
    let name = name(action);
    match action {
        Action::CreateClaim { pod, vif, .. } => {
            let port = vif.as_ref().map(|v| v.port.to_string());
            tracing::info_span!("action", name, %pod, port)
        }
        Action::WriteVif { pod, vif, .. } => {
            tracing::info_span!("action", name, %pod, port = %vif.port)
        }
        Action::DropClaim { pod, .. }
        | Action::DropPodFinalizer { pod, .. }
        | Action::Report { pod, .. } => tracing::info_span!("action", name, %pod),
        Action::AddSubports { trunk, ports } => {
            tracing::info_span!("action", name, %trunk, ports = ports.len())
        }
        Action::RemoveSubports { trunk, ports } => {
            tracing::info_span!("action", name, %trunk, ports = ports.len())
        }
        Action::CreatePorts { orders } => {
            let ports: usize = orders.iter().map(|(_, _, n)| n).sum();
            tracing::info_span!("action", name, ports)
        }
        Action::DeletePort { port }
        | Action::SetSecurityGroups { port, .. }
        | Action::Adopt { port, .. } => {
            tracing::info_span!("action", name, %port)
        }
        Action::Look { ports } => tracing::info_span!("action", name, ports = ports.len()),
        Action::ReportNode { node, .. } => tracing::info_span!("action", name, %node),
        Action::FindTrunks { .. } | Action::Refresh => tracing::info_span!("action", name),
    }
}

/// An action's name in logs and metrics.
pub(crate) fn name(action: &Action) -> &'static str {
    match action {
        Action::CreateClaim { .. } => "create_kuryrport",
        Action::WriteVif { .. } => "write_vif",
        Action::DropClaim { .. } => "drop_kuryrport",
        Action::DropPodFinalizer { .. } => "drop_pod_finalizer",
        Action::FindTrunks { .. } => "find_trunks",
        Action::CreatePorts { .. } => "create_ports",
        Action::AddSubports { .. } => "add_subports",
        Action::RemoveSubports { .. } => "remove_subports",
        Action::DeletePort { .. } => "delete_port",
        Action::SetSecurityGroups { .. } => "set_security_groups",
        Action::Adopt { .. } => "adopt",
        Action::Look { .. } => "look",
        Action::Refresh => "refresh",
        Action::Report { .. } => "report",
        Action::ReportNode { .. } => "report_node",
    }
}
