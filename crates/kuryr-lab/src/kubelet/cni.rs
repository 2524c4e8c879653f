//! CNI plugins, called as libcni does (CNI specification 1.1, sections 2 to 4): a chain of plugins, each with its
//! configuration and the result before it on stdin, and the rest in the environment.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use kuryr_net::netns;
use serde_json::{Map, Value, json};

/// A network configuration: a `.conflist`, or a `.conf` as a list of one.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    pub name: String,
    /// The CNI version that plugins are to speak.
    pub version: String,
    /// Configurations of the plugins, in the order of ADD.
    pub plugins: Vec<Map<String, Value>>,
}

/// What is attached: one interface of one pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Id of the sandbox, 64 hexadecimal digits with containerd.
    pub container_id: String,
    /// The pod's network namespace.
    pub netns: PathBuf,
    /// The interface's name.
    pub ifname: String,
    /// The pod's namespace.
    pub namespace: String,
    /// The pod's name.
    pub pod: String,
    /// The pod's uid.
    pub uid: String,
}

/// Where plugins and their configuration are, and where they run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runtime {
    /// Directory with the configuration.
    pub conf_dir: PathBuf,
    /// Directories with the plugins.
    pub bin_dirs: Vec<PathBuf>,
    /// Network namespace in which plugins run; `None` is this process's own.
    pub netns: Option<PathBuf>,
}

/// A failure of a plugin or of calling it. Messages are those that users know from containerd.
#[derive(Debug, thiserror::Error)]
pub enum CniError {
    /// There is no configuration yet.
    #[error("cni plugin not initialized: no network config found in {0}")]
    NotInitialized(String),
    /// A configuration that can't be read.
    #[error("network config {file}: {reason}")]
    BadConfig {
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No such plugin.
    #[error("failed to find plugin {plugin:?} in path {dirs:?}")]
    NotFound {
        /// Its type.
        plugin: String,
        /// Where it was looked for.
        dirs: Vec<PathBuf>,
    },
    /// A plugin that could not be run.
    #[error("plugin type={plugin:?} could not be run: {source}")]
    Run {
        /// Its type.
        plugin: String,
        /// What came back.
        source: io::Error,
    },
    /// A plugin that failed.
    #[error("plugin type={plugin:?} failed ({verb}): {message}")]
    Failed {
        /// Its type.
        plugin: String,
        /// The operation, in lower case.
        verb: String,
        /// CNI's error code; 0 when the plugin gave none.
        code: u64,
        /// Its message and details.
        message: String,
    },
}

/// Operations of the specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Add,
    Check,
    Del,
    Status,
}

impl Verb {
    fn name(self) -> &'static str {
        match self {
            Self::Add => "ADD",
            Self::Check => "CHECK",
            Self::Del => "DEL",
            Self::Status => "STATUS",
        }
    }
}

impl Network {
    /// The first configuration of a directory, in the order of names.
    ///
    /// # Errors
    /// [`CniError::NotInitialized`] when there is none, [`CniError::BadConfig`] when it can't be read.
    pub fn load(dir: &Path) -> Result<Self, CniError> {
        let none = || CniError::NotInitialized(dir.display().to_string());
        let entries = fs::read_dir(dir).map_err(|_| none())?;
        let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        let known = |path: &PathBuf| {
            path.extension().is_some_and(|end| {
                ["conflist", "conf", "json"]
                    .iter()
                    .any(|known| end == *known)
            })
        };
        let first = paths.filter(known).min().ok_or_else(none)?;
        let bad = |reason: String| CniError::BadConfig {
            file: first.display().to_string(),
            reason,
        };
        let text = fs::read(&first).map_err(|error| bad(error.to_string()))?;
        let config = serde_json::from_slice(&text).map_err(|error| bad(error.to_string()))?;
        Self::parse(&config).map_err(bad)
    }

    fn parse(config: &Value) -> Result<Self, String> {
        let text = |name: &str| config.get(name).and_then(Value::as_str).map(str::to_owned);
        let plugins = match config.get("plugins") {
            Some(Value::Array(plugins)) => plugins
                .iter()
                .filter_map(|plugin| plugin.as_object().cloned())
                .collect(),
            Some(_) => return Err("plugins is no list".to_owned()),
            None => vec![config.as_object().cloned().ok_or("it is no object")?],
        };
        if plugins.is_empty()
            || plugins
                .iter()
                .any(|plugin: &Map<_, _>| plugin.get("type").is_none())
        {
            return Err("it has no plugin, or one without a type".to_owned());
        }
        let version = text("cniVersion").unwrap_or_else(|| "0.1.0".to_owned());
        Ok(Self {
            name: text("name").ok_or("it has no name")?,
            version,
            plugins,
        })
    }

    /// What a plugin gets on stdin.
    fn stdin(&self, plugin: &Map<String, Value>, before: Option<&Value>) -> Vec<u8> {
        let mut config = plugin.clone();
        config.insert("cniVersion".to_owned(), json!(self.version));
        config.insert("name".to_owned(), json!(self.name));
        config.remove("capabilities");
        if let Some(before) = before {
            config.insert("prevResult".to_owned(), before.clone());
        }
        Value::Object(config).to_string().into_bytes()
    }

    /// Whether the version is at least this one, compared by numbers.
    fn speaks(&self, least: (u32, u32)) -> bool {
        let mut numbers = self
            .version
            .split('.')
            .map(|number| number.parse::<u32>().unwrap_or_default());
        (
            numbers.next().unwrap_or_default(),
            numbers.next().unwrap_or_default(),
        ) >= least
    }
}

impl Runtime {
    /// ADD through the chain: the last plugin's result.
    ///
    /// # Errors
    /// The first failure; what plugins before it made is for [`Runtime::del`].
    pub fn add(&self, attachment: &Attachment) -> Result<Value, CniError> {
        let network = Network::load(&self.conf_dir)?;
        let mut result = None;
        for plugin in &network.plugins {
            let answer = self.call(
                Verb::Add,
                &network,
                plugin,
                Some(attachment),
                result.as_ref(),
            )?;
            result = Some(answer);
        }
        Ok(result.unwrap_or_default())
    }

    /// CHECK through the chain, from 0.4.0 on.
    ///
    /// # Errors
    /// The first failure.
    pub fn check(&self, attachment: &Attachment, result: &Value) -> Result<(), CniError> {
        let network = Network::load(&self.conf_dir)?;
        if !network.speaks((0, 4)) {
            return Ok(());
        }
        for plugin in &network.plugins {
            self.call(
                Verb::Check,
                &network,
                plugin,
                Some(attachment),
                Some(result),
            )?;
        }
        Ok(())
    }

    /// DEL through the chain, backwards; with the result of ADD from 0.4.0 on, where there is one.
    ///
    /// # Errors
    /// The first failure.
    pub fn del(&self, attachment: &Attachment, result: Option<&Value>) -> Result<(), CniError> {
        let network = Network::load(&self.conf_dir)?;
        let result = result.filter(|_| network.speaks((0, 4)));
        for plugin in network.plugins.iter().rev() {
            self.call(Verb::Del, &network, plugin, Some(attachment), result)?;
        }
        Ok(())
    }

    /// Whether the network can take pods: there is a configuration, its plugins are there, and from 1.1.0 on they
    /// say so.
    ///
    /// # Errors
    /// Why not.
    pub fn status(&self) -> Result<(), CniError> {
        let network = Network::load(&self.conf_dir)?;
        for plugin in &network.plugins {
            self.find(kind_of(plugin))?;
            if network.speaks((1, 1)) {
                self.call(Verb::Status, &network, plugin, None, None)?;
            }
        }
        Ok(())
    }

    fn find(&self, plugin: &str) -> Result<PathBuf, CniError> {
        let paths = self.bin_dirs.iter().map(|dir| dir.join(plugin));
        let missing = || CniError::NotFound {
            plugin: plugin.to_owned(),
            dirs: self.bin_dirs.clone(),
        };
        paths
            .into_iter()
            .find(|path| path.is_file())
            .ok_or_else(missing)
    }

    fn call(
        &self,
        verb: Verb,
        network: &Network,
        plugin: &Map<String, Value>,
        attachment: Option<&Attachment>,
        before: Option<&Value>,
    ) -> Result<Value, CniError> {
        let kind = kind_of(plugin);
        let path = self.find(kind)?;
        let failed = |source| CniError::Run {
            plugin: kind.to_owned(),
            source,
        };
        let stdin = network.stdin(plugin, before);
        let environment = self.environment(verb, attachment);
        let run = || run(&path, &environment, &stdin);
        let output = match netns::run_in(self.netns.as_deref(), run) {
            Ok(output) => output.map_err(failed)?,
            Err(error) => return Err(failed(io::Error::other(error.to_string()))),
        };
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        if output.status.success() {
            return Ok(answer);
        }
        Err(failure(
            kind,
            verb,
            &answer,
            &String::from_utf8_lossy(&output.stderr),
        ))
    }

    fn environment(
        &self,
        verb: Verb,
        attachment: Option<&Attachment>,
    ) -> Vec<(&'static str, OsString)> {
        let path = std::env::join_paths(&self.bin_dirs).unwrap_or_default();
        let mut environment = vec![
            ("CNI_COMMAND", OsString::from(verb.name())),
            ("CNI_PATH", path),
        ];
        if let Some(attachment) = attachment {
            let arguments = format!(
                "K8S_POD_INFRA_CONTAINER_ID={};K8S_POD_UID={};IgnoreUnknown=1;K8S_POD_NAMESPACE={};K8S_POD_NAME={}",
                attachment.container_id, attachment.uid, attachment.namespace, attachment.pod
            );
            environment.push(("CNI_CONTAINERID", attachment.container_id.clone().into()));
            environment.push(("CNI_NETNS", attachment.netns.clone().into()));
            environment.push(("CNI_IFNAME", attachment.ifname.clone().into()));
            environment.push(("CNI_ARGS", arguments.into()));
        }
        environment
    }
}

fn kind_of(plugin: &Map<String, Value>) -> &str {
    plugin
        .get("type")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn run(
    path: &Path,
    environment: &[(&'static str, OsString)],
    stdin: &[u8],
) -> io::Result<std::process::Output> {
    let mut plugin = Command::new(path)
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Ctrl-C is the lab's to answer, in order.
        .process_group(0)
        .spawn()?;
    if let Some(mut input) = plugin.stdin.take() {
        // A plugin that ended before it read all says why by its answer.
        let _ = input.write_all(stdin);
    }
    plugin.wait_with_output()
}

/// A plugin's own error (section 5, Error), or what it wrote where it wrote none.
fn failure(plugin: &str, verb: Verb, answer: &Value, stderr: &str) -> CniError {
    let text = |name: &str| answer.get(name).and_then(Value::as_str).unwrap_or_default();
    let message = match (text("msg"), text("details")) {
        ("", _) => format!("no answer: {}", stderr.trim()),
        (message, "") => message.to_owned(),
        (message, details) => format!("{message}; {details}"),
    };
    let code = answer
        .get("code")
        .and_then(Value::as_u64)
        .unwrap_or_default();
    CniError::Failed {
        plugin: plugin.to_owned(),
        verb: verb.name().to_lowercase(),
        code,
        message,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn conflist() -> Value {
        json!({"name": "kuryr", "cniVersion": "1.0.0", "plugins": [
            {"type": "first", "capabilities": {"portMappings": true}}, {"type": "second", "x": 1}]})
    }

    #[test]
    fn each_plugin_gets_name_version_and_the_result_before_it() {
        let network = Network::parse(&conflist()).unwrap();
        let stdin: Value =
            serde_json::from_slice(&network.stdin(&network.plugins[1], Some(&json!({"r": 1}))))
                .unwrap();
        assert_eq!(
            stdin,
            json!({"type": "second", "x": 1, "name": "kuryr", "cniVersion": "1.0.0", "prevResult": {"r": 1}})
        );
        let first: Value =
            serde_json::from_slice(&network.stdin(&network.plugins[0], None)).unwrap();
        assert_eq!(
            first,
            json!({"type": "first", "name": "kuryr", "cniVersion": "1.0.0"})
        );
    }

    #[test]
    fn bad_configurations_are_told() {
        assert!(Network::parse(&json!({"plugins": [{"type": "x"}]})).is_err());
        assert!(Network::parse(&json!({"name": "x", "plugins": []})).is_err());
        assert!(Network::parse(&json!({"name": "x", "plugins": {}})).is_err());
        assert!(Network::parse(&json!([])).is_err());
        let single =
            Network::parse(&json!({"name": "x", "type": "bridge", "cniVersion": "0.3.1"})).unwrap();
        assert_eq!((single.plugins.len(), single.speaks((0, 4))), (1, false));
    }

    #[test]
    fn a_plugins_error_reads_as_containerd_shows_it() {
        let error = failure(
            "kuryr-cni",
            Verb::Add,
            &json!({"code": 11, "msg": "no trunk", "details": "node1"}),
            "",
        );
        assert_eq!(
            error.to_string(),
            r#"plugin type="kuryr-cni" failed (add): no trunk; node1"#
        );
        let error = failure("kuryr-cni", Verb::Del, &Value::Null, "killed\n");
        assert_eq!(
            error.to_string(),
            r#"plugin type="kuryr-cni" failed (del): no answer: killed"#
        );
    }
}
