//! A profile's text to loads.

use std::collections::BTreeMap;
use std::time::Duration;

use roxmltree::{Document, Node};

use super::Profile;
use crate::load::Protocol;
use crate::{Load, LoadError, Pattern};

/// Reads a profile. `variable` gives what a `$name` stands for; uperf takes these from the environment.
///
/// # Errors
/// [`LoadError::Profile`] with the line of what can't be read, or of what this generator does not do.
pub fn read(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<Profile, LoadError> {
    let document = Document::parse(text).map_err(|error| LoadError::Profile {
        line: Some(error.pos().row),
        why: error.to_string(),
    })?;
    let reader = Reader {
        document: &document,
        variable,
    };
    let profile = document.root_element();
    if profile.tag_name().name() != "profile" {
        return Err(reader.refuse(profile, "the outermost element must be <profile>"));
    }
    let groups = profile.children().filter(Node::is_element);
    let mut loads = Vec::new();
    let mut remote = None;
    for group in groups {
        let (group_loads, host) = reader.group(group)?;
        loads.extend(group_loads);
        remote = remote.or(host);
    }
    if loads.is_empty() {
        let why = "no transaction with a duration: there is nothing to measure";
        return Err(reader.refuse(profile, why));
    }
    Ok(Profile {
        name: profile.attribute("name").unwrap_or("unnamed").to_owned(),
        loads,
        remote,
    })
}

struct Reader<'a> {
    document: &'a Document<'a>,
    variable: &'a dyn Fn(&str) -> Option<String>,
}

/// An operation and what follows its name.
#[derive(Debug)]
struct Operation {
    kind: String,
    options: BTreeMap<String, String>,
}

/// What connecting and closing say about the loads between them.
#[derive(Debug, Default)]
struct Connection {
    protocol: Option<Protocol>,
    remote: Option<String>,
    no_delay: bool,
}

impl Reader<'_> {
    fn refuse(&self, node: Node<'_, '_>, why: impl Into<String>) -> LoadError {
        LoadError::Profile {
            line: Some(self.document.text_pos_at(node.range().start).row),
            why: why.into(),
        }
    }

    fn group(&self, group: Node<'_, '_>) -> Result<(Vec<Load>, Option<String>), LoadError> {
        let threads = match (group.attribute("nthreads"), group.attribute("nprocs")) {
            (Some(count), None) | (None, Some(count)) => self
                .value(group, count)?
                .parse()
                .map_err(|_| self.refuse(group, format!("{count:?} is no number of threads")))?,
            _ => 1,
        };
        let mut connection = Connection::default();
        let mut loads = Vec::new();
        for transaction in group.children().filter(Node::is_element) {
            let operations = self.operations(transaction)?;
            for operation in &operations {
                self.note(transaction, operation, &mut connection)?;
            }
            let Some(duration) = transaction.attribute("duration") else {
                continue;
            };
            let duration = self.value(transaction, duration)?;
            let duration = time(&duration).ok_or_else(|| {
                self.refuse(transaction, format!("{duration:?} is no time, such as 30s"))
            })?;
            let load = self.load(transaction, &operations, &connection, threads, duration)?;
            load.validate()
                .map_err(|error| self.refuse(transaction, error.to_string()))?;
            loads.push(load);
        }
        Ok((loads, connection.remote))
    }

    fn operations(&self, transaction: Node<'_, '_>) -> Result<Vec<Operation>, LoadError> {
        let flowops = transaction.children().filter(Node::is_element);
        flowops
            .map(|flowop| {
                let kind = flowop
                    .attribute("type")
                    .ok_or_else(|| self.refuse(flowop, "a flowop without a type"))?;
                let words = flowop.attribute("options").unwrap_or_default();
                let options = words.split_whitespace().map(|word| {
                    let (name, value) = word.split_once('=').unwrap_or((word, ""));
                    Ok((name.to_owned(), self.value(flowop, value)?))
                });
                Ok(Operation {
                    kind: kind.to_owned(),
                    options: options.collect::<Result<_, LoadError>>()?,
                })
            })
            .collect()
    }

    /// A value with its variable, if it is one, replaced.
    fn value(&self, node: Node<'_, '_>, value: &str) -> Result<String, LoadError> {
        let Some(name) = value.strip_prefix('$') else {
            return Ok(value.to_owned());
        };
        (self.variable)(name).ok_or_else(|| {
            let why = format!("${name} is not set; uperf takes it from the environment, so do we");
            self.refuse(node, why)
        })
    }

    fn note(
        &self,
        node: Node<'_, '_>,
        operation: &Operation,
        connection: &mut Connection,
    ) -> Result<(), LoadError> {
        if !matches!(operation.kind.as_str(), "connect" | "accept") {
            return Ok(());
        }
        if let Some(protocol) = operation.options.get("protocol") {
            connection.protocol = Some(match protocol.to_ascii_lowercase().as_str() {
                "tcp" => Protocol::Tcp,
                "udp" => Protocol::Udp,
                other => {
                    return Err(self.refuse(node, format!("protocol {other}: tcp or udp only")));
                }
            });
        }
        connection.no_delay |= operation.options.contains_key("tcp_nodelay");
        if let Some(host) = operation.options.get("remotehost") {
            connection.remote = Some(host.clone());
        }
        Ok(())
    }

    fn load(
        &self,
        node: Node<'_, '_>,
        operations: &[Operation],
        connection: &Connection,
        threads: usize,
        duration: Duration,
    ) -> Result<Load, LoadError> {
        let protocol = connection.protocol.unwrap_or(Protocol::Tcp);
        let kinds: Vec<&str> = operations.iter().map(|o| o.kind.as_str()).collect();
        let pattern = pattern(protocol, &kinds).ok_or_else(|| {
            let why = format!(
                "a transaction of {} over {protocol:?} is none of {}",
                kinds.join(", "),
                Pattern::ALL.map(Pattern::name).join(", ")
            );
            self.refuse(node, why)
        })?;
        let moves = operations
            .iter()
            .filter(|o| !matches!(o.kind.as_str(), "connect" | "accept" | "disconnect"));
        let mut sizes = Vec::new();
        for operation in moves {
            let text = operation.options.get("size").map_or("", String::as_str);
            let size = bytes(text).ok_or_else(|| {
                self.refuse(node, format!("size={text:?}: bytes, such as 64 or 16k"))
            })?;
            let count = operation.options.get("count").map_or("1", String::as_str);
            if pattern.answers() && count != "1" {
                return Err(self.refuse(node, format!("count={count} requests under way at once")));
            }
            sizes.push(size);
        }
        let size = sizes.first().copied().unwrap_or_default();
        if sizes.iter().any(|other| *other != size) {
            let why = "requests and answers of different sizes: here both have the same";
            return Err(self.refuse(node, why));
        }
        Ok(Load {
            threads,
            no_delay: pattern.answers() || (protocol == Protocol::Tcp && connection.no_delay),
            ..Load::new(pattern, size, duration)
        })
    }
}

fn pattern(protocol: Protocol, kinds: &[&str]) -> Option<Pattern> {
    match (protocol, kinds) {
        (Protocol::Tcp, ["write"]) => Some(Pattern::TcpStream),
        (Protocol::Tcp, ["write", "read"]) => Some(Pattern::TcpRr),
        (Protocol::Tcp, ["connect" | "accept", "write", "read", "disconnect"]) => {
            Some(Pattern::TcpCrr)
        }
        (Protocol::Udp, ["write" | "sendto"]) => Some(Pattern::UdpStream),
        (Protocol::Udp, ["write" | "sendto", "read" | "recv"]) => Some(Pattern::UdpRr),
        _ => None,
    }
}

/// `30s`, `5m`, `100ms`; a bare number is seconds.
fn time(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().ok()?;
    match &text[digits.len()..] {
        "ms" => Some(Duration::from_millis(number)),
        "" | "s" => Some(Duration::from_secs(number)),
        "m" | "min" => Some(Duration::from_secs(number.checked_mul(60)?)),
        "h" => Some(Duration::from_secs(number.checked_mul(3600)?)),
        _ => None,
    }
}

/// `64`, `16k`, `1m`.
fn bytes(text: &str) -> Option<usize> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: usize = digits.parse().ok()?;
    match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => Some(number),
        "k" | "kb" => number.checked_mul(1024),
        "m" | "mb" => number.checked_mul(1024 * 1024),
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn tcp(inner: &str) -> String {
        format!(
            r#"<?xml version="1.0"?>
<profile name="paper">
  <group nthreads="2">
    <transaction iterations="1">
      <flowop type="connect" options="remotehost=$h protocol=$proto wndsz=50k"/>
    </transaction>
    {inner}
    <transaction iterations="1"><flowop type="disconnect"/></transaction>
  </group>
</profile>"#
        )
    }

    fn env(name: &str) -> Option<String> {
        match name {
            "h" => Some("10.0.0.1".to_owned()),
            "proto" => Some("tcp".to_owned()),
            _ => None,
        }
    }

    fn refused(text: &str) -> String {
        read(text, &env).unwrap_err().to_string()
    }

    #[test]
    fn a_stream_and_requests_are_read_from_one_profile() {
        let text = tcp(r#"
    <transaction duration="30s"><flowop type="write" options="count=16 size=16k"/></transaction>
    <transaction duration="5s">
      <flowop type="write" options="size=64"/><flowop type="read" options="size=64"/>
    </transaction>"#);
        let profile = read(&text, &env).unwrap();
        assert_eq!(profile.remote.as_deref(), Some("10.0.0.1"));
        let stream = Load {
            threads: 2,
            ..Load::new(Pattern::TcpStream, 16_384, Duration::from_secs(30))
        };
        let requests = Load {
            threads: 2,
            ..Load::new(Pattern::TcpRr, 64, Duration::from_secs(5))
        };
        assert_eq!(profile.loads, [stream, requests]);
    }

    #[test]
    fn a_connection_for_each_request_is_known_by_what_the_transaction_has() {
        let text = tcp(r#"<transaction duration="1s">
      <flowop type="connect" options="remotehost=$h protocol=tcp"/>
      <flowop type="write" options="size=1k"/><flowop type="read" options="size=1k"/>
      <flowop type="disconnect"/></transaction>"#);
        assert_eq!(read(&text, &env).unwrap().loads[0].pattern, Pattern::TcpCrr);
    }

    #[test]
    fn datagrams_have_no_option_of_tcps() {
        let text = r#"<profile name="p"><group nthreads="1"><transaction iterations="1">
            <flowop type="connect" options="protocol=udp tcp_nodelay"/></transaction>
            <transaction duration="1s"><flowop type="write" options="size=64"/></transaction></group></profile>"#;
        let profile = read(text, &env).unwrap();
        let plain = Load::new(Pattern::UdpStream, 64, Duration::from_secs(1));
        assert_eq!(profile.loads, [plain]);
    }

    #[test]
    fn what_is_not_done_is_refused_with_its_line() {
        let said = refused(&tcp(
            r#"<transaction duration="1s"><flowop type="think" options="duration=5s"/></transaction>"#,
        ));
        assert!(
            said.starts_with("profile, line 7: a transaction of think over Tcp"),
            "{said}"
        );
        let said = refused(&tcp(
            r#"<transaction duration="1s"><flowop type="write" options="size=0"/></transaction>"#,
        ));
        assert!(said.contains("size 0: it must be 1 to 65507"), "{said}");
        let said = refused(&tcp(
            r#"<transaction duration="1s"><flowop type="write" options="size=$s"/></transaction>"#,
        ));
        assert!(said.contains("$s is not set"), "{said}");
        assert!(refused(&tcp("")).contains("nothing to measure"));
        assert!(refused("<profile>").starts_with("profile, line 1"));
        assert!(refused("<group/>").contains("must be <profile>"));
        assert!(
            refused(&tcp(
                r#"<transaction duration="soon"><flowop type="write" options="size=1"/></transaction>"#
            ))
            .contains("no time")
        );
    }
}
