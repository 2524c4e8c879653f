//! What the runtime asks: environment variables and the network configuration on standard
//! input (CNI spec, sections 1 and 2). Everything is bounded and nothing panics.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::protocol::{AttachmentId, Command, DEFAULT_SOCKET, Pod, Target};
use crate::result::validate_prev;
use crate::version::{self, CniVersion};
use crate::{CniError, Code};

/// The `CNI_` variables.
pub type Env = BTreeMap<String, String>;

/// Longest network configuration, in bytes. GC's lists every attachment of a node.
pub const MAX_STDIN: usize = 1 << 20;
/// Longest value of a variable, in bytes.
const MAX_VARIABLE: usize = 4096;
/// How long the plugin waits for the daemon, in seconds, unless configured.
const DEFAULT_TIMEOUT: u64 = 180;
/// kubelet gives up on a sandbox after 4 minutes; an answer must come before.
const MAX_TIMEOUT: u64 = 230;

/// A call, understood.
#[derive(Debug, PartialEq)]
pub struct Request {
    /// The network configuration.
    pub conf: NetConf,
    /// What to do.
    pub action: Action,
}

/// What to do.
#[derive(Debug, PartialEq)]
pub enum Action {
    /// List the versions served: no daemon needed.
    Version,
    /// Ask the daemon.
    Call(Command),
}

/// The network configuration, as far as it concerns us.
#[derive(Debug, PartialEq)]
pub struct NetConf {
    /// Form of the result.
    pub version: CniVersion,
    /// Name of the network.
    pub name: String,
    /// Where the daemon listens.
    pub socket: PathBuf,
    /// How long to wait for it.
    pub timeout: Duration,
    /// Whether to say on standard error what is done.
    pub debug: bool,
    /// The result of the plugin before (ADD) or of ADD (CHECK, DEL).
    pub prev_result: Option<Value>,
}

/// The configuration as it stands on standard input. Other fields are the runtime's or for
/// other plugins; `kuryr_conf`, which upstream's plugin read, says nothing to this one.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "a JSON object")]
struct RawConf {
    cni_version: Option<String>,
    name: Option<String>,
    #[serde(default)]
    socket: Option<PathBuf>,
    #[serde(default)]
    timeout: Option<u64>,
    #[serde(default)]
    debug: Option<bool>,
    #[serde(default)]
    ipam: Option<Value>,
    #[serde(default)]
    prev_result: Option<Value>,
    #[serde(
        default,
        rename = "cni.dev/valid-attachments",
        deserialize_with = "null_is_none_of_them"
    )]
    valid_attachments: Option<Vec<AttachmentId>>,
}

/// `null` is how libcni, in Go, writes a list without entries: nothing is attached. An absent list is another matter.
fn null_is_none_of_them<'de, D: Deserializer<'de>>(
    wire: D,
) -> Result<Option<Vec<AttachmentId>>, D::Error> {
    let list = Option::<Vec<AttachmentId>>::deserialize(wire)?;
    Ok(Some(list.unwrap_or_default()))
}

/// Understands a call.
///
/// # Errors
/// The spec's code for what is wrong, and a message that names it.
pub fn parse_request(env: &Env, stdin: &[u8]) -> Result<Request, CniError> {
    let command = required(env, "CNI_COMMAND")?;
    if command == "VERSION" {
        return Ok(Request {
            conf: NetConf::bare(version::of_config(stdin).unwrap_or(CniVersion::LATEST)),
            action: Action::Version,
        });
    }
    if stdin.len() > MAX_STDIN {
        return Err(CniError::new(
            Code::Decode,
            format!("the network configuration is longer than {MAX_STDIN} bytes"),
        ));
    }
    let mut raw: RawConf = serde_json::from_slice(stdin).map_err(decode_error)?;
    let valid = raw.valid_attachments.take();
    let conf = conf(raw, takes_away(command))?;
    let command = command_of(command, env, &conf, valid)?;
    Ok(Request {
        conf,
        action: Action::Call(command),
    })
}

fn command_of(
    command: &str,
    env: &Env,
    conf: &NetConf,
    valid: Option<Vec<AttachmentId>>,
) -> Result<Command, CniError> {
    let since = |known: bool, since: &str| {
        known.then_some(()).ok_or_else(|| {
            CniError::new(
                Code::IncompatibleVersion,
                format!(
                    "{command} is part of CNI since {since}; the network {} is configured for {}",
                    conf.name,
                    conf.version.as_str()
                ),
            )
        })
    };
    match command {
        "ADD" => Ok(Command::Add(target(env, conf, true)?)),
        "DEL" => Ok(Command::Del(target(env, conf, false)?)),
        "CHECK" => {
            since(conf.version.has_check(), "0.4.0")?;
            if conf.prev_result.is_none() {
                return Err(invalid(
                    "CHECK needs a prevResult, the configuration has none",
                ));
            }
            Ok(Command::Check(target(env, conf, true)?))
        }
        "STATUS" => {
            since(conf.version.has_gc_and_status(), "1.1.0")?;
            Ok(Command::Status)
        }
        "GC" => {
            // An absent list must not be taken for an empty one: everything would go.
            let valid = valid.ok_or_else(|| {
                invalid("GC needs cni.dev/valid-attachments in the configuration")
            })?;
            Ok(Command::Gc {
                network: conf.name.clone(),
                valid,
            })
        }
        other => Err(environment(format!(
            "CNI_COMMAND is {other:?}, expected ADD, DEL, CHECK, GC, STATUS or VERSION"
        ))),
    }
}

/// `whole`: with namespace and pod, without which only a DEL can be served.
fn target(env: &Env, conf: &NetConf, whole: bool) -> Result<Target, CniError> {
    let netns = variable(env, "CNI_NETNS")?.map(ToOwned::to_owned);
    let pod = pod(variable(env, "CNI_ARGS")?.unwrap_or_default())?;
    if whole && netns.is_none() {
        return Err(missing("CNI_NETNS"));
    }
    if whole && pod.is_none() {
        return Err(environment(
            "CNI_ARGS has no K8S_POD_NAMESPACE and K8S_POD_NAME: Kuryr serves pods of Kubernetes only",
        ));
    }
    Ok(Target {
        network: conf.name.clone(),
        container_id: container_id(required(env, "CNI_CONTAINERID")?)?,
        ifname: ifname(required(env, "CNI_IFNAME")?)?,
        netns,
        pod,
    })
}

/// Whether a command takes away what is there: with whatever version it was made, or the configuration was changed to since,
/// it must be possible to be rid of it. Nothing is printed then that had a form.
fn takes_away(command: &str) -> bool {
    matches!(command, "DEL" | "GC")
}

fn conf(raw: RawConf, any_version: bool) -> Result<NetConf, CniError> {
    let version = match version(raw.cni_version.as_deref()) {
        Err(_) if any_version && raw.cni_version.as_deref().is_none_or(is_version) => {
            CniVersion::LATEST
        }
        version => version?,
    };
    let name = raw
        .name
        .filter(|name| is_identifier(name))
        .ok_or_else(|| invalid("the network configuration has no name, or one that is not of letters, digits, '_', '.' and '-'"))?;
    if raw
        .ipam
        .is_some_and(|ipam| ipam.as_object().is_some_and(|o| !o.is_empty()))
    {
        return Err(CniError::new(
            Code::UnsupportedField,
            "ipam is not supported: a pod's addresses are its Neutron port's",
        ));
    }
    let timeout = raw.timeout.unwrap_or(DEFAULT_TIMEOUT);
    if !(1..=MAX_TIMEOUT).contains(&timeout) {
        return Err(invalid(format!(
            "timeout is {timeout}, expected 1 to {MAX_TIMEOUT} seconds"
        )));
    }
    let socket = raw.socket.unwrap_or_else(|| DEFAULT_SOCKET.into());
    if !socket.is_absolute() {
        return Err(invalid(format!(
            "socket is {socket:?}, expected an absolute path"
        )));
    }
    if let Some(prev) = &raw.prev_result {
        validate_prev(prev)?;
    }
    Ok(NetConf {
        version,
        name,
        socket,
        timeout: Duration::from_secs(timeout),
        debug: raw.debug.unwrap_or_default(),
        prev_result: raw.prev_result,
    })
}

/// Numbers with dots between them.
fn is_version(text: &str) -> bool {
    text.split('.').all(|part| {
        (1..=9).contains(&part.len()) && part.bytes().all(|digit| digit.is_ascii_digit())
    })
}

fn version(asked: Option<&str>) -> Result<CniVersion, CniError> {
    let what = match asked {
        None => "has no cniVersion".to_owned(),
        Some(text) => match text.parse() {
            Ok(version) => return Ok(version),
            Err(()) => format!("asks for CNI {:?}", short(text)),
        },
    };
    Err(CniError::new(
        Code::IncompatibleVersion,
        format!(
            "the network configuration {what}; served are {}",
            version::supported()
        ),
    ))
}

impl NetConf {
    /// What VERSION needs: a form for its answer.
    fn bare(version: CniVersion) -> Self {
        Self {
            version,
            name: String::new(),
            socket: DEFAULT_SOCKET.into(),
            timeout: Duration::from_secs(DEFAULT_TIMEOUT),
            debug: false,
            prev_result: None,
        }
    }
}

/// The pod in `CNI_ARGS` (`KEY=value;KEY=value`), `None` if it names none. Other keys are
/// other plugins' (`IgnoreUnknown` or not).
fn pod(args: &str) -> Result<Option<Pod>, CniError> {
    let mut values = BTreeMap::new();
    for pair in args.split(';').filter(|pair| !pair.trim().is_empty()) {
        let (key, value) = pair.split_once('=').ok_or_else(|| {
            environment(format!(
                "CNI_ARGS has {:?}, expected KEY=value",
                short(pair)
            ))
        })?;
        values.insert(key.trim(), value.trim());
    }
    let value = |key: &str, max: usize| match values.get(key).filter(|v| !v.is_empty()) {
        Some(v) if v.len() > max || !is_identifier(v) => Err(environment(format!(
            "{key} in CNI_ARGS is {:?}, which is no name in Kubernetes",
            short(v)
        ))),
        found => Ok(found.map(|v| (*v).to_owned())),
    };
    // Kubernetes' limits: a namespace is a DNS label, a pod's name a DNS subdomain.
    let namespace = value("K8S_POD_NAMESPACE", 63)?;
    let name = value("K8S_POD_NAME", 253)?;
    let uid = value("K8S_POD_UID", 128)?;
    Ok(namespace.zip(name).map(|(namespace, name)| Pod {
        namespace,
        name,
        uid,
    }))
}

fn container_id(id: &str) -> Result<String, CniError> {
    if is_identifier(id) {
        Ok(id.to_owned())
    } else {
        Err(environment(format!(
            "CNI_CONTAINERID is {:?}, expected letters, digits, '_', '.' and '-'",
            short(id)
        )))
    }
}

/// The spec's rule for container ids and network names.
fn is_identifier(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

/// Linux' rule for link names (`dev_valid_name`).
fn ifname(name: &str) -> Result<String, CniError> {
    let valid = name.len() <= 15
        && name != "."
        && name != ".."
        && !name
            .bytes()
            .any(|b| b == b'/' || b == b':' || b == 0 || b.is_ascii_whitespace());
    if valid {
        Ok(name.to_owned())
    } else {
        Err(environment(format!(
            "CNI_IFNAME is {:?}, expected 1 to 15 bytes without '/', ':' and spaces",
            short(name)
        )))
    }
}

fn required<'a>(env: &'a Env, name: &str) -> Result<&'a str, CniError> {
    variable(env, name)?.ok_or_else(|| missing(name))
}

/// A variable; one that is empty is as good as absent.
fn variable<'a>(env: &'a Env, name: &str) -> Result<Option<&'a str>, CniError> {
    match env.get(name).map(String::as_str) {
        Some(value) if value.len() > MAX_VARIABLE => Err(environment(format!(
            "{name} is longer than {MAX_VARIABLE} bytes"
        ))),
        value => Ok(value.filter(|v| !v.is_empty())),
    }
}

fn missing(name: &str) -> CniError {
    environment(format!("{name} is not set"))
}

fn environment(msg: impl Into<String>) -> CniError {
    CniError::new(Code::InvalidEnvironment, msg)
}

fn invalid(msg: impl Into<String>) -> CniError {
    CniError::new(Code::InvalidConfig, msg)
}

/// Text that is not JSON is one error, JSON of the wrong shape another.
fn decode_error(e: serde_json::Error) -> CniError {
    if e.is_data() {
        invalid(format!("the network configuration is wrong: {e}"))
    } else {
        CniError::new(
            Code::Decode,
            format!("the network configuration on standard input is not JSON: {e}"),
        )
    }
}

/// A value as a message shows it: never longer than a line.
fn short(text: &str) -> String {
    text.chars().take(60).collect()
}
