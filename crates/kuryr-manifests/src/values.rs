//! What an operator may set: `kuryr manifests --values`, and Helm's.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The values that hold where nothing else is said, with what each means: the chart's `values.yaml`.
pub const DEFAULTS: &str = include_str!("../../../deploy/values.yaml");

/// What `registry.example` in the default images stands for.
const EXAMPLE: &str = "registry.example/";

/// Where Kuryr is installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Platform {
    Kubernetes,
    /// With security context constraints, and its folders of CNI plugins and configurations.
    Openshift,
}

/// All values; names and meanings are those of `deploy/values.yaml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Values {
    /// The namespace; with Helm it is the release's.
    pub namespace: String,
    pub platform: Platform,
    pub images: Images,
    /// The text of kuryr.conf.
    pub config: String,
    /// The text of clouds.yaml.
    pub clouds: String,
    /// A Secret of the namespace that has `clouds.yaml`, instead of one that is made of `clouds`.
    pub existing_secret: String,
    pub controller: Controller,
    pub daemon: Daemon,
    /// Whether the custom resource definitions are applied.
    pub crds: bool,
    /// What a takeover from the Python implementation needs more.
    pub takeover: bool,
    /// Policies of admission for the custom resources; Kubernetes 1.30.
    pub admission: bool,
}

/// Where images are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Images {
    pub controller: String,
    pub daemon: String,
    pub pull_policy: PullPolicy,
    pub pull_secrets: Vec<PullSecret>,
}

/// When nodes pull an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PullPolicy {
    Always,
    IfNotPresent,
    Never,
}

/// A Secret of the namespace, with the registry's credentials.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PullSecret {
    pub name: String,
}

/// The Deployment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Controller {
    /// How many there are; one leads.
    #[schemars(range(min = 1, max = 10))]
    pub replicas: u32,
    pub priority_class_name: String,
    pub node_selector: serde_json::Map<String, Value>,
    pub tolerations: Vec<serde_json::Map<String, Value>>,
    pub resources: serde_json::Map<String, Value>,
    pub pod_disruption_budget: bool,
}

/// The DaemonSet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Daemon {
    pub priority_class_name: String,
    pub node_selector: serde_json::Map<String, Value>,
    pub tolerations: Vec<serde_json::Map<String, Value>>,
    pub resources: serde_json::Map<String, Value>,
    /// How many daemons are replaced at once: a count, or a share as `10%`.
    pub max_unavailable: CountOrShare,
}

/// A count of pods, or a share of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum CountOrShare {
    Count(u32),
    Share(#[schemars(regex(pattern = r"^[0-9]+%$"))] String),
}

/// Why nothing can be made of values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A file is no YAML.
    #[error("{file} can't be read as YAML: {what}")]
    NoYaml { file: String, what: String },
    /// A value has another name, type or range than it may have.
    #[error("a value can't be taken: {0}; `kuryr manifests --print-values` shows all of them")]
    Value(String),
    /// A value must be given.
    #[error("{path} is not set: {todo}")]
    Missing {
        path: &'static str,
        todo: &'static str,
    },
    /// A value is out of its range.
    #[error("{path} is {is}: {todo}")]
    Range {
        path: &'static str,
        is: String,
        todo: &'static str,
    },
}

impl Values {
    /// The defaults with those of files put over them, the last one's first.
    ///
    /// # Errors
    /// A file that is no YAML, a value that is not known or of another type.
    pub fn read<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, Problem> {
        let mut all = yaml("values.yaml", DEFAULTS)?;
        for (name, text) in files {
            match yaml(name, text)? {
                Value::Null => {}
                more @ Value::Object(_) => put_over(&mut all, more),
                _ => return Err(Problem::Value(format!("{name} is not a map of values"))),
            }
        }
        serde_json::from_value(all).map_err(|e| Problem::Value(e.to_string()))
    }

    /// All that is missing or out of range, in the order of the values.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let missing = |is: bool, path, todo| is.then_some(Problem::Missing { path, todo });
        let example = |image: &str| image.is_empty() || image.starts_with(EXAMPLE);
        let images = "it is where you pushed the image that `cargo xtask images` made";
        let has_cloud = !self.clouds.is_empty() || !self.existing_secret.is_empty();
        let all = [
            missing(
                self.namespace.is_empty(),
                "namespace",
                "pods need one, such as kuryr",
            ),
            missing(
                example(&self.images.controller),
                "images.controller",
                images,
            ),
            missing(example(&self.images.daemon), "images.daemon", images),
            missing(
                self.config.is_empty(),
                "config",
                "it is the text of kuryr.conf (deploy/kubernetes/kuryr.conf is one to edit): --config-file kuryr.conf",
            ),
            missing(
                !has_cloud,
                "clouds",
                "it is the text of clouds.yaml with the credential: --clouds clouds.yaml; or name a Secret that has it as \
                 existingSecret",
            ),
            (!(1..=10).contains(&self.controller.replicas)).then(|| Problem::Range {
                path: "controller.replicas",
                is: self.controller.replicas.to_string(),
                todo: "1 to 10; one leads, and two are enough for it to be replaced at once",
            }),
            self.daemon.max_unavailable.problem(),
        ];
        all.into_iter().flatten().collect()
    }
}

impl CountOrShare {
    fn problem(&self) -> Option<Problem> {
        let fits = match self {
            Self::Count(count) => *count > 0,
            Self::Share(share) => share
                .strip_suffix('%')
                .and_then(|n| n.parse::<u32>().ok())
                .is_some_and(|n| (1..=100).contains(&n)),
        };
        let is = match self {
            Self::Count(count) => count.to_string(),
            Self::Share(share) => share.clone(),
        };
        (!fits).then_some(Problem::Range {
            path: "daemon.maxUnavailable",
            is,
            todo: "a count from 1, or a share from 1% to 100%; with none no daemon is ever replaced",
        })
    }
}

fn yaml(file: &str, text: &str) -> Result<Value, Problem> {
    serde_yaml_ng::from_str(text).map_err(|e| Problem::NoYaml {
        file: file.to_owned(),
        what: e.to_string(),
    })
}

/// As Helm puts values together: maps name by name, anything else as a whole.
fn put_over(under: &mut Value, over: Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (name, value) in over {
                match under.get_mut(&name) {
                    Some(there) => put_over(there, value),
                    None => {
                        under.insert(name, value);
                    }
                }
            }
        }
        (under, over) => *under = over,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Values, Problem> {
        Values::read([("mine.yaml", text)])
    }

    fn said(text: &str) -> Vec<String> {
        let values = read(text).unwrap_or_else(|e| panic!("{e}"));
        values.problems().iter().map(ToString::to_string).collect()
    }

    const WHOLE: &str = "
images: {controller: r.test/c:1, daemon: r.test/d:1}
config: '[kubernetes]'
clouds: 'clouds: {}'
";

    #[test]
    fn what_only_the_operator_knows_is_all_that_is_missing() {
        let paths: Vec<String> = said("")
            .iter()
            .map(|p| p.split(' ').next().unwrap_or_default().to_owned())
            .collect();
        assert_eq!(
            paths,
            ["images.controller", "images.daemon", "config", "clouds"]
        );
        assert_eq!(said(WHOLE), [""; 0]);
    }

    #[test]
    fn a_secret_that_is_there_is_as_good_as_a_credential() {
        let values = format!("{WHOLE}\nexistingSecret: mine\n").replace("clouds: 'clouds: {}'", "");
        assert_eq!(said(&values), [""; 0]);
    }

    #[test]
    fn maps_are_put_together_and_lists_are_replaced() {
        let values = read("controller: {tolerations: [], nodeSelector: {a: b}}")
            .unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(values.controller.replicas, 2);
        assert!(values.controller.tolerations.is_empty());
        assert_eq!(values.controller.node_selector["a"], "b");
    }

    #[test]
    fn a_name_that_is_not_known_and_a_wrong_type_are_refused_by_name() {
        for (text, told) in [
            ("controler: {}", "controler"),
            ("controller: {replica: 1}", "replica"),
            ("controller: {replicas: two}", "two"),
            ("platform: windows", "windows"),
            ("images: {pullPolicy: Sometimes}", "Sometimes"),
            ("- a", "mine.yaml"),
            ("a: [", "mine.yaml"),
        ] {
            let said = read(text).map_err(|e| e.to_string());
            assert!(
                said.as_ref().is_err_and(|e| e.contains(told)),
                "{text}: {said:?}"
            );
        }
    }

    #[test]
    fn values_out_of_range_are_named() {
        for (more, path) in [
            ("controller: {replicas: 0}", "controller.replicas is 0"),
            ("controller: {replicas: 11}", "controller.replicas is 11"),
            ("daemon: {maxUnavailable: 0}", "daemon.maxUnavailable is 0"),
            (
                "daemon: {maxUnavailable: 0%}",
                "daemon.maxUnavailable is 0%",
            ),
            (
                "daemon: {maxUnavailable: some}",
                "daemon.maxUnavailable is some",
            ),
        ] {
            let all = said(&format!("{WHOLE}\n{more}\n"));
            assert!(
                all.len() == 1 && all[0].starts_with(path),
                "{more}: {all:?}"
            );
        }
    }
}
