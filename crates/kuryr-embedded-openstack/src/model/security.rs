//! Security groups and their rules.

use std::net::IpAddr;

use http::StatusCode;
use ipnet::IpNet;
use serde_json::{Value, json};

use super::super::ApiError;
use super::schema::{Fields, Kind};
use super::validate::plain;
use super::{Caller, Cloud, given, text};

/// Protocols by name, in the order in which the refusal lists them.
const PROTOCOLS: &[&str] = &[
    "ah",
    "dccp",
    "egp",
    "esp",
    "gre",
    "hopopt",
    "icmp",
    "igmp",
    "ip",
    "ipip",
    "ipv6-encap",
    "ipv6-frag",
    "ipv6-icmp",
    "icmpv6",
    "ipv6-nonxt",
    "ipv6-opts",
    "ipv6-route",
    "ospf",
    "pgm",
    "rsvp",
    "sctp",
    "tcp",
    "udp",
    "udplite",
    "vrrp",
];

/// What makes two rules of a group the same.
const IDENTITY: &[&str] = &[
    "security_group_id",
    "direction",
    "ethertype",
    "protocol",
    "port_range_min",
    "port_range_max",
    "normalized_cidr",
    "remote_group_id",
    "remote_address_group_id",
];

impl Cloud {
    pub(super) fn create_security_group(&mut self, fields: Fields) -> Result<String, ApiError> {
        let project = text(&fields, "project_id").to_owned();
        if text(&fields, "name") == "default" {
            self.default_security_group(&project);
            let message = "Default security group already exists.";
            return Err(ApiError::conflict(
                "SecurityGroupDefaultAlreadyExists",
                message,
            ));
        }
        Ok(self.new_group(fields))
    }

    /// A project's group `default`, made when it is first needed: members reach each other, everything may leave.
    pub(super) fn default_security_group(&mut self, project: &str) -> String {
        let own = |group: &Fields| {
            text(group, "project_id") == project && text(group, "name") == "default"
        };
        if let Some((id, _)) = self
            .table(Kind::SecurityGroup)
            .find(|(_, group)| own(group))
        {
            return id.clone();
        }
        let fields = json!({
            "name": "default", "description": "Default security group", "stateful": true,
            "project_id": project, "tenant_id": project,
        });
        let id = self.new_group(fields.as_object().cloned().unwrap_or_default());
        for ethertype in ["IPv4", "IPv6"] {
            self.new_rule(&id, project, "ingress", ethertype, json!(id));
        }
        id
    }

    fn new_group(&mut self, mut fields: Fields) -> String {
        fields.insert("shared".to_owned(), json!(false));
        let project = text(&fields, "project_id").to_owned();
        let id = self.insert(Kind::SecurityGroup, fields);
        for ethertype in ["IPv4", "IPv6"] {
            self.new_rule(&id, &project, "egress", ethertype, Value::Null);
        }
        id
    }

    fn new_rule(
        &mut self,
        group: &str,
        project: &str,
        direction: &str,
        ethertype: &str,
        remote_group: Value,
    ) {
        let fields = json!({
            "security_group_id": group, "project_id": project, "tenant_id": project, "direction": direction,
            "ethertype": ethertype, "protocol": null, "port_range_min": null, "port_range_max": null,
            "remote_ip_prefix": null, "normalized_cidr": null, "remote_group_id": remote_group,
            "remote_address_group_id": null, "description": null,
        });
        self.insert(
            Kind::SecurityGroupRule,
            fields.as_object().cloned().unwrap_or_default(),
        );
    }

    /// Ids of a group's rules.
    pub(super) fn rules_of(&self, group: &str) -> impl Iterator<Item = &str> {
        let rules = self.rules.get(group).into_iter().flatten();
        rules.map(String::as_str)
    }

    /// A rule is there: whose it is, and which group it names.
    pub(super) fn note_rule(&mut self, id: &str, rule: &Fields) {
        let of = self.rules.entry(text(rule, "security_group_id").to_owned());
        of.or_default().insert(id.to_owned());
        let named = self.naming.entry(text(rule, "remote_group_id").to_owned());
        named.or_default().insert(id.to_owned());
    }

    /// It is gone.
    pub(super) fn forget_rule(&mut self, id: &str, rule: &Fields) {
        let remotes = [
            (&mut self.rules, "security_group_id"),
            (&mut self.naming, "remote_group_id"),
        ];
        for (index, field) in remotes {
            if let Some(rules) = index.get_mut(text(rule, field)) {
                rules.remove(id);
            }
        }
    }

    pub(super) fn prepare_security_group_update(
        &self,
        id: &str,
        changes: &Fields,
    ) -> Result<(), ApiError> {
        let default = self
            .get(Kind::SecurityGroup, id)
            .is_some_and(|group| text(group, "name") == "default");
        if default && changes.contains_key("name") {
            let message = "Updating default security group not allowed.";
            return Err(ApiError::conflict(
                "SecurityGroupCannotUpdateDefault",
                message,
            ));
        }
        Ok(())
    }

    pub(super) fn prepare_security_group_delete(
        &mut self,
        caller: &Caller,
        id: &str,
    ) -> Result<(), ApiError> {
        let member = |port: &Fields| {
            super::items(port, "security_groups")
                .iter()
                .any(|group| group == id)
        };
        if self.table(Kind::Port).any(|(_, port)| member(port)) {
            return Err(ApiError::conflict(
                "SecurityGroupInUse",
                format!("Security Group {id} in use."),
            ));
        }
        let default = self
            .get(Kind::SecurityGroup, id)
            .is_some_and(|group| text(group, "name") == "default");
        if default && !caller.admin {
            let message = "Insufficient rights for removing default security group.";
            return Err(ApiError::conflict(
                "SecurityGroupCannotRemoveDefault",
                message,
            ));
        }
        Ok(())
    }

    /// A group takes its rules with it, and those of other groups that name it.
    pub(super) fn forget_security_group(&mut self, id: &str) {
        let own = self.rules.remove(id).unwrap_or_default();
        let naming = self.naming.remove(id).unwrap_or_default();
        own.union(&naming)
            .for_each(|rule| self.remove(Kind::SecurityGroupRule, rule));
    }

    pub(super) fn create_security_group_rule(
        &mut self,
        caller: &Caller,
        mut fields: Fields,
    ) -> Result<String, ApiError> {
        normalise(&mut fields)?;
        self.visible(
            caller,
            Kind::SecurityGroup,
            text(&fields, "security_group_id"),
        )?;
        if let Some(remote) = given(&fields, "remote_group_id").and_then(Value::as_str) {
            self.visible(caller, Kind::SecurityGroup, remote)?;
        }
        let rules = self.rules_of(text(&fields, "security_group_id"));
        let is_same = |id: &&str| {
            let rule = self.get(Kind::SecurityGroupRule, id);
            rule.is_some_and(|rule| is_same(rule, &fields))
        };
        if let Some(id) = rules.into_iter().find(is_same) {
            let message = format!("Security group rule already exists. Rule id is {id}.");
            return Err(ApiError::conflict("SecurityGroupRuleExists", message));
        }
        Ok(self.insert(Kind::SecurityGroupRule, fields))
    }
}

/// What a bulk of rules must keep to: one group, no rule twice.
pub(super) fn check_batch(rules: &[Fields]) -> Result<(), ApiError> {
    let groups = rules.iter().map(|rule| text(rule, "security_group_id"));
    if groups
        .clone()
        .any(|group| Some(group) != groups.clone().next())
    {
        let message = "Only allowed to update rules for one security profile at a time";
        return Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            "SecurityGroupNotSingleGroupRules",
            message,
        ));
    }
    let mut normal = rules.to_vec();
    for rule in &mut normal {
        normalise(rule)?;
    }
    let again = normal
        .iter()
        .enumerate()
        .any(|(at, rule)| normal[..at].iter().any(|other| is_same(rule, other)));
    if again {
        let message = "Duplicate Security Group Rule in POST.";
        return Err(ApiError::conflict(
            "DuplicateSecurityGroupRuleInPost",
            message,
        ));
    }
    Ok(())
}

/// Whether two rules, both as Neutron keeps them, say the same: in whatever words.
fn is_same(left: &Fields, right: &Fields) -> bool {
    IDENTITY
        .iter()
        .all(|name| meaning(left, name) == meaning(right, name))
}

/// What a field of a rule says: a protocol's number is its name, everybody's prefix is none.
fn meaning(rule: &Fields, name: &str) -> Value {
    let value = given(rule, name).cloned().unwrap_or(Value::Null);
    let word = match value.as_str() {
        Some("0.0.0.0/0" | "::/0") => return Value::Null,
        Some("1") => "icmp",
        Some("6") => "tcp",
        Some("17") => "udp",
        Some("58" | "icmpv6") => "ipv6-icmp",
        Some("132") => "sctp",
        _ => return value,
    };
    match name {
        "protocol" => json!(word),
        _ => value,
    }
}

fn bad(kind: &'static str, message: impl Into<String>) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, kind, message)
}

/// Checks a rule by itself and writes its protocol and prefix as Neutron keeps them.
fn normalise(rule: &mut Fields) -> Result<(), ApiError> {
    normalise_ethertype(rule)?;
    normalise_protocol(rule)?;
    check_ports(rule)?;
    forget_whole_range(rule);
    let remotes = [
        "remote_ip_prefix",
        "remote_group_id",
        "remote_address_group_id",
    ];
    if remotes
        .iter()
        .filter(|name| given(rule, name).is_some())
        .count()
        > 1
    {
        let message = "Only one of remote_ip_prefix or remote_group_id or remote_address_group_id may be provided.";
        return Err(bad("SecurityGroupMultipleRemoteEntites", message));
    }
    normalise_prefix(rule)
}

fn normalise_ethertype(rule: &mut Fields) -> Result<(), ApiError> {
    let asked = rule.get("ethertype").map(plain).unwrap_or_default();
    let Some(ethertype) = ["IPv4", "IPv6"]
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(&asked))
    else {
        let message = format!(
            "Security group rule for ethertype '{asked}' not supported. Allowed values are ['IPv4', 'IPv6']."
        );
        return Err(bad("SecurityGroupRuleInvalidEtherType", message));
    };
    rule.insert("ethertype".to_owned(), json!(ethertype));
    Ok(())
}

fn normalise_protocol(rule: &mut Fields) -> Result<(), ApiError> {
    let Some(asked) = given(rule, "protocol") else {
        return Ok(());
    };
    let name = plain(asked).to_lowercase();
    let number = name.parse::<i64>().ok();
    let known = number.map_or_else(
        || PROTOCOLS.contains(&name.as_str()),
        |number| (0..=255).contains(&number),
    );
    if !known && name != "any" {
        let names: Vec<String> = PROTOCOLS.iter().map(|name| format!("'{name}'")).collect();
        let message = format!(
            "Security group rule protocol {name} not supported. Only protocol values [None, {}] and integer \
             representations [0 to 255] are supported.",
            names.join(", ")
        );
        return Err(bad("SecurityGroupRuleInvalidProtocol", message));
    }
    let six = rule.get("ethertype") == Some(&json!("IPv6"));
    let kept = match name.as_str() {
        "any" => Value::Null,
        "icmp" | "icmpv6" if six => json!("ipv6-icmp"),
        _ => json!(name),
    };
    rule.insert("protocol".to_owned(), kept);
    Ok(())
}

fn check_ports(rule: &Fields) -> Result<(), ApiError> {
    let bound = |name: &str| given(rule, name).and_then(Value::as_i64);
    let (min, max) = (bound("port_range_min"), bound("port_range_max"));
    let protocol = text(rule, "protocol");
    match protocol {
        _ if min.is_none() && max.is_none() => Ok(()),
        "" => Err(bad(
            "SecurityGroupProtocolRequiredWithPorts",
            "Must also specify protocol if port range is given.",
        )),
        "tcp" | "udp" | "sctp" | "dccp" | "udplite" | "6" | "17" | "132" | "33" | "136" => {
            let outside = |port: &i64| !(1..=65535).contains(port);
            if let Some(wrong) = [min, max].into_iter().flatten().find(outside) {
                return Err(bad(
                    "SecurityGroupInvalidPortValue",
                    format!("Invalid value for port {wrong}"),
                ));
            }
            match (min, max) {
                (Some(min), Some(max)) if min <= max => Ok(()),
                _ => {
                    let message = "For TCP/UDP protocols, port_range_min must be <= port_range_max";
                    Err(bad("SecurityGroupInvalidPortRange", message))
                }
            }
        }
        "icmp" | "ipv6-icmp" | "1" | "58" => match (min, max) {
            (None, Some(code)) => {
                let message = format!(
                    "ICMP code (port-range-max) {code} is provided but ICMP type (port-range-min) is missing."
                );
                Err(bad("SecurityGroupMissingIcmpType", message))
            }
            _ => Ok(()),
        },
        other => {
            let message = format!("Port range cannot be specified for protocol {other}.");
            Err(bad("SecurityGroupInvalidProtocolForPort", message))
        }
    }
}

/// All ports are no range.
fn forget_whole_range(rule: &mut Fields) {
    let bound = |name: &str| given(rule, name).and_then(Value::as_i64);
    let icmp = matches!(text(rule, "protocol"), "icmp" | "ipv6-icmp" | "1" | "58");
    if !icmp && (bound("port_range_min"), bound("port_range_max")) == (Some(1), Some(65535)) {
        rule.insert("port_range_min".to_owned(), Value::Null);
        rule.insert("port_range_max".to_owned(), Value::Null);
    }
}

fn normalise_prefix(rule: &mut Fields) -> Result<(), ApiError> {
    let Some(asked) = given(rule, "remote_ip_prefix").map(plain) else {
        rule.insert("normalized_cidr".to_owned(), Value::Null);
        return Ok(());
    };
    let whole = || asked.parse::<IpAddr>().ok().map(IpNet::from);
    let Some(net) = asked.parse::<IpNet>().ok().or_else(whole) else {
        return Err(bad(
            "InvalidCIDR",
            format!("Invalid CIDR {asked} given as IP prefix."),
        ));
    };
    let ethertype = text(rule, "ethertype");
    if net.addr().is_ipv6() != (ethertype == "IPv6") {
        let message = format!("Conflicting value ethertype {ethertype} for CIDR {asked}");
        return Err(bad("SecurityGroupRuleParameterConflict", message));
    }
    let kept = if asked.contains('/') {
        asked
    } else {
        net.to_string()
    };
    rule.insert("remote_ip_prefix".to_owned(), json!(kept));
    rule.insert("normalized_cidr".to_owned(), json!(net.trunc().to_string()));
    Ok(())
}
